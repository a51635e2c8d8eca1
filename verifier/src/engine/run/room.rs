//! Rules at work. A pack is a room; in it, each rule has a worker: its checker, and what is counted
//! beside it.

use std::collections::BTreeMap;

use crate::decode::Values;
use crate::engine::checker::{Again, Checker};
use crate::engine::event::{Carried, Event, EventSet};
use crate::engine::exceptions;
use crate::engine::interest::{Audience, Interest};
use crate::engine::passed_over::{Met, PassedOver};
use crate::engine::program::PackProgram;
use crate::engine::state::{ConnectionIx, ConnectionState, Cx, Holder};
use crate::finding::Outcome;
use crate::history::Source;
use crate::rules::{EventRef, HolderKind, Pack, RequiredPlace, Rule};

/// One pack at work.
pub(super) struct Room<'p> {
    pub(super) program: PackProgram,
    workers: Vec<Worker<'p>>,
    /// Of the workers, [`Audience::MOST`] by [`Audience::MOST`]: who is to be shown what in the first pass.
    audiences: Vec<Audience>,
    /// By event of those that are shown: to whom.
    shown_to: Vec<u64>,
    /// By connection.
    in_scope: Vec<bool>,
    /// Whether it is shown messages.
    reads_messages: bool,
    /// Whether one of its rules looks at them before any codec does.
    wants_carried: bool,
}

/// A rule at work.
struct Worker<'p> {
    checker: Box<dyn Checker>,
    rule: &'p Rule,
    excepted_events: Vec<(EventSet, &'p str)>,
    /// Whether the rule has exceptions for somebody, not only for events.
    excepts_somebody: bool,
    excepted: BTreeMap<String, u64>,
    requires: Option<(EventSet, RequiredPlace)>,
    required: u64,
    passed_over: PassedOver,
}

/// A rule's outcome, and what the engine counted beside its checker.
pub(in crate::engine) struct RuleOutcome {
    pub(in crate::engine) outcome: Outcome,
    /// How often what `requires` asks for happened; `None` where it asks for nothing.
    pub(in crate::engine) required: Option<u64>,
}

/// Which walk over the history it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// All rules are shown everything.
    First,
    /// Those that want to see it again are shown everything once more.
    Again,
}

/// A room for each pack.
pub(super) fn rooms<'p>(
    packs: &'p [Pack],
    programs: Vec<PackProgram>,
    checkers: Vec<Vec<Box<dyn Checker>>>,
    cx: &Cx<'_>,
) -> Vec<Room<'p>> {
    // Whether they can be decoded matters also where they only say who is who.
    let learns = cx.learns_from_messages();
    let reads_messages = |pack: &Pack| {
        let mut rules = pack.rules.iter();
        rules.any(|rule| {
            let spec = &rule.spec;
            spec.reads_messages() || rule.requires.is_some() || learns && spec.needs_holders()
        })
    };
    // Where no pack needs messages, the first one reads their names: reports list them.
    let nobody_does = !packs.iter().any(reads_messages);
    packs
        .iter()
        .zip(programs)
        .zip(checkers)
        .enumerate()
        .map(|(number, ((pack, program), checkers))| {
            let reads_messages = reads_messages(pack) || (nobody_does && number == 0);
            let in_scope = cx.connections().map(|(_, state)| is_about(pack, state));
            Room::new(pack, program, checkers, reads_messages, in_scope.collect())
        })
        .collect()
}

/// Whether a pack is about a connection.
fn is_about(pack: &Pack, connection: &ConnectionState<'_>) -> bool {
    match connection.info.http {
        None => pack.scope.contains(&connection.path, connection.info),
        // A pack without an event of HTTP is about sockets alone.
        Some(_) => pack.events.iter().any(|event| event.http.is_some()),
    }
}

impl<'p> Room<'p> {
    fn new(
        pack: &'p Pack,
        program: PackProgram,
        checkers: Vec<Box<dyn Checker>>,
        reads_messages: bool,
        in_scope: Vec<bool>,
    ) -> Self {
        let workers = pack.rules.iter().zip(checkers);
        let workers: Vec<_> = workers
            .map(|(rule, checker)| Worker::new(rule, checker))
            .collect();
        let interests: Vec<_> = workers.iter().map(Worker::interest).collect();
        Self {
            program,
            audiences: interests.chunks(Audience::MOST).map(Audience::of).collect(),
            shown_to: Vec::new(),
            in_scope,
            reads_messages,
            wants_carried: workers.iter().any(|worker| worker.checker.wants_carried()),
            workers,
        }
    }

    /// Whether the pack is about the connection.
    #[inline]
    pub(super) fn is_about(&self, connection: ConnectionIx) -> bool {
        self.in_scope[connection.0 as usize]
    }

    /// Whether the pack is shown messages.
    pub(super) fn reads_messages(&self) -> bool {
        self.reads_messages
    }

    /// Whether the pack is shown the connection's messages.
    #[inline]
    pub(super) fn reads(&self, connection: ConnectionIx) -> bool {
        self.reads_messages && self.is_about(connection)
    }

    /// Whether a rule is to be shown everything once more, and what more of it.
    pub(super) fn again(&self) -> Again {
        let workers = self.workers.iter();
        let again = workers.map(|worker| worker.checker.again());
        again.max().unwrap_or(Again::No)
    }

    /// Asks each recording what rules want to know of it as a whole.
    pub(super) fn ask(&mut self, sources: &[Box<dyn Source>]) {
        for worker in &mut self.workers {
            if let Some(question) = worker.checker.question() {
                let answers: Vec<_> = sources.iter().map(|source| source.ask(question)).collect();
                for answer in answers {
                    worker.checker.hear(answer);
                }
            }
        }
    }

