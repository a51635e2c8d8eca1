//! Which of a pack's events a message is: by its name first, of which there are few.

use std::borrow::Cow;

use hashbrown::HashMap;
use wsaudit_wire::{Direction, percent_decode};

use super::{Capture, CompiledCondition, Compiler};
use crate::decode::{Extractor, SlotId, Value, Values, batch, may_be_batch};
use crate::engine::event::EventSet;
use crate::engine::tally::NameIx;
use crate::history::{Exchange, SourcePayload};
use crate::rules::read::Carrier;
use crate::rules::{Codec, EventId, EventRef, HttpEvent, Matcher, Pack};

/// One pack's names and events, compiled.
#[derive(Debug)]
pub(in crate::engine) struct PackProgram {
    /// How its messages are decoded.
    pub codec: Codec,
    /// Whole messages that it need not read.
    ignore: Vec<String>,
    name_slots: Vec<SlotId>,
    events: Vec<CompiledEvent>,
    candidates: Known,
    exchange: SlotId,
    /// Whether an array of objects is as many documents.
    takes_apart: bool,
}

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Way {
    pub(in crate::engine) direction: Direction,
    pub(in crate::engine) carrier: Carrier,
}

impl Way {
    const ALL: [Self; 4] = {
        const fn way(direction: Direction, carrier: Carrier) -> Way {
            Way { direction, carrier }
        }
        [
            way(Direction::ClientToServer, Carrier::Socket),
            way(Direction::ServerToClient, Carrier::Socket),
            way(Direction::ClientToServer, Carrier::Http),
            way(Direction::ServerToClient, Carrier::Http),
        ]
    };

    const fn index(self) -> usize {
        let http = match self.carrier {
            Carrier::Socket => 0,
            Carrier::Http => 2,
        };
        match self.direction {
            Direction::ClientToServer => http,
            Direction::ServerToClient => http + 1,
        }
    }
}

#[derive(Debug)]
struct CompiledEvent {
    from: Option<Direction>,
    name: Option<Matcher>,
    http: Option<HttpEvent>,
    captures: Vec<Capture>,
    conditions: Vec<CompiledCondition>,
    /// Whether it says where ids are in the body.
    binds_body: bool,
}

impl CompiledEvent {
    /// Whether a message of its name is it only by what else is in it, or by its status.
    fn asks_for_more(&self) -> bool {
        !self.conditions.is_empty() || self.status().is_some()
    }

    /// What the status of an answer over HTTP must be.
    fn status(&self) -> Option<&Matcher> {
        self.http.as_ref()?.status.as_ref()
    }

    fn may_have(&self, status: Option<u16>) -> bool {
        self.status()
            .is_none_or(|wanted| has_status(wanted, status))
    }
}

/// What a message of some name, or of none, can be.
#[derive(Debug, Default)]
struct Candidates {
    /// The events that it is, whatever else it holds.
    certain: EventSet,
    /// Those that ask for more: for values, or for an answer's status.
    perhaps: Vec<EventId>,
    /// The name's number, once it was asked for.
    number: Option<NameIx>,
}

impl Candidates {
    fn of(events: &[CompiledEvent], way: Way, name: Option<&str>) -> Self {
        let mut candidates = Self::default();
        for id in could_be(events, way, name) {
            if events[usize::from(id.0)].asks_for_more() {
                candidates.perhaps.push(id);
            } else {
                candidates.certain.insert(EventRef::Message(id));
            }
        }
        candidates
    }

    /// The events that a message is.
    fn met(&self, events: &[CompiledEvent], status: Option<u16>, values: &Values) -> EventSet {
        let mut met = self.certain;
        for id in &self.perhaps {
            let event = &events[usize::from(id.0)];
            let mut conditions = event.conditions.iter();
            if event.may_have(status) && conditions.all(|condition| condition.is_met(values)) {
                met.insert(EventRef::Message(*id));
            }
        }
        met
    }

    fn all(&self) -> impl Iterator<Item = EventId> {
        self.certain.messages().chain(self.perhaps.iter().copied())
    }
}

/// What messages of the names met so far can be.
#[derive(Debug, Default)]
struct Known {
    /// By way.
    by_name: [HashMap<String, Candidates>; 4],
    /// Likewise, of messages without a name.
    nameless: [Candidates; 4],
}

