//! `always`: every selected event matches.

mod check;

use crate::kinds::never::Window;
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
#[derive(Debug, Clone)]
pub struct Always {
    /// The events.
    pub events: Vec<EventRef>,
    /// What each of them must match.
    pub matches: Vec<Condition>,
    /// Where it holds.
    pub window: Window,
}
