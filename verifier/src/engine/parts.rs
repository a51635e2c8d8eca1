//! What settles that something is missing: the parts of the run that are not here, or another recording.

use super::state::Cx;
use crate::history::{GapCause, Outline};

/// What settles that a part of a run is missing.
pub const ALL_PARTS: &str = "verify with all parts of the run";

const WITHOUT_GAPS: &str = "record again without gaps, with a codec that decodes all messages";
const WITHOUT_GAPS_AND_WHOLE: &str = "record again without gaps, and with whole payloads";

impl Cx<'_> {
    /// What settles a doubt about frames that are missing or cannot be decoded; to be asked at the end.
    pub fn settles_missing(&self) -> &'static str {
        self.unless_in_parts(WITHOUT_GAPS)
    }

    /// What settles one about frames that are missing, or of which not all is there; likewise.
    pub fn settles_missing_or_cut(&self) -> &'static str {
        self.unless_in_parts(WITHOUT_GAPS_AND_WHOLE)
    }

    /// Where nothing is missing but parts of the run, nothing need be recorded again.
    const fn unless_in_parts(&self, again: &'static str) -> &'static str {
        if self.lacks_only_parts && !self.any_undecoded {
            ALL_PARTS
        } else {
            again
        }
    }
}

/// Whether frames are missing, and all of them are in parts of the run that are not here.
pub(super) fn are_all_that_lacks(outlines: &[&Outline]) -> bool {
    let gaps = || outlines.iter().flat_map(|outline| &outline.gaps);
    let is_part = |cause| cause == GapCause::MissingPart;
    let lacks_parts = outlines.iter().any(|outline| outline.goes_on.is_some())
        || gaps().any(|gap| is_part(gap.cause));
    lacks_parts && gaps().all(|gap| is_part(gap.cause))
}
