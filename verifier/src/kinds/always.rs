//! `always`: every selected event matches.

mod check;

use crate::kinds::never::Window;
use crate::rules::read::{Names, Node, Table};
use crate::rules::{Condition, EventRef};

/// Every selected event matches.
///
/// ```toml
/// [[rule]]
/// id    = "events-name-their-session"
/// title = "every agent event names a session"
/// kind  = "always"
/// event = "step"
/// matches = { "/session_id" = { exists = true } }
/// after = "ready"                        # scope as in `never`
/// ```
///
/// It is exercised by a selected event.
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
