//! Things in their order, which can be handed to another thread.

use std::ops::Range;

use wsaudit_wire::{Direction, Opcode};

use crate::decode::{AheadReader, ReadAhead};
use crate::engine::state::ConnectionIx;
use crate::engine::timeline::{Item, Marked, Timeline};
use crate::history::{Moment, Rest, SourceError, SourceMessage, SourcePayload};
use crate::rules::Codec;

/// So many things are handed from thread to thread at once: few enough for a core's cache.
pub(super) const MOST_ITEMS: usize = 128;

/// A batch of more bytes than this is handed on.
pub(super) const MOST_BYTES: usize = 128 << 10;

/// What one message left behind of more bytes than this is not kept for the next one: in a batch, that
/// comes to a few times [`MOST_BYTES`].
const MOST_BYTES_KEPT: usize = 4 << 10;

/// Things in their order, with what they need to be shown on another thread.
#[derive(Default)]
pub(in crate::engine) struct Batch {
    things: Vec<Thing>,
    /// What the messages hold, one after the other.
    bytes: Vec<u8>,
    /// What was read ahead, one for each thing that has a codec; more than that from batches before.
    ahead: Vec<ReadAhead>,
}

/// Whether more will come.
#[derive(PartialEq, Eq)]
pub(super) enum Filled {
    MoreToCome,
    Last,
}

/// An [`Item`] that borrows from nothing.
enum Thing {
    Mark(Marked),
    Message {
        recording: u16,
        connection: ConnectionIx,
        moment: Moment,
        number: u64,
        direction: Direction,
        opcode: Opcode,
        content: Content,
        /// As what it is decoded ahead.
        codec: Option<Codec>,
    },
}

/// What is known of a message's bytes, by place in [`Batch::bytes`].
enum Content {
    Whole(Range<usize>),
    Truncated {
        kept: u64,
        full_length: u64,
    },
    Beginning {
        kept: Range<usize>,
        why: Range<usize>,
        rest: Rest,
    },
    Undecodable(Range<usize>),
    Withheld(Range<usize>),
}

impl Batch {
    /// The bytes of its messages.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Empty, for the next things. What large messages took is given back.
    pub(super) fn emptied(mut self) -> Self {
        self.things.clear();
        self.bytes.clear();
        self.bytes.shrink_to(8 * MOST_BYTES);
        self.ahead.retain(|ahead| ahead.size() <= MOST_BYTES_KEPT);
        self
    }

