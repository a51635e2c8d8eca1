//! Payloads that are kept in chunks.

use super::cell::Cells;
use super::error::Place;
use super::{ReadError, Reader};
use crate::column::signed;
use crate::record::{ChunksId, Seq};

/// A payload that was kept in chunks.
pub(super) struct Joined {
    /// As many bytes as the cap allows, or as were recorded.
    pub(super) bytes: Vec<u8>,
    /// The length that the frame's header declares, in bytes.
    pub(super) full_length: u64,
}

impl Reader {
    /// The first `cap` bytes of the payload under `chunks`; fewer where it is shorter, or a chunk is
    /// missing.
    pub fn joined(&self, chunks: ChunksId, cap: usize) -> Result<Vec<u8>, ReadError> {
        let mut joined = Vec::new();
        let place = Place::after(&self.path, "frame_chunk", chunks.0);
        let sql = "SELECT idx, bytes FROM frame_chunk WHERE chunks_id = ? ORDER BY idx";
        let mut statement = place.of(self.sqlite.prepare(sql))?;
        let mut rows = place.of(statement.query([signed(chunks.0)]))?;
        let mut expected = 0;
        while joined.len() < cap
            && let Some(row) = place.of(rows.next())?
        {
            let cells = Cells { row, place };
            // What comes after a hole has no known place in the payload.
            if cells.number(0, "idx")? != expected {
                break;
            }
            expected += 1;
            let bytes = cells.bytes(1, "bytes")?;
            let room = cap - joined.len();
            joined.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(joined)
    }

    /// The payload of the frame at `seq`, which has none in its row: in its chunks, or nowhere.
    pub(super) fn joined_frame(&self, seq: Seq) -> Result<Option<Joined>, ReadError> {
        let place = Place::after(&self.path, "frame", seq.0);
        let sql = "SELECT chunks_id, declared_length FROM frame WHERE seq = ?";
        let mut statement = place.of(self.sqlite.prepare(sql))?;
        let mut rows = place.of(statement.query([signed(seq.0)]))?;
        let row = place.of(rows.next())?;
        let row = row.ok_or_else(|| place.sqlite(rusqlite::Error::QueryReturnedNoRows))?;
        let cells = Cells { row, place };
        let Some(chunks) = cells.number_or_null(0, "chunks_id")? else {
            return Ok(None);
        };
        Ok(Some(Joined {
            bytes: self.joined(ChunksId(chunks), self.options.message_cap)?,
            full_length: cells.number(1, "declared_length")?,
        }))
    }
}
