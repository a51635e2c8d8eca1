//! Packs, compiled: pointers become slots, names become sets of events.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use regex::Regex;
use wsaudit_wire::{Direction, percent_decode};

use super::checker::{Checker, checker};
use super::event::EventSet;
use super::lanes;
use crate::decode::{Extractor, ExtractorBuilder, SlotBits, SlotId, Value, Values};
use crate::facts::{Fact, Facts};
use crate::history::{Exchange, SourcePayload};
use crate::rules::read::Carrier;
use crate::rules::{
    Codec, Condition, EventId, EventRef, FieldId, HttpEvent, Listing, Matcher, Pack, Pointer,
    Scope, Selector,
};

/// All packs of a run, ready to check.
pub(super) struct Program {
    /// Reads messages for all of them.
    pub extractor: Extractor,
    /// One for each pack.
    pub packs: Vec<PackProgram>,
    /// By pack, a checker for each of its rules.
    pub checkers: Vec<Vec<Box<dyn Checker>>>,
    /// Where messages name their session; empty: nowhere.
    pub naming: Vec<SlotId>,
}

impl Program {
    /// Compiles packs.
    pub(super) fn new(packs: &[Pack], facts: &Facts) -> Self {
        let mut builder = ExtractorBuilder::default();
        let mut programs = Vec::new();
        let mut checkers = Vec::new();
        for pack in packs {
            let mut compiler = Compiler::new(pack, &mut builder, facts);
            checkers.push(
                pack.rules
                    .iter()
                    .map(|rule| checker(&rule.spec, &mut compiler))
                    .collect(),
            );
            programs.push(PackProgram::new(pack, &mut compiler));
        }
        let naming = packs.iter().map(|pack| &pack.naming.at);
        // Those that say it agree.
        let naming = naming
            .max_by_key(|at| at.len())
            .map_or(&[][..], Vec::as_slice);
        let naming = lanes::slots(naming, &mut builder);
        Self {
            extractor: builder.build(),
            packs: programs,
            checkers,
            naming,
        }
    }
}

/// Every pointer of these packs, in order.
pub fn pointers(packs: &[Pack]) -> Vec<Pointer> {
    let program = Program::new(packs, &Facts::default());
    let pointers = program.extractor.pointers();
    pointers.map(|(pointer, _)| pointer.clone()).collect()
}

/// Gives a pack's pointers their slots.
pub struct Compiler<'b> {
    builder: &'b mut ExtractorBuilder,
    facts: &'b Facts,
    pack: &'b Pack,
    fields: Vec<Vec<SlotId>>,
    /// By field: the events that bind it, and where.
    binds: Vec<Vec<(EventSet, Vec<SlotId>)>>,
    /// By event: what parts of a path are put into which slots.
    captures: Vec<Vec<Capture>>,
    /// Where the HTTP exchange of a message is.
    exchange: SlotId,
}

/// An expression over a request's path, and the slots of its groups.
#[derive(Debug, Clone)]
struct Capture {
    regex: Regex,
    groups: Vec<(usize, SlotId)>,
}

impl<'b> Compiler<'b> {
    pub(super) fn new(pack: &'b Pack, builder: &'b mut ExtractorBuilder, facts: &'b Facts) -> Self {
        let fields = pack
            .fields
            .iter()
            .map(|field| {
                field
                    .pointers
                    .iter()
                    .map(|pointer| builder.slot(pointer))
                    .collect()
            })
            .collect();
        let mut binds = vec![Vec::new(); pack.fields.len()];
        let mut captures = Vec::new();
        for (id, event) in events(pack) {
            let mut places: BTreeMap<FieldId, Vec<SlotId>> = BTreeMap::new();
            let path = event.http.as_ref().and_then(|http| http.path.as_ref());
            let mut own = Vec::new();
            for (regex, groups) in path.iter().flat_map(|path| &path.captures) {
                let groups = groups.iter().map(|(group, field)| {
                    let slot = builder.other_slot();
                    places.entry(*field).or_default().push(slot);
                    (*group, slot)
                });
                own.push(Capture {
                    regex: regex.clone(),
                    groups: groups.collect(),
                });
            }
            captures.push(own);
            for (field, pointers) in &event.bind {
                let slots = pointers.iter().map(|pointer| builder.slot(pointer));
                places.entry(*field).or_default().extend(slots);
            }
            for (field, slots) in places {
                let event = EventSet::of(&[EventRef::Message(id)]);
                binds[usize::from(field.0)].push((event, slots));
            }
        }
        let exchange = builder.other_slot();
        Self {
            builder,
            facts,
            pack,
            fields,
            binds,
            captures,
            exchange,
        }
    }

