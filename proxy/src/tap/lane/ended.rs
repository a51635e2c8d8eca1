//! What ends with a frame: a fragment, a message, a control frame; as it was sent, or redacted.

use wsaudit_recording::{MessageContent, MessageRecord, Payload, Seq};
use wsaudit_tagging::Tagger;
use wsaudit_wire::{Content, Ended, Message};

use super::{Lane, OpenFrame, Seen};
use crate::tap::redaction::{Redacted, Redaction};

impl Lane {
    /// What ended with a frame that is recorded as it is.
    pub(super) fn as_sent(
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
                            kept: if open.is_in_chunks() {
                                Vec::new()
                            } else {
                                open.payload.clone()
                            },
                            full_length: open.received,
                        },
                        ..message
                    },
                    _ => message,
                };
                let bytes = match &message.content {
                    // Of a payload in chunks the whole is nowhere; an id in it yields no tag.
                    Content::AsSent if open.is_in_chunks() => None,
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
    pub(super) fn redacted(
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
    pub(super) fn cut_off(&mut self, message: Message) -> Option<Seen> {
        let last = self.last_data?;
        let first = self.first_fragment.take().unwrap_or(last);
        self.given_up(message, first, last)
    }

    /// A message that will not be completed: nothing of it can be looked at.
    pub(super) fn given_up(&self, message: Message, first: Seq, last: Seq) -> Option<Seen> {
        let mut record = message_record(message, first, last)?;
        if let (Some(_), MessageContent::Undecodable(why)) = (&self.redaction, &mut record.content)
        {
            record.content = MessageContent::Withheld(std::mem::take(why));
        }
        Some(Seen::Message(record))
    }
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
