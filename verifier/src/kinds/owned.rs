//! `owned`: a resource is delivered to, and used by, its owner (or members) only.
//!
//! # What it proves
//!
//! A thread, run, order or document that one session owns was shown to no other, and no other had its way with it: also where both
//! sessions are the same user, and also where the foreign sighting comes before the claim.
//!
//! # Why
//!
//! This is what isolation means. Who owns what is taken from the traffic itself (who created it, whom the server named), from
//! ownership facts, or from memberships; what counts is what reached whom, and what the server granted.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "threads"
//! format = 1
//!
//! [fields]
//! thread = ["/thread_id", "/payload/thread/id"]
//!
//! [events]
//! create  = { from = "client", name = "create_thread" }
//! created = { from = "server", name = "thread_created" }
//! shared  = { from = "server", name = "thread_shared", bind = { to = "/to_session" } }
//! asked   = { from = "client", name = ["open_thread", "send_message"] }
//! thread  = { from = "server", name = "thread" }
//! refused = { from = "server", name = "error" }
//!
//! [[rule]]
//! id         = "foreign-thread"
//! title      = "a thread is seen and used only by the session that created it"
//! kind       = "owned"
//! resource   = "thread"
//! owner      = "session"
//! claimed-by = { event = "created", owner-at = "/session_id", answers = { event = "create", match = "/request_id" } }
//! shared-by  = { event = "shared", with = "to" }
//! used-by    = "asked"
//! reply      = { match = "/request_id", granted-by = "thread", denied-by = "refused", within = "2s" }
//! ```
//!
//! # Keys
//!
//! One of `claimed-by`, `facts` and `members-by` must be there: something has to say who owns.
//!
//! - `resource` (required): the field of `[fields]` with the resource's id.
//! - `owner`: who can own: `"session"` (default), `"user"` or `"connection"`.
//! - `unique-within`: how far an id reaches: `"server"` (default), `"user"`, `"session"` or `"connection"`; the same id beyond it is
//!   another resource.
//! - `claimed-by`: events that show who owns. A client's claims for its sender (clients make up ids). A server's may be a table:
//!   `owner-at` is where it names the owner, `answers = { event, match }` the request that it answers, whose sender owns. With
//!   neither, who is told owns, if nobody else is told.
//! - `facts`: ownership facts of `[facts]`.
//! - `seen`: what a sighting is: `"fields"` (default): every server message in which the field yields; `"anywhere"`: besides, any
//!   string or member's name in it that equals a claimed id (of six characters or more), also in a string that is JSON itself, and any
//!   word of a text over HTTP, such as a page.
//! - `shared-by`, `revoked-by`: `{ event, with, holder }`: server events that give (take) access; `with` is where they name to whom,
//!   `holder` what that id is: `"session"` or `"user"`.
//! - `members-by`, `left-by`: events that make whoever sends or gets them a member, and end that. Members may see and use.
//! - `survives-reconnect`: `true`: a membership is the session's, not the connection's. Default `false`.
//! - `released-by`: events that end the ownership; the id may be used anew.
//! - `broadcast-by`: server events that may go to everybody: no sightings.
//! - `used-by`, `written-by`: client events that read (change) the resource that they name.
//! - `reply`: `{ match, granted-by, denied-by, within }`: how the server answers them. Without `match`, by the next answer on the
//!   connection.
//! - `grant-slack`: a sighting that races with a share, revocation or membership by less than this is undecided. Default `"1s"`.
//!
//! # What it cannot see
//!
//! It is exercised by a sighting while another session (user, connection) is connected. A use that was refused holds, and is noted;
//! one that was answered with content is violated, a foreign write more so than a read; one that was not answered is undecided, and
//! so is a resource that nothing gives to anybody, and an event that claims, shares, uses or releases one and does not name it. Of what reaches somebody, the first message of each name is told, and how many
//! there were; of what was asked for and granted, the first read and the first write, unless what granted it is told already. Where a share, a membership, a release, an announcement or a request of the rule,
//! that would make right what was found, may be among frames of the receiver (a share: of the owner, too) that are missing or cannot be
//! decoded, it is undecided; nothing is given away before it was asked for. So it is where a claimed id is a word of a text over HTTP that
//! reached somebody who has no access, unless `seen = "anywhere"` makes that a sighting. A refusal (`denied-by`) that repeats an id which
//! its receiver named shows nothing.
//!
//! Whoever gets an event of `members-by` is a member: that the server should have refused it, or meant somebody else, the rule does
//! not see. A `response` rule with `unsolicited = "violated"` finds one that nobody asked for on its connection; who may ask, facts
//! say, or an `owned` rule with `claimed-by` and `used-by` beside it. Content that carries no id at all, and ids that no field names,
//! are not seen.

