//! Objects and arrays where a rule looks for ids: some may be in there that it does not see. They are never passed over
//! in silence.

use std::cell::OnceCell;

use super::called::Called;
use super::event::Event;
use super::skipped::Skipped;
use super::state::Cx;
use crate::finding::Doubt;
use crate::rules::Pointer;

/// Where a rule, that was shown one event, looked for ids and met such a thing.
#[derive(Debug, Default)]
pub(super) struct Met(OnceCell<Pointer>);

impl Met {
    pub(super) fn note(&self, at: &Pointer) {
        self.0.get_or_init(|| at.clone());
    }
}

/// The events in which a rule met some.
#[derive(Debug, Default)]
pub(super) struct PassedOver {
    events: Skipped,
    /// Where, in the first of them.
    at: Option<Pointer>,
    /// Those of the first pass, in the second one: it meets them again, or has no need of them.
    before: Option<Box<PassedOver>>,
}

impl PassedOver {
    /// Counts an event, if any were met in it.
    pub(super) fn note(&mut self, event: &Event<'_>, met: Met) {
        let Some(at) = met.0.into_inner() else { return };
        let called = event.name.map_or(Called::Nameless, Called::Name);
        self.events.note(event, called);
        self.at.get_or_insert(at);
    }

    /// The second pass begins.
    pub(super) fn begin_again(&mut self) {
        let before = std::mem::take(self);
        self.before = Some(Box::new(before));
    }

    /// The doubt that they leave.
    pub(super) fn doubt(&self, cx: &Cx<'_>) -> Option<Doubt> {
        let again = self.at.as_ref();
        let again = again.and_then(|at| self.events.with_ids_within(cx, at));
        again.or_else(|| self.before.as_ref()?.doubt(cx))
    }
}
