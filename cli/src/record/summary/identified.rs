//! On which connections of a run the configured sources yielded something.

use std::collections::BTreeSet;
use std::path::Path;

use wsaudit_recording::{Reader, RunId};
use wsaudit_tagging::TagKind;

/// The accepted connections of a run, and which of them have tags.
#[derive(Debug, Default)]
pub(super) struct Identified {
    accepted: BTreeSet<u64>,
    tagged: BTreeSet<(TagKind, u64)>,
}

impl Identified {
    /// Reads it from a recording that is closed.
    pub(super) fn read(path: &Path, run: RunId) -> anyhow::Result<Self> {
        let reader = Reader::open(path)?;
        let accepted = reader
            .connections()?
            .into_iter()
            .filter(|connection| connection.run == run)
            .filter(|connection| {
                let status = connection.answered.as_ref().and_then(|it| it.status);
                status == Some(101)
            })
            .map(|connection| connection.id.0)
            .collect();
        let tagged = reader
            .tags()?
            .into_iter()
            .map(|span| (span.tag.kind, span.tag.connection.0))
            .collect();
        Ok(Self { accepted, tagged })
    }

    /// How many accepted connections have no tag of that kind.
    pub(super) fn lacking(&self, kind: TagKind) -> u64 {
        let lacks = |connection: &&u64| !self.tagged.contains(&(kind, **connection));
        self.accepted.iter().filter(lacks).count() as u64
    }
}