mod access;
mod announcements;
mod argue;
mod check;
mod compiled;
mod few;
mod ledger;
mod listed;
mod parties;
mod requests;
mod sightings;
mod texts;
mod uses;
mod words;

use std::time::Duration;

use wsaudit_wire::Direction;

use crate::rules::read::{HOLDERS, Names, Node, Table, one_of};
use crate::rules::{EventRef, FieldId, HolderKind, Selector};

/// An `owned` rule.
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
    /// Besides, any string or member's name anywhere in a server message that equals a claimed id.
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

impl Owned {
    /// Whether nothing in the rule says who owns; then only members may see.
    pub(crate) fn claims_nothing(&self) -> bool {
        self.claims.is_empty() && self.facts.is_none()
    }

    /// Whether an event denies what was asked for.
    fn denies(&self) -> bool {
        let reply = self.reply.as_ref();
        reply.is_some_and(|reply| !reply.denied_by.is_empty())
    }

    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        const REACHES: [(&str, Reach); 4] = [
            ("server", Reach::Server),
            ("user", Reach::User),
            ("session", Reach::Session),
            ("connection", Reach::Connection),
        ];
        const SEEN: [(&str, Seen); 2] = [("fields", Seen::AtField), ("anywhere", Seen::Anywhere)];
        let resource = table
            .required("resource")
            .and_then(|node| names.field(node));
        let owner = table.word_or("owner", &HOLDERS, HolderKind::Session);
        let unique_within = table.word_or("unique-within", &REACHES, Reach::Server);
        let claims = each(table.get("claimed-by"), |node| Claim::read(node, names));
        let facts = table.get("facts").and_then(|node| names.facts(node));
        let seen = table.word_or("seen", &SEEN, Seen::AtField);
        let shares = each(table.get("shared-by"), |node| {
            Grant::read(node, owner, names)
        });
        let revokes = each(table.get("revoked-by"), |node| {
            Grant::read(node, owner, names)
        });
        let mut messages = |key: &str| {
            table
                .get(key)
                .map_or_else(Vec::new, |node| names.messages(node))
        };
        let members_by = messages("members-by");
        let left_by = messages("left-by");
        let released_by = messages("released-by");
        let mut client = |key: &str| {
            table
                .get(key)
                .map_or_else(Vec::new, |node| names.client_events(node))
        };
        let used_by = client("used-by");
        let written_by = client("written-by");
        let broadcast_by = table
            .get("broadcast-by")
            .map_or_else(Vec::new, |node| names.server_events(node));
        let membership = match table.get("survives-reconnect").and_then(Node::yes_or_no) {
            Some(true) => Membership::SurvivesReconnect,
            Some(false) | None => Membership::PerConnection,
        };
        let reply = table.get("reply").and_then(|node| Reply::read(node, names));
        let grant_slack = table
            .duration("grant-slack")
            .unwrap_or(Duration::from_secs(1));
        if !table.has_any(&["claimed-by", "facts", "members-by"]) {
            table
                .error("nothing in this rule says who owns what")
                .label("expected `claimed-by`, `facts` or `members-by`")
                .emit();
        }
        needs(table, "left-by", &["members-by"]);
        needs(table, "survives-reconnect", &["members-by"]);
        needs(table, "reply", &["used-by", "written-by"]);
        Some(Self {
            resource: resource?,
            owner,
            unique_within,
            claims,
            facts,
            seen,
            shares,
            revokes,
            members_by,
            left_by,
            released_by,
            broadcast_by,
            membership,
            used_by,
            written_by,
            reply,
            grant_slack,
        })
    }
}

