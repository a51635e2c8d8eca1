//! `never`: no selected event happens.
//!
//! # What it proves
//!
//! None of these events came: in the whole history, or in a part of it.
//!
//! # Why
//!
//! Some things must not be sent at all, or not before, after or between others: nothing of a thread before the session is ready,
//! nothing after a logout.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "threads"
//! format = 1
//!
//! [events]
//! ready  = { from = "server", name = "ready" }
//! thread = { from = "server", name = "thread" }
//!
//! [[rule]]
//! id     = "nothing-before-ready"
//! title  = "no draft of a thread reaches a connection before it is ready"
//! kind   = "never"
//! event  = "thread"
//! where  = { "/draft" = true }
//! before = "ready"
//! per    = "connection"
//! ```
//!
//! # Keys
//!
//! - `event` (required): the events, one or several.
//! - `where`: values that they have; default: all of them.
//! - `before`, `after`: only before (after) the first of these events.
//! - `between`: a list of two: only after the first, up to the next of the second.
//! - `per`: over what such a part is counted: `"connection"` (default), `"session"` or `"user"`.
//! - `key`: a field or pointer; the part is counted, besides, over equal ids. Default: none. In the whole history it only tells
//!   apart what is found.
//!
//! # What it cannot see
//!
//! It is exercised by any event within the part that travels the way in which a forbidden one would, and by the event that ends a
//! part: it was watched to its end, and nothing came. What begins or ends a part is not in it; an event that ends one and begins
//! the next does both. Whatever comes after frames that are missing or cannot be decoded, and that may have ended its part, is
//! undecided, and so is an event that belongs to no part because nothing says whose it is, or which id it is about.

mod check;
pub(in crate::kinds) mod window;

use crate::rules::read::{HOLDERS, Names, Node, Table};
use crate::rules::{Condition, EventRef, HolderKind, Selector};

/// A `never` rule.
#[derive(Debug, Clone)]
pub struct Never {
    /// The events.
    pub events: Vec<EventRef>,
    /// What values they have; empty: any.
    pub conditions: Vec<Condition>,
    /// Where it holds.
    pub window: Window,
}

/// The part of a history in which `never` and `always` hold.
#[derive(Debug, Clone)]
pub struct Window {
    /// From where to where.
    pub span: Span,
    /// Counted over what.
    pub per: HolderKind,
    /// And, besides, over equal ids.
    pub key: Option<Selector>,
}

/// From where to where.
#[derive(Debug, Clone)]
pub enum Span {
    /// Everywhere.
    Always,
    /// Before the first of these; a history without one is all before.
    Before(Vec<EventRef>),
    /// After the first of these.
    After(Vec<EventRef>),
    /// After each of the first, up to the next of the second.
    Between(Vec<EventRef>, Vec<EventRef>),
}

impl Never {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        let conditions = table.get("where").map_or_else(Vec::new, Node::conditions);
        let events = table.required("event").map(|node| {
            // A step in a connection's life has no values to match.
            if conditions.is_empty() {
                names.events(node)
            } else {
                names.messages(node)
            }
        });
        let window = Window::read(table, names);
        Some(Self {
            events: events?,
            conditions,
            window,
        })
    }
}

impl Window {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Self {
        let mut spans = Vec::new();
        if let Some(node) = table.get("before") {
            spans.push((node, Span::Before(names.events(node))));
        }
        if let Some(node) = table.get("after") {
            spans.push((node, Span::After(names.events(node))));
        }
        if let Some(node) = table.get("between") {
            if let [from, to] = node.items()[..] {
                spans.push((node, Span::Between(names.events(from), names.events(to))));
            } else {
                node.error("`between` needs two events")
                    .label("expected a list of two: from the first up to the second")
                    .emit();
            }
        }
        for (node, _) in spans.iter().skip(1) {
            node.error("only one of `before`, `after` and `between` can be given")
                .label("remove it, or write a second rule")
                .emit();
        }
        let span = spans
            .into_iter()
            .next()
            .map_or(Span::Always, |(_, span)| span);
        let per = table.word_or("per", &HOLDERS, HolderKind::Connection);
        let key = table.get("key").and_then(|node| names.selector(node));
        Self { span, per, key }
    }
}
