//! One direction of a recorded connection: from bytes to frames, messages and tags.

mod ended;
mod open_frame;

use wsaudit_recording::{
    ChunksId, ConnectionId, FrameChunk, FrameRecord, MessageRecord, Nanos, Payload, Run, Seq,
    TailRecord,
};
use wsaudit_tagging::{Tag, Tagger};
use wsaudit_wire::{
    Anomaly, Assembler, ClosePayload, Deframer, Direction, Extensions, FrameHeader, Opcode,
    OutputCap, Piece, Rest,
};

use super::Stamp;
use super::redaction::Redaction;
use crate::config::Limits;
pub(super) use open_frame::Complete;
use open_frame::OpenFrame;

/// Control frames are recorded whole: "All control frames MUST have a payload length of 125 bytes or
/// less" (RFC 6455, section 5.5).
const LONGEST_CONTROL: u64 = 125;

/// One direction.
pub(super) struct Lane {
    connection: ConnectionId,
    direction: Direction,
    chunk: usize,
    /// How many bytes of a payload are recorded; where it is redacted, looked at.
    keep: u64,
    /// `None` where payloads are recorded as they are.
    redaction: Option<Redaction>,
    deframer: Deframer,
    assembler: Assembler,
    open: Option<OpenFrame>,
    /// When the first byte of a header was read whose last byte is still to come.
    header_at: Option<Nanos>,
    /// The first frame of the open message.
    first_fragment: Option<Seq>,
    /// The last data frame.
    last_data: Option<Seq>,
}

/// What a lane saw in some bytes, in order.
pub(super) enum Seen {
    Frame {
        record: FrameRecord,
        complete: Complete,
    },
    Chunk(FrameChunk),
    Message(MessageRecord),
    Tag(Tag, Seq),
    Anomaly(Anomaly, Seq),
    Close(ClosePayload),
    /// The frame before it was recorded in part.
    Truncated,
}

impl Lane {
    pub(super) fn new(
        connection: ConnectionId,
        direction: Direction,
        extensions: &Extensions,
        limits: &Limits,
        redaction: Option<Redaction>,
    ) -> Self {
        let keep = match &redaction {
            None => limits.recorded_payload.unwrap_or(u64::MAX),
            Some(_) => limits.message as u64,
        };
        let cap = usize::try_from(keep).map_or(limits.message, |keep| keep.min(limits.message));
        Self {
            connection,
            direction,
            chunk: limits.chunk.max(1),
            keep,
            redaction,
            deframer: Deframer::new(),
            assembler: Assembler::new(direction, extensions, OutputCap(cap)),
            open: None,
            header_at: None,
            first_fragment: None,
            last_data: None,
        }
    }

    /// How many frames end in the next bytes. A copy of the deframer looks ahead: its state is small,
    /// and finding the ends costs little beside copying the payloads.
    pub(super) fn count_ends(&self, bytes: &[u8]) -> u64 {
        let mut ahead = self.deframer.clone();
        ahead
            .pieces(bytes)
            .filter(|piece| matches!(piece, Piece::End))
            .count() as u64
    }

    /// A chunk was lost, and with it the frame, if that is still open.
    pub(super) fn lose(&mut self, id: ChunksId) {
        if let Some(open) = &mut self.open {
            open.lose(id);
        }
    }

