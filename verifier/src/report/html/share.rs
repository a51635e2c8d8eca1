//! How much of a long report the page tells, so that it opens at once; the JSON has all.

use std::collections::BTreeMap;

use crate::report::Audit;
use crate::report::even::even;
use crate::report::model::Violation;

/// So many violations are told in one page.
const MOST_VIOLATIONS: usize = 600;
/// So many histories are told in full.
const MOST_HISTORIES: usize = 60;
/// So many sessions, and so many users, are told in one page, and so many doubts and notes,
const MOST_ROWS: usize = 600;
/// but of each history at least these.
const LEAST_ROWS: usize = 8;
/// So many lanes can be drawn in one page,
const MOST_LANES: usize = 800;
/// but of each history at least these.
const LEAST_LANES: usize = 30;

/// How much of what is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// So many violations of each rule of each history.
    pub(super) violations: usize,
    /// So many histories in full.
    pub(super) histories: usize,
    /// So many rows of every other table of a history.
    pub(super) rows: usize,
    /// So many lanes of a history.
    pub(super) lanes: usize,
}

impl Share {
    pub(super) fn of(audit: &Audit) -> Self {
        let histories = audit.histories.len().min(MOST_HISTORIES);
        let mut groups = BTreeMap::<_, usize>::new();
        for (number, report) in audit.histories.iter().enumerate().take(histories) {
            for violation in &report.violations {
                *groups.entry((number, rule(violation))).or_default() += 1;
            }
        }
        let counts: Vec<_> = groups.into_values().collect();
        Self {
            violations: even(&counts, MOST_VIOLATIONS),
            histories,
            rows: (MOST_ROWS / histories.max(1)).max(LEAST_ROWS),
            lanes: (MOST_LANES / histories.max(1)).max(LEAST_LANES),
        }
    }

    /// The violations of a history that are told, and how many of each rule are not.
    pub(super) fn violations(
        self,
        all: &[Violation],
    ) -> (Vec<&Violation>, BTreeMap<(&str, &str), usize>) {
        let mut met = BTreeMap::<_, usize>::new();
        let mut told = Vec::new();
        let mut left = BTreeMap::new();
        for violation in all {
            let count = met.entry(rule(violation)).or_default();
            *count += 1;
            if *count <= self.violations {
                told.push(violation);
            } else {
                *left.entry(rule(violation)).or_default() += 1;
            }
        }
        (told, left)
    }
}

fn rule(violation: &Violation) -> (&str, &str) {
    (&violation.pack, &violation.rule)
}