    /// Where a selector's ids are.
    pub fn ids(&mut self, selector: &Selector) -> Ids {
        match selector {
            Selector::Field(field) => self.field(*field),
            Selector::Pointer(pointer) => Ids::new(vec![self.slot(pointer)], vec![]),
            Selector::Exchange => Ids::new(vec![self.exchange], vec![]),
        }
    }

    /// Where a field's ids are: where an event binds it, there; else where the field says.
    pub fn field(&self, field: FieldId) -> Ids {
        let field = usize::from(field.0);
        Ids::new(self.fields[field].clone(), self.binds[field].clone())
    }

    /// How a field is called in sentences.
    pub fn field_name(&self, field: FieldId) -> &'b str {
        &self.pack.field(field).name
    }

    /// How a selector is called in sentences: the field's name, or the pointer.
    pub fn selector_name(&self, selector: &Selector) -> String {
        match selector {
            Selector::Field(field) => self.field_name(*field).to_owned(),
            Selector::Pointer(pointer) => pointer.as_str().to_owned(),
            Selector::Exchange => "@exchange".to_owned(),
        }
    }

    /// The pack that is compiled.
    pub(super) fn pack(&self) -> &'b Pack {
        self.pack
    }

    /// Which connections the pack is about.
    pub fn scope(&self) -> &'b Scope {
        &self.pack.scope
    }

    /// Everywhere that a field's ids can be: where the field says, and where an event binds it,
    /// both.
    pub fn field_everywhere(&self, field: FieldId) -> Ids {
        let mut ids = self.field(field);
        for (_, slots) in &mut ids.bound {
            let others = ids.slots.iter().filter(|slot| !slots.contains(slot));
            let others: Vec<_> = others.copied().collect();
            slots.extend(others);
        }
        ids
    }

    /// Conditions, with their slots.
    pub fn conditions(&mut self, conditions: &[Condition]) -> Vec<CompiledCondition> {
        conditions
            .iter()
            .map(|Condition { at, matcher }| CompiledCondition {
                slot: self.slot(at),
                matcher: matcher.clone(),
            })
            .collect()
    }

    /// The ownership facts of that name.
    pub fn facts(&self, name: &str) -> &'b [Fact] {
        self.facts.table(name)
    }

    /// Whether they list every resource.
    pub fn listing(&self, name: &str) -> Listing {
        self.pack.facts[name].listing
    }

    fn slot(&mut self, pointer: &Pointer) -> SlotId {
        self.builder.slot(pointer)
    }
}

/// Where a selector's ids are, by event.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    slots: Vec<SlotId>,
    bound: Vec<(EventSet, Vec<SlotId>)>,
    /// All of these slots.
    all: SlotBits,
}

impl Ids {
    fn new(slots: Vec<SlotId>, bound: Vec<(EventSet, Vec<SlotId>)>) -> Self {
        let all = bound.iter().flat_map(|(_, slots)| slots).chain(&slots);
        Self {
            all: all.copied().collect(),
            slots,
            bound,
        }
    }

    /// All slots that it looks at, whatever events a message is.
    pub(super) fn all(&self) -> SlotBits {
        self.all
    }

    /// The slots for a message that is these events.
    pub(super) fn slots(&self, is: &EventSet) -> &[SlotId] {
        self.bound
            .iter()
            .find(|(event, _)| event.meets(is))
            .map_or(&self.slots, |(_, slots)| slots)
    }
}

/// A condition whose pointer has its slot.
#[derive(Debug, Clone)]
pub struct CompiledCondition {
    slot: SlotId,
    matcher: Matcher,
}

impl CompiledCondition {
    pub(super) fn is_met(&self, values: &Values) -> bool {
        self.matcher.matches_any(values.of(self.slot))
    }
}

/// One pack's names and events, compiled.
#[derive(Debug)]
pub(super) struct PackProgram {
    /// How its messages are decoded.
    pub codec: Codec,
    /// Whole messages that it need not read.
    ignore: Vec<String>,
    name_slots: Vec<SlotId>,
    events: Vec<CompiledEvent>,
    /// For names met so far, by way: the events that could be meant.
    candidates: [HashMap<String, Vec<EventId>>; 4],
    /// The same for messages without a name.
    nameless: [Vec<EventId>; 4],
    exchange: SlotId,
}

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) direction: Direction,
    pub(super) carrier: Carrier,
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

/// How many names a pack remembers: a server that makes up names does not fill the memory.
const MOST_NAMES: usize = 10_000;

/// Names of more bytes are looked up each time.
const LONGEST_NAME: usize = 256;

