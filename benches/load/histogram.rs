//! How long things took: exact to a microsecond up to 65 ms, to a millisecond above.

use std::collections::BTreeMap;
use std::time::Duration;

const FINE: usize = 1 << 16;

pub(crate) struct Histogram {
    fine: Vec<u64>,
    coarse: BTreeMap<u64, u64>,
    count: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            fine: vec![0; FINE],
            coarse: BTreeMap::new(),
            count: 0,
        }
    }

    pub(crate) fn add(&mut self, took: Duration) {
        self.count += 1;
        let micros = usize::try_from(took.as_micros()).unwrap_or(usize::MAX);
        if let Some(count) = self.fine.get_mut(micros) {
            *count += 1;
        } else {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            *self.coarse.entry(millis).or_default() += 1;
        }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The time within which `percent` of them was done, in microseconds; `None` where there was none.
    pub(crate) fn quantile(&self, percent: u64) -> Option<u64> {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let fine = self.fine.iter().copied().enumerate();
        let coarse = self
            .coarse
            .iter()
            .map(|(millis, count)| (*millis * 1_000, *count));
        let mut seen = 0;
        fine.map(|(micros, count)| (micros as u64, count))
            .chain(coarse)
            .find(|(_, count)| {
                seen += count;
                seen >= rank
            })
            .map(|(micros, _)| micros)
    }
}
