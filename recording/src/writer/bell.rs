//! When the writer's thread sleeps, and who wakes it.
//!
//! To wake a thread costs the one that wakes it some microseconds: more than a row. So nobody wakes the
//! writer for each batch. It wakes by itself when its transaction is due, and is woken before that
//! when much waits, or somebody waits for it.
//!
//! ```text
//! batches   a b     c d e ... z            aa
//! writer    Asleep  Dozing    |  Awake     Asleep
//!           wakes   nobody    enough       wakes
//! ```

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Instant;

/// So many bytes of credit in the queue wake a writer that dozes: a quarter of a batch of small frames.
const ENOUGH: u64 = 128 << 10;

/// How fast the writer has to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Whenever it is worth it: this many bytes more wait.
    Bytes(u64),
    /// At once.
    Now,
}

/// What wakes the writer's thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Sleep {
    /// It is awake, and looks at the queue before it sleeps.
    Awake,
    /// A transaction is open, and will be committed in time: only much, or something urgent.
    Dozing,
    /// Anything.
    Asleep,
}

/// Between those who send and the writer's thread.
#[derive(Debug, Default)]
pub(super) struct Bell {
    writer: OnceLock<Thread>,
    sleep: AtomicU8,
    /// Bytes that came since the writer fell asleep.
    waiting: AtomicU64,
}

impl Bell {
    /// Something is in the queue, and was put there *before* this call.
    pub(super) fn ring(&self, urgency: Urgency) {
        let waiting = match urgency {
            Urgency::Bytes(bytes) => self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes,
            Urgency::Now => u64::MAX,
        };
        let sleep = self.sleep.load(Ordering::SeqCst);
        let wakes =
            sleep == Sleep::Asleep as u8 || sleep == Sleep::Dozing as u8 && waiting >= ENOUGH;
        if wakes
            && self.sleep.swap(Sleep::Awake as u8, Ordering::SeqCst) != Sleep::Awake as u8
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }

    /// For the writer's thread alone: sleeps until the bell rings, but not beyond `until`, and not at
    /// all unless `nothing_waits`, which is asked after it is known to all that this thread sleeps.
    pub(super) fn sleep(&self, sleep: Sleep, until: Instant, nothing_waits: impl Fn() -> bool) {
        self.writer.get_or_init(thread::current);
        self.waiting.store(0, Ordering::Relaxed);
        self.sleep.store(sleep as u8, Ordering::SeqCst);
        // Whoever has sent, and not seen that, is seen here.
        if nothing_waits() {
            // It may return early: then it is called again.
            thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
        self.sleep.store(Sleep::Awake as u8, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::{Bell, ENOUGH, Sleep, Urgency};

    /// Rings as in `rings` once the writer sleeps; gives whether that woke it.
    fn wakes(sleep: Sleep, rings: &[Urgency]) -> bool {
        let bell = Bell::default();
        let (asleep, rung) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !asleep.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                for urgency in rings {
                    bell.ring(*urgency);
                }
                rung.store(
                    bell.sleep.load(Ordering::SeqCst) == Sleep::Awake as u8,
                    Ordering::SeqCst,
                );
                // Where that did not wake it, this does.
                bell.ring(Urgency::Now);
            });
            // A deadline is only a safety net.
            let until = Instant::now() + Duration::from_secs(60);
            bell.sleep(sleep, until, || {
                asleep.store(true, Ordering::SeqCst);
                true
            });
            assert!(Instant::now() < until, "nobody woke it");
        });
        rung.into_inner()
    }

    #[test]
    fn a_writer_without_a_transaction_is_woken_by_anything() {
        assert!(wakes(Sleep::Asleep, &[Urgency::Bytes(1)]));
    }

    #[test]
    fn a_writer_with_a_transaction_is_woken_when_enough_waits() {
        assert!(!wakes(Sleep::Dozing, &[]));
        assert!(!wakes(Sleep::Dozing, &[Urgency::Bytes(ENOUGH - 1)]));
        assert!(wakes(
            Sleep::Dozing,
            &[Urgency::Bytes(ENOUGH - 1), Urgency::Bytes(1)]
        ));
        assert!(wakes(Sleep::Dozing, &[Urgency::Now]));
    }

    #[test]
    fn a_writer_for_which_something_waits_does_not_sleep() {
        let bell = Bell::default();
        let until = Instant::now() + Duration::from_secs(60);
        bell.sleep(Sleep::Asleep, until, || false);
        assert!(Instant::now() < until);
    }
}