impl Known {
    /// How many names are remembered: a server that makes up names does not fill the memory.
    const MOST_NAMES: usize = 10_000;

    /// Names of more bytes are looked up each time: they do not come again, and would fill the memory.
    const LONGEST_NAME: usize = 256;

    fn new(events: &[CompiledEvent]) -> Self {
        Self {
            by_name: Default::default(),
            nameless: Way::ALL.map(|way| Candidates::of(events, way, None)),
        }
    }

    /// What a message can be; `once`: the place for what is not remembered.
    fn of<'k>(
        &'k mut self,
        events: &[CompiledEvent],
        way: Way,
        name: Option<&str>,
        once: &'k mut Candidates,
    ) -> &'k mut Candidates {
        let Some(name) = name else {
            return &mut self.nameless[way.index()];
        };
        if name.len() > Self::LONGEST_NAME {
            *once = Candidates::of(events, way, Some(name));
            return once;
        }
        let known = &mut self.by_name[way.index()];
        if known.len() >= Self::MOST_NAMES && !known.contains_key(name) {
            known.clear();
        }
        let new = || Candidates::of(events, way, Some(name));
        known.entry_ref(name).or_insert_with(new)
    }
}

/// Whether a message is one of these, and nothing else.
pub(in crate::engine) fn is_one_of(texts: &[String], payload: SourcePayload<'_>) -> bool {
    match payload {
        SourcePayload::Whole(bytes) => texts.iter().any(|text| text.as_bytes() == bytes),
        SourcePayload::Truncated { .. }
        | SourcePayload::Beginning { .. }
        | SourcePayload::Undecodable(_)
        | SourcePayload::Withheld(_) => false,
    }
}

impl PackProgram {
    /// Whether it is nothing that a message cannot be read.
    pub(in crate::engine) fn ignores(&self, payload: SourcePayload<'_>) -> bool {
        is_one_of(&self.ignore, payload)
    }

    pub(in crate::engine) fn new(pack: &Pack, compiler: &mut Compiler<'_>) -> Self {
        let events = pack.events.iter().zip(compiler.captures.clone());
        let events: Vec<_> = events
            .map(|(event, captures)| CompiledEvent {
                from: event.from,
                name: event.name.clone(),
                http: event.http.clone(),
                captures,
                conditions: compiler.conditions(&event.conditions),
                binds_body: !event.bind.is_empty(),
            })
            .collect();
        let name_at = pack.name_at.iter();
        let name_slots = name_at.map(|pointer| compiler.slot(pointer)).collect();
        Self {
            codec: pack.codec,
            ignore: pack.ignore.clone(),
            name_slots,
            candidates: Known::new(&events),
            events,
            exchange: compiler.exchange,
            takes_apart: !compiler.asks_of_arrays,
        }
    }

