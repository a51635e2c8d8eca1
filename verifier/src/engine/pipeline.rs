//! One walk over the history, on one thread or on several.
//!
//! ```text
//!     this thread           threads - 2 of them         one
//!     rows --> batches --> in turn: values --> in the same turn: rules
//!                ^---------------- empty batches -----------'
//! ```
//!
//! Batches go round: the first one to the first decoder, the second one to the second, and the
//! checkers take them in that order. What rules are shown, and when, is what one thread would show
//! them: only the decoding, which looks at nothing but the message, is done ahead. With two
//! threads, this one decodes, too.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use wsaudit_wire::{Direction, Opcode};

use super::state::ConnectionIx;
use super::timeline::{Item, Mark, Timeline};
use crate::decode::{AheadReader, ReadAhead};
use crate::history::{Moment, SourceError, SourceMessage, SourcePayload};
use crate::rules::Codec;

/// One that reads, one that checks: six that decode keep up with them, and more do not help.
const MOST_THREADS: usize = 8;

/// So many things are handed from thread to thread at once: few enough for a core's cache.
const MOST_ITEMS: usize = 128;

/// A batch of more bytes than this is handed on.
const MOST_BYTES: usize = 128 << 10;

/// The reader waits while the batches in flight hold more bytes than this.
const MOST_BYTES_IN_FLIGHT: usize = 8 << 20;

/// How messages are decoded ahead.
pub(super) struct Ahead {
    pub(super) reader: AheadReader,
    /// By connection: what its messages are most likely to be decoded as; `None`: not ahead.
    pub(super) codecs: Vec<Option<Codec>>,
}

