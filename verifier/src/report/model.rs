//! The report as data. Its JSON is a format that programs read: fields are added, never renamed.
//! `docs/report.schema.json` is made of these types and their comments; a test compares them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::Source;
use crate::rules::ReportField;

use super::standing::{Baseline, Standing};

/// Everything that is said of a verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// The version of this format; 1.
    pub format: u32,
    /// `clean`, `inconclusive` or `violated`. With a baseline: of what that does not know.
    #[cfg_attr(test, schemars(extend("enum" = ["clean", "inconclusive", "violated"])))]
    pub verdict: &'static str,
    /// What keeps the recordings from proving that all is well; empty in a clean verdict.
    pub reasons: Vec<Reason>,
    /// What breaks a rule, by rule, the worst first.
    pub violations: Vec<Violation>,
    /// Every rule, in the order of packs and files.
    pub rules: Vec<Rule>,
    /// Every session, in the order of first appearance.
    pub sessions: Vec<Session>,
    /// Every user, in the order of first appearance.
    pub users: Vec<User>,
    /// The recordings, as they were given.
    pub recordings: Vec<Recording>,
    /// Recordings of the same history that could not be read.
    pub unread: Vec<Unread>,
    /// Every connection, by recording, in the order of opening.
    pub connections: Vec<Connection>,
    /// By how much the clocks of two recordings were taken to disagree, in seconds: the order of two events
    /// of different recordings that are closer is not known. 0 where there is one recording.
    pub skew: f64,
    /// Frames known to be missing.
    pub gaps: Vec<Gap>,
    /// What is worth saying though nothing is wrong: attempts that were denied.
    pub notes: Vec<Note>,
    /// How many messages were read.
    pub messages: u64,
    /// What a baseline makes of the violations; null where none was given, or where it was given for
    /// several histories.
    pub baseline: Option<Baseline>,
}

impl Report {
    /// Whether a place has to say in which file it is.
    pub(super) fn names_files(&self) -> bool {
        match self.recordings.as_slice() {
            [only] => only.files.len() > 1,
            recordings => recordings.len() > 1,
        }
    }
}

/// Something that keeps a rule from holding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reason {
    /// `gap`, `unclean`, `unread`, `undecodable`, `unidentified`, `not-exercised` or `undecided`.
    pub reason: &'static str,
    /// The rules that it touches, as `pack/rule`.
    pub rules: Vec<String>,
    /// What is in doubt.
    pub message: String,
    /// What would settle it.
    pub settle: String,
    /// The recording's name; null: no place in particular.
    pub recording: Option<String>,
    /// The place in its order.
    pub seq: Option<u64>,
}

/// A breach of a rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Violation {
    /// The rule's id.
    pub rule: String,
    /// Its pack.
    pub pack: String,
    /// Equal in every recording of the same fault: made of the pack, the rule and the roles.
    pub fingerprint: String,
    /// What happened, in one line.
    pub message: String,
    /// The frame that breaks the rule.
    pub offending: Place,
    /// The session that received or did what it must not.
    pub session: Option<String>,
    /// Its user.
    pub user: Option<String>,
    /// Its connection.
    pub connection: Option<ConnectionRef>,
    /// The session whose it was.
    pub owner_session: Option<String>,
    /// The user whose it was.
    pub owner_user: Option<String>,
    /// The resource's id.
    pub resource: Option<String>,
    /// What should have happened, and why this is final.
    pub expected: String,
    /// `write` (something foreign was changed) or `read`.
    #[cfg_attr(test, schemars(extend("enum" = ["write", "read"])))]
    pub severity: &'static str,
    /// The argument, line by line.
    pub evidence: Vec<Evidence>,
    /// Whether the baseline knows it; null where none was given.
    pub standing: Option<Standing>,
}

/// A place in a recording's order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// The recording's name.
    pub recording: String,
    /// The place in its order.
    pub seq: u64,
    /// When, in seconds from the start of the history.
    pub at: Option<f64>,
}

/// A connection of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConnectionRef {
    /// The recording's name.
    pub recording: String,
    /// The connection's number there.
    pub number: u64,
}

/// One line of an argument.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// What the frame shows.
    pub text: String,
    /// The recording's name; null for a fact, which stands in no recording.
    pub recording: Option<String>,
    /// The place in its order.
    pub seq: Option<u64>,
    /// When, in seconds from the start of the history.
    pub at: Option<f64>,
    /// `client-to-server` or `server-to-client`; null for a step in a connection's life.
    pub direction: Option<&'static str>,
    /// The connection's session at that place.
    pub session: Option<String>,
    /// The connection's number.
    pub connection: Option<u64>,
    /// Of the payload (or of the handshake's head), what lies around the value; control characters
    /// are escaped.
    pub excerpt: Option<String>,
    /// Where the value is in the excerpt: the first byte, and the one after the last.
    pub mark: Option<(usize, usize)>,
}

impl Evidence {
    /// Whether its frame is in that recording, in whichever of its parts.
    pub(crate) fn is_of(&self, source: &dyn Source) -> bool {
        let file = self.seq.map(|seq| source.file_of(seq));
        file.is_some() && self.recording.as_deref() == file
    }
}

