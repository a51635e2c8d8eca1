//! Which violations a log tells: code scanning refuses one that is too long.

use std::collections::BTreeMap;

use crate::report::Audit;
use crate::report::closing::plural;
use crate::report::even::even;
use crate::report::model::Violation;

/// GitHub refuses a run of more than 25,000 results, or of more than 10 MB compressed, and keeps 5,000
/// of what it takes. Results that are no violations, one for each rule, stand beside these.
/// <https://docs.github.com/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit>
const MOST: usize = 4_500;

/// The choice: of each fingerprint, which is one alert there, as many as of the others; where there are too
/// many fingerprints, the first ones.
pub(super) struct Told<'a> {
    of_each: usize,
    met: BTreeMap<&'a str, usize>,
    taken: usize,
    left_out: usize,
}

impl<'a> Told<'a> {
    pub(super) fn of(audit: &Audit) -> Self {
        let mut groups = BTreeMap::<_, usize>::new();
        for violation in audit.histories.iter().flat_map(|it| &it.violations) {
            *groups.entry(&violation.fingerprint).or_default() += 1;
        }
        let counts: Vec<_> = groups.into_values().collect();
        Self {
            of_each: even(&counts, MOST),
            met: BTreeMap::new(),
            taken: 0,
            left_out: 0,
        }
    }

    /// Whether the next violation is told; it is counted.
    pub(super) fn takes(&mut self, violation: &'a Violation) -> bool {
        let count = self.met.entry(&violation.fingerprint).or_default();
        *count += 1;
        let is_taken = *count <= self.of_each && self.taken < MOST;
        if is_taken {
            self.taken += 1;
        } else {
            self.left_out += 1;
        }
        is_taken
    }

    /// What is said of those that were not told; `None` where all were.
    pub(super) fn left_out(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            let more = plural(self.left_out, "more violation");
            format!("{more} than code scanning takes; the JSON report has all (--json FILE)")
        })
    }
}
