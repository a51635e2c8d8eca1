//! Holders whose measured spans share an instant are a cohort: they all worked at once.
//!
//! ```text
//!   s-1   |-------|
//!   s-2       |-------|            s-1 and s-2 are a cohort, s-2 and s-3 another; s-4 is alone
//!   s-3             |------|
//!   s-4                         |-----|
//! ```
//!
//! Spans of which each two overlap share an instant (intervals have that property), so these are the
//! largest sets in which each is concurrent with each. That s-1 and s-3 are bound together by s-2
//! would make one cohort of everybody on a server that is never idle (decision 0011).

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Measured};
use crate::engine::{Cx, Holder, in_words, nanoseconds};
use crate::finding::{Evidence, Outcome, Subject, Violation};

/// Spans that share an instant.
struct Cohort<'m> {
    holders: usize,
    first: &'m Measured,
    last: &'m Measured,
}

impl Cohort<'_> {
    fn start(&self) -> i64 {
        self.first.span.start.at
    }

    fn end(&self) -> i64 {
        self.last.end_at()
    }

    fn took(&self) -> i64 {
        self.end() - self.start()
    }
}

/// The spans at an instant, while it moves on from start to end.
#[derive(Default)]
struct Now {
    by_start: BTreeSet<(i64, usize)>,
    by_end: BTreeSet<(i64, usize)>,
    holders: BTreeMap<Holder, usize>,
    /// Those that were in no company yet.
    alone: BTreeSet<usize>,
}

impl Now {
    fn begin(&mut self, number: usize, one: &Measured) {
        self.by_start.insert((one.span.start.at, number));
        self.by_end.insert((one.end_at(), number));
        *self.holders.entry(one.holder).or_default() += 1;
        self.alone.insert(number);
    }

    fn end(&mut self, number: usize, one: &Measured) {
        self.by_start.remove(&(one.span.start.at, number));
        self.by_end.remove(&(one.end_at(), number));
        self.alone.remove(&number);
        if let Some(spans) = self.holders.get_mut(&one.holder) {
            *spans -= 1;
            if *spans == 0 {
                self.holders.remove(&one.holder);
            }
        }
    }

    fn cohort<'m>(&self, measured: &'m [Measured]) -> Option<Cohort<'m>> {
        let (_, first) = self.by_start.first()?;
        let (_, last) = self.by_end.last()?;
        Some(Cohort {
            holders: self.holders.len(),
            first: &measured[*first],
            last: &measured[*last],
        })
    }

    /// How many spans have come into another holder's company since this was asked last.
    fn joined(&mut self) -> u64 {
        if self.holders.len() < 2 {
            return 0;
        }
        let joined = self.alone.len() as u64;
        self.alone.clear();
        joined
    }
}

impl Check {
    /// Checks `cohort-max`; gives the number of spans that were concurrent with another holder's.
    pub(super) fn cohorts(&self, cx: &Cx<'_>, measured: &[Measured], outcome: &mut Outcome) -> u64 {
        let Some(limit) = self.spec.cohort_max.map(nanoseconds) else {
            return 0;
        };
        let (mut slow, concurrent) = slow_cohorts(measured, limit);
        // The slowest ones, none of which was going on at the time of another: the rest is the same
        // slowness once more.
        slow.sort_by_key(|cohort| (-cohort.took(), cohort.start()));
        let mut told: Vec<Cohort<'_>> = Vec::new();
        for cohort in slow {
            let apart =
                |other: &Cohort<'_>| cohort.end() < other.start() || other.end() < cohort.start();
            if told.iter().all(apart) {
                told.push(cohort);
            }
        }
        told.sort_by_key(Cohort::start);
        let violations = told
            .iter()
            .map(|cohort| self.slow_cohort(cx, cohort, limit));
        outcome.violations.extend(violations);
        concurrent
    }

    fn slow_cohort(&self, cx: &Cx<'_>, cohort: &Cohort<'_>, limit: i64) -> Violation {
        let (first, last) = (cohort.first, cohort.last);
        let (took, limit) = (in_words(cohort.took()), in_words(limit));
        let they = match cohort.holders {
            1 => cx.describe(first.holder),
            several => format!("{several} concurrent {}s", self.spec.per.as_str()),
        };
        let start = format!(
            "{they}: it begins with `{}` of {}",
            first.span.start.name,
            cx.describe(first.holder)
        );
        let who = cx.describe(last.holder);
        let ended = last.span.sure_end().map(|end| {
            let text = format!(
                "the last one, {who}, ended with `{}`, {took} later",
                end.name
            );
            (text, end.place)
        });
        let (text, offending) = ended.unwrap_or_else(|| {
            let text = if last.span.perhaps_less {
                format!("the last one, {who}, began {took} later, and counts as no time")
            } else {
                format!("{who} has not ended after {took}")
            };
            (text, last.span.start.place)
        });
        Violation {
            roles: format!(
                "concurrent ones too slow from {} to {}",
                self.from.list(),
                self.to.list()
            ),
            evidence: vec![
                Evidence::at(first.span.start.place, start),
                Evidence::at(offending, text),
            ],
            expected: format!(
                "all concurrent ones within {limit}; they took {took}, so this is final"
            ),
            ..Violation::new(
                Subject::default(),
                offending,
                format!("{they} took {took}, and not at most {limit}"),
            )
        }
    }
}

/// The cohorts that took longer than `limit`, and how many spans were in another holder's company.
fn slow_cohorts(measured: &[Measured], limit: i64) -> (Vec<Cohort<'_>>, u64) {
    let by = |at: fn(&Measured) -> i64| {
        let mut order: Vec<_> = (0..measured.len()).collect();
        order.sort_by_key(|number| (at(&measured[*number]), *number));
        order
    };
    let mut starts = by(|one| one.span.start.at).into_iter().peekable();
    let (mut now, mut slow, mut concurrent) = (Now::default(), Vec::new(), 0);
    for ending in by(Measured::end_at) {
        let end = measured[ending].end_at();
        let mut grown = false;
        // What begins at the very end of another is concurrent with it.
        while let Some(number) = starts.next_if(|one| measured[*one].span.start.at <= end) {
            now.begin(number, &measured[number]);
            grown = true;
        }
        // Before a span ends, and after one began: nothing can be added any more.
        if grown {
            concurrent += now.joined();
            let cohort = now.cohort(measured);
            slow.extend(cohort.filter(|cohort| cohort.took() > limit));
        }
        now.end(ending, &measured[ending]);
    }
    (slow, concurrent)
}
