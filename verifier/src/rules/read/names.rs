//! What a rule speaks of by name: fields, events, facts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use wsaudit_wire::Direction;

use super::node::{ErrorAt, Node};
use super::{nearest, one_of};
use crate::rules::{
    EventDef, EventId, EventRef, FactsDef, Field, FieldId, HolderKind, Lifecycle, See, Selector,
};

/// The words for a [`HolderKind`].
pub(crate) const HOLDERS: [(&str, HolderKind); 3] = [
    ("session", HolderKind::Session),
    ("user", HolderKind::User),
    ("connection", HolderKind::Connection),
];

/// The words for who sends something.
pub(crate) const SENDERS: [(&str, Direction); 2] = [
    ("client", Direction::ClientToServer),
    ("server", Direction::ServerToClient),
];

/// What carries an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A WebSocket.
    Socket,
    /// A plain HTTP exchange.
    Http,
}

/// The words for who sends an event, and what carries it.
pub(crate) const ORIGINS: [(&str, (Direction, Carrier)); 4] = [
    ("client", (Direction::ClientToServer, Carrier::Socket)),
    ("server", (Direction::ServerToClient, Carrier::Socket)),
    ("http-request", (Direction::ClientToServer, Carrier::Http)),
    ("http-response", (Direction::ServerToClient, Carrier::Http)),
];

const LIFECYCLE: [(&str, Lifecycle); 4] = [
    ("@open", Lifecycle::Open),
    ("@accepted", Lifecycle::Accepted),
    ("@refused", Lifecycle::Refused),
    ("@closed", Lifecycle::Closed),
];

/// Things by name, in the order in which they were defined, and where that was.
#[derive(Debug)]
pub(in crate::rules) struct Register<T> {
    things: Vec<T>,
    places: BTreeMap<String, (u16, See)>,
    /// Those that a rule speaks of.
    used: RefCell<BTreeSet<u16>>,
}

pub(in crate::rules) type Fields = Register<Field>;
pub(in crate::rules) type Events = Register<EventDef>;

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self {
            things: Vec::new(),
            places: BTreeMap::new(),
            used: RefCell::default(),
        }
    }
}

impl<T> Register<T> {
    /// The index of a name.
    pub(in crate::rules) fn find(&self, name: &str) -> Option<u16> {
        self.places.get(name).map(|(index, _)| *index)
    }

    /// The index of a name that a rule speaks of.
    fn used(&self, name: &str) -> Option<u16> {
        let index = self.find(name)?;
        self.used.borrow_mut().insert(index);
        Some(index)
    }

    /// What no rule speaks of, with its name and where it was defined, in that order. A name that
    /// begins with `_` says that this is meant.
    pub(in crate::rules) fn unused(&self) -> Vec<(&str, &See, &T)> {
        let used = self.used.borrow();
        let mut unused: Vec<_> = self
            .places
            .iter()
            .filter(|(name, (index, _))| !used.contains(index) && !name.starts_with('_'))
            .collect();
        unused.sort_by_key(|(_, (index, _))| *index);
        let thing = |index: &u16| self.things.get(usize::from(*index));
        unused
            .into_iter()
            .filter_map(|(name, (index, see))| Some((name.as_str(), see, thing(index)?)))
            .collect()
    }

    /// Where a name was defined.
    pub(in crate::rules) fn defined(&self, name: &str) -> Option<See> {
        self.places.get(name).map(|(_, see)| see.clone())
    }

    /// Adds one under a name that is new; its index. `None`: there are 65,536 already.
    pub(in crate::rules) fn add(&mut self, name: &str, thing: T, see: See) -> Option<u16> {
        let index = u16::try_from(self.things.len()).ok()?;
        self.things.push(thing);
        self.places.insert(name.to_owned(), (index, see));
        Some(index)
    }

    pub(in crate::rules) fn len(&self) -> usize {
        self.things.len()
    }

    pub(in crate::rules) fn into_things(self) -> Vec<T> {
        self.things
    }

    fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.places.keys().map(String::as_str)
    }
}

/// All names that rules may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'p> {
    pub(in crate::rules) fields: &'p Fields,
    pub(in crate::rules) events: &'p Events,
    pub(in crate::rules) facts: &'p BTreeMap<String, FactsDef>,
}

/// What events make sense at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Also the steps of a connection's life.
    Any,
    /// Messages of either side.
    Messages,
    /// Messages of one side.
    From(Direction),
}

