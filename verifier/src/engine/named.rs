//! A rule's events: a set to test with, and the names to speak of them.

use wsaudit_wire::Direction;

use super::event::{Event, EventSet};
use super::program::Compiler;
use crate::rules::read::Carrier;
use crate::rules::{EventRef, Lifecycle};

/// Events that a rule speaks of.
#[derive(Debug, Clone, Default)]
pub struct Named {
    set: EventSet,
    all: Vec<(EventSet, String)>,
    ways: Vec<Option<(Direction, Carrier)>>,
}

impl Named {
    /// Whether `event` is one of them.
    pub fn has(&self, event: &Event<'_>) -> bool {
        event.is_one_of(&self.set)
    }

    /// All of them.
    pub const fn set(&self) -> &EventSet {
        &self.set
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The name that the pack gives to `event`, as one of these.
    pub fn name_of(&self, event: &Event<'_>) -> &str {
        self.name_in(&event.is)
    }

    /// The same of an event of which is kept only what it is.
    pub fn name_in(&self, is: &EventSet) -> &str {
        self.all
            .iter()
            .find(|(set, _)| set.meets(is))
            .map_or("event", |(_, name)| name)
    }

    /// Whether one of them could travel the way that `event` does (or is, as it is, a step in a
    /// connection's life).
    pub fn could_come_like(&self, event: &Event<'_>) -> bool {
        let way = event.direction;
        self.ways
            .contains(&way.map(|direction| (direction, event.carrier)))
    }

    /// All names, for a sentence: `` `created`, `thread` or `refused` ``.
    pub fn list(&self) -> String {
        let names: Vec<_> = self
            .all
            .iter()
            .map(|(_, name)| format!("`{name}`"))
            .collect();
        match names.split_last() {
            None => "nothing".to_owned(),
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
        }
    }
}

impl Compiler<'_> {
    /// Events of the pack, with their names.
    pub fn named(&self, events: &[EventRef]) -> Named {
        let both = Direction::BOTH.map(|direction| Some((direction, Carrier::Socket)));
        let mut ways = Vec::new();
        for event in events {
            match event {
                EventRef::Lifecycle(_) => ways.push(None),
                EventRef::Message(id) => {
                    let event = self.pack().event(*id);
                    match (event.from, &event.http) {
                        (Some(from), None) => ways.push(Some((from, Carrier::Socket))),
                        (Some(from), Some(_)) => ways.push(Some((from, Carrier::Http))),
                        (None, _) => ways.extend(both),
                    }
                }
            }
        }
        Named {
            set: EventSet::of(events),
            all: events
                .iter()
                .map(|event| (EventSet::of(&[*event]), self.event_name(*event)))
                .collect(),
            ways,
        }
    }

    /// How the pack calls an event.
    pub fn event_name(&self, event: EventRef) -> String {
        match event {
            EventRef::Message(id) => self.pack().event(id).id.clone(),
            EventRef::Lifecycle(Lifecycle::Open) => "@open".to_owned(),
            EventRef::Lifecycle(Lifecycle::Accepted) => "@accepted".to_owned(),
            EventRef::Lifecycle(Lifecycle::Refused) => "@refused".to_owned(),
            EventRef::Lifecycle(Lifecycle::Closed) => "@closed".to_owned(),
        }
    }
}
