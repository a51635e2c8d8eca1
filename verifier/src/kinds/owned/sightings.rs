//! Who was shown what without having access at that moment.

use hashbrown::HashMap;

use super::ledger::ResourceIx;
use super::parties::{Besides, PartyIx};
use crate::engine::{Cx, Event, Excuse, Line, NameIx, Pairs};
use crate::finding::Place;

/// A frame that shows a resource to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) place: Place,
    pub(super) at: i64,
    pub(super) line: Line,
    /// The message's name.
    pub(super) name: Option<Box<str>>,
    /// The name's number.
    named: Option<NameIx>,
    /// The frame that had ended the receiver's access; `None`: it never had any.
    pub(super) access_ended: Option<Place>,
    /// Who the receiver was besides, where access given soon would leave it in doubt.
    besides: Besides,
}

impl Sighting {
    fn of(event: &Event<'_>, access_ended: Option<Place>) -> Self {
        Self {
            place: event.place,
            at: event.at,
            line: event.line(),
            name: event.name.map(Into::into),
            named: event.named,
            access_ended,
            besides: Besides::default(),
        }
    }
}

/// What a receiver saw of a resource, while it had no access. There is one for each pair of the two: what
/// is rare takes little room where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Of messages of each name, the first sighting that no access given later can excuse: what leaks in one
    /// hides no leak in another.
    pub(super) definite: Vec<Sighting>,
    /// Of each name and line, and of each that its receiver was besides, the first one that access given soon
    /// would leave in doubt, in order: a membership is given to one connection, and excuses nothing on another.
    pending: Vec<Sighting>,
    /// The first one that raced with access given or taken.
    pub(super) doubtful: Option<Box<Sighting>>,
    /// What it raced with, where that is of a recording of another clock.
    pub(super) crossed: Option<Place>,
    /// The first one in a refusal of what its receiver may have asked for where nobody saw it.
    pub(super) refused: Option<Box<Sighting>>,
    /// The last one of each recording that access allowed: a recording of another clock may show that
    /// access had ended.
    allowed: Vec<Sighting>,
}

impl Seen {
    /// Whether messages of a name are known to have shown it: nothing that they show without access adds to that.
    fn is_definite(&self, named: Option<NameIx>) -> bool {
        self.definite.iter().any(|one| one.named == named)
    }

    /// No access can excuse it any more.
    fn settle(&mut self, sighting: Sighting) {
        if !self.is_definite(sighting.named) {
            self.definite.push(sighting);
        }
    }

    /// It raced with what is at a place.
    fn crosses(&mut self, with: Place) {
        let doubtful = self.doubtful.as_ref();
        if doubtful.is_some_and(|doubtful| doubtful.place.recording != with.recording) {
            self.crossed.get_or_insert(with);
        }
    }
}

/// Who saw what; what an exception covers is kept apart.
pub(super) type Sight = (ResourceIx, PartyIx, Excuse);

/// All sightings of one rule: one entry for each resource and receiver.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// That is all that most sightings touch: what was seen is many times as large.
    tallies: Pairs<(PartyIx, Excuse), Tally>,
    /// What was seen, by [`Tally::seen`].
    seen: Vec<Seen>,
    /// By resource: who saw it.
    receivers: HashMap<ResourceIx, Vec<(PartyIx, Excuse)>>,
}

/// What is counted of a resource and a receiver.
#[derive(Debug, Clone, Copy)]
struct Tally {
    /// How many sightings there were.
    count: u64,
    /// Where in [`Sightings::seen`] that is told.
    seen: usize,
    /// The names of which [`Seen::is_definite`] is known.
    definite: Names,
}

/// Some of the names with low numbers, each as one bit: most recordings have no others, and this is looked at
/// for each message.
#[derive(Debug, Clone, Copy, Default)]
struct Names(u64);

impl Names {
    fn insert(&mut self, named: Option<NameIx>) {
        self.0 |= Self::bit(named);
    }

    fn contains(self, named: Option<NameIx>) -> bool {
        self.0 & Self::bit(named) != 0
    }

    /// The name's bit; none for a high number.
    fn bit(named: Option<NameIx>) -> u64 {
        let number = named.map_or(0, |named| named.number().saturating_add(1));
        1_u64.checked_shl(number).unwrap_or_default()
    }
}

impl Sightings {
    /// A resource is shown to somebody who has no access.
    pub(super) fn see(
        &mut self,
        resource: ResourceIx,
        receiver: PartyIx,
        besides: Besides,
        event: &Event<'_>,
        access_ended: Option<Place>,
        slack: i64,
    ) {
        let (tally, all) = self.tally((resource, receiver, event.excuse));
        tally.count += 1;
        if tally.definite.contains(event.named) {
            return;
        }
        let seen = &mut all[tally.seen];
        let is_past = |one: &mut Sighting| event.at.saturating_sub(one.at) > slack;
        let past: Vec<_> = seen.pending.extract_if(.., is_past).collect();
        for one in past {
            seen.settle(one);
        }
        if seen.is_definite(event.named) {
            seen.pending.retain(|one| one.named != event.named);
            tally.definite.insert(event.named);
            return;
        }
        let is_alike = |one: &Sighting| {
            one.named == event.named && one.line == event.line() && one.besides == besides
        };
        if !seen.pending.iter().any(is_alike) {
            seen.pending.push(Sighting {
                besides,
                ..Sighting::of(event, access_ended)
            });
        }
    }

