//! What the verifier is given of a history: one recording, or several, whose clocks may disagree.
//!
//! Each recording numbers its connections and places by itself. Those of two recordings would meet by chance; here
//! they are those of the whole history, until the verifier is given them, and become so again in what it finds.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::engine::{ConnectionIx, Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::finding::Place;
use wsaudit_verifier::history::{Moment, Source};
use wsaudit_verifier::report::report;
use wsaudit_verifier::rules::Pack;

use super::recorder::Trouble;
use crate::told::Told;

/// In ms.
const TOLERANCE: i64 = 100;

/// What is added to the numbers of a recording's connections and places, and to its times (in ms).
#[derive(Debug, Clone, Copy, Default)]
struct Numbering {
    connections: u64,
    places: u64,
    clock: i64,
}

/// Recordings that are one history.
#[derive(Debug, Clone)]
pub(super) struct Recordings {
    /// As the history numbers them.
    pub(super) all: Vec<Told>,
    numbering: Vec<Numbering>,
    /// In ms.
    skew: i64,
}

impl From<Told> for Recordings {
    fn from(only: Told) -> Self {
        Self {
            all: vec![only],
            numbering: vec![Numbering::default()],
            skew: 0,
        }
    }
}

/// A pack of one rule, and what it said.
pub(super) struct Found {
    pub(super) verification: Verification,
    /// By session and user: whether they are judged to be safe.
    pub(super) judgements: BTreeMap<String, Option<bool>>,
    numbering: Vec<Numbering>,
}

impl Found {
    /// A place in the whole history.
    pub(super) fn place(&self, place: Place) -> u64 {
        place.seq - self.numbering[usize::from(place.recording)].places
    }

    /// The number of a connection there.
    pub(super) fn number(&self, connection: ConnectionIx) -> u64 {
        let one = &self.verification.connections[connection.0 as usize];
        one.number - self.numbering[usize::from(one.recording)].connections
    }

    /// All connections.
    pub(super) fn connections(&self) -> impl Iterator<Item = ConnectionIx> + use<> {
        let count = u32::try_from(self.verification.connections.len());
        (0..count.expect("a small number")).map(ConnectionIx)
    }
}

impl Recordings {
    /// Checks one pack.
    pub(super) fn check(&self, pack: &Pack, facts: &Facts) -> Found {
        let each = self.all.iter().zip(&self.numbering);
        let sources: Vec<Box<dyn Source>> = each
            .map(|(told, numbering)| Box::new(numbering.apply(told)) as Box<dyn Source>)
            .collect();
        let packs = std::slice::from_ref(pack);
        let input = Input {
            packs,
            facts,
            sources: &sources,
            unread: &[],
            skew: Duration::from_millis(self.skew.unsigned_abs()),
        };
        let verification = verify(&input, &mut |_| {}).expect("it can be read");
        let report = report(packs, &verification, &sources).expect("it can be read");
        let sessions = report.sessions.into_iter();
        let sessions = sessions.map(|one| (one.session_id, one.thread_isolation_verified));
        let users = report.users.into_iter();
        let users = users.map(|one| (one.user_id, one.thread_isolation_maintained));
        Found {
            judgements: sessions.chain(users).collect(),
            numbering: self.numbering.clone(),
            verification,
        }
    }
}

impl Numbering {
    /// A recording with its own numbers and clock.
    fn apply(self, told: &Told) -> Told {
        let mut told = told.clone();
        let moment = |moment: &mut Moment| {
            moment.seq += self.places;
            moment.at += self.clock * 1_000_000;
        };
        for (place, number, ..) in &mut told.messages {
            moment(place);
            *number += self.connections;
        }
        let outline = &mut told.outline;
        outline.ended_at += self.clock * 1_000_000;
        for one in &mut outline.connections {
            one.number += self.connections;
            let steps = [
                Some(&mut one.opened),
                one.answered.as_mut(),
                one.closed.as_mut(),
            ];
            steps.into_iter().flatten().for_each(moment);
            for tag in &mut one.tags {
                tag.from += self.places;
            }
        }
        for gap in &mut outline.gaps {
            gap.connection = gap.connection.map(|number| number + self.connections);
            gap.from += self.places;
            gap.to += self.places;
        }
        for anomaly in &mut outline.anomalies {
            anomaly.connection += self.connections;
            moment(&mut anomaly.moment);
        }
        for part in &mut outline.parts {
            part.first_seq += self.places;
            part.last_seq += self.places;
        }
        told
    }
}

/// A whole history, and what is left of it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) whole: Recordings,
    pub(super) part: Recordings,
    /// The whole, had the recorders that were killed been ended there; `None`: none was.
    pub(super) ended: Option<Recordings>,
}

