//! `response`: a request gets its reply, within a time, on its own connection.
//!
//! # What it proves
//!
//! Each request was answered by a reply with its id, where it was asked, in time; or, with `expect = "no reply"`, was not.
//!
//! # Why
//!
//! A reply that goes to another connection is content in the wrong hands and a user who waits. A refusal that never comes looks like
//! isolation, and is an accident.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "threads"
//! format = 1
//!
//! [fields]
//! thread = "/thread_id"
//!
//! [events]
//! asked   = { from = "client", name = ["create_thread", "open_thread"] }
//! created = { from = "server", name = "thread_created" }
//! thread  = { from = "server", name = "thread" }
//! refused = { from = "server", name = "error" }
//!
//! [[rule]]
//! id      = "every-request-is-answered"
//! title   = "every request is answered on its own connection within 5 s, about the same thread"
//! kind    = "response"
//! request = "asked"
//! reply   = ["created", "thread", "refused"]
//! match   = "/request_id"
//! within  = "5s"
//! on      = "connection"
//! unsolicited = "violated"
//! same    = ["thread"]
//! ```
//!
//! # Keys
//!
//! - `request` (required): the client events that ask.
//! - `reply` (required): the server events that answer.
//! - `match` (required): the field or pointer with the id that they share.
//! - `within`: the time that a reply may take; default: as long as the recording goes on.
//! - `expect`: `"reply"` (default), or `"no reply"`: a request that must stay unanswered.
//! - `on`: where the reply comes: on the same `"connection"` (default), `"session"` or `"user"`.
//! - `unsolicited`: what a reply means with an id that nobody asked with there: `"violated"` or `"ignore"` (default).
//! - `same`: fields that request and reply agree on, where both have them: one value in common.
//!
//! # What it cannot see
//!
//! It is exercised by each request with an id. A request is answered by the first reply with its id that comes there; a second one is
//! no matter. No reply is a violation once `within` is over while the one who asked is still connected; before that, without `within`,
//! or where frames are missing or cannot be decoded, it is undecided. So is a late reply, one that does not agree, or one to
//! nothing, after frames that are missing or cannot be decoded, or that belong to nobody known: what is not seen may be the
//! reply in time, or the request.

mod check;

use std::time::Duration;

use crate::rules::read::{HOLDERS, Names, Table};
use crate::rules::{EventRef, HolderKind, Selector};

/// A `response` rule.
#[derive(Debug, Clone)]
pub struct Response {
    /// The client events that ask.
    pub requests: Vec<EventRef>,
    /// The server events that answer.
    pub replies: Vec<EventRef>,
    /// The id that they share.
    pub key: Selector,
    /// The time that a reply may take.
    pub within: Option<Duration>,
    /// Whether a reply must come, or must not.
    pub expect: Expect,
    /// Where the reply must come.
    pub on: HolderKind,
    /// What a reply means that answers nothing.
    pub unsolicited: Unsolicited,
    /// Where request and reply must agree.
    pub same: Vec<Selector>,
}

/// Whether a reply must come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must.
    Reply,
    /// It must not.
    NoReply,
}

/// What a reply means that answers no request of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsolicited {
    /// It breaks the rule.
    Violated,
    /// Nothing.
    Ignore,
}

impl Response {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        const EXPECT: [(&str, Expect); 2] =
            [("reply", Expect::Reply), ("no reply", Expect::NoReply)];
        const UNSOLICITED: [(&str, Unsolicited); 2] = [
            ("violated", Unsolicited::Violated),
            ("ignore", Unsolicited::Ignore),
        ];
        let requests = table
            .required("request")
            .map(|node| names.client_events(node));
        let replies = table
            .required("reply")
            .map(|node| names.server_events(node));
        let key = table
            .required("match")
            .and_then(|node| names.selector(node));
        let within = table.duration("within");
        let expect = table.word_or("expect", &EXPECT, Expect::Reply);
        let on = table.word_or("on", &HOLDERS, HolderKind::Connection);
        let unsolicited = table.word_or("unsolicited", &UNSOLICITED, Unsolicited::Ignore);
        let same = table.get("same").map_or_else(Vec::new, |node| {
            node.items()
                .into_iter()
                .filter_map(|node| names.selector(node))
                .collect()
        });
        let demands_something = within.is_some()
            || expect == Expect::NoReply
            || unsolicited == Unsolicited::Violated
            || table.has_any(&["within", "same"]);
        if !demands_something {
            table
                .error("nothing could break this rule: a reply may always still come")
                .label("expected `within`, `same`, `unsolicited = \"violated\"` or `expect = \"no reply\"`")
                .emit();
        }
        Some(Self {
            requests: requests?,
            replies: replies?,
            key: key?,
            within,
            expect,
            on,
            unsolicited,
            same,
        })
    }
}