    /// Takes what comes next, until it is full. `codecs`: by connection, as what its messages are
    /// decoded ahead. `count` is told of each thing.
    pub(super) fn fill(
        &mut self,
        timeline: &mut Timeline<'_>,
        codecs: &[Option<Codec>],
        count: &mut dyn FnMut(&Item<'_>),
    ) -> Result<Filled, SourceError> {
        while self.things.len() < MOST_ITEMS && self.bytes.len() < MOST_BYTES {
            let Some(item) = timeline.next()? else {
                return Ok(Filled::Last);
            };
            count(&item);
            let thing = match item {
                Item::Mark(marked) => Thing::Mark(marked),
                Item::Message {
                    recording,
                    connection,
                    message,
                } => {
                    let content = self.keep(message.payload);
                    let codec = match content {
                        Content::Whole(_) if message.is_message() => codecs[connection.0 as usize],
                        _ => None,
                    };
                    Thing::Message {
                        recording,
                        connection,
                        moment: message.moment,
                        number: message.connection,
                        direction: message.direction,
                        opcode: message.opcode,
                        content,
                        codec,
                    }
                }
            };
            self.things.push(thing);
        }
        Ok(Filled::MoreToCome)
    }

    fn keep(&mut self, payload: SourcePayload<'_>) -> Content {
        let mut bytes = |bytes: &[u8]| {
            let begin = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            begin..self.bytes.len()
        };
        match payload {
            SourcePayload::Whole(whole) => Content::Whole(bytes(whole)),
            SourcePayload::Truncated { kept, full_length } => {
                Content::Truncated { kept, full_length }
            }
            SourcePayload::Beginning { kept, why, rest } => Content::Beginning {
                kept: bytes(kept),
                why: bytes(why.as_bytes()),
                rest,
            },
            SourcePayload::Undecodable(why) => Content::Undecodable(bytes(why.as_bytes())),
            SourcePayload::Withheld(why) => Content::Withheld(bytes(why.as_bytes())),
        }
    }

    /// Decodes the messages that have a codec.
    pub(super) fn decode(&mut self, reader: &AheadReader) {
        let mut next = 0;
        for thing in &self.things {
            if let Thing::Message {
                codec: Some(codec),
                content: Content::Whole(range),
                ..
            } = thing
            {
                if self.ahead.len() == next {
                    self.ahead.push(reader.room());
                }
                reader.read(*codec, &self.bytes[range.clone()], &mut self.ahead[next]);
                next += 1;
            }
        }
    }

    /// How many things there are.
    pub(in crate::engine) fn len(&self) -> usize {
        self.things.len()
    }

    /// Its things, each with what was decoded ahead of it.
    pub(in crate::engine) fn iter(&self) -> impl Iterator<Item = (Item<'_>, Option<&ReadAhead>)> {
        let mut ahead = self.ahead.iter();
        self.things.iter().map(move |thing| {
            let codec = match thing {
                Thing::Message { codec, .. } => *codec,
                Thing::Mark(_) => None,
            };
            (self.item(thing), codec.and_then(|_| ahead.next()))
        })
    }

    fn item(&self, thing: &Thing) -> Item<'_> {
        let text = |range: &Range<usize>| {
            std::str::from_utf8(&self.bytes[range.clone()]).expect("it was copied from text")
        };
        match thing {
            Thing::Mark(marked) => Item::Mark(*marked),
            Thing::Message {
                recording,
                connection,
                moment,
                number,
                direction,
                opcode,
                content,
                ..
            } => Item::Message {
                recording: *recording,
                connection: *connection,
                message: SourceMessage {
                    moment: *moment,
                    connection: *number,
                    direction: *direction,
                    opcode: *opcode,
                    payload: match content {
                        Content::Whole(range) => SourcePayload::Whole(&self.bytes[range.clone()]),
                        Content::Truncated { kept, full_length } => SourcePayload::Truncated {
                            kept: *kept,
                            full_length: *full_length,
                        },
                        Content::Beginning { kept, why, rest } => SourcePayload::Beginning {
                            kept: &self.bytes[kept.clone()],
                            why: text(why),
                            rest: *rest,
                        },
                        Content::Undecodable(why) => SourcePayload::Undecodable(text(why)),
                        Content::Withheld(why) => SourcePayload::Withheld(text(why)),
                    },
                },
            },
        }
    }
}

#[cfg(test)]
impl Batch {
    /// Of so many bytes, whatever they are.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::ExtractorBuilder;

    #[test]
    fn an_emptied_batch_keeps_little_of_large_messages() {
        let mut builder = ExtractorBuilder::default();
        builder.slot(&"/text".parse().unwrap());
        let reader = builder.build().ahead();
        let message = |length: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(length));
        let (small, large) = (message(100), message(2 << 20));
        let mut batch = Batch::default();
        for message in [&small, &large, &small] {
            batch.bytes.extend_from_slice(message.as_bytes());
            let mut ahead = reader.room();
            reader.read(Codec::Json, message.as_bytes(), &mut ahead);
            batch.ahead.push(ahead);
        }
        let batch = batch.emptied();
        assert_eq!(batch.size(), 0);
        assert!(batch.bytes.capacity() <= 8 * MOST_BYTES);
        assert_eq!(batch.ahead.len(), 2, "what small ones need is kept");
        let kept: usize = batch.ahead.iter().map(ReadAhead::size).sum();
        assert!(kept <= 2 * MOST_BYTES_KEPT, "{kept}");
    }
}
