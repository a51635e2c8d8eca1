//! `never`: no selected event happens.

mod check;

use crate::rules::{Condition, EventRef, HolderKind, Selector};

/// No selected event happens, everywhere or between two others.
///
/// ```toml
/// [[rule]]
/// id    = "nothing-before-ready"
/// title = "no event of a thread reaches a connection before it is ready"
/// kind  = "never"
/// event = "thread"                       # one, or several
/// where = { "/draft" = true }            # default: all of them
/// before = "ready"                       # or after = "x", or between = ["x", "y"]; default: always
/// per   = "connection"                   # what the scope is counted over: connection (default), session, user
/// key   = "thread"                       # and, besides, over equal ids; default: none
/// ```
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
