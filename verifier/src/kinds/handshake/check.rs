//! How `handshake` is checked.

use super::Handshake;
use crate::engine::{Checker, Compiler, Cx, Event};
use crate::finding::Outcome;

impl Handshake {
    /// The checker.
    pub(crate) fn checker(&self, _compiler: &mut Compiler<'_>) -> Check {
        Check
    }
}

/// The rule at work.
pub(crate) struct Check;

impl Checker for Check {
    fn observe(&mut self, _cx: &Cx<'_>, _event: &Event<'_>) {}

    fn finish(self: Box<Self>, _cx: &Cx<'_>) -> Outcome {
        Outcome::default()
    }
}
