//! One walk over the history, on one thread or on several.
//!
//! ```text
//!     this thread           threads - 2 of them       one
//!     rows --> batches ---> values ------------> rules, in turn
//!       |         ^---------- used batches --------' ^
//!       '------------- whose turn it is -------------'
//! ```
//!
//! With each batch that it hands to a decoder, this thread tells the one that checks from where to
//! take it once it is decoded: that is the order, whichever decoder is done first. What rules are
//! shown, and when, is what one thread would show them: only the decoding, which looks at nothing
//! but the message, is done ahead. With two threads, this one decodes, too.
//!
//! Nobody waits in a circle: whoever decodes or checks waits for batches that come down, and this
//! thread waits for used ones only while some are on their way. A thread that panics lets go of its
//! ends of the channels; all others come to their end, and the panic is passed on.

mod batch;

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

pub(super) use self::batch::Batch;

use self::batch::Filled;
use super::timeline::{Item, Timeline};
use crate::decode::AheadReader;
use crate::history::SourceError;
use crate::rules::Codec;

/// One that reads, one that checks: six that decode keep up with them, and more do not help.
const MOST_THREADS: usize = 8;

/// The reader waits while the batches in flight hold more bytes than this.
const MOST_BYTES_IN_FLIGHT: usize = 8 << 20;

/// How messages are decoded ahead.
pub(super) struct Ahead {
    pub(super) reader: AheadReader,
    /// By connection: what its messages are most likely to be decoded as; `None`: not ahead.
    pub(super) codecs: Vec<Option<Codec>>,
}

/// Shows the things of a batch, whose messages are decoded.
type Show<'s> = dyn FnMut(&Batch) + Send + 's;

/// Shows everything in its order to `show`, on another thread where there are several. `progress` is
/// told after each message how many there were.
pub(super) fn walk(
    timeline: &mut Timeline<'_>,
    threads: NonZeroUsize,
    ahead: &Ahead,
    progress: &mut dyn FnMut(u64),
    show: &mut Show<'_>,
) -> Result<(), SourceError> {
    let mut messages = 0;
    let mut count = |item: &Item<'_>| {
        if let Item::Message { .. } = item {
            messages += 1;
            progress(messages);
        }
    };
    let mut fill = |batch: &mut Batch| batch.fill(timeline, &ahead.codecs, &mut count);
    match threads.get().min(MOST_THREADS).checked_sub(2) {
        None => alone(&ahead.reader, &mut fill, show),
        Some(decoders) => together(decoders, &ahead.reader, &mut fill, show),
    }
}

/// Takes what comes next.
type Fill<'f> = dyn FnMut(&mut Batch) -> Result<Filled, SourceError> + 'f;

/// In batches, too: a core that does one thing for a while does it from its caches.
fn alone(
    reader: &AheadReader,
    fill: &mut Fill<'_>,
    show: &mut Show<'_>,
) -> Result<(), SourceError> {
    let mut batch = Batch::default();
    loop {
        let filled = fill(&mut batch)?;
        batch.decode(reader);
        show(&batch);
        if filled == Filled::Last {
            return Ok(());
        }
        batch = batch.emptied();
    }
}

/// A batch that is to be decoded, and where to put it then.
struct ToDecode {
    batch: Batch,
    decoded: SyncSender<Batch>,
}

