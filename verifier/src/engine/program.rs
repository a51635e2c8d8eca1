//! Packs, compiled: pointers become slots, names become sets of events.

mod naming;

use std::collections::BTreeMap;

use regex::Regex;
use wsaudit_wire::Direction;

pub(super) use self::naming::{PackProgram, Way, is_one_of};

use super::checker::{Checker, checker};
use super::event::EventSet;
use super::lanes;
use crate::decode::{Extractor, ExtractorBuilder, SlotBits, SlotId, Value, Values};
use crate::facts::{Fact, Facts};
use crate::rules::{
    Condition, EventId, EventRef, FieldId, Listing, Matcher, Pack, Pointer, Scope, Selector,
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
    /// Whether a pointer leads into messages that are arrays.
    asks_of_arrays: bool,
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
                    .map(|pointer| builder.id_slot(pointer))
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
                let slots = pointers.iter().map(|pointer| builder.id_slot(pointer));
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
            asks_of_arrays: asks_of_arrays(pack),
        }
    }

    /// Where a selector's ids are.
    pub fn ids(&mut self, selector: &Selector) -> Ids {
        match selector {
            Selector::Field(field) => self.field(*field),
            Selector::Pointer(pointer) => {
                self.asks_of_arrays |= pointer.begins_in_an_array();
                let slot = self.builder.id_slot(pointer);
                self.ids_at(vec![slot], vec![])
            }
            Selector::Exchange => self.ids_at(vec![self.exchange], vec![]),
        }
    }

    /// Where a field's ids are: where an event binds it, there; else where the field says.
    pub fn field(&self, field: FieldId) -> Ids {
        let field = usize::from(field.0);
        self.ids_at(self.fields[field].clone(), self.binds[field].clone())
    }

    fn ids_at(&self, slots: Vec<SlotId>, bound: Vec<(EventSet, Vec<SlotId>)>) -> Ids {
        let all = bound.iter().flat_map(|(_, slots)| slots).chain(&slots);
        let all: Vec<_> = all.copied().collect();
        let pointer = |slot: &SlotId| Some((*slot, self.builder.id_pointer(*slot)?.clone()));
        Ids {
            pointers: all.iter().filter_map(pointer).collect(),
            all: all.into_iter().collect(),
            slots,
            bound,
        }
    }

    /// Whether all that a server sends on sockets has a name, as far as the pack's events say.
    pub fn names_all_answers(&self) -> bool {
        let events = self.pack.events.iter();
        let mut answers = events
            .filter(|event| event.http.is_none() && event.from != Some(Direction::ClientToServer));
        answers.all(|event| event.name.is_some())
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
        self.asks_of_arrays |= pointer.begins_in_an_array();
        self.builder.slot(pointer)
    }
}

/// Whether a pointer that is a pack's own leads into messages that are arrays; those of its rules come later.
fn asks_of_arrays(pack: &Pack) -> bool {
    let fields = pack.fields.iter().flat_map(|field| &field.pointers);
    let bound = pack.events.iter().flat_map(|event| &event.bind);
    let bound = bound.flat_map(|(_, pointers)| pointers);
    let mut all = fields.chain(bound).chain(&pack.naming.at);
    all.any(Pointer::begins_in_an_array)
}

/// Where a selector's ids are, by event.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    slots: Vec<SlotId>,
    bound: Vec<(EventSet, Vec<SlotId>)>,
    /// All of these slots.
    all: SlotBits,
    /// What leads to them.
    pointers: BTreeMap<SlotId, Pointer>,
}

impl Ids {
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

    /// Where a message that is these events has an object or an array in which there may be ids, and none of the
    /// pointers leads to one in it.
    pub(super) fn passed_over(&self, is: &EventSet, values: &Values) -> Option<&Pointer> {
        let slots = || self.slots(is).iter();
        let leads_to_one = |slot: &SlotId| values.of(*slot).any(|it| it.as_listed_id().is_some());
        let is_looked_into = |at: &Pointer| {
            let found = slots().filter(|slot| leads_to_one(slot));
            let mut found = found.filter_map(|slot| self.pointers.get(slot));
            found.any(|pointer| pointer.may_lead_into(at))
        };
        let deeper = slots().filter(|slot| values.of(**slot).any(|it| it == Value::Deeper));
        let mut deeper = deeper.filter_map(|slot| self.pointers.get(slot));
        deeper.find(|at| !is_looked_into(at))
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

/// A pack's events with their ids.
fn events(pack: &Pack) -> impl Iterator<Item = (EventId, &crate::rules::EventDef)> {
    (0_u16..).map(EventId).zip(&pack.events)
}