    /// A resource is shown to somebody whose access ended a moment ago.
    pub(super) fn doubt(
        &mut self,
        resource: ResourceIx,
        receiver: PartyIx,
        event: &Event<'_>,
        with: Place,
    ) {
        let seen = self.count((resource, receiver, event.excuse));
        seen.doubtful
            .get_or_insert_with(|| Box::new(Sighting::of(event, None)));
        seen.crosses(with);
    }

    /// A resource is named in a refusal, to somebody who may have asked for it unseen.
    pub(super) fn refuse(&mut self, resource: ResourceIx, receiver: PartyIx, event: &Event<'_>) {
        let seen = self.count((resource, receiver, event.excuse));
        let first = || Box::new(Sighting::of(event, None));
        seen.refused.get_or_insert_with(first);
    }

    /// A resource is shown to somebody who has access.
    pub(super) fn allow(&mut self, resource: ResourceIx, receiver: PartyIx, event: &Event<'_>) {
        let (tally, all) = self.tally((resource, receiver, event.excuse));
        let seen = &mut all[tally.seen];
        let recording = event.place.recording;
        seen.allowed.retain(|one| one.place.recording != recording);
        seen.allowed.push(Sighting::of(event, None));
    }

    /// Access to a resource ends, somebody's: what another clock's recording shows just before may have
    /// come after that.
    pub(super) fn ended(&mut self, cx: &Cx<'_>, resource: ResourceIx, event: &Event<'_>) {
        for whose in self.receivers.get(&resource).into_iter().flatten() {
            let Some(tally) = self.tallies.get(resource.number(), *whose) else {
                continue;
            };
            let seen = &mut self.seen[tally.seen];
            let crossed = |allowed: &Sighting| {
                let skew = cx.skew(allowed.place, event.place);
                skew > 0 && event.at.saturating_sub(allowed.at) <= skew
            };
            let allowed = seen.allowed.iter().position(crossed);
            let allowed = allowed.map(|number| seen.allowed.swap_remove(number));
            if let Some(allowed) = allowed {
                seen.doubtful.get_or_insert(Box::new(allowed));
                seen.crosses(event.place);
            }
        }
    }

    /// Access is given by `event` to whom `is_it` knows (by the line of a sighting, its receiver, and who
    /// that was besides): what was shown less than `slack` before may have crossed it.
    pub(super) fn granted(
        &mut self,
        cx: &Cx<'_>,
        resource: ResourceIx,
        is_it: &mut dyn FnMut(Line, PartyIx, Besides) -> bool,
        event: &Event<'_>,
        slack: i64,
    ) {
        for whose in self.receivers.get(&resource).into_iter().flatten() {
            let Some(tally) = self.tallies.get(resource.number(), *whose) else {
                continue;
            };
            let (receiver, seen) = (whose.0, &mut self.seen[tally.seen]);
            for pending in std::mem::take(&mut seen.pending) {
                let slack = slack.saturating_add(cx.skew(pending.place, event.place));
                if event.at.saturating_sub(pending.at) > slack {
                    seen.settle(pending);
                } else if is_it(pending.line, receiver, pending.besides) {
                    seen.doubtful.get_or_insert(Box::new(pending));
                    seen.crosses(event.place);
                } else {
                    seen.pending.push(pending);
                }
            }
        }
    }

    /// What was seen of a resource by a receiver, where one more sighting is counted.
    fn count(&mut self, sight: Sight) -> &mut Seen {
        let (tally, all) = self.tally(sight);
        tally.count += 1;
        &mut all[tally.seen]
    }

    /// What is counted of a resource and a receiver, and what was seen of all.
    fn tally(&mut self, (resource, receiver, excuse): Sight) -> (&mut Tally, &mut Vec<Seen>) {
        let Self {
            tallies,
            seen,
            receivers,
        } = self;
        let whose = (receiver, excuse);
        let tally = tallies.get_or_insert_with(resource.number(), whose, || {
            receivers.entry(resource).or_default().push(whose);
            seen.push(Seen::default());
            Tally {
                count: 0,
                seen: seen.len() - 1,
                definite: Names::default(),
            }
        });
        (tally, seen)
    }

    /// All of them, in the order of resources and receivers, and how many each are: no more access will be
    /// given.
    pub(super) fn close(mut self) -> Vec<(Sight, Seen, u64)> {
        let mut all = Vec::with_capacity(self.seen.len());
        for (resource, receivers) in self.receivers {
            for (receiver, excuse) in receivers {
                let tally = self.tallies.get(resource.number(), (receiver, excuse));
                let Some(tally) = tally else { continue };
                let mut seen = std::mem::take(&mut self.seen[tally.seen]);
                for one in std::mem::take(&mut seen.pending) {
                    seen.settle(one);
                }
                all.push(((resource, receiver, excuse), seen, tally.count));
            }
        }
        all.sort_unstable_by_key(|(key, ..)| *key);
        all
    }
}
