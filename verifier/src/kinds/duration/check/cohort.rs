//! Holders whose measured spans overlap, directly or through others, are a cohort.
//!
//! ```text
//!   s-1   |-------|
//!   s-2       |-------|            s-1, s-2 and s-3 are one cohort, s-4 is another
//!   s-3             |------|
//!   s-4                         |-----|
//! ```

use std::collections::BTreeSet;

use super::{Check, Measured};
use crate::engine::{Cx, Holder, in_words, nanoseconds};
use crate::finding::{Evidence, Outcome, Subject, Violation};

/// Spans that overlap.
struct Cohort<'m> {
    holders: BTreeSet<Holder>,
    first: &'m Measured,
    last: &'m Measured,
    spans: u64,
}

impl<'m> Cohort<'m> {
    fn of(one: &'m Measured) -> Self {
        Self {
            holders: BTreeSet::from([one.holder]),
            first: one,
            last: one,
            spans: 1,
        }
    }

    fn end(&self) -> i64 {
        self.last.span.start.at + self.last.took
    }

    fn add(&mut self, one: &'m Measured) {
        self.holders.insert(one.holder);
        self.spans += 1;
        if one.span.start.at + one.took > self.end() {
            self.last = one;
        }
    }
}

impl Check {
    /// Checks `cohort-max`; gives the number of spans that were concurrent with another holder's.
    pub(super) fn cohorts(&self, cx: &Cx<'_>, measured: &[Measured], outcome: &mut Outcome) -> u64 {
        let Some(limit) = self.spec.cohort_max.map(nanoseconds) else {
            return 0;
        };
        let mut by_start: Vec<_> = measured.iter().collect();
        by_start.sort_by_key(|one| (one.span.start.at, one.span.start.place));
        let mut cohorts: Vec<Cohort<'_>> = Vec::new();
        for one in by_start {
            match cohorts.last_mut() {
                Some(cohort) if one.span.start.at <= cohort.end() => cohort.add(one),
                Some(_) | None => cohorts.push(Cohort::of(one)),
            }
        }
        let mut concurrent = 0;
        for cohort in cohorts {
            if cohort.holders.len() > 1 {
                concurrent += cohort.spans;
            }
            let took = cohort.end() - cohort.first.span.start.at;
            if took > limit {
                outcome
                    .violations
                    .push(self.slow_cohort(cx, &cohort, took, limit));
            }
        }
        concurrent
    }

    fn slow_cohort(&self, cx: &Cx<'_>, cohort: &Cohort<'_>, took: i64, limit: i64) -> Violation {
        let (first, last) = (cohort.first, cohort.last);
        let (took, limit) = (in_words(took), in_words(limit));
        let they = match cohort.holders.len() {
            1 => cx.describe(first.holder),
            several => format!("{several} concurrent {}s", self.spec.per.as_str()),
        };
        let start = format!(
            "{they}: it begins with `{}` of {}",
            first.span.start.name,
            cx.describe(first.holder)
        );
        let who = cx.describe(last.holder);
        let ended = last.span.end.as_ref().map(|end| {
            let text = format!(
                "the last one, {who}, ended with `{}`, {took} later",
                end.name
            );
            (text, end.place)
        });
        let (text, offending) = ended.unwrap_or_else(|| {
            let text = format!("{who} has not ended after {took}");
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
