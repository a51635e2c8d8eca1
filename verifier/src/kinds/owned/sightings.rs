//! Who was shown what without having access at that moment.

use hashbrown::HashMap;

use super::ledger::ResourceIx;
use super::parties::{Besides, PartyIx};
use super::requests::RequestName;
use crate::engine::{Called, Cx, Event, EventNames, EventSet, Excuse, Line, NameIx, Pairs};
use crate::finding::Place;

/// A frame that shows a resource to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) place: Place,
    pub(super) at: i64,
    pub(super) line: Line,
    /// How the message is called.
    pub(super) called: Box<str>,
    pub(super) how: How,
    /// The request that it answers, where that is known.
    pub(super) asked: Option<Place>,
    /// The frame that had ended the receiver's access; `None`: it never had any.
    pub(super) access_ended: Option<Place>,
    /// Who the receiver was besides, where access given soon would leave it in doubt.
    besides: Besides,
}

impl Sighting {
    fn of(showing: Showing<'_>) -> Self {
        let Showing { event, called, .. } = showing;
        Self {
            place: event.place,
            at: event.at,
            line: event.line(),
            called: called.to_string().into(),
            how: showing.how(),
            asked: showing.answers.map(|answers| answers.asked),
            access_ended: showing.access_ended,
            besides: Besides::default(),
        }
    }
}

/// How a resource is shown. What leaks in one way hides no leak in another, and they have other fingerprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct How {
    /// The number of the message's name.
    named: Option<NameIx>,
    /// Where it has none, and answers no known request: what it is to the pack.
    is: EventSet,
    /// What it answers.
    pub(super) answers: Option<(RequestName, To)>,
    /// Whether the receiver had access before.
    ended: bool,
}

impl How {
    /// Whether the message has a name of its own.
    pub(super) const fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// Where nothing but the name counts: that.
    fn plainly(&self) -> Option<NameIx> {
        self.named.filter(|_| self.answers.is_none() && !self.ended)
    }
}

/// To what request a message that shows a resource is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum To {
    /// To one that changes the resource: it was granted.
    Change,
    /// To one for the resource.
    Asking,
    /// To one that does not name it.
    SomethingElse,
}

/// The request that a message answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers {
    pub(super) name: RequestName,
    pub(super) to: To,
    pub(super) asked: Place,
}

/// A message that shows a resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Showing<'e> {
    pub(super) event: &'e Event<'e>,
    pub(super) called: Called<'e>,
    pub(super) answers: Option<Answers>,
    /// The frame that had ended the receiver's access.
    pub(super) access_ended: Option<Place>,
}

impl<'e> Showing<'e> {
    /// One that nobody is known to have asked for, to somebody who never had access.
    pub(super) fn of(names: &'e EventNames, event: &'e Event<'e>) -> Self {
        Self {
            event,
            called: names.called(event),
            answers: None,
            access_ended: None,
        }
    }

    fn how(&self) -> How {
        let is_known = self.event.named.is_some() || self.answers.is_some();
        How {
            named: self.event.named,
            is: if is_known {
                EventSet::default()
            } else {
                self.event.is
            },
            answers: self.answers.map(|answers| (answers.name, answers.to)),
            ended: self.access_ended.is_some(),
        }
    }
}

