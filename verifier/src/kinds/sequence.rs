//! `sequence`: events of one key come in the given order, completely, on one session.
//!
//! # What it proves
//!
//! For each id, the steps came in order, each as often as it may, all to one session, and to the end within a time.
//!
//! # Why
//!
//! A run whose steps turn up in two sessions has bled from one into the other, though each event alone looks right.
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
//! thinking  = { from = "server", name = "agent_thinking" }
//! completed = { from = "server", name = "agent_completed" }
//!
//! [[rule]]
//! id     = "agent-run-in-order"
//! title  = "a run starts, thinks at least once, and completes"
//! kind   = "sequence"
//! key    = "run"
//! steps  = ["started", "thinking+", "completed"]
//! within = "15s"
//! on     = "session"
//! ```
//!
//! # Keys
//!
//! - `key` (required): the field or pointer with the id that ties the events together.
//! - `steps` (required): the events in order; `+` one or more, `*` any number, `?` at most one.
//! - `within`: the time from the first to the last step; default: no limit.
//! - `on`: who sees all steps: one `"session"` (default), `"user"` or `"connection"`. Ids are compared within one.
//!
//! # What it cannot see
//!
//! It is exercised by each key that is met. The first event out of order breaks a key, once. After a completed sequence its first
//! step begins another one of the same key; anything else is out of order. A key whose first step was seen by somebody else, or came
//! before the recording, is broken too: a connection is recorded from its opening on. What a gap may hide is not held against it.
//! Where a holder has several connections and each is told everything, what one of them shows after another is the same step, not a
//! second one; but where the first step is told again, all are due `within` the time from there on, too.

mod check;

use std::time::Duration;

use crate::rules::read::{HOLDERS, Names, Node, Table};
use crate::rules::{EventRef, HolderKind, Selector};

/// A `sequence` rule.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// What ties the events together.
    pub key: Selector,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The time from the first to the last step. Without it a sequence that the recording leaves
    /// unfinished is undecided.
    pub within: Option<Duration>,
    /// Who sees all of them. Keys are compared within one holder.
    pub on: HolderKind,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The event.
    pub event: EventRef,
    /// How often.
    pub repeat: Repeat,
}

/// How often a step comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Exactly once.
    Once,
    /// `+`.
    OneOrMore,
    /// `*`.
    AnyNumber,
    /// `?`.
    AtMostOnce,
}

impl Sequence {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        let key = table.required("key").and_then(|node| names.selector(node));
        let steps = table.required("steps").map(|node| {
            node.one_or_more()
                .into_iter()
                .filter_map(|node| Step::read(node, names))
                .collect()
        });
        let within = table.duration("within");
        let on = table.word_or("on", &HOLDERS, HolderKind::Session);
        Some(Self {
            key: key?,
            steps: steps?,
            within,
            on,
        })
    }
}

impl Step {
    fn read(node: Node<'_>, names: Names<'_>) -> Option<Self> {
        let text = node.string()?;
        let (name, repeat) = match text.char_indices().next_back() {
            Some((at, '+')) => (&text[..at], Repeat::OneOrMore),
            Some((at, '*')) => (&text[..at], Repeat::AnyNumber),
            Some((at, '?')) => (&text[..at], Repeat::AtMostOnce),
            _ => (text, Repeat::Once),
        };
        let event = EventRef::Message(names.message_named(node, name)?);
        Some(Self { event, repeat })
    }
}
