//! How `sequence` is checked: for each key, the steps as an automaton.

mod steps;
mod telling;

use hashbrown::HashMap;

use super::Sequence;
use crate::engine::{
    Absence, Checker, Compiler, ConnectionIx, Crossings, Cx, Event, EventNames, Holder, Ids,
    Interest, Named, Skipped, Slot, Watched, nanoseconds,
};
use crate::finding::{Outcome, Place, Subject};
use steps::{Positions, Steps};

impl Sequence {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        let events: Vec<_> = self.steps.iter().map(|step| step.event).collect();
        Check {
            events: compiler.named(&events),
            names: compiler.event_names(),
            steps: Steps::new(&self.steps, compiler),
            key: compiler.ids(&self.key),
            key_name: compiler.selector_name(&self.key),
            within: self.within.map(nanoseconds),
            spec: self.clone(),
            runs: HashMap::new(),
            breaches: Crossings::default(),
            unidentified: Skipped::default(),
            unplaced: HashMap::new(),
            unsure: Skipped::default(),
            keyless: Skipped::default(),
            examined: 0,
            opportunities: 0,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: Sequence,
    events: Named,
    names: EventNames,
    steps: Steps,
    key: Ids,
    key_name: String,
    /// In nanoseconds.
    within: Option<i64>,
    /// By holder, by key.
    runs: HashMap<Holder, HashMap<String, Run>>,
    breaches: Crossings,
    unidentified: Skipped,
    /// By key: the last event of nobody known.
    unplaced: HashMap<String, Place>,
    /// Events that break a key, if nothing came before them that is not seen.
    unsure: Skipped,
    keyless: Skipped,
    examined: u64,
    opportunities: u64,
}

/// The events of one key, as far as they have come.
struct Run {
    state: RunState,
    /// The name of the step that began it; `start` says where that came.
    began_with: String,
    start: Start,
    /// What would have begun it, had nothing come before: from each of them on it is due within the same
    /// time, for where those before are missing, it begins with the next. None once it is complete.
    told_again: Vec<Start>,
    /// The last step that came in order.
    last: Moment,
    subject: Subject,
    /// How far each of the holder's connections has seen it: a server may send every event to all of
    /// them.
    seen: Vec<(ConnectionIx, Positions)>,
}

impl Run {
    /// What began it, and what else would have.
    fn starts(&self) -> impl Iterator<Item = Start> {
        let again = self.told_again.iter().copied();
        std::iter::once(self.start).chain(again)
    }

