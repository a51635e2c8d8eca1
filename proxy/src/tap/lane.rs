//! One direction of a recorded connection: from bytes to frames, messages and tags.

use wsaudit_recording::{
    ChunksId, ConnectionId, FrameChunk, FrameRecord, MessageContent, MessageRecord, Nanos, Payload,
    Run, Seq, TailRecord,
};
use wsaudit_tagging::{Tag, Tagger};
use wsaudit_wire::{
    Anomaly, Assembler, ClosePayload, Content, Deframer, Direction, Ended, Extensions, FrameHeader,
    Message, Opcode, OutputCap, Piece, Rest, append_unmasked,
};

use super::Stamp;
use super::redaction::{Redacted, Redaction};
use crate::config::Limits;

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

/// A frame of which the header was read, and not yet the end.
struct OpenFrame {
    header: FrameHeader,
    /// How many bytes of its payload are recorded.
    keep: u64,
    first_at: Nanos,
    received: u64,
    /// The payload, or that part of it which is in no chunk yet.
    payload: Vec<u8>,
    chunks: Option<Chunks>,
    complete: Complete,
    /// What is recorded in its place.
    replaced: Option<Payload>,
}

struct Chunks {
    id: ChunksId,
    next: u64,
}

/// Whether all chunks of a frame were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complete {
    Yes,
    /// At least one fell into a gap.
    No,
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
        if let Some(open) = &mut self.open
            && open.chunks.as_ref().is_some_and(|chunks| chunks.id == id)
        {
            open.complete = Complete::No;
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
        self.open = Some(OpenFrame {
            header,
            keep,
            first_at: self.header_at.take().unwrap_or(at),
            received: 0,
            payload: Vec::new(),
            chunks: (!whole).then(|| Chunks {
                id: run.next_chunks(),
                next: 0,
            }),
            complete: Complete::Yes,
            replaced: None,
        });
    }

    fn payload(&mut self, piece: &[u8], seen: &mut Vec<Seen>) {
        let Some(open) = &mut self.open else { return };
        // A read may bring more than a chunk has room for.
        let mut rest = piece;
        while !rest.is_empty() {
            let room = match open.chunks {
                Some(_) => self.chunk - open.payload.len(),
                None => rest.len(),
            };
            let (part, after) = rest.split_at(rest.len().min(room));
            rest = after;
            if open.payload.is_empty() {
                // Exactly the payload, where it comes in one piece: most do.
                open.payload.reserve_exact(part.len());
            }
            let start = open.payload.len();
            append_unmasked(
                open.header.masking_key,
                open.received,
                part,
                &mut open.payload,
            );
            open.received += part.len() as u64;
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

    /// What ended with a frame that is recorded as it is.
    fn as_sent(
        &mut self,
        ended: Ended,
        open: &OpenFrame,
        seq: Seq,
        tagger: &mut Tagger,
        after: &mut Vec<Seen>,
    ) {
        match ended {
            Ended::FirstFragment => self.first_fragment = Some(seq),
            Ended::Fragment | Ended::Control(_) => {}
            Ended::Close(close) => after.push(Seen::Close(close)),
            Ended::Message(message) => {
                let message = match message.content {
                    Content::AsSent if open.is_cut() => Message {
                        // Of a payload in chunks, these are what is kept.
                        content: Content::Truncated {
                            kept: match open.chunks {
                                None => open.payload.clone(),
                                Some(_) => Vec::new(),
                            },
                            full_length: open.received,
                        },
                        ..message
                    },
                    _ => message,
                };
                let bytes = match &message.content {
                    // Of a payload in chunks the whole is nowhere; an id in it yields no tag.
                    Content::AsSent if open.chunks.is_some() => None,
                    Content::AsSent => Some(&open.payload[..]),
                    Content::Joined(bytes) => Some(&bytes[..]),
                    Content::Truncated { .. } | Content::Undecodable(_) => None,
                };
                if let Some(bytes) = bytes {
                    let tags = tagger.on_message(self.direction, bytes);
                    after.extend(tags.into_iter().map(|tag| Seen::Tag(tag, seq)));
                }
                let first_seq = self.first_fragment.take().unwrap_or(seq);
                after.extend(message_record(message, first_seq, seq).map(Seen::Message));
            }
        }
    }

    /// What ended with a frame of which only that may be kept which redaction leaves: in the frame, or
    /// in the message's row. Whether it was cut.
    fn redacted(
        &mut self,
        redaction: &Redaction,
        ended: Ended,
        open: &mut OpenFrame,
        seq: Seq,
        tagger: &mut Tagger,
        after: &mut Vec<Seen>,
    ) -> bool {
        let sent = (!open.is_cut()).then_some(open.payload.as_slice());
        let message = match ended {
            Ended::FirstFragment => {
                self.first_fragment = Some(seq);
                None
            }
            Ended::Fragment => None,
            Ended::Control(_) | Ended::Close(_) => {
                let opcode = open.header.opcode();
                let (payload, withheld) = redaction.control(opcode, sent);
                if let Ended::Close(close) = ended {
                    after.push(Seen::Close(redaction.close(&close)));
                }
                after.extend(withheld.map(|why| {
                    Seen::Message(MessageRecord {
                        seq,
                        first_seq: seq,
                        opcode,
                        content: MessageContent::Withheld(why),
                    })
                }));
                open.replaced = Some(payload);
                return false;
            }
            Ended::Message(message) => Some(message),
        };
        open.replaced = Some(if open.received == 0 {
            Payload::Whole(Vec::new())
        } else {
            Payload::Withheld
        });
        let Some(message) = message else {
            return false;
        };
        let sent = (!open.is_cut()).then_some(open.payload.as_slice());
        let Redacted { tags, content } = redaction.message(&message, sent, self.direction, tagger);
        after.extend(tags.into_iter().map(|tag| Seen::Tag(tag, seq)));
        let first_seq = self.first_fragment.take().unwrap_or(seq);
        let truncated = matches!(content, MessageContent::Truncated { .. });
        match (message.content, content) {
            (Content::AsSent, MessageContent::Whole(bytes)) => {
                open.replaced = Some(Payload::Whole(bytes));
            }
            (_, content) => after.push(Seen::Message(MessageRecord {
                seq,
                first_seq,
                opcode: message.opcode,
                content,
            })),
        }
        truncated
    }

    /// The message that was open, and will not be completed.
    fn cut_off(&mut self, message: Message) -> Option<Seen> {
        let last = self.last_data?;
        let first = self.first_fragment.take().unwrap_or(last);
        self.given_up(message, first, last)
    }

    /// A message that will not be completed: nothing of it can be looked at.
    fn given_up(&self, message: Message, first: Seq, last: Seq) -> Option<Seen> {
        let mut record = message_record(message, first, last)?;
        if let (Some(_), MessageContent::Undecodable(why)) = (&self.redaction, &mut record.content)
        {
            record.content = MessageContent::Withheld(std::mem::take(why));
        }
        Some(Seen::Message(record))
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

impl OpenFrame {
    /// Whether more has come than is recorded.
    const fn is_cut(&self) -> bool {
        self.received > self.keep
    }

    /// Forgets what came after `keep` bytes of the payload; bytes before `start` stay.
    fn cut(&mut self, start: usize) {
        let over = self.received.saturating_sub(self.keep);
        let new = self.payload.len() - start;
        let over = usize::try_from(over).map_or(new, |over| over.min(new));
        self.payload.truncate(start + new - over);
    }

    /// What has been collected, as a chunk; `None` for a payload that is kept whole.
    fn take_chunk(&mut self) -> Option<Seen> {
        let chunks = self.chunks.as_mut()?;
        let index = chunks.next;
        chunks.next += 1;
        let bytes = std::mem::take(&mut self.payload);
        Some(Seen::Chunk(FrameChunk {
            chunks: chunks.id,
            index,
            bytes,
        }))
    }

    /// The last chunk, if there is something in it.
    fn take_rest(&mut self) -> Option<Seen> {
        if self.payload.is_empty() {
            None
        } else {
            self.take_chunk()
        }
    }

    fn payload_record(&mut self) -> Payload {
        if let Some(replaced) = self.replaced.take() {
            return replaced;
        }
        match &self.chunks {
            Some(chunks) => Payload::Chunked(chunks.id),
            None => Payload::Whole(std::mem::take(&mut self.payload)),
        }
    }
}

/// Whether a data frame's payload may be a message of its own.
const fn is_alone(header: &FrameHeader) -> bool {
    header.fin() && header.opcode().bits() != Opcode::CONTINUATION.bits()
}

/// A row, where joining or inflating changed the bytes.
fn message_record(message: Message, first_seq: Seq, seq: Seq) -> Option<MessageRecord> {
    let content = match message.content {
        Content::AsSent => return None,
        Content::Joined(bytes) => MessageContent::Whole(bytes),
        Content::Truncated { kept, full_length } => MessageContent::Truncated { kept, full_length },
        Content::Undecodable(why) => MessageContent::Undecodable(why.to_string()),
    };
    Some(MessageRecord {
        seq,
        first_seq,
        opcode: message.opcode,
        content,
    })
}

/// The bytes that a payload takes in the queue.
pub(super) fn payload_cost(payload: &Payload) -> u64 {
    match payload {
        Payload::Whole(bytes) => bytes.len() as u64,
        Payload::Chunked(_) | Payload::Withheld => 0,
    }
}

/// The bytes that a message takes in the queue.
pub(super) fn content_cost(content: &MessageContent) -> u64 {
    match content {
        MessageContent::Whole(bytes) | MessageContent::Truncated { kept: bytes, .. } => {
            bytes.len() as u64
        }
        MessageContent::Undecodable(why) | MessageContent::Withheld(why) => why.len() as u64,
    }
}
