//! On which connections of a run the configured sources yielded something.

use std::collections::BTreeSet;
use std::path::PathBuf;

use wsaudit_recording::{Reader, RunId};
use wsaudit_tagging::TagKind;

/// The accepted connections of a run, and which of them have tags.
#[derive(Debug, Default)]
pub(super) struct Identified {
    accepted: BTreeSet<u64>,
    tagged: BTreeSet<(TagKind, u64)>,
}

impl Identified {
    /// Reads it from the files of a run that is closed.
    pub(super) fn read(files: &[PathBuf], run: RunId) -> anyhow::Result<Self> {
        let mut identified = Self::default();
        for file in files {
            let reader = Reader::open(file)?;
            for connection in reader.connections()? {
                let status = connection.answered.as_ref().and_then(|it| it.status);
                if connection.run == run && status == Some(101) {
                    identified.accepted.insert(connection.id.0);
                }
            }
            let tags = reader.tags()?;
            let tagged = tags
                .iter()
                .map(|span| (span.tag.kind, span.tag.connection.0));
            identified.tagged.extend(tagged);
        }
        Ok(identified)
    }

    /// How many accepted connections have no tag of that kind.
    pub(super) fn lacking(&self, kind: TagKind) -> u64 {
        let lacks = |connection: &&u64| !self.tagged.contains(&(kind, **connection));
        self.accepted.iter().filter(lacks).count() as u64
    }
}
