//! Frames in the order of observation, borrowed from SQLite's pages.

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Rows, Statement};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

use super::cell::Cells;
use super::error::Place;
use super::order::KeyOrder;
use super::{Filter, ReadError, Reader};
use crate::column::to_direction;
use crate::record::{ChunksId, ConnectionId, FrameRecord, Nanos, Payload, Seq};

/// A frame, borrowed from the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRow<'f> {
    /// Where its last byte stands in the order.
    pub seq: Seq,
    /// The connection.
    pub connection: ConnectionId,
    /// The way it travelled.
    pub direction: Direction,
    /// When its first byte was read.
    pub first_at: Nanos,
    /// When its last byte was read.
    pub last_at: Nanos,
    /// The header as it was on the wire.
    pub header: FrameHeader,
    /// The payload.
    pub payload: FrameBytes<'f>,
}

/// Where a frame's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameBytes<'f> {
    /// Here, unmasked; what an extension compressed stays as it was sent.
    Whole(&'f [u8]),
    /// In chunks: [`Reader::joined`].
    Chunked(ChunksId),
    /// Nowhere: redaction did not keep it.
    Withheld,
}

impl FrameRow<'_> {
    /// The same, with bytes of its own.
    pub fn to_record(&self) -> FrameRecord {
        FrameRecord {
            seq: self.seq,
            connection: self.connection,
            direction: self.direction,
            first_at: self.first_at,
            last_at: self.last_at,
            header: self.header,
            payload: match self.payload {
                FrameBytes::Whole(bytes) => Payload::Whole(bytes.to_vec()),
                FrameBytes::Chunked(chunks) => Payload::Chunked(chunks),
                FrameBytes::Withheld => Payload::Withheld,
            },
        }
    }
}

/// A prepared reading of frames; [`rows`](Self::rows) begins it.
pub struct FrameQuery<'r> {
    reader: &'r Reader,
    statement: Statement<'r>,
    filter: Filter,
}

/// Frames in the order of observation, one at a time.
pub struct FrameRows<'q> {
    reader: &'q Reader,
    rows: Rows<'q>,
    filter: &'q Filter,
    /// Of the row before, for errors.
    last: Option<u64>,
    order: KeyOrder,
}

const COLUMNS: &str = "seq, connection_id, direction, first_at, last_at, first_byte, length_form,
     declared_length, masking_key, payload, chunks_id";

impl Reader {
    /// Prepares to read the frames that `filter` lets through.
    ///
    /// ```no_run
    /// # use wsaudit_recording::{Filter, Reader};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let reader = Reader::open("traffic.db")?;
    /// let mut query = reader.frames(Filter::ALL)?;
    /// let mut rows = query.rows()?;
    /// while let Some(frame) = rows.next()? {
    ///     println!("{} {}", frame.seq.0, frame.header.opcode());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn frames(&self, filter: Filter) -> Result<FrameQuery<'_>, ReadError> {
        let sql = format!("SELECT {COLUMNS} FROM frame WHERE seq BETWEEN ? AND ? ORDER BY seq");
        let place = Place::beginning(&self.path, "frame");
        Ok(FrameQuery {
            reader: self,
            statement: place.of(self.sqlite.prepare(&sql))?,
            filter,
        })
    }

    /// The frame at `seq`; `None` where there is none.
    pub fn frame(&self, seq: Seq) -> Result<Option<FrameRecord>, ReadError> {
        let mut query = self.frames(Filter {
            from: seq,
            to: seq,
            ..Filter::ALL
        })?;
        let mut rows = query.rows()?;
        Ok(rows.next()?.map(|frame| frame.to_record()))
    }
}

impl FrameQuery<'_> {
    /// Begins at the first frame.
    pub fn rows(&mut self) -> Result<FrameRows<'_>, ReadError> {
        let place = Place::beginning(&self.reader.path, "frame");
        Ok(FrameRows {
            reader: self.reader,
            rows: place.of(self.statement.query(self.filter.bounds()))?,
            filter: &self.filter,
            last: None,
            order: KeyOrder::default(),
        })
    }
}

impl<'q> FrameRows<'q> {
    /// The next frame; `None` after the last one.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from this, which `Iterator` cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<FrameRow<'_>>, ReadError> {
        let found = self.advance()?;
        if found { self.current() } else { Ok(None) }
    }

    fn advance(&mut self) -> Result<bool, ReadError> {
        loop {
            if let Err(error) = self.rows.advance() {
                return Err(self.place().sqlite(error));
            }
            let Some(row) = self.rows.get() else {
                return Ok(false);
            };
            let place = self.place();
            let cells = Cells { row, place };
            self.order.next(&place, (cells.integer(0, "seq")?, 0))?;
            let seq = cells.number(0, "seq")?;
            let connection = ConnectionId(cells.number(1, "connection_id")?);
            self.last = Some(seq);
            if self.filter.connections.contains(connection) {
                return Ok(true);
            }
        }
    }

    fn current(&self) -> Result<Option<FrameRow<'_>>, ReadError> {
        let Some(row) = self.rows.get() else {
            return Ok(None);
        };
        let place = self.place();
        frame_row(&Cells { row, place }).map(Some)
    }

    fn place(&self) -> Place<'q> {
        match self.last {
            None => Place::beginning(&self.reader.path, "frame"),
            Some(seq) => Place::after(&self.reader.path, "frame", seq),
        }
    }
}

fn frame_row<'f>(cells: &Cells<'f>) -> Result<FrameRow<'f>, ReadError> {
    Ok(FrameRow {
        seq: Seq(cells.number(0, "seq")?),
        connection: ConnectionId(cells.number(1, "connection_id")?),
        direction: direction(cells, 2)?,
        first_at: Nanos(cells.number(3, "first_at")?),
        last_at: Nanos(cells.number(4, "last_at")?),
        header: FrameHeader {
            first_byte: cells.small(5, "first_byte", "0 to 255")?,
            length_form: length_form(cells, 6)?,
            declared_length: cells.number(7, "declared_length")?,
            masking_key: masking_key(cells, 8)?,
        },
        payload: match cells.bytes_or_null(9, "payload")? {
            Some(bytes) => FrameBytes::Whole(bytes),
            None => match cells.number_or_null(10, "chunks_id")? {
                Some(chunks) => FrameBytes::Chunked(ChunksId(chunks)),
                None => FrameBytes::Withheld,
            },
        },
    })
}

#[inline]
pub(super) fn direction(cells: &Cells<'_>, index: usize) -> Result<Direction, ReadError> {
    let value = cells.integer(index, "direction")?;
    to_direction(value).ok_or_else(|| cells.unknown("direction", &value.to_string(), "0 or 1"))
}

fn length_form(cells: &Cells<'_>, index: usize) -> Result<LengthForm, ReadError> {
    let value = cells.integer(index, "length_form")?;
    u8::try_from(value)
        .ok()
        .and_then(LengthForm::from_bits)
        .ok_or_else(|| cells.unknown("length_form", &value.to_string(), "7, 16 or 64"))
}

fn masking_key(cells: &Cells<'_>, index: usize) -> Result<Option<[u8; 4]>, ReadError> {
    let Some(bytes) = cells.bytes_or_null(index, "masking_key")? else {
        return Ok(None);
    };
    bytes.try_into().map(Some).map_err(|_| {
        let found = format!("{} bytes", bytes.len());
        cells.unknown("masking_key", &found, "4 bytes")
    })
}
