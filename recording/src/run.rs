//! One run of the recorder: its counters and its clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::record::{ChunksId, ConnectionId, Nanos, Seq};

/// A run's number within its recording; the first one is 1, and each `--append` adds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// One run of the recorder, shared by everything that observes: it hands out places in the order,
/// numbers and times.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    uuid: String,
    started: Instant,
    started_at: u64,
    first_seq: Seq,
    next_seq: AtomicU64,
    next_connection: AtomicU64,
    next_chunks: AtomicU64,
}

/// Where the numbers of a run begin: after those which the recording already holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) run: RunId,
    pub(crate) seq: u64,
    pub(crate) connection: u64,
    pub(crate) chunks: u64,
}

impl Numbers {
    /// The numbers of a new recording.
    pub(crate) const FIRST: Self = Self {
        run: RunId(1),
        seq: 1,
        connection: 1,
        chunks: 1,
    };
}

impl Run {
    pub(crate) fn start(numbers: Numbers, uuid: String) -> Self {
        Self {
            id: numbers.run,
            uuid,
            started: Instant::now(),
            started_at: unix_now(),
            first_seq: Seq(numbers.seq),
            next_seq: AtomicU64::new(numbers.seq),
            next_connection: AtomicU64::new(numbers.connection),
            next_chunks: AtomicU64::new(numbers.chunks),
        }
    }

    /// The run's number.
    pub const fn id(&self) -> RunId {
        self.id
    }

    /// A random version 4 UUID (RFC 9562), unique among all recordings.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// When it started: Unix time in nanoseconds.
    pub const fn started_at(&self) -> u64 {
        self.started_at
    }

    /// The first place in the order that this run hands out.
    pub const fn first_seq(&self) -> Seq {
        self.first_seq
    }

    /// Takes `count` successive places in the order and returns the first of them.
    ///
    /// Call it when the bytes have been read, before they are written to the peer.
    pub fn next_seq(&self, count: u64) -> Seq {
        // Whoever reads the effect of a byte has synchronised with whoever read that byte through
        // the socket itself; `SeqCst` keeps the order also for those who did not.
        Seq(self.next_seq.fetch_add(count, Ordering::SeqCst))
    }

    /// The place that will be handed out next.
    pub fn peek_seq(&self) -> Seq {
        Seq(self.next_seq.load(Ordering::SeqCst))
    }

    /// The numbers that will be handed out next.
    pub(crate) fn peek(&self) -> Numbers {
        Numbers {
            run: self.id,
            seq: self.peek_seq().0,
            connection: self.next_connection.load(Ordering::SeqCst),
            chunks: self.next_chunks.load(Ordering::SeqCst),
        }
    }

    /// A number for a new connection.
    pub fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// A number for the chunks of a large payload.
    pub fn next_chunks(&self) -> ChunksId {
        ChunksId(self.next_chunks.fetch_add(1, Ordering::Relaxed))
    }

    /// The time on the run's monotonic clock.
    pub fn now(&self) -> Nanos {
        self.at(Instant::now())
    }

    /// `instant` on the run's clock; 0 for instants before its start.
    pub fn at(&self, instant: Instant) -> Nanos {
        let since = instant.saturating_duration_since(self.started);
        // 2^64 nanoseconds are 584 years.
        Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Unix time in nanoseconds; 0 where the clock stands before 1970.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Numbers, Run};
    use crate::record::{Nanos, Seq};

    #[test]
    fn places_are_handed_out_once() {
        let run = Run::start(Numbers::FIRST, "u".into());
        assert_eq!(run.next_seq(3), Seq(1));
        assert_eq!(run.next_seq(1), Seq(4));
        assert_eq!(run.peek_seq(), Seq(5));
        assert_ne!(run.next_connection(), run.next_connection());
    }

    #[test]
    fn time_does_not_go_back() {
        let run = Run::start(Numbers::FIRST, "u".into());
        let earlier = run.now();
        assert!(run.now() >= earlier);
        // It is what passed, whatever the wall clock says; and what was before the start is at 0.
        let (instant, hour) = (Instant::now(), Duration::from_secs(3_600));
        let hour_later = run.at(instant + hour).0 - run.at(instant).0;
        assert_eq!(u128::from(hour_later), hour.as_nanos());
        let before = run.started.checked_sub(Duration::from_nanos(1));
        assert!(before.is_none_or(|before| run.at(before) == Nanos(0)));
    }
}