/// What a rule came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rule {
    /// Its pack.
    pub pack: String,
    /// Its id.
    pub id: String,
    /// What holds, in one line.
    pub title: String,
    /// Its kind.
    pub kind: &'static str,
    /// Where it is written.
    pub location: Location,
    /// `holds`, `violated`, `not exercised` or `undecided`, whatever is accepted, and whatever a
    /// baseline knows.
    #[cfg_attr(test, schemars(extend("enum" = ["holds", "violated", "not exercised", "undecided"])))]
    pub state: &'static str,
    /// How many events it looked at.
    pub examined: u64,
    /// How many of them could have broken it.
    pub matched: u64,
    /// How many did.
    pub violations: usize,
    /// How many of those the baseline knows; they do not count for the verdict.
    pub known: usize,
    /// What its exceptions hid.
    pub excepted: Vec<Exception>,
    /// Doubts that were accepted.
    pub accepted: Vec<Accepted>,
    /// How many of [`Report::notes`] are its own.
    pub notes: usize,
    /// Which judgement of sessions and users it feeds.
    #[serde(skip)]
    pub reports: Option<ReportField>,
}

/// A place in a rule file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Location {
    /// The file, as the user named it; of a shipped pack, its path in the pack: `protocol/protocol.toml`.
    pub file: String,
    /// The line; the first one is 1.
    pub line: u32,
    /// The column, in characters; the first one is 1.
    pub column: u32,
    /// Whether the file is part of wsaudit: the user has none of that name.
    pub shipped: bool,
}

/// What an exception hid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Exception {
    /// Why it is excepted.
    pub why: String,
    /// How often.
    pub count: u64,
}

/// A doubt that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Accepted {
    /// Its kind.
    pub reason: &'static str,
    /// What is in doubt.
    pub message: String,
    /// Why that is acceptable.
    pub why: String,
}

/// A session. A judgement is true, false, or null where nothing was exercised, or where the recording
/// cannot tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Session {
    /// Its user; null where nothing says who that is.
    pub user_id: Option<String>,
    /// Its id.
    pub session_id: String,
    /// Its device.
    pub session_type: Option<String>,
    /// Whether one of its handshakes was accepted.
    pub websocket_connected: bool,
    /// Whether it authenticated as the rules demand.
    pub authentication_successful: Option<bool>,
    /// Whether it received nothing of another session's agents, and none received its own.
    pub agent_execution_isolated: Option<bool>,
    /// The names of the messages that it received, with their numbers.
    pub websocket_events_received: BTreeMap<String, u64>,
    /// Whether it saw no foreign thread, and nobody saw its own.
    pub thread_isolation_verified: Option<bool>,
    /// How many operations it completed.
    pub concurrent_operations_completed: Option<u64>,
    /// The longest time that they took, in seconds.
    pub execution_time: Option<f64>,
    /// Whether it was connected, and no rule was broken by it or at its cost.
    pub success: bool,
    /// The first thing that is wrong, else in doubt.
    pub error_message: Option<String>,
}

/// A user: all of its sessions together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct User {
    /// Its id.
    pub user_id: String,
    /// How many sessions it had.
    pub session_count: usize,
    /// Whether something of one session reached another one.
    pub cross_session_interference: Option<bool>,
    /// Whether an event reached a session that it does not belong to.
    pub websocket_event_leakage: Option<bool>,
    /// Whether its agents' contexts stayed with their sessions.
    pub agent_context_isolation: Option<bool>,
    /// Whether the wire agrees with what the database says.
    pub database_session_isolation: Option<bool>,
    /// Whether its threads stayed with their sessions.
    pub thread_isolation_maintained: Option<bool>,
    /// Whether all its sessions succeeded.
    pub success: bool,
    /// What went wrong in its sessions, or at their cost.
    pub violations: Vec<Violation>,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Recording {
    /// As the user named it.
    pub name: String,
    /// When it began, in seconds since the Unix epoch.
    pub started_at: f64,
    /// How long it is, in seconds.
    pub duration: f64,
    /// Whether it has its end.
    pub closed_cleanly: bool,
    /// The files of its parts, in order; empty where the run was not cut into several.
    pub files: Vec<String>,
    /// How many connections it has.
    pub connections: usize,
    /// How many breaches of RFC 6455 and RFC 7692.
    pub anomalies: usize,
}

/// A recording that could not be read, or not to its end. Nothing of it is in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unread {
    /// As the user named it.
    pub recording: String,
    /// Why.
    pub why: String,
}

/// A connection, over its whole life.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Connection {
    /// The recording's name.
    pub recording: String,
    /// Its number there.
    pub number: u64,
    /// When the client's handshake was read, in seconds from the start of the history.
    pub opened: f64,
    /// When it ended, likewise; null: still open when the recording ended.
    pub closed: Option<f64>,
    /// The answer's status code; null where there was none.
    pub status: Option<u16>,
    /// Its user at the end.
    pub user: Option<String>,
    /// Its sessions, in order.
    pub sessions: Vec<Held>,
}

/// A session that a connection speaks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Held {
    /// From which place in the recording's order on; 0: from the beginning.
    pub from: u64,
    /// The session.
    pub session: String,
    /// When that was, in seconds from the start of the history; null: from the beginning.
    pub at: Option<f64>,
}

/// Frames known to be missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gap {
    /// The recording's name.
    pub recording: String,
    /// The connection's number; null: all.
    pub connection: Option<u64>,
    /// From where.
    pub from: u64,
    /// To where.
    pub to: u64,
    /// When the last thing before it was observed, in seconds from the start of the history; null:
    /// there is none.
    pub from_at: Option<f64>,
    /// When the first thing after it was, likewise.
    pub to_at: Option<f64>,
    /// How many; null: not known.
    pub frames: Option<u64>,
    /// Why.
    pub why: String,
}

/// Something worth saying though nothing is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Note {
    /// The rule's id.
    pub rule: String,
    /// Its pack.
    pub pack: String,
    /// What.
    pub message: String,
    /// Whose.
    pub session: Option<String>,
    /// The recording's name.
    pub recording: String,
    /// The place in its order.
    pub seq: u64,
    /// When, in seconds from the start of the history.
    pub at: Option<f64>,
}
