//! What settles that parts of a run are missing: they, and not another recording.

use super::super::run::Finished;
use crate::finding::{Doubt, WITHOUT_GAPS, WITHOUT_GAPS_AND_WHOLE};
use crate::history::GapCause;

/// What settles that a part of a run is missing.
pub(super) const ALL_PARTS: &str = "verify with all parts of the run";

/// Whether all that a pack's rules miss is in parts of the run that are not here.
pub(super) fn are_all_that_lacks(finished: &Finished<'_>, pack: usize) -> bool {
    let outlines = || finished.cx.outlines.iter();
    let mut gaps = outlines().flat_map(|outline| &outline.gaps);
    let lacks_parts = outlines().any(|outline| outline.goes_on.is_some())
        || gaps.clone().any(|gap| gap.cause == GapCause::MissingPart);
    lacks_parts
        && gaps.all(|gap| gap.cause == GapCause::MissingPart)
        && finished.tally.undecodable[pack].first.is_none()
}

/// Where nothing is missing but parts of the run, nothing need be recorded again.
pub(super) fn ask_for_them(doubt: &mut Doubt) {
    if [WITHOUT_GAPS, WITHOUT_GAPS_AND_WHOLE].contains(&doubt.settle.as_str()) {
        ALL_PARTS.clone_into(&mut doubt.settle);
    }
}
