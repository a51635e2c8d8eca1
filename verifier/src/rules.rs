//! Rule packs: what must hold, parsed and checked before anything runs.
//!
//! A pack has two layers. `[events]` names single events and says where their ids are; `[[rule]]`
//! says what must hold between named events. A [`Pack`] exists only if every name in it resolves.

mod diagnostic;
mod document;
mod file;
mod load;
mod matcher;
mod parse;
mod path_pattern;
mod pointer;
pub(crate) mod read;
pub mod schema;
mod shape;
mod shipped;

pub use diagnostic::{Diagnostic, Gravity, RuleErrors, See, Style};
pub(crate) use document::document;
pub use file::RuleFile;
pub use load::{Checked, LoadError};
pub use matcher::{Comparison, Literal, Matcher};
pub use path_pattern::PathPattern;
pub(crate) use path_pattern::example;
pub use pointer::{Pointer, PointerError, Step as PointerStep};

use std::collections::BTreeMap;

use wsaudit_tagging::TagRules;
use wsaudit_wire::Direction;

use crate::kinds::Spec;

/// A rule pack: one file, or all `*.toml` files of one directory.
#[derive(Debug, Clone)]
pub struct Pack {
    /// Its name, unique among the packs of one run.
    pub name: String,
    /// What it is about, in one line.
    pub title: Option<String>,
    /// How to tag, where the recording was not tagged as the pack needs it; empty lists leave the
    /// recording's tags as they are.
    pub session: TagRules,
    /// Which session a single message is of, where several share a connection.
    pub naming: Naming,
    /// Which payload codec decodes the messages.
    pub codec: Codec,
    /// Where a message's name is; the first pointer that yields wins.
    pub name_at: Vec<Pointer>,
    /// Whole messages that the codec need not read: they carry nothing.
    pub ignore: Vec<String>,
    /// The names for ids; indexed by [`FieldId`].
    pub fields: Vec<Field>,
    /// The named events; indexed by [`EventId`].
    pub events: Vec<EventDef>,
    /// Which connections the pack is about.
    pub scope: Scope,
    /// Doubts that the pack accepts, for all its rules.
    pub accept: Vec<Accept>,
    /// Ownership facts, by name: where they come from.
    pub facts: BTreeMap<String, FactsDef>,
    /// The rules, in the order of the files' names and of the lines in them.
    pub rules: Vec<Rule>,
}

/// Which session a message is of, where the message says so itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Naming {
    /// Where it names it; the first pointer that yields wins. Empty: messages name nobody, and are all
    /// of their connection's session.
    pub at: Vec<Pointer>,
    /// The server's messages that open, on their connection, the session that they name.
    pub joined_by: Vec<EventId>,
}

/// How messages are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// JSON where it parses; everything else is undecodable. Text that is empty, and pings of the
    /// application that are a bare word, count as undecodable too, and are named.
    Auto,
    /// One JSON value a message.
    Json,
    /// Text without structure: the whole message is its own name.
    Text,
    /// Packets of Socket.IO over Engine.IO, as what its own parser makes of them.
    SocketIo,
    /// Records of SignalR's JSON hub protocol.
    SignalR,
    /// The messages in SockJS's arrays.
    SockJs,
    /// Frames of STOMP.
    Stomp,
    /// JSON values, each on a line.
    NdJson,
}

/// A place in a rule file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file, as the user named it, or `agent-platform/s4-threads.toml` for a shipped one.
    pub file: String,
    /// The line; the first one is 1.
    pub line: u32,
    /// The column, in characters; the first one is 1.
    pub column: u32,
}

/// An index into [`Pack::fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// An index into [`Pack::events`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u16);

/// A name for an id, and where it is in a message.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name: `thread`.
    pub name: String,
    /// Where it is, whatever the event; all of them are looked at. Empty for a field that only
    /// `bind` gives a place to.
    pub pointers: Vec<Pointer>,
}

/// A named event.
#[derive(Debug, Clone)]
pub struct EventDef {
    /// Its name in the pack.
    pub id: String,
    /// Who sends it; `None`: either.
    pub from: Option<Direction>,
    /// What the message's name must be; `None`: any, also none.
    pub name: Option<Matcher>,
    /// What values the message must have. All must match; a pointer that yields several values
    /// matches if one of them does.
    pub conditions: Vec<Condition>,
    /// For a message of a plain HTTP exchange: what its head must be. `None`: it is one of a
    /// WebSocket.
    pub http: Option<HttpEvent>,
    /// Where ids are in this event, instead of where the field says.
    pub bind: BTreeMap<FieldId, Vec<Pointer>>,
    /// Where it stands.
    pub location: Location,
}

