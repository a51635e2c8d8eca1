//! `always`: every selected event matches.
//!
//! # What it proves
//!
//! Each event of the kinds named has the values that it must have: in the whole history, or in a part of it.
//!
//! # Why
//!
//! Other rules stand on ids in messages. That the ids are there, and have the form that they must have, is worth a rule of its own:
//! an event without them is judged by nobody.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "agents"
//! format = 1
//!
//! [events]
//! ready = { from = "server", name = "ready" }
//! step  = { from = "server", name = { regex = "^agent_" } }
//!
//! [[rule]]
//! id      = "events-name-their-session"
//! title   = "every agent event names a session"
//! kind    = "always"
//! event   = "step"
//! matches = { "/session_id" = { exists = true } }
//! after   = "ready"
//! ```
//!
//! # Keys
//!
//! - `event` (required): the events, one or several.
//! - `matches` (required): pointers, each with what the value there must be; where a pointer yields several, one must match.
//! - `before`, `after`: only before (after) the first of these events.
//! - `between`: a list of two: only after the first, up to the next of the second.
//! - `per`: over what such a part is counted: `"connection"` (default), `"session"` or `"user"`.
//! - `key`: a field or pointer; the part is counted, besides, over equal ids. Default: none.
//!
//! # What it cannot see
//!
//! It is exercised by a selected event, and knows nothing of events that did not come: `count` and `response` do. Whatever comes
//! after frames that are missing or cannot be decoded, and that may have ended its part, is undecided, and so is an event that
//! belongs to no part because nothing says whose it is, or which id it is about. What does not match is told once for whom it is the
//! same.

mod check;

use crate::kinds::never::Window;
use crate::rules::read::{Names, Node, Table};
use crate::rules::{Condition, EventRef};

/// An `always` rule.
#[derive(Debug, Clone)]
pub struct Always {
    /// The events.
    pub events: Vec<EventRef>,
    /// What each of them must match.
    pub matches: Vec<Condition>,
    /// Where it holds.
    pub window: Window,
}

impl Always {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        let events = table.required("event").map(|node| names.messages(node));
        let matches = table.required("matches").map(Node::conditions);
        let window = Window::read(table, names);
        Some(Self {
            events: events?,
            matches: matches?,
            window,
        })
    }
}
