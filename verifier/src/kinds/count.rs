//! `count`: at least, at most or exactly so many.

mod check;

use std::time::Duration;

use crate::rules::{EventRef, Selector};

/// So many events, or so many different ids in them.
///
/// ```toml
/// [[rule]]
/// id       = "each-session-completes-two-runs"
/// title    = "each session completes at least two runs"
/// kind     = "count"
/// event    = "completed"
/// distinct = "run"                    # count different ids instead of events
/// per      = "session"                # session (default), user, connection, recording, or a field / pointer
/// at-least = 2                        # and/or at-most, or exactly
/// within   = "10s"                    # a sliding window; only with at-most
/// for-each = { having = "started" }   # only sessions (users, ...) that had this event; default: at-least
///                                     # speaks of all that had any connection, at-most of all counted
/// ```
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
