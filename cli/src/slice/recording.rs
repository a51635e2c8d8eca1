//! A slice as a recording: rows of the one that it is cut from, as they are.

use std::path::Path;

use anyhow::{Context as _, bail};
use wsaudit_recording::{ConnectionId, Kept, Reader, Seq, cut};
use wsaudit_verifier::history::RecordingSource;
use wsaudit_verifier::slice::Slice;

use crate::file::Part;
use crate::interrupt::Unfinished;
use crate::verify::Verified;

/// Writes it, and verifies what was written.
pub(super) fn write(out: &Path, slice: &Slice, verified: &Verified) -> anyhow::Result<()> {
    let mut origins = slice.origins.iter();
    let (Some((recording, origin)), None) = (origins.next(), origins.next()) else {
        bail!("what shows the violation is in several recordings; write a case (--out FILE.md)");
    };
    let outline = verified.sources()[*recording].outline();
    if outline.parts.len() > 1 {
        bail!(
            "{} is in several files; write a case (--out FILE.md)",
            outline.name
        );
    }
    let reader = Reader::open(verified.path(&outline.name))?;
    let kept = Kept {
        connections: origin
            .connections
            .iter()
            .copied()
            .map(ConnectionId)
            .collect(),
        messages: origin.messages.iter().copied().map(Seq).collect(),
    };
    let place = || format!("cannot write {}", out.display());
    let part = Part::of(out).with_context(place)?;
    let mut journal = part.path().as_os_str().to_owned();
    journal.push("-journal");
    let _journal = Unfinished::new(Path::new(&journal));
    cut(&reader, part.path(), &kept)?;
    let shown = RecordingSource::open(part.path(), &out.display().to_string())
        .map_err(anyhow::Error::from)
        .and_then(|source| Ok(slice.is_shown_by(&[Box::new(source)])?));
    if !shown.context("the slice cannot be verified")? {
        // What does not show the violation would be mistaken for something that does: it is not kept.
        bail!(
            "cut out of its recording, it does not break the rule any more; write a case (--out FILE.md)"
        );
    }
    part.place().with_context(place)
}
