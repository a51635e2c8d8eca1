//! `count`: at least, at most or exactly so many.
//!
//! # What it proves
//!
//! So many events, or so many different ids in them, came in each session (user, connection, ...), over all the time or within any
//! window of time.
//!
//! # Why
//!
//! "Each session completes at least two runs" is how one knows that a test did what it was meant to do; "at most 20 messages in a
//! second" is a promise to clients.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "agents"
//! format = 1
//!
//! [fields]
//! run = "/run_id"
//!
//! [events]
//! started   = { from = "server", name = "agent_started" }
//! completed = { from = "server", name = "agent_completed" }
//!
//! [[rule]]
//! id       = "each-session-completes-two-runs"
//! title    = "each session completes at least two runs"
//! kind     = "count"
//! event    = "completed"
//! distinct = "run"
//! per      = "session"
//! at-least = 2
//! for-each = { having = "started" }
//! ```
//!
//! # Keys
//!
//! - `event` (required): the events, one or several.
//! - `distinct`: a field or pointer: count different ids there instead of events.
//! - `per`: over what: `"session"` (default), `"user"`, `"connection"`, `"recording"`, or a field or pointer: each id there.
//! - `at-least`, `at-most`, `exactly`: the limits; at least one of them.
//! - `within`: a sliding window for `at-most`; default: all the time.
//! - `for-each`: `{ having = EVENT }`: only sessions (users, ...) that had this event. Default: `at-least` speaks of all that had any
//!   connection, `at-most` of all that were counted.
//!
//! # What it cannot see
//!
//! It is exercised by each one that is judged. Too many are final at once; too few once the last connection has closed (of ids: the
//! last one of all), and undecided while one is still open when the recording ends: record until everybody has left. Too few are
//! also undecided where frames of these connections are missing or cannot be decoded, and where an event came on them of which
//! nothing says whose it is or which id it has. `per = "recording"` counts the recording as it is. A connection that was refused
//! makes nobody a session of whom `at-least` speaks, unless its own steps are what is counted; whoever had another one is counted, if it brought nothing at all. Two events
//! that are exactly `within` apart are in one window; of two recordings, one that is closer to `within` than `--skew` is undecided.

mod check;

use std::time::Duration;

use crate::rules::read::{Names, Node, Table};
use crate::rules::{EventRef, Selector};

/// A `count` rule.
#[derive(Debug, Clone)]
pub struct Count {
    /// The events.
    pub events: Vec<EventRef>,
    /// Count different values of this instead.
    pub distinct: Option<Selector>,
    /// Over what.
    pub per: CountPer,
    /// The fewest.
    pub at_least: Option<u64>,
    /// The most.
    pub at_most: Option<u64>,
    /// The window for `at_most`.
    pub within: Option<Duration>,
    /// Only those that had one of these; empty: all.
    pub having: Vec<EventRef>,
}

/// Over what a count runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountPer {
    /// Each session.
    Session,
    /// Each user.
    User,
    /// Each connection.
    Connection,
    /// Everything.
    Recording,
    /// Each value.
    Value(Selector),
}

impl Count {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        let distinct = table.get("distinct").and_then(|node| names.selector(node));
        let events = table.required("event").map(|node| {
            // A step in a connection's life has no ids to tell apart.
            if distinct.is_none() {
                names.events(node)
            } else {
                names.messages(node)
            }
        });
        let per = table
            .get("per")
            .map_or(Some(CountPer::Session), |node| CountPer::read(node, names));
        let least = table.get("at-least");
        let most = table.get("at-most");
        let exactly = table.get("exactly");
        let within = table.get("within");
        match (least.or(most), exactly, within) {
            (None, None, _) if table.has_any(&["at-least", "at-most", "exactly"]) => {}
            (None, None, _) => table
                .error("this rule counts, and expects nothing")
                .label("expected `at-least`, `at-most` or `exactly`")
                .emit(),
            (Some(_), Some(node), _) => node
                .error("`exactly` stands alone")
                .label("remove it, or `at-least` and `at-most`")
                .emit(),
            (_, _, Some(node)) if most.is_none() => node
                .error("`within` is a sliding window for `at-most`")
                .label("remove it, or add `at-most`")
                .emit(),
            (..) => {}
        }
        let exactly = exactly.and_then(Node::count);
        let at_least = least.and_then(Node::count).or(exactly);
        let at_most = most.and_then(Node::count).or(exactly);
        if let (Some(node), Some(fewest), Some(highest)) = (most, at_least, at_most)
            && fewest > highest
        {
            node.error(format_args!(
                "nothing is at least {fewest} and at most {highest}"
            ))
            .label("less than `at-least`")
            .emit();
        }
        if let (Some(node), Some(0)) = (least, at_least) {
            node.error("nothing is less than 0: this limit can never be broken")
                .label("expected 1 or more")
                .help("`exactly = 0` or `at-most = 0` says that there must be none")
                .emit();
        }
        let within = within.and_then(Node::duration);
        let having = table
            .get("for-each")
            .map_or_else(Vec::new, |node| having(node, names));
        Some(Self {
            events: events?,
            distinct,
            per: per?,
            at_least,
            at_most,
            within,
            having,
        })
    }
}

fn having(node: Node<'_>, names: Names<'_>) -> Vec<EventRef> {
    let Some(mut table) = node.table("`for-each`") else {
        return Vec::new();
    };
    let events = table
        .required("having")
        .map_or_else(Vec::new, |node| names.events(node));
    table.finish();
    events
}

impl CountPer {
    fn read(node: Node<'_>, names: Names<'_>) -> Option<Self> {
        Some(match node.string()? {
            "session" => Self::Session,
            "user" => Self::User,
            "connection" => Self::Connection,
            "recording" => Self::Recording,
            _ => Self::Value(names.selector(node)?),
        })
    }
}