/// What the head of a request, or of an answer and the request before it, must be.
///
/// ```toml
/// create  = { from = "http-request", name = "POST /api/threads" }
/// created = { from = "http-response", method = "POST", path = "/api/threads", status = 201 }
/// open    = { from = "http-request", method = "GET", path = "/api/threads/{thread}" }
/// refused = { from = "http-response", path = { prefix = "/api/" }, status = [401, 403, 404] }
/// ```
///
/// The name of such a message is the method and the path, without the query, of its request; so is
/// that of the answer. `[message]` says nothing of them. `where`, `bind` and `[fields]` look into the
/// body where it is JSON, a form or a stream of events; other bodies have no values (decision 0027). A part of the path that is written `{field}`, or a named group of an expression, is that
/// field; a field that the path gives is not looked for in the body as well, but by `owned` when it
/// asks what an answer shows. A request and its answer are on a connection of their own, so that
/// what "the next answer on the connection" means needs no key; where a rule asks for one, `match =
/// "@exchange"` is the exchange itself.
#[derive(Debug, Clone, Default)]
pub struct HttpEvent {
    /// The request's method.
    pub method: Option<Matcher>,
    /// The request's path.
    pub path: Option<PathPattern>,
    /// The answer's status.
    pub status: Option<Matcher>,
}

/// A value that a message must have.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Where.
    pub at: Pointer,
    /// What.
    pub matcher: Matcher,
}

/// An event that a rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventRef {
    /// A message, named in `[events]`.
    Message(EventId),
    /// A step in a connection's life; always there, written with an `@`.
    Lifecycle(Lifecycle),
}

/// A step in a connection's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lifecycle {
    /// `@open`: the client's handshake was read.
    Open,
    /// `@accepted`: the server answered 101.
    Accepted,
    /// `@refused`: it answered something else, or nothing.
    Refused,
    /// `@closed`: both legs have ended.
    Closed,
}

/// Where a rule finds an id: a field's places (with what an event binds), or a pointer of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A field.
    Field(FieldId),
    /// A pointer written in the rule.
    Pointer(Pointer),
    /// `@exchange`: the HTTP exchange itself, which its request and its answer share.
    Exchange,
}

/// Whom a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderKind {
    /// A session: two devices of one user are two holders.
    Session,
    /// A user: all its sessions are one holder.
    User,
    /// A connection.
    Connection,
}

/// One thing that must hold.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its id, unique in the pack: `foreign-thread`.
    pub id: String,
    /// What holds, in one line.
    pub title: String,
    /// What it proves, by kind.
    pub spec: Spec,
    /// To whom it does not apply, and why.
    pub except: Vec<Exception>,
    /// What must have happened for the rule to count as exercised.
    pub requires: Option<Requirement>,
    /// Doubts that the rule accepts.
    pub accept: Vec<Accept>,
    /// The field of the report that it feeds.
    pub reports: Option<ReportField>,
    /// Where it stands.
    pub location: Location,
}

/// To whom a rule does not apply. Only issued tags count: a client can claim to be anyone.
#[derive(Debug, Clone)]
pub struct Exception {
    /// The session, user or device that is excepted; all that are given must match.
    pub session: Option<Matcher>,
    /// Likewise, the user.
    pub user: Option<Matcher>,
    /// Likewise, the device.
    pub device: Option<Matcher>,
    /// An event that is excepted: a declared broadcast.
    pub event: Option<EventId>,
    /// Why.
    pub why: String,
}

/// What must have happened for a rule to count as exercised.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// One of these events.
    pub events: Vec<EventRef>,
    /// Where.
    pub place: RequiredPlace,
}

/// Where a required event must have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredPlace {
    /// `in = "any session"`.
    AnySession,
    /// `in = "other session"`: in one session while another one was connected.
    OtherSession,
}

/// A doubt that is accepted.
#[derive(Debug, Clone)]
pub struct Accept {
    /// The kind of doubt: see [`crate::verdict::Reason`].
    pub reason: crate::verdict::Reason,
    /// Only for this rule; `None`: for all rules of the pack.
    pub rule: Option<String>,
    /// Why it is acceptable.
    pub why: String,
}

/// Which connections a pack is about. A connection is in scope if every list that is given has a
/// matcher that matches.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The request target's path.
    pub path: Vec<Matcher>,
    /// The chosen subprotocol.
    pub subprotocol: Vec<Matcher>,
}

/// Where ownership facts come from.
#[derive(Debug, Clone)]
pub struct FactsDef {
    /// The file or database.
    pub source: FactsSource,
    /// The column that names the resource; `None`: the first one.
    pub resource: Option<String>,
    /// The column that names the owner; `None`: the second one.
    pub owner: Option<String>,
    /// Whether a resource that they do not list does not exist.
    pub listing: Listing,
    /// Where it stands.
    pub location: Location,
}

