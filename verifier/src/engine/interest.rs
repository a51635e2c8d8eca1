//! Which messages a rule looks at: nearly all rules pass over nearly all messages.

use super::event::{Event, EventSet};
use super::program::Ids;
use crate::decode::SlotBits;
use crate::rules::{EventId, EventRef};

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
}

/// Up to [`Audience::MOST`] rules, and who of them looks at what. Of a message that a rule does not look at, its
/// checker would make nothing. A rule is a bit, by its place: an event is looked at once for all rules.
#[derive(Debug)]
pub(super) struct Audience {
    everything: u64,
    text: u64,
    /// By event of the pack.
    by_event: Vec<u64>,
    /// By bit of [`SlotBits`].
    by_slot: [u64; SlotBits::COUNT],
}

impl Audience {
    /// How many rules it holds at most.
    pub(super) const MOST: usize = 64;

    /// Of rules with these interests.
    pub(super) fn of(interests: &[Interest]) -> Self {
        let who = |looks: &dyn Fn(&Interest) -> bool| {
            let rules = interests.iter().enumerate();
            let looking = rules.filter(|(_, interest)| looks(interest));
            looking.fold(0, |who, (rule, _)| who | 1 << rule)
        };
        let events = (0_u16..).map(|id| EventRef::Message(EventId(id)));
        Self {
            everything: who(&|interest| interest.everything),
            text: who(&|interest| interest.text),
            by_event: events
                .take(EventSet::MOST_NAMED)
                .map(|event| who(&|interest| interest.events.contains(event)))
                .collect(),
            by_slot: std::array::from_fn(|bit| {
                who(&|interest| interest.slots.bits().any(|own| own == bit))
            }),
        }
    }

    /// Who is to be shown an event.
    pub(super) fn at(&self, event: &Event<'_>) -> u64 {
        let Some(values) = event.values else {
            // A step in a connection's life.
            return u64::MAX;
        };
        let text = if event.is_text { self.text } else { 0 };
        let events = event.is.messages();
        let by_event = events.map(|EventId(id)| self.by_event[usize::from(id)]);
        let by_slot = values.yielded().bits().map(|bit| self.by_slot[bit]);
        by_event
            .chain(by_slot)
            .fold(self.everything | text, |who, more| who | more)
    }
}
