//! `response`: a request gets its reply, within a time, on its own connection.

mod check;

use std::time::Duration;

use crate::rules::read::{HOLDERS, Names, Table};
use crate::rules::{EventRef, HolderKind, Selector};

/// A request gets its reply.
///
/// ```toml
/// [[rule]]
/// id      = "every-request-is-answered"
/// title   = "every request is answered on its own connection within 5 s"
/// kind    = "response"
/// request = ["create", "list", "asked"]
/// reply   = ["created", "thread", "refused"]
/// match   = "/request_id"            # a field, or a pointer
/// within  = "5s"                     # default: as long as the recording goes on
/// expect  = "reply"                  # or "no reply": a request that must stay unanswered
/// on      = "connection"             # the reply comes on the same connection (default), session, user
/// unsolicited = "violated"           # a reply with a key that nobody asked with there; default "ignore"
/// same    = ["thread"]               # fields that request and reply must agree on, where both have them
/// ```
///
/// It is exercised by each request with an id. A request is answered by the first reply with its id
/// that comes there; a second one is no matter. No reply is a violation once `within` is over while
/// the one who asked is still connected; before that, without `within`, or where frames are missing or
/// cannot be decoded, it is undecided. Fields agree where they have one value in common.
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