impl Pair {
    /// Of one recording.
    pub(super) fn of_one(whole: &Told, troubles: &[Trouble]) -> Self {
        let part = whole.after(troubles);
        Self {
            ended: whole.ended_as(&part).map(Recordings::from),
            whole: whole.clone().into(),
            part: part.into(),
        }
    }

    /// Of two recordings, each of some of the connections, and each with troubles of its own.
    pub(super) fn of_two(whole: &Told, split: &Split, troubles: [&[Trouble]; 2]) -> Self {
        let whole = whole.without_ties();
        let halves = [0, 1].map(|which| split.half(&whole, which));
        let parts = [0, 1].map(|which| halves[which].after(troubles[which]));
        let ends = [0, 1].map(|which| halves[which].ended_as(&parts[which]));
        let ended = ends.iter().any(Option::is_some);
        let ended = ended.then(|| {
            let each = ends.into_iter().zip(halves);
            let all = each.map(|(end, half)| end.unwrap_or(half));
            Recordings {
                all: all.collect(),
                ..split.recordings(Vec::new(), 0)
            }
        });
        Self {
            whole: whole.into(),
            part: split.recordings(parts.to_vec(), split.clock),
            ended,
        }
    }
}

/// How a history is spread over two recordings.
#[derive(Debug, Clone)]
pub(super) struct Split {
    /// By connection.
    of: Vec<bool>,
    /// By how many ms the clock of the second one is ahead.
    clock: i64,
    /// The second one's numbers are far above those of the first, or far below, or meet them.
    places: [u64; 2],
}

pub(super) fn splits() -> impl Strategy<Value = Split> {
    let clock = prop_oneof![
        1 => Just(0),
        2 => -TOLERANCE + 1..TOLERANCE,
    ];
    let places = select(vec![[0, 1000], [1000, 0], [0, 4], [7, 0]]);
    (proptest::collection::vec(any::<bool>(), 8), clock, places)
        .prop_map(|(of, clock, places)| Split { of, clock, places })
}

impl Split {
    /// The same with clocks that agree.
    pub(super) fn on_one_clock(self) -> Self {
        Self { clock: 0, ..self }
    }

    /// A message of another recording that cannot be decoded is known from where its clock has it: one that came a
    /// moment before, and seems to have come a moment after, excuses nothing yet.
    pub(super) fn without_unread(&self, troubles: &[Trouble]) -> Vec<Trouble> {
        let troubles = troubles.iter().copied();
        let is_placed =
            |one: &Trouble| self.clock == 0 || !matches!(one, Trouble::Unreadable { .. });
        troubles.filter(is_placed).collect()
    }

    fn half(&self, whole: &Told, which: usize) -> Told {
        let is_here = |number: u64| {
            let number = usize::try_from(number).expect("a small number");
            usize::from(self.of[number % self.of.len()]) == which
        };
        let mut half = whole.clone();
        half.outline.name = format!("{which}.db");
        half.outline.connections.retain(|one| is_here(one.number));
        half.outline.anomalies.retain(|one| is_here(one.connection));
        half.messages.retain(|message| is_here(message.1));
        half
    }

    fn recordings(&self, all: Vec<Told>, clock: i64) -> Recordings {
        let numbering = self.places.iter().enumerate();
        let numbering = numbering.map(|(which, places)| Numbering {
            connections: which as u64,
            places: *places,
            clock: if which == 1 { clock } else { 0 },
        });
        Recordings {
            all,
            numbering: numbering.collect(),
            skew: if clock == 0 { 0 } else { TOLERANCE },
        }
    }
}

impl Told {
    /// Of two recordings no two things happen at the same instant: their order would be nobody's.
    fn without_ties(&self) -> Self {
        let mut told = self.clone();
        let apart = |moment: &mut Moment| moment.at += moment.seq.cast_signed();
        told.messages.iter_mut().for_each(|it| apart(&mut it.0));
        let mut last = 0;
        for one in &mut told.outline.connections {
            let steps = [
                Some(&mut one.opened),
                one.answered.as_mut(),
                one.closed.as_mut(),
            ];
            for moment in steps.into_iter().flatten() {
                apart(moment);
                last = last.max(moment.at);
            }
        }
        for anomaly in &mut told.outline.anomalies {
            apart(&mut anomaly.moment);
        }
        let messages = told.messages.last().map_or(0, |message| message.0.at);
        let outline = &mut told.outline;
        outline.ended_at = outline.ended_at.max(last).max(messages);
        told
    }
}
