//! What other recordings do not show. One that has no end, or that lacks frames of whatever connection, may lack
//! connections, too, and whose they were nobody knows:
//!
//! ```text
//!   a.db   ---- shared with B ---- killed
//!   b.db   -------------------------------- B is shown it      a share may have come when a.db shows nothing any more
//! ```

use crate::finding::Place;
use crate::history::{Moment, Outline};

/// From where on something may be missing in other recordings, as each recording has it.
#[derive(Debug)]
pub(super) struct Elsewhere {
    /// By recording: when, in nanoseconds since the Unix epoch; `i64::MAX`: never.
    times: Vec<i64>,
    /// By recording: the first place that it shows then.
    places: Vec<Option<u64>>,
}

impl Elsewhere {
    /// `tolerance` is by how much the clocks of two recordings may disagree, in nanoseconds.
    pub(super) fn new(outlines: &[&Outline], tolerance: i64) -> Self {
        let others = |own: usize| {
            let others = outlines.iter().enumerate();
            others.filter(move |(other, _)| *other != own)
        };
        let first = |own| {
            let lacks = others(own).filter_map(|(_, outline)| lacks_from(outline));
            lacks
                .min()
                .map_or(i64::MAX, |at| at.saturating_sub(tolerance))
        };
        Self {
            times: (0..outlines.len()).map(first).collect(),
            places: vec![None; outlines.len()],
        }
    }

    /// Goes on to a place of a recording.
    pub(super) fn pass(&mut self, recording: u16, moment: Moment) {
        let recording = usize::from(recording);
        if moment.at >= self.times[recording] {
            self.places[recording].get_or_insert(moment.seq);
        }
    }

    /// Whether something that came before a place may be missing. A place of no recording is the end of all.
    pub(super) fn is_lost_before(&self, place: Place) -> bool {
        match self.places.get(usize::from(place.recording)) {
            Some(from) => from.is_some_and(|from| from <= place.seq),
            None => self.lacks_anything(),
        }
    }

    /// Whether something may be missing at all.
    pub(super) fn lacks_anything(&self) -> bool {
        self.times.iter().any(|at| *at < i64::MAX)
    }
}

/// When a recording may first lack something of whatever connection; `None`: it never does.
fn lacks_from(outline: &Outline) -> Option<i64> {
    let of_all = outline.gaps.iter().filter(|gap| gap.connection.is_none());
    let gap = of_all.map(|gap| before(outline, gap.from)).min();
    let end = outline.is_cut_off().then_some(outline.ended_at);
    gap.into_iter().chain(end).min()
}

/// A time before a place: that of the last step in a connection's life.
fn before(outline: &Outline, seq: u64) -> i64 {
    let steps = outline.connections.iter().flat_map(|connection| {
        let later = [connection.answered, connection.closed];
        later.into_iter().flatten().chain([connection.opened])
    });
    let steps = steps.filter(|moment| moment.seq <= seq);
    steps
        .map(|moment| moment.at)
        .fold(outline.started_at, i64::max)
}