/// A file or database with ownership facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactsSource {
    /// A CSV file with a head line; a relative path was joined to the rule file's directory.
    Csv {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A SQLite file; the path likewise.
    Sqlite {
        /// The file.
        path: std::path::PathBuf,
        /// A query that gives a row for each resource.
        query: String,
    },
    /// A PostgreSQL server.
    Postgres {
        /// A query that gives a row for each resource.
        query: String,
        /// The environment's variable with the database's URL; `None`: the variables that `psql` reads.
        url_from: Option<String>,
    },
}

/// Whether facts list every resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// What they do not list is not known to them; the default.
    Partial,
    /// `complete = true`: what they do not list does not exist.
    Complete,
}

/// The field of SCENARIOS' report that a rule feeds; a judgement per session, and its counterpart
/// per user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportField {
    /// `authentication_successful`.
    AuthenticationSuccessful,
    /// `agent_execution_isolated`; per user `agent_context_isolation`.
    AgentExecutionIsolated,
    /// `thread_isolation_verified`; per user `thread_isolation_maintained`.
    ThreadIsolationVerified,
    /// Per user `websocket_event_leakage` (true where the rule is violated).
    WebsocketEventLeakage,
    /// Per user `database_session_isolation`.
    DatabaseSessionIsolation,
    /// `concurrent_operations_completed`: the number that a `count` rule counted.
    ConcurrentOperationsCompleted,
    /// `execution_time`: the seconds that a `duration` rule measured.
    ExecutionTime,
}

impl Pack {
    /// The field of that id.
    pub fn field(&self, id: FieldId) -> &Field {
        &self.fields[usize::from(id.0)]
    }

    /// The event of that id.
    pub fn event(&self, id: EventId) -> &EventDef {
        &self.events[usize::from(id.0)]
    }
}

impl HolderKind {
    /// Its name in rule files and sentences.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
            Self::Connection => "connection",
        }
    }
}

impl ReportField {
    /// Its name in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthenticationSuccessful => "authentication_successful",
            Self::AgentExecutionIsolated => "agent_execution_isolated",
            Self::ThreadIsolationVerified => "thread_isolation_verified",
            Self::WebsocketEventLeakage => "websocket_event_leakage",
            Self::DatabaseSessionIsolation => "database_session_isolation",
            Self::ConcurrentOperationsCompleted => "concurrent_operations_completed",
            Self::ExecutionTime => "execution_time",
        }
    }
}

impl Codec {
    /// Its name in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Text => "text",
            Self::SocketIo => "socket.io",
            Self::SignalR => "signalr",
            Self::SockJs => "sockjs",
            Self::Stomp => "stomp",
            Self::NdJson => "ndjson",
        }
    }

    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Auto,
        Self::Json,
        Self::Text,
        Self::SocketIo,
        Self::SignalR,
        Self::SockJs,
        Self::Stomp,
        Self::NdJson,
    ];

    /// Where the name of what it reads usually is.
    pub const fn usual_names(self) -> &'static [&'static str] {
        match self {
            Self::Text => &[],
            Self::SocketIo => &["/data/0"],
            Self::SignalR => &["/target"],
            Self::Stomp => &["/body/type", "/command"],
            Self::Auto | Self::Json | Self::SockJs | Self::NdJson => {
                &["/type", "/event", "/op", "/action", "/kind", "/method"]
            }
        }
    }

    /// Whether its messages are no JSON, and hold any number of such values; see [`crate::decode::records`].
    pub const fn is_framed(self) -> bool {
        match self {
            Self::Auto | Self::Json | Self::Text => false,
            Self::SocketIo | Self::SignalR | Self::SockJs | Self::Stomp | Self::NdJson => true,
        }
    }

    /// Whether each of its messages is JSON.
    pub const fn is_json(self) -> bool {
        match self {
            Self::Auto | Self::Json => true,
            Self::Text
            | Self::SocketIo
            | Self::SignalR
            | Self::SockJs
            | Self::Stomp
            | Self::NdJson => false,
        }
    }

    /// Whether what one reads out of a message, the other reads, too.
    pub(crate) fn decodes_like(self, other: Self) -> bool {
        let plain = |codec| match codec {
            Self::Auto => Self::Json,
            other => other,
        };
        plain(self) == plain(other)
    }
}

impl Scope {
    /// Whether a connection is in it.
    pub fn contains(&self, path: &str, connection: &crate::history::Connection) -> bool {
        let one_of = |matchers: &[Matcher], text: &str| {
            matchers.is_empty() || matchers.iter().any(|matcher| matcher.matches_text(text))
        };
        let subprotocol = connection.subprotocol.as_deref().unwrap_or_default();
        one_of(&self.path, path) && one_of(&self.subprotocol, subprotocol)
    }
}