fn together(
    decoders: usize,
    reader: &AheadReader,
    fill: &mut Fill<'_>,
    show: &mut Show<'_>,
) -> Result<(), SourceError> {
    thread::scope(|scope| {
        let decoders = (0..decoders).map(|_| {
            let (decoder, to_decode) = channel::<ToDecode>();
            scope.spawn(move || {
                for ToDecode { mut batch, decoded } in to_decode {
                    batch.decode(reader);
                    // Whoever checks is gone only if it panicked.
                    let _ = decoded.send(batch);
                }
            });
            decoder
        });
        let decoders: Vec<_> = decoders.collect();
        let (checker, turns) = channel::<Receiver<Batch>>();
        let (checked, used) = channel();
        scope.spawn(move || {
            for turn in turns {
                let batch = turn.recv().expect("a decoder hands on what it takes");
                show(&batch);
                // The reader may have reached its end: nobody needs the batch.
                let _ = checked.send(batch);
            }
        });
        let mut stock = Stock::new(used, 2 * (decoders.len() + 2));
        let mut next_decoder = decoders.iter().cycle();
        while let Some(mut batch) = stock.take() {
            let filled = fill(&mut batch)?;
            stock.hand_out(&batch);
            let (decoded, turn) = sync_channel(1);
            // The turn comes first: a batch that is lost on the way is missed.
            let checks = checker.send(turn).is_ok();
            let decodes = if let Some(decoder) = next_decoder.next() {
                decoder.send(ToDecode { batch, decoded }).is_ok()
            } else {
                batch.decode(reader);
                decoded.send(batch).is_ok()
            };
            if !(checks && decodes) || filled == Filled::Last {
                break;
            }
        }
        // Where this is not the end of the history, a thread panicked, and the scope passes that on.
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
    fn new(used: Receiver<Batch>, most: usize) -> Self {
        Self {
            used,
            bytes_in_flight: 0,
            made: 0,
            most,
        }
    }

    /// An empty batch, as soon as there may be one more in flight; `None`: the thread that checks
    /// is gone.
    fn take(&mut self) -> Option<Batch> {
        loop {
            let batch = match self.used.try_recv() {
                Ok(batch) => batch,
                Err(_) if self.made < self.most && !self.is_full() => {
                    self.made += 1;
                    return Some(Batch::default());
                }
                Err(_) => self.used.recv().ok()?,
            };
            self.bytes_in_flight -= batch.size();
            if !self.is_full() {
                return Some(batch.emptied());
            }
            self.made -= 1;
        }
    }

    /// A batch that was taken is filled, and on its way.
    fn hand_out(&mut self, batch: &Batch) {
        self.bytes_in_flight += batch.size();
    }

    fn is_full(&self) -> bool {
        self.bytes_in_flight > MOST_BYTES_IN_FLIGHT
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use wsaudit_wire::{Direction, Opcode};

    use super::*;
    use crate::decode::{ExtractorBuilder, Value};
    use crate::engine::lanes::Lanes;
    use crate::engine::renewed::Renewed;
    use crate::engine::state::Cx;
    use crate::history::{Connection, MemoryMessage, MemorySource, Moment, Outline, Source};

    /// One connection, on which the server counts: `{"n":3}` is at place 3.
    fn counted(messages: u64) -> MemorySource {
        let moment = |seq| Moment { seq, at: 0 };
        let connection = Connection {
            answered: Some(moment(2)),
            status: Some(101),
            ..Connection::new(1, moment(1))
        };
        let outline = Outline {
            connections: vec![connection],
            ..Outline::default()
        };
        let messages = (3..3 + messages).map(|seq| MemoryMessage {
            moment: moment(seq),
            connection: 1,
            direction: Direction::ServerToClient,
            opcode: Opcode::TEXT,
            payload: format!(r#"{{"n":{seq}}}"#).into_bytes(),
        });
        MemorySource::new(outline, messages.collect())
    }

    /// Walks over it with so many threads. `at` is told where each message stands, in turn, after it
    /// was looked at whether what was decoded ahead is that message's.
    fn walk_over(source: &MemorySource, threads: usize, at: &mut (dyn FnMut(u64) + Send)) {
        let lanes = Lanes::default();
        let renewed = Renewed::default();
        let cx = Cx::new(vec![source.outline()], &lanes, &renewed, 0);
        let mut readings = vec![source.reading().unwrap()];
        let mut timeline = Timeline::new(&cx, &mut readings).unwrap();
        let mut builder = ExtractorBuilder::default();
        let slot = builder.slot(&"/n".parse().unwrap());
        let extractor = builder.build();
        let ahead = Ahead {
            reader: extractor.ahead(),
            codecs: vec![Some(Codec::Json)],
        };
        let mut show = |batch: &Batch| {
            for (item, ahead) in batch.iter() {
                let Item::Message { message, .. } = item else {
                    continue;
                };
                let seq = message.moment.seq;
                let values = ahead.unwrap().values().unwrap();
                let values: Vec<_> = values.of(slot).collect();
                assert_eq!(values, [Value::Number(&seq.to_string())]);
                at(seq);
            }
        };
        let threads = NonZeroUsize::new(threads).unwrap();
        walk(&mut timeline, threads, &ahead, &mut |_| {}, &mut show).unwrap();
    }

    const THREADS: [usize; 5] = [1, 2, 3, 4, 8];

    #[test]
    fn every_message_is_shown_once_and_in_its_turn() {
        for messages in [0, 1, 127, 128, 129, 10_000] {
            for threads in THREADS {
                let mut next = 3;
                walk_over(&counted(messages), threads, &mut |seq| {
                    assert_eq!(seq, next, "{threads} threads");
                    next += 1;
                });
                assert_eq!(next, 3 + messages, "{threads} threads");
            }
        }
    }

    /// There is more to come than batches: the reader would wait for used ones.
    #[test]
    fn a_panic_where_rules_check_ends_the_walk() {
        for threads in THREADS {
            let mut shown = 0;
            let walk = || {
                walk_over(&counted(10_000), threads, &mut |_| {
                    shown += 1;
                    assert!(shown < 200, "as a rule might");
                });
            };
            assert!(catch_unwind(AssertUnwindSafe(walk)).is_err());
            assert_eq!(shown, 200, "{threads} threads");
        }
    }

    #[test]
    fn batches_are_bounded_in_number() {
        let (checked, used) = channel();
        let mut stock = Stock::new(used, 2);
        let (first, second) = (stock.take().unwrap(), stock.take().unwrap());
        checked.send(first).unwrap();
        assert!(stock.take().is_some());
        drop((second, checked));
        assert!(stock.take().is_none(), "nobody brings one back");
    }

    #[test]
    fn batches_are_bounded_in_bytes() {
        let (checked, used) = channel();
        let mut stock = Stock::new(used, 16);
        let large = || Batch::of_bytes(vec![0; 3 << 20]);
        for _ in 0..5 {
            stock.hand_out(&large());
            stock.made += 1;
        }
        for _ in 0..4 {
            checked.send(large()).unwrap();
        }
        // 15 MiB are on their way. The first two that come back are given up: 9 are still too much.
        assert!(stock.take().is_some());
        assert_eq!((stock.bytes_in_flight, stock.made), (6 << 20, 3));
        assert!(stock.take().is_some());
        assert_eq!((stock.bytes_in_flight, stock.made), (3 << 20, 3));
    }
}