    /// The second pass begins.
    pub(super) fn begin_again(&mut self) {
        for worker in &mut self.workers {
            if worker.checker.again() != Again::No {
                worker.checker.begin_again();
                worker.passed_over.begin_again();
            }
        }
    }

    /// Shows a message to those that look at it before any codec does.
    pub(super) fn carry(&mut self, cx: &Cx<'_>, carried: &Carried<'_>) {
        if !self.wants_carried || !self.is_about(carried.connection) {
            return;
        }
        for worker in &mut self.workers {
            if worker.checker.wants_carried() {
                worker.checker.carried(cx, carried);
            }
        }
    }

    /// Shows events to the rules, in order: to each all of them in turn.
    pub(super) fn observe(&mut self, look: Look, cx: &Cx<'_>, events: &[Event<'_>]) {
        match look {
            Look::First => self.observe_first(cx, events),
            Look::Again => {
                for worker in &mut self.workers {
                    for event in events {
                        worker.observe_again(cx, event);
                    }
                }
            }
        }
    }

    fn observe_first(&mut self, cx: &Cx<'_>, events: &[Event<'_>]) {
        let workers = self.workers.chunks_mut(Audience::MOST);
        for (workers, audience) in workers.zip(&self.audiences) {
            let shown_to = events.iter().map(|event| audience.at(event));
            self.shown_to.clear();
            self.shown_to.extend(shown_to);
            let anybody = self.shown_to.iter().fold(0, |all, who| all | who);
            for (place, worker) in workers.iter_mut().enumerate() {
                let own = 1 << place;
                if anybody & own == 0 {
                    continue;
                }
                for (event, who) in events.iter().zip(&self.shown_to) {
                    if who & own != 0 {
                        worker.observe(cx, event);
                    }
                }
            }
        }
    }

    /// What its rules come to, and which connections it is about.
    pub(super) fn finish(self, cx: &Cx<'_>) -> (Vec<RuleOutcome>, Vec<bool>) {
        let workers = self.workers.into_iter();
        let outcomes = workers.map(|worker| worker.finish(cx)).collect();
        (outcomes, self.in_scope)
    }
}

impl<'p> Worker<'p> {
    fn new(rule: &'p Rule, checker: Box<dyn Checker>) -> Self {
        let excepted_events: Vec<_> = rule
            .except
            .iter()
            .filter_map(|exception| {
                let event = EventRef::Message(exception.event?);
                Some((EventSet::of(&[event]), exception.why.as_str()))
            })
            .collect();
        let requires = rule
            .requires
            .as_ref()
            .map(|requires| (EventSet::of(&requires.events), requires.place));
        Self {
            checker,
            rule,
            excepted_events,
            excepts_somebody: rule
                .except
                .iter()
                .any(|exception| exception.event.is_none()),
            excepted: BTreeMap::new(),
            requires,
            required: 0,
            passed_over: PassedOver::default(),
        }
    }

    /// What anything is made of in the first pass, by the checker or beside it.
    fn interest(&self) -> Interest {
        let excepted = self.excepted_events.iter().map(|(events, _)| events);
        let required = self.requires.iter().map(|(events, _)| events);
        let beside = excepted.chain(required);
        beside.fold(self.checker.interest(), Interest::or_events)
    }

    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if let Some((events, place)) = &self.requires
            && event.is_one_of(events)
            && happens_in(*place, cx, event)
        {
            self.required += 1;
        }
        let hidden = self
            .excepted_events
            .iter()
            .find(|(events, _)| event.is_one_of(events));
        if let Some((_, why)) = hidden {
            *self.excepted.entry((*why).to_owned()).or_default() += 1;
            return;
        }
        self.show(cx, event);
    }

    fn show(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if !event.values.is_some_and(Values::has_deeper) {
            self.hand_on(cx, event);
            return;
        }
        let met = Met::default();
        let noting = Event {
            met: Some(&met),
            ..*event
        };
        self.hand_on(cx, &noting);
        self.passed_over.note(event, met);
    }

    fn hand_on(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if !self.excepts_somebody {
            self.checker.observe(cx, event);
            return;
        }
        let excuse = exceptions::excuse(self.rule, cx, event);
        self.checker.observe(cx, &Event { excuse, ..*event });
    }

    /// The second pass: what is counted beside the checker was counted in the first one.
    fn observe_again(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let hidden = |(events, _): &(EventSet, _)| event.is_one_of(events);
        if self.checker.again() != Again::No && !self.excepted_events.iter().any(hidden) {
            self.show(cx, event);
        }
    }

    fn finish(self, cx: &Cx<'_>) -> RuleOutcome {
        let mut outcome = self.checker.finish(cx);
        outcome.doubts.extend(self.passed_over.doubt(cx));
        for (why, count) in self.excepted {
            *outcome.excepted.entry(why).or_default() += count;
        }
        exceptions::apply(self.rule, cx, &mut outcome);
        outcome
            .violations
            .sort_by_key(|violation| (violation.severity, violation.offending));
        RuleOutcome {
            outcome,
            required: self.requires.map(|_| self.required),
        }
    }
}

fn happens_in(place: RequiredPlace, cx: &Cx<'_>, event: &Event<'_>) -> bool {
    match place {
        RequiredPlace::AnySession => true,
        RequiredPlace::OtherSession => event.session.is_some_and(|session| {
            cx.others_connected(HolderKind::Session, Some(Holder::Session(session)))
        }),
    }
}
