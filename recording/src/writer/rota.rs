//! Which part is written, and how it comes to the next one.

use std::path::Path;

use super::file::RecordingFile;
use super::insert::Inserts;
use super::open::Open;
use super::rotation::Schedule;
use super::{Rotation, Shared, StartError, WriteError, WriterOptions};
use crate::parts::PartNames;

/// Of a recording that is cut into parts: where it stands.
pub(super) struct Rota {
    rotation: Rotation,
    names: PartNames,
    /// The number in the name of the file that is written.
    number: u32,
    pub(super) schedule: Schedule,
    pub(super) open: Open,
}

impl Rota {
    /// Of the parts of `out`; `file` is the first one, and has `number` in its name.
    pub(super) fn new(
        rotation: Rotation,
        out: &Path,
        number: u32,
        file: &RecordingFile,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            rotation,
            names: PartNames::of(out),
            number,
            schedule: Schedule::new(rotation, file.size()?),
            open: Open::default(),
        })
    }

    /// Begins the next part; where that fails, everything is as before.
    pub(super) fn next(
        &mut self,
        file: &RecordingFile,
        shared: &Shared,
        options: &WriterOptions,
    ) -> Result<RecordingFile, StartError> {
        let number = self.number.saturating_add(1);
        let path = self.names.path(number);
        let next = file.next_part(&path, &shared.run, &self.open, options)?;
        let ready = next
            .size()
            .and_then(|size| Inserts::prepare(&next.connection, &shared.run).map(|_| size));
        let size = ready.map_err(|error| {
            // Nothing was written to it, and it would be in the way of the next try.
            let _ = std::fs::remove_file(&path);
            WriteError::new(&path, "prepare the next part", &error)
        })?;
        self.number = number;
        self.schedule = Schedule::new(self.rotation, size);
        Ok(next)
    }
}
