//! The mean and the percentiles.

use super::telling::Unseen;
use super::{Check, Measured};
use crate::engine::{ConnectionState, Cx, nanoseconds};
use crate::finding::{Doubt, Outcome, Place, Subject};

impl Check {
    /// The mean and the percentiles. A span without an end counts as long as it was watched: a
    /// statistic that is too high with that is too high whatever comes.
    pub(super) fn statistics(
        &self,
        cx: &Cx<'_>,
        measured: &[Measured],
        out_of_order: Option<[Place; 2]>,
        outcome: &mut Outcome,
    ) {
        let mut sorted: Vec<_> = measured.iter().collect();
        sorted.sort_by_key(|one| one.took);
        let Some(slowest) = sorted.last() else {
            return;
        };
        let unseen = self.unseen(cx);
        let mut compare = |what: &str, value: i64, limit: i64| {
            if let Some(places) = unsure(cx, measured, out_of_order, value - limit) {
                outcome.doubts.push(unsure_of(cx, what, places));
            } else if value > limit {
                if let Some(unseen) = unseen {
                    let doubt = self.perhaps_lower(cx, what, (value, limit), unseen);
                    outcome.doubts.push(doubt);
                } else {
                    let violation = self.too_high(cx, what, (value, limit), &sorted);
                    outcome.violations.push(violation);
                }
            }
        };
        if let Some(limit) = self.spec.mean.map(nanoseconds) {
            let sum: i128 = sorted.iter().map(|one| i128::from(one.took)).sum();
            let mean = i64::try_from(sum / sorted.len() as i128).unwrap_or(slowest.took);
            compare("mean", mean, limit);
        }
        for (percent, limit) in &self.spec.percentiles {
            let (value, limit) = (percentile(&sorted, *percent), nanoseconds(*limit));
            let what = format!("{percent}th percentile");
            compare(&what, value, limit);
        }
    }

    /// What keeps it from being known that every measurement was seen: one that took less would make a
    /// statistic lower. The steps of a connection's life are missing only with a part of the run.
    fn unseen(&self, cx: &Cx<'_>) -> Option<Unseen> {
        if self.start_of_nobody {
            return Some(Unseen::Holder);
        }
        let lost = |(connection, state): (_, &ConnectionState<'_>)| {
            let first = Place {
                recording: state.recording,
                seq: 0,
            };
            cx.may_hide(connection, first)
        };
        let is_unseen = if self.starts_are_steps {
            cx.may_lack_connections()
        } else {
            cx.is_cut_off() || cx.connections().any(lost)
        };
        is_unseen.then_some(Unseen::Frames)
    }
}

/// What keeps a statistic from being known, so far from its limit: events whose order is not known, or
/// times between two clocks.
fn unsure(
    cx: &Cx<'_>,
    measured: &[Measured],
    out_of_order: Option<[Place; 2]>,
    from_limit: i64,
) -> Option<[Place; 2]> {
    let mut between = measured.iter().filter_map(|one| {
        let (start, end) = (one.span.start.place, one.span.end.as_ref()?.place);
        (cx.skew(start, end) >= from_limit.abs().max(1)).then_some([start, end])
    });
    out_of_order.or_else(|| between.next())
}

fn unsure_of(cx: &Cx<'_>, what: &str, [first, second]: [Place; 2]) -> Doubt {
    let what = format!("whether the {what} is over its limit is not known");
    cx.unknown_order(first, second, &what, Subject::default())
}

/// The percentile of measurements in their order, by nearest rank: the least one that at least so
/// many percent do not exceed.
fn percentile(sorted: &[&Measured], percent: u8) -> i64 {
    let rank = (sorted.len() * usize::from(percent)).div_ceil(100);
    sorted[rank.max(1) - 1].took
}