fn each<T>(node: Option<Node<'_>>, read: impl Fn(Node<'_>) -> Option<T>) -> Vec<T> {
    node.into_iter()
        .flat_map(Node::one_or_more)
        .filter_map(read)
        .collect()
}

/// Reports a key that means nothing without one of `others`.
fn needs(table: &mut Table<'_>, key: &str, others: &[&str]) {
    if let Some(node) = table.get(key)
        && !table.has_any(others)
    {
        node.error(format_args!("`{key}` means nothing here"))
            .label(format_args!("it needs {}", one_of(others.iter().copied())))
            .emit();
    }
}

impl Claim {
    fn read(node: Node<'_>, names: Names<'_>) -> Option<Self> {
        if !node.is_table() {
            let events = names.messages(node);
            return Some(Self {
                events,
                owner_at: None,
                answers: None,
            });
        }
        let mut table = node.table("a claim")?;
        let events = table.required("event").map(|node| names.messages(node));
        let owner_at = table.get("owner-at");
        let answers = table.get("answers");
        if let Some(events) = &events
            && let Some(extra) = owner_at.or(answers)
            && !events.is_empty()
            && events
                .iter()
                .all(|it| names.sender(*it) == Some(Direction::ClientToServer))
        {
            extra
                .error("a client's claim is its sender's")
                .label("remove it: a client cannot claim for another one")
                .emit();
        }
        let owner_at = owner_at.and_then(|node| names.selector(node));
        let answers = answers.and_then(|node| Answers::read(node, names));
        table.finish();
        Some(Self {
            events: events?,
            owner_at,
            answers,
        })
    }
}

impl Answers {
    fn read(node: Node<'_>, names: Names<'_>) -> Option<Self> {
        let mut table = node.table("`answers`")?;
        let events = table
            .required("event")
            .map(|node| names.client_events(node));
        let key = table
            .required("match")
            .and_then(|node| names.selector(node));
        table.finish();
        Some(Self {
            events: events?,
            key: key?,
        })
    }
}

impl Grant {
    fn read(node: Node<'_>, owner: HolderKind, names: Names<'_>) -> Option<Self> {
        let mut table = node.table("a share or revocation")?;
        let events = table
            .required("event")
            .map(|node| names.server_events(node));
        let with = table.required("with").and_then(|node| names.selector(node));
        // A message cannot name a connection: the recording's numbers are nobody's ids.
        let holder = table.get("holder").map_or_else(
            || match owner {
                HolderKind::Session | HolderKind::User => Some(owner),
                HolderKind::Connection => {
                    node.error("`with` names a session or a user, and connections own here")
                        .label("say which: holder = \"session\" or holder = \"user\"")
                        .emit();
                    None
                }
            },
            |node| node.word(&HOLDERS[..2]),
        );
        table.finish();
        Some(Self {
            events: events?,
            with: with?,
            holder: holder?,
        })
    }
}

impl Reply {
    fn read(node: Node<'_>, names: Names<'_>) -> Option<Self> {
        let mut table = node.table("`reply`")?;
        let key = table.get("match").and_then(|node| names.selector(node));
        let mut answers = |key: &str| {
            table
                .get(key)
                .map_or_else(Vec::new, |node| names.server_events(node))
        };
        let granted_by = answers("granted-by");
        let denied_by = answers("denied-by");
        if !table.has_any(&["granted-by", "denied-by"]) {
            table
                .error("nothing answers here")
                .label("expected `granted-by`, `denied-by` or both")
                .emit();
        }
        let within = table.duration("within");
        table.finish();
        Some(Self {
            key,
            granted_by,
            denied_by,
            within,
        })
    }
}
