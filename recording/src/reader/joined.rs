//! Payloads that are kept in chunks.

use super::cell::Cells;
use super::error::Place;
use super::{ReadError, Reader};
use crate::column::signed;
use crate::record::ChunksId;

impl Reader {
    /// The first `cap` bytes of the payload under `chunks`; fewer where it is shorter, or a chunk is
    /// missing.
    pub fn joined(&self, chunks: ChunksId, cap: usize) -> Result<Vec<u8>, ReadError> {
        let mut joined = Vec::new();
        self.join_into(chunks, cap, &mut joined)?;
        Ok(joined)
    }

    /// [`joined`](Self::joined) into a buffer that is cleared first.
    pub(super) fn join_into(
        &self,
        chunks: ChunksId,
        cap: usize,
        joined: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        joined.clear();
        let place = Place::after(&self.path, "frame_chunk", chunks.0);
        let sql = "SELECT idx, bytes FROM frame_chunk WHERE chunks_id = ? ORDER BY idx";
        let mut statement = place.of(self.sqlite.prepare(sql))?;
        let mut rows = place.of(statement.query([signed(chunks.0)]))?;
        let mut expected = 0;
        while let Some(row) = place.of(rows.next())? {
            let cells = Cells { row, place };
            // What comes after a hole has no known place in the payload.
            if cells.number(0, "idx")? != expected {
                break;
            }
            expected += 1;
            let bytes = cells.bytes(1, "bytes")?;
            let room = cap - joined.len();
            joined.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if joined.len() == cap {
                break;
            }
        }
        Ok(())
    }
}
