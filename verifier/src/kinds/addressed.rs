//! `addressed`: what a message says of its recipient is who it was delivered to.

mod check;

use crate::rules::{EventRef, FieldId, HolderKind};

/// A message that carries a session or user id goes to that session or user.
///
/// ```toml
/// [[rule]]
/// id    = "event-of-another-session"
/// title = "every event goes to the session that it names"
/// kind  = "addressed"
/// field = "session"       # a field of [fields]
/// to    = "session"       # session (default) or user
/// event = ["step"]        # default: every server message in which the field yields
/// missing = "violated"    # an event of `event` without the field: violated, undecided, ignore (default)
/// ```
#[derive(Debug, Clone)]
pub struct Addressed {
    /// Where the recipient's id is.
    pub field: FieldId,
    /// Whom it names: `Session` or `User`.
    pub to: HolderKind,
    /// Which server messages; empty: all in which the field yields a value.
    pub events: Vec<EventRef>,
    /// What a missing id means.
    pub missing: Missing,
}

/// What it means that an event has no id where one is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It breaks the rule.
    Violated,
    /// It leaves the rule undecided.
    Undecided,
    /// It is as it should be.
    Ignore,
}
