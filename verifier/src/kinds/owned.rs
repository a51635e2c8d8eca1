//! `owned`: a resource is delivered to, and used by, its owner (or members) only.

mod check;

use std::time::Duration;

use crate::rules::{EventRef, FieldId, HolderKind, Selector};

/// A resource is seen and used only by its owner, and by those it was shared with.
///
/// ```toml
/// [[rule]]
/// id         = "foreign-thread"
/// title      = "a thread is seen and used only by the session that created it"
/// kind       = "owned"
/// resource   = "thread"              # a field of [fields]
/// owner      = "session"             # session (default), user or connection
/// claimed-by = { event = "created", owner-at = "/session_id", answers = { event = "create", match = "/request_id" } }
/// shared-by  = { event = "shared", with = "to" }
/// used-by    = "asked"
/// reply      = { match = "/request_id", granted-by = "thread", denied-by = "refused", within = "2s" }
/// ```
#[derive(Debug, Clone)]
pub struct Owned {
    /// Where the resource's id is.
    pub resource: FieldId,
    /// Who can own it.
    pub owner: HolderKind,
    /// How far an id reaches: the same id beyond it is another resource.
    pub unique_within: Reach,
    /// What shows who owns a resource. May be empty where there are facts or members.
    pub claims: Vec<Claim>,
    /// Named ownership facts (a key of `[facts]`).
    pub facts: Option<String>,
    /// What counts as a sighting.
    pub seen: Seen,
    /// Gives somebody else access.
    pub shares: Vec<Grant>,
    /// Takes it away again.
    pub revokes: Vec<Grant>,
    /// `members-by`: makes the connection on which it is seen (its session) a member.
    pub members_by: Vec<EventRef>,
    /// `left-by`: ends that membership.
    pub left_by: Vec<EventRef>,
    /// `released-by`: ends the resource's ownership; its id may be used anew.
    pub released_by: Vec<EventRef>,
    /// `broadcast-by`: events that may go to everybody; no sightings.
    pub broadcast_by: Vec<EventRef>,
    /// Whether a membership outlives its connection, for the session's next one.
    pub membership: Membership,
    /// `used-by`: client events that read the resource.
    pub used_by: Vec<EventRef>,
    /// `written-by`: client events that change it.
    pub written_by: Vec<EventRef>,
    /// How uses are answered.
    pub reply: Option<Reply>,
    /// Shares, revocations and memberships that race with a sighting by less than this leave it
    /// undecided. Default 1 s.
    pub grant_slack: Duration,
}

/// How far an id reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Over everything; the default.
    Server,
    /// Within one user's sessions.
    User,
    /// Within one session: the same id in another session is another resource.
    Session,
    /// Within one connection.
    Connection,
}

/// What shows who owns a resource.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The events. A client's event claims for its sender (the rule says that clients mint ids);
    /// a server's event claims for whom `owner_at`, `answers` or its sole delivery names.
    pub events: Vec<EventRef>,
    /// Where the event itself names the owner.
    pub owner_at: Option<Selector>,
    /// The request that it answers; the owner is who asked.
    pub answers: Option<Answers>,
}

/// The request that a claim answers.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The client events that ask for a new resource.
    pub events: Vec<EventRef>,
    /// The id that request and answer share.
    pub key: Selector,
}

/// What counts as a sighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Every server message in which the resource's field yields a value (the default).
    AtField,
    /// Besides, any string anywhere in a server message that equals a claimed id.
    Anywhere,
}

/// Gives or takes access.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The events, of the server.
    pub events: Vec<EventRef>,
    /// Where the one who gets (loses) access is named.
    pub with: Selector,
    /// What that id names: a session or a user.
    pub holder: HolderKind,
}

/// How long a membership lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It ends with its connection; the default.
    PerConnection,
    /// `survives-reconnect = true`: it belongs to the session.
    SurvivesReconnect,
}

/// How uses are answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The id that use and answer share; `None`: the next answer on the connection.
    pub key: Option<Selector>,
    /// The server events that grant it.
    pub granted_by: Vec<EventRef>,
    /// The server events that refuse it.
    pub denied_by: Vec<EventRef>,
    /// The time that an answer may take; `None`: as long as the recording goes on.
    pub within: Option<Duration>,
}