impl Names<'_> {
    /// One or more events, also steps of a connection's life.
    pub(crate) fn events(&self, node: Node<'_>) -> Vec<EventRef> {
        self.all(node, Wanted::Any)
    }

    /// One or more messages.
    pub(crate) fn messages(&self, node: Node<'_>) -> Vec<EventRef> {
        self.all(node, Wanted::Messages)
    }

    /// One or more messages of the client.
    pub(crate) fn client_events(&self, node: Node<'_>) -> Vec<EventRef> {
        self.all(node, Wanted::From(Direction::ClientToServer))
    }

    /// One or more messages of the server.
    pub(crate) fn server_events(&self, node: Node<'_>) -> Vec<EventRef> {
        self.all(node, Wanted::From(Direction::ServerToClient))
    }

    /// One message.
    pub(crate) fn message(&self, node: Node<'_>) -> Option<EventId> {
        self.message_named(node, node.string()?)
    }

    /// The message of that name, which `node` speaks of.
    pub(crate) fn message_named(&self, node: Node<'_>, name: &str) -> Option<EventId> {
        match self.event(node, name, Wanted::Messages)? {
            EventRef::Message(id) => Some(id),
            EventRef::Lifecycle(_) => None,
        }
    }

    /// Who sends an event; `None`: either, or nobody.
    pub(crate) fn sender(&self, event: EventRef) -> Option<Direction> {
        match event {
            EventRef::Message(id) => self
                .events
                .things
                .get(usize::from(id.0))
                .and_then(|event| event.from),
            EventRef::Lifecycle(_) => None,
        }
    }

    /// What carries an event.
    pub(crate) fn carrier(&self, event: EventRef) -> Carrier {
        let known = match event {
            EventRef::Message(id) => self.events.things.get(usize::from(id.0)),
            EventRef::Lifecycle(_) => None,
        };
        match known.and_then(|event| event.http.as_ref()) {
            Some(_) => Carrier::Http,
            None => Carrier::Socket,
        }
    }

    /// A field.
    pub(crate) fn field(&self, node: Node<'_>) -> Option<FieldId> {
        let name = node.string()?;
        let found = self.fields.used(name).map(FieldId);
        if found.is_none() {
            self.unknown_field(node, name).emit();
        }
        found
    }

    fn unknown_field<'a>(&self, node: Node<'a>, name: &str) -> ErrorAt<'a> {
        node.error(format_args!("unknown field `{name}`"))
            .label("not in [fields], and bound by no event")
            .did_you_mean(name, self.fields.names())
            .help(expected(self.fields.names()))
    }

    /// A field, or a pointer.
    pub(crate) fn selector(&self, node: Node<'_>) -> Option<Selector> {
        let text = node.string()?;
        if text.starts_with('@') {
            if text == "@exchange" {
                return Some(Selector::Exchange);
            }
            node.error(format_args!("`{text}` is no id"))
                .label("expected a field, a pointer, or `@exchange` for the HTTP exchange itself")
                .emit();
            return None;
        }
        if text.starts_with('/') {
            return node.pointer().map(Selector::Pointer);
        }
        let found = self.fields.used(text).map(FieldId);
        if found.is_none() {
            let error = self.unknown_field(node, text);
            match nearest(text, self.fields.names()) {
                Some(_) => error,
                None => error.help(format_args!(
                    "or a pointer into the message itself, which begins with `/`: `/{text}`"
                )),
            }
            .emit();
        }
        found.map(Selector::Field)
    }

    /// Named ownership facts.
    pub(crate) fn facts(&self, node: Node<'_>) -> Option<String> {
        let name = node.string()?;
        if self.facts.contains_key(name) {
            return Some(name.to_owned());
        }
        let known = || self.facts.keys().map(String::as_str);
        node.error(format_args!("unknown facts `{name}`"))
            .label(format_args!("there is no [facts.{name}]"))
            .did_you_mean(name, known())
            .help(expected(known()))
            .emit();
        None
    }

    fn all(&self, node: Node<'_>, wanted: Wanted) -> Vec<EventRef> {
        node.one_or_more()
            .into_iter()
            .filter_map(|node| self.event(node, node.string()?, wanted))
            .collect()
    }

    fn event(&self, node: Node<'_>, name: &str, wanted: Wanted) -> Option<EventRef> {
        let lifecycle = LIFECYCLE.iter().find(|(word, _)| *word == name);
        if let Some((_, step)) = lifecycle {
            if wanted == Wanted::Any {
                return Some(EventRef::Lifecycle(*step));
            }
            node.error(format_args!("`{name}` is a step in a connection's life"))
                .label("expected a message: it has no ids, and nobody sends it")
                .emit();
            return None;
        }
        let Some(index) = self.events.used(name) else {
            let known = self.events.names().chain(LIFECYCLE.map(|(word, _)| word));
            node.error(format_args!("unknown event `{name}`"))
                .label("not in [events]")
                .did_you_mean(name, known.clone())
                .help(expected(known))
                .emit();
            return None;
        };
        let event = EventRef::Message(EventId(index));
        if let (Wanted::From(wanted), Some(from)) = (wanted, self.sender(event))
            && wanted != from
        {
            let mut error = node
                .error(format_args!("`{name}` is an event of the {}", side(from)))
                .label(format_args!("expected an event of the {}", side(wanted)));
            if let Some(see) = self.events.defined(name) {
                error = error.see(see);
            }
            error.emit();
            return None;
        }
        Some(event)
    }
}

const fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::ClientToServer => "client",
        Direction::ServerToClient => "server",
    }
}

/// `expected ...`, for a list that may be long.
fn expected<'n>(names: impl Iterator<Item = &'n str> + Clone) -> String {
    const MOST_SHOWN: usize = 20;
    let count = names.clone().count();
    match count {
        0 => "none is defined".to_owned(),
        1..=MOST_SHOWN => format!("expected {}", one_of(names)),
        _ => {
            let shown: Vec<_> = names
                .take(MOST_SHOWN)
                .map(|name| format!("`{name}`"))
                .collect();
            format!(
                "expected {}, or one of {} more",
                shown.join(", "),
                count - MOST_SHOWN
            )
        }
    }
}