/// Shows everything in its order to `show`, on another thread where there are several. `progress` is
/// told after each message how many there were.
pub(super) fn walk(
    timeline: &mut Timeline<'_>,
    threads: NonZeroUsize,
    ahead: &Ahead,
    progress: &mut dyn FnMut(u64),
    show: &mut (dyn FnMut(&Item<'_>, Option<&mut ReadAhead>) + Send),
) -> Result<(), SourceError> {
    let mut messages = 0;
    let mut count = |item: &Item<'_>| {
        if let Item::Message { .. } = item {
            messages += 1;
            progress(messages);
        }
    };
    if threads.get() == 1 {
        // In batches, too: a core that does one thing for a while does it from its caches.
        let mut batch = Batch::default();
        loop {
            let filled = batch.fill(timeline, &ahead.codecs, &mut count)?;
            batch.decode(&ahead.reader);
            batch.show(show);
            if filled == Filled::Last {
                return Ok(());
            }
            batch = batch.emptied();
        }
    }
    let decoders = threads.get().min(MOST_THREADS) - 2;
    thread::scope(|scope| {
        let (mut to, mut from) = (Vec::new(), Vec::new());
        for _ in 0..decoders {
            let (filled, to_decode) = channel::<Batch>();
            let (decoded, to_check) = channel();
            scope.spawn(move || {
                for mut batch in to_decode {
                    batch.decode(&ahead.reader);
                    if decoded.send(batch).is_err() {
                        break;
                    }
                }
            });
            to.push(filled);
            from.push(to_check);
        }
        if decoders == 0 {
            let (decoded, to_check) = channel();
            to.push(decoded);
            from.push(to_check);
        }
        let (checked, used) = channel();
        scope.spawn(move || {
            // The first one whose turn it is and that brings nothing more is the end of all.
            for batches in from.iter().cycle() {
                let Ok(mut batch) = batches.recv() else {
                    break;
                };
                batch.show(show);
                // The reader may have reached its end: nobody needs the batch.
                let _ = checked.send(batch);
            }
        });
        let mut stock = Stock {
            used,
            bytes_in_flight: 0,
            made: 0,
            most: 2 * (decoders + 2),
        };
        for to in to.iter().cycle() {
            let Some(mut batch) = stock.take() else {
                break;
            };
            let filled = batch.fill(timeline, &ahead.codecs, &mut count)?;
            if decoders == 0 {
                batch.decode(&ahead.reader);
            }
            stock.bytes_in_flight += batch.bytes.len();
            if to.send(batch).is_err() || filled == Filled::Last {
                break;
            }
        }
        Ok(())
    })
}

/// The batches that go round.
struct Stock {
    used: Receiver<Batch>,
    bytes_in_flight: usize,
    made: usize,
    most: usize,
}

impl Stock {
    /// An empty batch, as soon as there may be one more in flight; `None`: the thread that checks
    /// is gone. It panicked, and the scope passes that on.
    fn take(&mut self) -> Option<Batch> {
        loop {
            let full = self.bytes_in_flight > MOST_BYTES_IN_FLIGHT;
            let batch = match self.used.try_recv() {
                Ok(batch) => batch,
                Err(_) if self.made < self.most && !full => {
                    self.made += 1;
                    return Some(Batch::default());
                }
                Err(_) => self.used.recv().ok()?,
            };
            self.bytes_in_flight -= batch.bytes.len();
            if self.bytes_in_flight <= MOST_BYTES_IN_FLIGHT {
                return Some(batch.emptied());
            }
            self.made -= 1;
        }
    }
}

/// Things in their order, with what they need to be shown on another thread.
#[derive(Default)]
struct Batch {
    things: Vec<Thing>,
    /// What the messages hold, one after the other.
    bytes: Vec<u8>,
    /// What was read ahead, one for each thing that has a codec; more than that from batches before.
    ahead: Vec<ReadAhead>,
}

/// Whether more will come.
#[derive(PartialEq, Eq)]
enum Filled {
    MoreToCome,
    Last,
}

/// An [`Item`] that borrows from nothing.
enum Thing {
    Mark {
        recording: u16,
        moment: Moment,
        connection: ConnectionIx,
        mark: Mark,
    },
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
    Truncated { kept: u64, full_length: u64 },
    Undecodable(Range<usize>),
    Withheld(Range<usize>),
}

impl Batch {
    fn emptied(mut self) -> Self {
        if self.bytes.capacity() > 8 * MOST_BYTES {
            return Self::default();
        }
        self.things.clear();
        self.bytes.clear();
        self
    }

    fn fill(
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
                Item::Mark {
                    recording,
                    moment,
                    connection,
                    mark,
                } => Thing::Mark {
                    recording,
                    moment,
                    connection,
                    mark,
                },
                Item::Message {
                    recording,
                    connection,
                    message,
                } => {
                    let content = self.keep(message.payload);
                    let is_data = matches!(message.opcode, Opcode::TEXT | Opcode::BINARY);
                    let codec = match content {
                        Content::Whole(_) if is_data => codecs[connection.0 as usize],
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
            SourcePayload::Undecodable(why) => Content::Undecodable(bytes(why.as_bytes())),
            SourcePayload::Withheld(why) => Content::Withheld(bytes(why.as_bytes())),
        }
    }

    fn decode(&mut self, reader: &AheadReader) {
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

    fn show(&mut self, show: &mut dyn FnMut(&Item<'_>, Option<&mut ReadAhead>)) {
        let mut ahead = self.ahead.iter_mut();
        let text = |range: &Range<usize>| {
            std::str::from_utf8(&self.bytes[range.clone()]).expect("it was copied from text")
        };
        for thing in &self.things {
            match thing {
                Thing::Mark {
                    recording,
                    moment,
                    connection,
                    mark,
                } => {
                    let item = Item::Mark {
                        recording: *recording,
                        moment: *moment,
                        connection: *connection,
                        mark: *mark,
                    };
                    show(&item, None);
                }
                Thing::Message {
                    recording,
                    connection,
                    moment,
                    number,
                    direction,
                    opcode,
                    content,
                    codec,
                } => {
                    let message = SourceMessage {
                        moment: *moment,
                        connection: *number,
                        direction: *direction,
                        opcode: *opcode,
                        payload: match content {
                            Content::Whole(range) => {
                                SourcePayload::Whole(&self.bytes[range.clone()])
                            }
                            Content::Truncated { kept, full_length } => SourcePayload::Truncated {
                                kept: *kept,
                                full_length: *full_length,
                            },
                            Content::Undecodable(why) => SourcePayload::Undecodable(text(why)),
                            Content::Withheld(why) => SourcePayload::Withheld(text(why)),
                        },
                    };
                    let item = Item::Message {
                        recording: *recording,
                        connection: *connection,
                        message,
                    };
                    show(&item, codec.and_then(|_| ahead.next()));
                }
            }
        }
    }
}