    /// Documents, of a batch among them each element; nothing where there is no batch.
    pub(in crate::engine) fn apart<'d>(
        &self,
        documents: &'d [Cow<'_, str>],
    ) -> Option<Vec<Cow<'d, str>>> {
        let mut begins = documents.iter().map(|document| document.as_bytes());
        if !begins.any(may_be_batch) {
            return None;
        }
        let each = |document: &'d Cow<'_, str>| {
            let elements = self.batch(document);
            elements.unwrap_or_else(|| vec![Cow::Borrowed(&**document)])
        };
        Some(documents.iter().flat_map(each).collect())
    }

    /// The elements of a document that is a batch, unless the pack speaks of arrays.
    pub(in crate::engine) fn batch<'d>(&self, document: &'d str) -> Option<Vec<Cow<'d, str>>> {
        self.takes_apart.then(|| batch(document)).flatten()
    }

    /// The message's name: the first pointer that yields wins.
    pub(in crate::engine) fn name<'v>(&self, values: &'v Values) -> Option<&'v str> {
        values.of_each(&self.name_slots).find_map(Value::as_id)
    }

    /// Which events a message of an HTTP exchange is. What the paths of these events say is added to
    /// the values in `extractor`, and so is `key`, which stands for the exchange.
    pub(in crate::engine) fn classify_http(
        &mut self,
        direction: Direction,
        exchange: &Exchange,
        status: Option<u16>,
        key: &str,
        extractor: &mut Extractor,
    ) -> EventSet {
        let carrier = Carrier::Http;
        let set = self.classify(
            Way { direction, carrier },
            Some(&exchange.name),
            status,
            extractor.values(),
        );
        extractor.push(self.exchange, key);
        for EventId(id) in set.messages() {
            for capture in &self.events[usize::from(id)].captures {
                let Some(found) = capture.regex.captures(exchange.path()) else {
                    continue;
                };
                for (group, slot) in &capture.groups {
                    if let Some(part) = found.get(*group) {
                        // In a path, a plus is a plus.
                        let part = percent_decode(&part.as_str().replace('+', "%2B"));
                        let part = String::from_utf8_lossy(&part);
                        extractor.push(*slot, &part);
                    }
                }
            }
        }
        set
    }

    /// Which events a message is; `status` is that of an answer over HTTP.
    pub(in crate::engine) fn classify(
        &mut self,
        way: Way,
        name: Option<&str>,
        status: Option<u16>,
        values: &Values,
    ) -> EventSet {
        let mut once = Candidates::default();
        let candidates = self.candidates.of(&self.events, way, name, &mut once);
        candidates.met(&self.events, status, values)
    }

    /// Which events a message on a socket is, and its name's number: what `number` gives to a name of which it is
    /// not known.
    pub(in crate::engine) fn classify_and_number(
        &mut self,
        direction: Direction,
        name: Option<&str>,
        values: &Values,
        number: impl FnOnce(&str) -> NameIx,
    ) -> (EventSet, Option<NameIx>) {
        let way = Way {
            direction,
            carrier: Carrier::Socket,
        };
        let mut once = Candidates::default();
        let candidates = self.candidates.of(&self.events, way, name, &mut once);
        let number = name.map(|name| *candidates.number.get_or_insert_with(|| number(name)));
        (candidates.met(&self.events, None, values), number)
    }

    /// Whether a message of an HTTP exchange is an event, or may be one, that has something to say in its body. What
    /// finds its ids in the path has not, and nor has an answer that is no success: it says so to a person.
    pub(in crate::engine) fn asks_of_body(
        &mut self,
        direction: Direction,
        exchange: &Exchange,
        status: Option<u16>,
    ) -> bool {
        let carrier = Carrier::Http;
        let way = Way { direction, carrier };
        let succeeds = status.is_none_or(|status| (200..300).contains(&status));
        let mut once = Candidates::default();
        let name = Some(&exchange.name[..]);
        let candidates = self.candidates.of(&self.events, way, name, &mut once);
        let mut events = candidates
            .all()
            .map(|EventId(id)| &self.events[usize::from(id)]);
        events.any(|event| {
            let asks = event.binds_body
                || !event.conditions.is_empty()
                || succeeds && event.captures.is_empty();
            asks && event.may_have(status)
        })
    }
}

/// The events that a message of that name could be.
fn could_be(
    events: &[CompiledEvent],
    way: Way,
    name: Option<&str>,
) -> impl Iterator<Item = EventId> {
    let carried = move |event: &CompiledEvent| match (&event.http, way.carrier) {
        (None, Carrier::Socket) => true,
        (Some(http), Carrier::Http) => {
            let (method, path) = name
                .and_then(|name| name.split_once(' '))
                .unwrap_or_default();
            let is = |matcher: Option<&Matcher>, text| {
                matcher.is_none_or(|matcher| matcher.matches_text(text))
            };
            let wanted = http.path.as_ref().map(|path| &path.matcher);
            is(http.method.as_ref(), method) && is(wanted, path)
        }
        (None, Carrier::Http) | (Some(_), Carrier::Socket) => false,
    };
    let named = move |event: &CompiledEvent| match (&event.name, name) {
        (None, _) => true,
        (Some(matcher), Some(name)) => matcher.matches_text(name),
        (Some(matcher), None) => matcher.matches_any(std::iter::empty()),
    };
    (0_u16..)
        .zip(events)
        .filter(move |(_, event)| {
            event.from.is_none_or(|from| from == way.direction) && carried(event) && named(event)
        })
        .map(|(id, _)| EventId(id))
}

/// Whether an answer has that status; it is a number, and compared as one.
fn has_status(wanted: &Matcher, status: Option<u16>) -> bool {
    let text = status.map(|status| status.to_string());
    wanted.matches_any(text.iter().map(|text| Value::Number(text)))
}
