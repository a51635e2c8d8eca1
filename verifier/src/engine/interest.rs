//! Which messages a rule looks at: nearly all rules pass over nearly all messages.

use super::event::{Event, EventSet};
use super::program::Ids;
use crate::decode::{SlotBits, Values};

/// The messages that a checker makes something of; it is shown all steps in the lives of connections.
#[derive(Debug, Clone, Copy)]
pub struct Interest {
    everything: bool,
    text: bool,
    events: EventSet,
    slots: SlotBits,
}

impl Interest {
    /// In all messages.
    pub fn in_everything() -> Self {
        Self {
            everything: true,
            ..Self::in_steps()
        }
    }

    /// In none.
    pub fn in_steps() -> Self {
        Self::of(&EventSet::default())
    }

    /// In those that are one of these events.
    pub fn of(events: &EventSet) -> Self {
        Self {
            everything: false,
            text: false,
            events: *events,
            slots: SlotBits::default(),
        }
    }

    /// And in those that are one of these.
    #[must_use]
    pub fn or_events(mut self, more: &EventSet) -> Self {
        self.events.join(more);
        self
    }

    /// And in those that have one of these ids, whatever events they are.
    #[must_use]
    pub fn or_ids(mut self, ids: &Ids) -> Self {
        self.slots.join(ids.all());
        self
    }

    /// And in those that are text, whatever events they are ([`Event::is_text`]).
    #[must_use]
    pub fn or_text(mut self) -> Self {
        self.text = true;
        self
    }

    /// Whether an event is to be shown. Of a message it is not in, the checker would make nothing.
    pub(super) fn is_in(&self, event: &Traits) -> bool {
        self.everything
            | event.is_step
            | event.is.meets(&self.events)
            | event.yielded.meets(self.slots)
            | self.is_in_text(event)
    }

    fn is_in_text(&self, event: &Traits) -> bool {
        // No branch: this is asked of each message, by each rule.
        self.text & event.is_text
    }
}

/// What of an event decides who is shown it. It is small: whoever looks through many events for those of
/// one rule, again and again, finds it in a core's nearest cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    is: EventSet,
    yielded: SlotBits,
    is_step: bool,
    is_text: bool,
}

impl Traits {
    pub(super) fn of(event: &Event<'_>) -> Self {
        Self {
            is: event.is,
            yielded: event.values.map(Values::yielded).unwrap_or_default(),
            is_step: event.values.is_none(),
            is_text: event.is_text,
        }
    }
}