    /// Reads the next bytes.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        stamp: Stamp,
        tagger: &mut Tagger,
        run: &Run,
    ) -> Vec<Seen> {
        let mut seen = Vec::new();
        let mut seq = stamp.first_seq;
        let mut input = bytes;
        while let Some(piece) = self.deframer.next_piece(&mut input) {
            match piece {
                Piece::Header(header) => self.begin(header, stamp.at, run, &mut seen),
                Piece::Payload(piece) => self.payload(piece, &mut seen),
                Piece::End => {
                    self.end(seq, stamp.at, tagger, &mut seen);
                    seq = Seq(seq.0 + 1);
                }
            }
        }
        if let Rest::Header(_) = self.deframer.rest() {
            self.header_at.get_or_insert(stamp.at);
        }
        seen
    }

    fn begin(&mut self, header: FrameHeader, at: Nanos, run: &Run, seen: &mut Vec<Seen>) {
        if let Some(message) = self.assembler.header(&header) {
            seen.extend(self.cut_off(message));
        }
        let keep = match (header.opcode().is_control(), &self.redaction) {
            (true, None) => self.keep.max(LONGEST_CONTROL),
            (true, Some(_)) => LONGEST_CONTROL,
            // The assembler joins fragments, and nothing else of them is kept.
            (false, Some(_)) if !is_alone(&header) => 0,
            (false, _) => self.keep,
        };
        // What a redacted payload leaves is in one row, that of its message.
        let whole = self.redaction.is_some()
            || usize::try_from(header.declared_length.min(keep))
                .is_ok_and(|length| length <= self.chunk);
        let first_at = self.header_at.take().unwrap_or(at);
        let chunks = (!whole).then(|| run.next_chunks());
        self.open = Some(OpenFrame::new(header, keep, first_at, chunks));
    }

    fn payload(&mut self, piece: &[u8], seen: &mut Vec<Seen>) {
        let Some(open) = &mut self.open else { return };
        // A read may bring more than a chunk has room for.
        let mut rest = piece;
        while !rest.is_empty() {
            let room = if open.is_in_chunks() {
                self.chunk - open.payload.len()
            } else {
                rest.len()
            };
            let (part, after) = rest.split_at(rest.len().min(room));
            rest = after;
            let start = open.append(part);
            self.assembler.payload(&open.payload[start..]);
            // Only now: a message may have to be inflated from all of its bytes.
            open.cut(start);
            if open.payload.len() == self.chunk {
                seen.extend(open.take_chunk());
            }
        }
    }

    fn end(&mut self, seq: Seq, at: Nanos, tagger: &mut Tagger, seen: &mut Vec<Seen>) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        let ended = self.assembler.end();
        let is_data = !open.header.opcode().is_control();
        let mut after = Vec::new();
        for anomaly in self.assembler.take_anomalies() {
            after.push(Seen::Anomaly(anomaly, seq));
        }
        let truncated = match self.redaction.clone() {
            None => {
                self.as_sent(ended, &open, seq, tagger, &mut after);
                open.is_cut()
            }
            Some(redaction) => self.redacted(&redaction, ended, &mut open, seq, tagger, &mut after),
        };
        if is_data {
            self.last_data = Some(seq);
        }
        seen.extend(open.take_rest());
        seen.push(Seen::Frame {
            record: FrameRecord {
                seq,
                connection: self.connection,
                direction: self.direction,
                first_at: open.first_at,
                last_at: at,
                header: open.header,
                payload: open.payload_record(),
            },
            complete: open.complete,
        });
        if truncated {
            seen.push(Seen::Truncated);
        }
        seen.append(&mut after);
    }

    /// The bytes have ended; `seq` and `at` are those of the connection's end.
    pub(super) fn finish(&mut self, seq: Seq, at: Nanos) -> (Vec<Seen>, Option<TailRecord>) {
        let mut seen = Vec::new();
        let rest = self.deframer.rest();
        if let Some(message) = self.assembler.finish(rest) {
            let last = self.last_data;
            let first = self.first_fragment.take().or(last);
            if let (Some(first), Some(last)) = (first, last) {
                seen.extend(self.given_up(message, first, last));
            }
        }
        for anomaly in self.assembler.take_anomalies() {
            seen.push(Seen::Anomaly(anomaly, seq));
        }
        let tail = match (rest, self.open.take()) {
            (Rest::Header(bytes), _) => Some(TailRecord {
                connection: self.connection,
                direction: self.direction,
                first_at: self.header_at.unwrap_or(at),
                header: bytes.to_vec(),
                payload: Payload::Whole(Vec::new()),
            }),
            (_, Some(mut open)) => {
                if self.redaction.is_some() && open.received > 0 {
                    open.replaced = Some(Payload::Withheld);
                }
                seen.extend(open.take_rest());
                let mut header = Vec::new();
                open.header.encode(&mut header);
                Some(TailRecord {
                    connection: self.connection,
                    direction: self.direction,
                    first_at: open.first_at,
                    header,
                    payload: open.payload_record(),
                })
            }
            (Rest::Nothing | Rest::Payload { .. }, None) => None,
        };
        (seen, tail)
    }
}

/// Whether a data frame's payload may be a message of its own.
const fn is_alone(header: &FrameHeader) -> bool {
    header.fin() && header.opcode().bits() != Opcode::CONTINUATION.bits()
}
