//! What a cut would go through: what is open in the part that is written.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_wire::{Direction, FrameHeader};

use crate::record::{ChunksId, ConnectionId, FrameRecord, Payload, Record};

/// What is open: the next part repeats the rows of the connections, and a cut waits for the rest.
#[derive(Debug, Default)]
pub(super) struct Open {
    connections: BTreeSet<ConnectionId>,
    /// Plain HTTP exchanges, which are numbered like connections.
    exchanges: BTreeSet<ConnectionId>,
    /// Messages in fragments of which the last one is to come.
    fragments: BTreeSet<(ConnectionId, Direction)>,
    /// Payloads in chunks of which the frame's row is to come, with the bytes so far.
    chunks: BTreeMap<ChunksId, u64>,
}

impl Open {
    /// Notes a record that was written.
    pub(super) fn note(&mut self, record: &Record) {
        match record {
            Record::Opened(opened) => {
                self.connections.insert(opened.id);
            }
            Record::Closed(closed) => {
                self.connections.remove(&closed.id);
                for direction in Direction::BOTH {
                    self.fragments.remove(&(closed.id, direction));
                }
            }
            Record::ExchangeOpened(opened) => {
                self.exchanges.insert(opened.id);
            }
            Record::ExchangeEnded(ended) => {
                self.exchanges.remove(&ended.id);
            }
            Record::Frame(frame) => self.frame(frame),
            Record::Chunk(chunk) => {
                *self.chunks.entry(chunk.chunks).or_default() += chunk.bytes.len() as u64;
            }
            Record::Tail(tail) => self.end_chunks(&tail.payload),
            Record::Answered(_)
            | Record::Tag(_)
            | Record::Message(_)
            | Record::Anomaly(_)
            | Record::ExchangeAnswered(_)
            | Record::Http(_)
            | Record::Gap(_) => {}
        }
    }

    fn frame(&mut self, frame: &FrameRecord) {
        self.end_chunks(&frame.payload);
        if frame.header.opcode().is_control() {
            return;
        }
        if !is_final(&frame.header) {
            self.fragments.insert((frame.connection, frame.direction));
        } else if !self.fragments.is_empty() {
            self.fragments.remove(&(frame.connection, frame.direction));
        }
    }

    fn end_chunks(&mut self, payload: &Payload) {
        if let Payload::Chunked(chunks) = payload {
            self.chunks.remove(chunks);
        }
    }

    /// Whether a cut here would go through a message.
    pub(super) fn message(&self) -> bool {
        !self.fragments.is_empty() || !self.chunks.is_empty()
    }

    /// The connections, in the order of their numbers.
    pub(super) fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.connections.iter().copied()
    }

    /// The exchanges, likewise.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = ConnectionId> {
        self.exchanges.iter().copied()
    }

    /// The payloads in chunks, the newest first, with the bytes so far.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (ChunksId, u64)> {
        let chunks = self.chunks.iter().rev();
        chunks.map(|(chunks, bytes)| (*chunks, *bytes))
    }
}

/// RFC 6455, section 5.2: the FIN bit "indicates that this is the final fragment in a message".
const fn is_final(header: &FrameHeader) -> bool {
    header.first_byte & 0x80 != 0
}

#[cfg(test)]
mod tests {
    use wsaudit_wire::LengthForm;

    use super::*;
    use crate::record::{ConnectionClosed, FrameChunk, HowEnded, Nanos, Seq};

    fn frame(first_byte: u8, payload: Payload) -> Record {
        Record::Frame(FrameRecord {
            seq: Seq(1),
            connection: ConnectionId(1),
            direction: Direction::ClientToServer,
            first_at: Nanos(0),
            last_at: Nanos(0),
            header: FrameHeader {
                first_byte,
                length_form: LengthForm::Bits7,
                declared_length: 0,
                masking_key: None,
            },
            payload,
        })
    }

    #[test]
    fn a_message_is_open_from_its_first_fragment_to_its_last() {
        let mut open = Open::default();
        let whole = || Payload::Whole(Vec::new());
        for (first_byte, is_open) in [
            (0x81, false),
            (0x01, true),
            (0x00, true),
            (0x89, true),
            (0x80, false),
            (0x02, true),
            // A message that was cut off by another one (its end fell into a gap).
            (0x81, false),
        ] {
            open.note(&frame(first_byte, whole()));
            assert_eq!(open.message(), is_open, "{first_byte:#x}");
        }
    }

    #[test]
    fn a_payload_in_chunks_is_open_until_its_frame_comes() {
        let mut open = Open::default();
        for index in 0..2 {
            open.note(&Record::Chunk(FrameChunk {
                chunks: ChunksId(3),
                index,
                bytes: vec![0; 10],
            }));
        }
        assert!(open.message());
        assert_eq!(open.chunks().collect::<Vec<_>>(), [(ChunksId(3), 20)]);
        open.note(&frame(0x82, Payload::Chunked(ChunksId(3))));
        assert!(!open.message());
    }

    #[test]
    fn the_end_of_a_connection_ends_its_messages() {
        let mut open = Open::default();
        open.note(&frame(0x01, Payload::Whole(Vec::new())));
        open.note(&Record::Closed(ConnectionClosed {
            id: ConnectionId(1),
            seq: Seq(2),
            at: Nanos(0),
            how: HowEnded::Fin,
            closed_by: None,
            close_code: None,
            close_reason: None,
        }));
        assert!(!open.message());
    }
}
