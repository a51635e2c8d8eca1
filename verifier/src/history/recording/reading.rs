//! One reading of a recording: messages of connections and of plain HTTP exchanges, in one order.

use wsaudit_recording::{
    Filter, HttpBodyRow, HttpQuery, HttpRows, MessagePayload, MessageQuery, MessageRows, ReadError,
    Seq,
};
use wsaudit_wire::Opcode;

use super::RecordingSource;
use crate::history::{Cursor, Moment, Reading, Rest, SourceError, SourceMessage, SourcePayload};

pub(super) struct RecordingReading<'s> {
    source: &'s RecordingSource,
    query: MessageQuery<'s>,
    http: HttpQuery<'s>,
}

impl<'s> RecordingReading<'s> {
    pub(super) fn of(source: &'s RecordingSource) -> Result<Self, SourceError> {
        let error = |error| source.error(&error);
        Ok(Self {
            source,
            query: source.reader.messages(Filter::ALL).map_err(error)?,
            http: source.reader.http_messages().map_err(error)?,
        })
    }
}

impl Reading for RecordingReading<'_> {
    fn begin(&mut self) -> Result<Box<dyn Cursor + '_>, SourceError> {
        let rows = self
            .query
            .rows()
            .map_err(|error| self.source.error(&error))?;
        let http = self
            .http
            .rows()
            .map_err(|error| self.source.error(&error))?;
        let mut cursor = RecordingCursor {
            source: self.source,
            rows,
            http,
            next: [None, None],
            stands_on: None,
            at: i64::MIN,
        };
        cursor.next = [cursor.step(Track::Frames)?, cursor.step(Track::Http)?];
        Ok(Box::new(cursor))
    }
}

struct RecordingCursor<'q> {
    source: &'q RecordingSource,
    rows: MessageRows<'q>,
    http: HttpRows<'q>,
    /// By track: the place and time of the message that its rows stand on.
    next: [Option<Moment>; 2],
    /// The track whose message is the current one.
    stands_on: Option<Track>,
    /// The time of the message that the cursor stands on. Frames are numbered when they are read,
    /// and timed a moment before: times are kept from running backwards.
    at: i64,
}

/// Messages of connections, and those of plain HTTP exchanges.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Track {
    Frames,
    Http,
}

impl RecordingCursor<'_> {
    /// Goes on to the next row of a track.
    fn step(&mut self, track: Track) -> Result<Option<Moment>, SourceError> {
        let error = |error: ReadError| self.source.error(&error);
        let found = match track {
            Track::Frames => {
                self.rows.advance().map_err(error)?;
                self.rows.stands_at()
            }
            Track::Http => {
                self.http.advance().map_err(error)?;
                let row = self.http.current().map_err(error)?;
                row.map(|row| (row.seq, row.exchange, row.at))
            }
        };
        let (clock, reader) = (&self.source.clock, &self.source.reader);
        Ok(found.map(|(seq, connection, at)| Moment {
            seq: seq.0,
            at: clock.at(reader, connection, at),
        }))
    }
}

impl Cursor for RecordingCursor<'_> {
    fn advance(&mut self) -> Result<Option<Moment>, SourceError> {
        match self.stands_on {
            Some(Track::Frames) => self.next[0] = self.step(Track::Frames)?,
            Some(Track::Http) => self.next[1] = self.step(Track::Http)?,
            None => {}
        }
        let (track, moment) = match self.next {
            [Some(frame), Some(http)] if http.seq < frame.seq => (Track::Http, http),
            [Some(frame), _] => (Track::Frames, frame),
            [None, Some(http)] => (Track::Http, http),
            [None, None] => {
                self.stands_on = None;
                return Ok(None);
            }
        };
        self.stands_on = Some(track);
        self.at = self.at.max(moment.at);
        Ok(Some(Moment {
            at: self.at,
            ..moment
        }))
    }

    fn current(&self) -> Result<SourceMessage<'_>, SourceError> {
        let error = |error: ReadError| self.source.error(&error);
        let moment = |seq: Seq| Moment {
            seq: seq.0,
            at: self.at,
        };
        if self.stands_on == Some(Track::Http) {
            let row = self.http.current().map_err(error)?;
            let row = row.expect("`advance` found a message");
            return Ok(SourceMessage {
                moment: moment(row.seq),
                connection: row.exchange.0,
                direction: row.direction,
                opcode: Opcode::TEXT,
                payload: match row.body {
                    HttpBodyRow::Whole(bytes) => SourcePayload::Whole(bytes),
                    HttpBodyRow::Truncated { kept, why } => SourcePayload::Beginning {
                        kept,
                        why,
                        // Of one that was sent in a coding, the lengths cannot be compared.
                        rest: if kept.len() as u64 == row.length {
                            Rest::NeverCame
                        } else {
                            Rest::NotKept
                        },
                    },
                    HttpBodyRow::Undecodable { why, .. } => SourcePayload::Undecodable(why),
                },
            });
        }
        let row = self.rows.current().map_err(error)?;
        let row = row.expect("`advance` found a message");
        Ok(SourceMessage {
            moment: moment(row.seq),
            connection: row.connection.0,
            direction: row.direction,
            opcode: row.opcode,
            payload: match row.payload {
                MessagePayload::Bytes(bytes) => SourcePayload::Whole(bytes),
                MessagePayload::Truncated { kept, full_length } => SourcePayload::Truncated {
                    kept: kept.len() as u64,
                    full_length,
                },
                MessagePayload::Undecodable(why) => SourcePayload::Undecodable(why),
                MessagePayload::Withheld(why) => SourcePayload::Withheld(why),
            },
        })
    }
}
