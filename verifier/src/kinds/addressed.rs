//! `addressed`: what a message says of its recipient is who it was delivered to.
//!
//! # What it proves
//!
//! A server's message that carries the id of a session (or user) was delivered to that session (or user), and to no other.
//!
//! # Why
//!
//! The same user in two sessions is the hard case: every check that compares only user ids passes. Most applications already write
//! the session's id into each event; this rule holds them to it.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "agents"
//! format = 1
//!
//! [fields]
//! session = "/session_id"
//!
//! [events]
//! step = { from = "server", name = { regex = "^agent_" } }
//!
//! [[rule]]
//! id      = "event-of-another-session"
//! title   = "every agent event goes to the session that it names"
//! kind    = "addressed"
//! field   = "session"
//! event   = "step"
//! missing = "violated"
//! ```
//!
//! # Keys
//!
//! - `field` (required): the field of `[fields]` that names the recipient.
//! - `to`: whom it names, `"session"` (default) or `"user"`.
//! - `event`: which server events; default: every server message in which the field yields a value.
//! - `missing`: what an event of `event` without the field means: `"violated"`, `"undecided"` or `"ignore"` (default).
//!
//! # What it cannot see
//!
//! It is exercised by an addressed message that comes while another session (user) is connected. It cannot see a message without an
//! id that reaches the wrong session; nor, where a session's id is known as a hash only (a cookie), whether it is the one that a
//! message names: undecided.

mod check;

use crate::rules::read::{HOLDERS, Names, Table};
use crate::rules::{EventRef, FieldId, HolderKind};

/// An `addressed` rule.
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

impl Addressed {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        const MISSING: [(&str, Missing); 3] = [
            ("violated", Missing::Violated),
            ("undecided", Missing::Undecided),
            ("ignore", Missing::Ignore),
        ];
        let field = table.required("field").and_then(|node| names.field(node));
        let to = table.word_or("to", &HOLDERS[..2], HolderKind::Session);
        let events = table
            .get("event")
            .map_or_else(Vec::new, |node| names.server_events(node));
        let missing = table.get("missing");
        if let Some(node) = missing
            && !table.has_any(&["event"])
        {
            node.error("`missing` needs `event`")
                .label("without it, the rule is about the messages that have the field")
                .emit();
        }
        let missing = missing
            .and_then(|node| node.word(&MISSING))
            .unwrap_or(Missing::Ignore);
        Some(Self {
            field: field?,
            to,
            events,
            missing,
        })
    }
}
