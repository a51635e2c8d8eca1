//! How messages are called in sentences.

use std::fmt;

use super::event::{Event, EventSet};
use super::program::Compiler;
use crate::rules::EventId;

/// The names of a pack's events, by their place in it.
#[derive(Debug, Clone, Default)]
pub struct EventNames(Vec<String>);

impl EventNames {
    /// How an event is called: by the message's name, else by what it is to the pack.
    pub fn called<'c>(&'c self, event: &Event<'c>) -> Called<'c> {
        match (event.name, event.direction) {
            (Some(name), _) => Called::Name(name),
            (None, Some(_)) if event.is.messages().next().is_some() => {
                Called::Events(self, event.is)
            }
            (None, Some(_)) => Called::Nameless,
            (None, None) => Called::Step,
        }
    }
}

impl Compiler<'_> {
    /// The names of all events of the pack.
    pub fn event_names(&self) -> EventNames {
        let events = self.pack().events.iter();
        EventNames(events.map(|event| event.id.clone()).collect())
    }
}

/// What a message is called; it is written into sentences.
#[derive(Debug, Clone, Copy)]
pub enum Called<'c> {
    /// By its name.
    Name(&'c str),
    /// It has none; by the events that it is: `events created, ok`.
    Events(&'c EventNames, EventSet),
    /// It has none, and is no event of the pack.
    Nameless,
    /// A step in a connection's life.
    Step,
}

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Events(EventNames(names), is) => {
                let is = is.messages().map(|EventId(id)| &*names[usize::from(id)]);
                let is: Vec<_> = is.collect();
                let word = if is.len() == 1 { "event" } else { "events" };
                write!(f, "{word} {}", is.join(", "))
            }
            Self::Nameless => f.write_str("a message without a name"),
            Self::Step => f.write_str("a step of the connection"),
        }
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_wire::Direction;

    use super::*;
    use crate::engine::lanes::Lane;
    use crate::engine::{ConnectionIx, Excuse};
    use crate::finding::Place;
    use crate::rules::read::Carrier;
    use crate::rules::{EventRef, Lifecycle};

    #[test]
    fn a_message_without_a_name_is_called_by_its_events_and_never_a_step() {
        let step = Event {
            place: Place {
                recording: 0,
                seq: 1,
            },
            at: 0,
            connection: ConnectionIx(0),
            lane: Lane::Only,
            direction: None,
            carrier: Carrier::Socket,
            session: None,
            user: None,
            name: None,
            named: None,
            is: EventSet::of(&[EventRef::Lifecycle(Lifecycle::Open)]),
            excuse: Excuse::default(),
            values: None,
            strings: None,
            is_text: false,
            is_unread: false,
            met: None,
        };
        let message = Event {
            direction: Some(Direction::ServerToClient),
            is: EventSet::default(),
            ..step
        };
        let is = |ids: &[u16]| {
            let events: Vec<_> = ids
                .iter()
                .map(|id| EventRef::Message(EventId(*id)))
                .collect();
            Event {
                is: EventSet::of(&events),
                ..message
            }
        };
        let named = Event {
            name: Some("hint"),
            ..is(&[1])
        };
        let names = EventNames(["created", "ok"].map(str::to_owned).to_vec());
        let all = [step, message, is(&[1]), is(&[0, 1]), named];
        let called = all.map(|event| names.called(&event).to_string());
        assert_eq!(
            called,
            [
                "a step of the connection",
                "a message without a name",
                "event ok",
                "events created, ok",
                "hint",
            ]
        );
    }
}