/// What a receiver saw of a resource, while it had no access. There is one for each pair of the two: what
/// is rare takes little room where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Of each way in which it was shown, the first sighting that no access given later can excuse.
    pub(super) definite: Vec<Sighting>,
    /// Of each way and line, and of each that its receiver was besides, the first one that access given soon
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
    /// Whether it is known to have been shown so: nothing that is shown so without access adds to that.
    fn is_definite(&self, how: How) -> bool {
        self.definite.iter().any(|one| one.how == how)
    }

    /// No access can excuse it any more.
    fn settle(&mut self, sighting: Sighting) {
        if !self.is_definite(sighting.how) {
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
    ways: Ways,
}

/// What is counted of a resource and a receiver.
#[derive(Debug, Clone, Copy)]
struct Tally {
    /// How many sightings there were.
    count: u64,
    /// Where in [`Sightings::seen`] that is told.
    seen: usize,
    /// The ways of which [`Seen::is_definite`] is known, each as its bit.
    definite: u64,
}

/// Some ways in which resources are shown, each as one bit: most recordings have no others, and this is looked at for
/// each message.
#[derive(Debug, Default)]
struct Ways {
    /// Those in which more counts than a name.
    others: HashMap<How, u32>,
}

impl Ways {
    /// How many names have a bit, those with the lowest numbers; as many others have one.
    const NAMES: u32 = 32;

    /// The bit of one; none where there are too many.
    fn bit(&mut self, how: How) -> u64 {
        if let Some(named) = how.plainly() {
            return if named.number() < Self::NAMES {
                1 << named.number()
            } else {
                0
            };
        }
        let number = Self::NAMES + u32::try_from(self.others.len()).unwrap_or(Self::NAMES);
        if number < 2 * Self::NAMES {
            return 1 << *self.others.entry(how).or_insert(number);
        }
        let known = self.others.get(&how);
        known.map_or(0, |number| 1 << number)
    }
}

impl Sightings {
    /// A resource is shown to somebody who has no access.
    pub(super) fn see(
        &mut self,
        resource: ResourceIx,
        receiver: PartyIx,
        besides: Besides,
        showing: Showing<'_>,
        slack: i64,
    ) {
        let (event, how) = (showing.event, showing.how());
        let bit = self.ways.bit(how);
        let (tally, all) = self.tally((resource, receiver, event.excuse));
        tally.count += 1;
        if tally.definite & bit != 0 {
            return;
        }
        let seen = &mut all[tally.seen];
        let is_past = |one: &mut Sighting| event.at.saturating_sub(one.at) > slack;
        let past: Vec<_> = seen.pending.extract_if(.., is_past).collect();
        for one in past {
            seen.settle(one);
        }
        if seen.is_definite(how) {
            seen.pending.retain(|one| one.how != how);
            tally.definite |= bit;
            return;
        }
        let is_alike =
            |one: &Sighting| one.how == how && one.line == event.line() && one.besides == besides;
        if !seen.pending.iter().any(is_alike) {
            seen.pending.push(Sighting {
                besides,
                ..Sighting::of(showing)
            });
        }
    }

    /// A resource is shown to somebody whose access ended a moment ago.
    pub(super) fn doubt(
        &mut self,
        resource: ResourceIx,
        receiver: PartyIx,
        showing: Showing<'_>,
        with: Place,
    ) {
        let seen = self.count((resource, receiver, showing.event.excuse));
        seen.doubtful
            .get_or_insert_with(|| Box::new(Sighting::of(showing)));
        seen.crosses(with);
    }

    /// A resource is named in a refusal, to somebody who may have asked for it unseen.
    pub(super) fn refuse(&mut self, resource: ResourceIx, receiver: PartyIx, showing: Showing<'_>) {
        let seen = self.count((resource, receiver, showing.event.excuse));
        let first = || Box::new(Sighting::of(showing));
        seen.refused.get_or_insert_with(first);
    }

    /// A resource is shown to somebody who has access.
    pub(super) fn allow(&mut self, resource: ResourceIx, receiver: PartyIx, showing: Showing<'_>) {
        let (tally, all) = self.tally((resource, receiver, showing.event.excuse));
        let seen = &mut all[tally.seen];
        let recording = showing.event.place.recording;
        seen.allowed.retain(|one| one.place.recording != recording);
        seen.allowed.push(Sighting::of(showing));
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
            ..
        } = self;
        let whose = (receiver, excuse);
        let tally = tallies.get_or_insert_with(resource.number(), whose, || {
            receivers.entry(resource).or_default().push(whose);
            seen.push(Seen::default());
            Tally {
                count: 0,
                seen: seen.len() - 1,
                definite: 0,
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