/// Whether a message is one of these, and nothing else.
pub(super) fn is_one_of(texts: &[String], payload: SourcePayload<'_>) -> bool {
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
    pub(super) fn ignores(&self, payload: SourcePayload<'_>) -> bool {
        is_one_of(&self.ignore, payload)
    }

    pub(super) fn new(pack: &Pack, compiler: &mut Compiler<'_>) -> Self {
        let mut program = Self {
            codec: pack.codec,
            ignore: pack.ignore.clone(),
            name_slots: pack
                .name_at
                .iter()
                .map(|pointer| compiler.slot(pointer))
                .collect(),
            events: pack
                .events
                .iter()
                .zip(compiler.captures.clone())
                .map(|(event, captures)| CompiledEvent {
                    from: event.from,
                    name: event.name.clone(),
                    http: event.http.clone(),
                    captures,
                    conditions: compiler.conditions(&event.conditions),
                    binds_body: !event.bind.is_empty(),
                })
                .collect(),
            candidates: Default::default(),
            nameless: Default::default(),
            exchange: compiler.exchange,
        };
        program.nameless = Way::ALL.map(|way| could_be(&program.events, way, None));
        program
    }

    /// The message's name: the first pointer that yields wins.
    pub(super) fn name<'v>(&self, values: &'v Values) -> Option<&'v str> {
        values.of_each(&self.name_slots).find_map(Value::as_id)
    }

    /// Which events a message of an HTTP exchange is. What the paths of these events say is added to
    /// the values in `extractor`, and so is `key`, which stands for the exchange.
    pub(super) fn classify_http(
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
    pub(super) fn classify(
        &mut self,
        way: Way,
        name: Option<&str>,
        status: Option<u16>,
        values: &Values,
    ) -> EventSet {
        let mut set = EventSet::default();
        self.for_each_candidate(way, name, status, |id, event| {
            let mut conditions = event.conditions.iter();
            if conditions.all(|condition| condition.is_met(values)) {
                set.insert(EventRef::Message(id));
            }
        });
        set
    }

    /// Whether a message of an HTTP exchange is an event, or may be one, that has something to say in its body. What
    /// finds its ids in the path has not, and nor has an answer that is no success: it says so to a person.
    pub(super) fn asks_of_body(
        &mut self,
        direction: Direction,
        exchange: &Exchange,
        status: Option<u16>,
    ) -> bool {
        let carrier = Carrier::Http;
        let way = Way { direction, carrier };
        let succeeds = status.is_none_or(|status| (200..300).contains(&status));
        let mut asks = false;
        self.for_each_candidate(way, Some(&exchange.name), status, |_, event| {
            asks |= event.binds_body
                || !event.conditions.is_empty()
                || succeeds && event.captures.is_empty();
        });
        asks
    }

    /// The events that a message of that name and status is, but for the values that they ask for.
    fn for_each_candidate(
        &mut self,
        way: Way,
        name: Option<&str>,
        status: Option<u16>,
        mut each: impl FnMut(EventId, &CompiledEvent),
    ) {
        let once;
        let candidates = match name {
            None => &self.nameless[way.index()],
            // Long names do not come again, and would fill the memory.
            Some(name) if name.len() > LONGEST_NAME => {
                once = could_be(&self.events, way, Some(name));
                &once
            }
            Some(name) => {
                let known = &mut self.candidates[way.index()];
                if known.len() >= MOST_NAMES && !known.contains_key(name) {
                    known.clear();
                }
                let events = &self.events;
                known
                    .entry_ref(name)
                    .or_insert_with(|| could_be(events, way, Some(name)))
            }
        };
        for id in candidates {
            let event = &self.events[usize::from(id.0)];
            let wanted = event.http.as_ref().and_then(|http| http.status.as_ref());
            if wanted.is_none_or(|wanted| has_status(wanted, status)) {
                each(*id, event);
            }
        }
    }
}

/// The events that a message of that name could be.
fn could_be(events: &[CompiledEvent], way: Way, name: Option<&str>) -> Vec<EventId> {
    let carried = |event: &CompiledEvent| match (&event.http, way.carrier) {
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
    let named = |event: &CompiledEvent| match (&event.name, name) {
        (None, _) => true,
        (Some(matcher), Some(name)) => matcher.matches_text(name),
        (Some(matcher), None) => matcher.matches_any(std::iter::empty()),
    };
    (0_u16..)
        .zip(events)
        .filter(|(_, event)| {
            event.from.is_none_or(|from| from == way.direction) && carried(event) && named(event)
        })
        .map(|(id, _)| EventId(id))
        .collect()
}

/// Whether an answer has that status; it is a number, and compared as one.
fn has_status(wanted: &Matcher, status: Option<u16>) -> bool {
    let text = status.map(|status| status.to_string());
    wanted.matches_any(text.iter().map(|text| Value::Number(text)))
}

/// A pack's events with their ids.
fn events(pack: &Pack) -> impl Iterator<Item = (EventId, &crate::rules::EventDef)> {
    (0_u16..).map(EventId).zip(&pack.events)
}
