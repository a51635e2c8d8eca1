//! When something was at a place that is no message's: before and after a gap, and where a connection
//! begins to speak for another session.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::engine::Verification;
use crate::history::{Source, SourceError};

/// The moments around such places of one recording, by place: nanoseconds since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct Moments {
    known: BTreeMap<u64, i64>,
}

impl Moments {
    /// Reads the messages as far as the last of the places; none, where there are no places.
    pub(super) fn of(
        verification: &Verification,
        recording: u16,
        source: &dyn Source,
    ) -> Result<Self, SourceError> {
        let outline = source.outline();
        let own = verification
            .connections
            .iter()
            .filter(|it| it.recording == recording);
        let later = own.flat_map(|it| it.sessions.iter().skip(1));
        let gaps = outline.gaps.iter().flat_map(|gap| [gap.from, gap.to]);
        let places: BTreeSet<_> = gaps.chain(later.map(|(from, _)| *from)).collect();
        let mut moments = Self::default();
        let Some(last) = places.last() else {
            return Ok(moments);
        };
        for connection in &outline.connections {
            let steps = [
                Some(connection.opened),
                connection.answered,
                connection.closed,
            ];
            let steps = steps.into_iter().flatten();
            moments.known.extend(steps.map(|step| (step.seq, step.at)));
        }
        let mut reading = source.reading()?;
        let mut cursor = reading.begin()?;
        let mut before: Option<(u64, i64)> = None;
        while let Some(moment) = cursor.advance()? {
            // Of the messages between two places, the first and the last one matter.
            let from = before.map_or(0, |(seq, _)| seq);
            if places.range(from..=moment.seq).next().is_some() {
                moments.known.extend(before);
                moments.known.insert(moment.seq, moment.at);
            }
            before = Some((moment.seq, moment.at));
            if moment.seq > *last {
                break;
            }
        }
        moments.known.extend(before);
        Ok(moments)
    }

    /// When the last thing was at that place or before it.
    pub(super) fn until(&self, seq: u64) -> Option<i64> {
        self.known.range(..=seq).next_back().map(|(_, at)| *at)
    }

    /// When the first thing was behind that place.
    pub(super) fn after(&self, seq: u64) -> Option<i64> {
        let behind = (Bound::Excluded(seq), Bound::Unbounded);
        self.known.range(behind).next().map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_may_reach_to_the_last_place_there_is() {
        let moments = Moments {
            known: BTreeMap::from([(3, 30), (u64::MAX, 99)]),
        };
        assert_eq!(moments.until(2), None);
        assert_eq!((moments.until(3), moments.after(3)), (Some(30), Some(99)));
        let end = (moments.until(u64::MAX), moments.after(u64::MAX));
        assert_eq!(end, (Some(99), None));
    }
}