    /// Takes a step as its connection sees it. Returns whether it is in order there, whatever the
    /// holder's other connections have seen before.
    fn see(&mut self, steps: &Steps, event: &Event<'_>) -> bool {
        let own = self
            .seen
            .iter_mut()
            .find(|(connection, _)| *connection == event.connection);
        let next = match &own {
            Some((_, positions)) => steps.next(*positions, event),
            None => steps.start(event),
        };
        match (next, own) {
            (Some(next), Some((_, positions))) => *positions = next,
            (Some(next), None) => self.seen.push((event.connection, next)),
            (None, _) => return false,
        }
        true
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunState {
    /// In order so far.
    At(Positions),
    /// Broken, and told.
    Broken,
}

/// A step that came.
#[derive(Debug, Clone)]
struct Moment {
    place: Place,
    name: String,
}

/// From where on a run is due.
#[derive(Debug, Clone, Copy)]
struct Start {
    place: Place,
    at: i64,
    /// From where on what is not seen can excuse what follows: the beginning, where it may have been a
    /// later step.
    certain_from: Option<Place>,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if !self.events.has(event) {
            return;
        }
        self.examined += 1;
        let called = self.names.called(event);
        let Some(holder) = event.holder(self.spec.on) else {
            for key in event.ids(&self.key) {
                self.unplaced.insert(key.to_owned(), event.place);
            }
            self.unidentified
                .note_unidentified(cx, self.spec.on, event, called);
            return;
        };
        let ids = std::mem::take(&mut self.key);
        let mut keys = event.ids(&ids).peekable();
        if keys.peek().is_none() {
            self.keyless.note(event, called);
        }
        for key in keys {
            self.step(cx, event, holder, key);
        }
        self.key = ids;
    }

    fn interest(&self) -> Interest {
        Interest::of(self.events.set())
    }

    fn finish(mut self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let watched = Watched::new(cx, self.spec.on);
        let mut unfinished = Vec::new();
        for (holder, runs) in std::mem::take(&mut self.runs) {
            for (key, run) in runs {
                match run.state {
                    RunState::At(positions) if !self.steps.is_end(positions) => {
                        unfinished.push((holder, key, run, positions));
                    }
                    RunState::At(_) | RunState::Broken => {}
                }
            }
        }
        unfinished.sort_by_key(|(_, key, run, _)| (run.start.place, key.clone()));
        let mut doubts = Vec::new();
        for (holder, key, run, positions) in unfinished {
            let absence = |start| self.absence(&watched, (holder, &key), start);
            let mut starts = run.starts();
            if let Some(start) = starts.find(|start| absence(*start) == Absence::Final) {
                let violation = self.unfinished(cx, (holder, &key), (&run, start), positions);
                let slot = || Slot::of(holder, &key);
                self.breaches.add(cx, slot, violation);
            } else {
                let absence = absence(run.start);
                doubts.push(self.undecided(cx, holder, (&key, &run), absence));
            }
        }
        doubts.extend(self.unidentified.without_holder(cx, self.spec.on));
        doubts.extend(self.unsure.after_a_loss(cx));
        let key = format!("the id of `{}`", self.key_name);
        doubts.extend(self.keyless.without_id(cx, &key));
        let (violations, crossed) = self.breaches.settle(cx);
        doubts.extend(crossed);
        Outcome {
            examined: self.examined,
            opportunities: self.opportunities,
            violations,
            doubts,
            ..Outcome::default()
        }
    }
}

impl Check {
    fn step(&mut self, cx: &Cx<'_>, event: &Event<'_>, holder: Holder, key: &str) {
        let slot = || Slot::of(holder, key);
        // Also of two like steps it matters on which connection the first one came.
        let part = u64::from(event.place.recording);
        self.breaches.see(cx, event, slot, part);
        let moment = Moment {
            place: event.place,
            name: self.events.name_of(event).to_owned(),
        };
        let start = Start {
            place: event.place,
            at: event.at,
            certain_from: self.steps.is_one_only(event).then_some(event.place),
        };
        let begins = self.steps.start(event);
        let runs = self.runs.entry(holder).or_default();
        let Some(run) = runs.get_mut(key) else {
            self.opportunities += 1;
            let state = match begins {
                Some(positions) => RunState::At(positions),
                None => RunState::Broken,
            };
            let mut run = Run {
                state,
                began_with: moment.name.clone(),
                start,
                told_again: Vec::new(),
                last: moment,
                subject: event.subject(),
                seen: Vec::new(),
            };
            run.see(&self.steps, event);
            if state == RunState::Broken && self.is_sure(cx, event, (holder, key), None) {
                let violation = self.unstarted(cx, event, holder, key);
                self.breaches.add(cx, || Slot::of(holder, key), violation);
            }
            self.runs
                .entry(holder)
                .or_default()
                .insert(key.to_owned(), run);
            return;
        };
        let RunState::At(positions) = run.state else {
            return;
        };
        let in_order_there = run.see(&self.steps, event);
        if begins.is_some() && self.within.is_some() {
            run.told_again.push(start);
        }
        if let Some(next) = self.steps.next(positions, event) {
            run.state = RunState::At(next);
            run.last = moment;
            if self.steps.is_end(next) {
                run.told_again = Vec::new();
            }
            let took = event.at - run.start.at;
            if let Some(within) = self.within {
                let measured = (run.start.place, took, within);
                self.breaches.measure(cx, event, slot, measured);
            }
            if self.within.is_some_and(|within| took > within) {
                run.state = RunState::Broken;
                let from = run.start.certain_from;
                if self.is_sure(cx, event, (holder, key), from) {
                    let violation = self.late(cx, event, holder, key);
                    self.breaches.add(cx, || Slot::of(holder, key), violation);
                }
            }
            return;
        }
        if let (Some(positions), true) = (begins, self.steps.is_end(positions)) {
            self.opportunities += 1;
            *run = Run {
                state: RunState::At(positions),
                began_with: moment.name.clone(),
                start,
                told_again: Vec::new(),
                last: moment,
                subject: event.subject(),
                seen: vec![(event.connection, positions)],
            };
            return;
        }
        if in_order_there {
            // Another connection of the holder has shown it before.
            return;
        }
        run.state = RunState::Broken;
        if self.is_sure(cx, event, (holder, key), None) {
            let violation = self.out_of_order(cx, event, (holder, key), positions);
            self.breaches.add(cx, || Slot::of(holder, key), violation);
        }
    }

    /// What it means that the events of a key, due from a start on, did not come to their end.
    fn absence(
        &self,
        watched: &Watched<'_, '_>,
        (holder, key): (Holder, &str),
        start: Start,
    ) -> Absence {
        let deadline = self.within.map(|within| start.at.saturating_add(within));
        let from = start.certain_from.unwrap_or(Place {
            recording: start.place.recording,
            seq: 0,
        });
        match watched.absence(holder, from, deadline) {
            // It may have come to the same one, before anything said so.
            Absence::Final
                if self.was_unplaced(key, Some(from)) || watched.may_hide_nobodys(from) =>
            {
                Absence::Hidden
            }
            absence => absence,
        }
    }

    /// Whether nothing that is not seen, from a place on, can excuse an event that breaks a key; notes
    /// it otherwise.
    fn is_sure(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        (holder, key): (Holder, &str),
        from: Option<Place>,
    ) -> bool {
        let sure = !self.was_unplaced(key, from)
            && !cx.hides_between(holder, from, event.place)
            && !cx.hides_nobodys(self.spec.on, from, event.place);
        if !sure {
            self.unsure.note(event, self.events.name_of(event));
        }
        sure
    }

    /// Whether an event of a key came to nobody known, from a place on.
    fn was_unplaced(&self, key: &str, from: Option<Place>) -> bool {
        self.unplaced.get(key).is_some_and(|last| {
            from.is_none_or(|from| last.recording != from.recording || *last > from)
        })
    }
}
