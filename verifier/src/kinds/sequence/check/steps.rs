//! The steps of a `sequence` as an automaton: it stands on the step that came last.
//!
//! ```text
//!   steps      started   thinking+   completed
//!   stands on     0          1           2        after `thinking` it may go to 1 again, or to 2
//! ```
//!
//! An event can be two steps at once (`a`, `b?`, `a`), so it may stand on several.

use super::super::{Repeat, Step};
use crate::engine::{Compiler, Event, Named};

/// The steps of a rule.
pub(super) struct Steps {
    all: Vec<(Named, String, Repeat)>,
}

/// The steps on which the automaton may stand, as bits; never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Positions(u64);

/// How many steps are told apart. No rule in sight has more than ten.
const MOST: usize = 64;

impl Steps {
    pub(super) fn new(steps: &[Step], compiler: &Compiler<'_>) -> Self {
        let all = steps.iter().take(MOST).map(|step| {
            let name = compiler.event_name(step.event);
            (compiler.named(&[step.event]), name, step.repeat)
        });
        Self { all: all.collect() }
    }

    /// Where a first event leads; `None`: nothing begins with it.
    pub(super) fn start(&self, event: &Event<'_>) -> Option<Positions> {
        self.matching(self.reachable(0), event)
    }

    /// Where an event leads from there; `None`: it does not come next.
    pub(super) fn next(&self, from: Positions, event: &Event<'_>) -> Option<Positions> {
        self.matching(self.following(from), event)
    }

    /// Whether the sequence may end there.
    pub(super) fn is_end(&self, at: Positions) -> bool {
        (0..self.all.len())
            .filter(|step| at.0 & (1 << step) != 0)
            .any(|step| {
                self.all[step + 1..]
                    .iter()
                    .all(|(.., repeat)| skips(*repeat))
            })
    }

    /// Whether an event cannot be more than one of the steps.
    pub(super) fn is_one_only(&self, event: &Event<'_>) -> bool {
        let steps = self.all.iter();
        steps.filter(|(named, ..)| named.has(event)).count() == 1
    }

    /// What may come next, for a sentence.
    pub(super) fn expected(&self, from: Option<Positions>) -> String {
        let bits = from.map_or_else(|| self.reachable(0), |from| self.following(from));
        let names: Vec<_> = self
            .all
            .iter()
            .enumerate()
            .filter(|(step, _)| bits & (1 << step) != 0)
            .map(|(_, (_, name, _))| format!("`{name}`"))
            .collect();
        match names.split_last() {
            None => "nothing".to_owned(),
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
        }
    }

    /// All steps, for a sentence.
    pub(super) fn describe(&self) -> String {
        let step = |(_, name, repeat): &(Named, String, Repeat)| match repeat {
            Repeat::Once => name.clone(),
            Repeat::OneOrMore => format!("{name}+"),
            Repeat::AnyNumber => format!("{name}*"),
            Repeat::AtMostOnce => format!("{name}?"),
        };
        self.all.iter().map(step).collect::<Vec<_>>().join(", ")
    }

    fn matching(&self, reachable: u64, event: &Event<'_>) -> Option<Positions> {
        let steps = self.all.iter().enumerate();
        let bits = steps
            .filter(|(step, (named, ..))| reachable & (1 << step) != 0 && named.has(event))
            .fold(0, |bits, (step, _)| bits | 1 << step);
        (bits != 0).then_some(Positions(bits))
    }

    fn following(&self, from: Positions) -> u64 {
        (0..self.all.len())
            .filter(|step| from.0 & (1 << step) != 0)
            .fold(0, |bits, step| {
                let again = u64::from(repeats(self.all[step].2)) << step;
                bits | again | self.reachable(step + 1)
            })
    }

    /// The steps that may come at place `first`, where steps that need not come are passed over.
    fn reachable(&self, first: usize) -> u64 {
        let mut bits = 0;
        for (step, (.., repeat)) in self.all.iter().enumerate().skip(first) {
            bits |= 1 << step;
            if !skips(*repeat) {
                break;
            }
        }
        bits
    }
}

/// Whether a step need not come.
const fn skips(repeat: Repeat) -> bool {
    match repeat {
        Repeat::Once | Repeat::OneOrMore => false,
        Repeat::AnyNumber | Repeat::AtMostOnce => true,
    }
}

/// Whether a step may come again.
const fn repeats(repeat: Repeat) -> bool {
    match repeat {
        Repeat::Once | Repeat::AtMostOnce => false,
        Repeat::OneOrMore | Repeat::AnyNumber => true,
    }
}
