//! What happens when the recorder stalls for too long.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;
use wsaudit_recording::{ConnectionId, Credit, GapRecord, Nanos, Seq};

/// How many connections are not recorded, because the recorder stalls. The first and the last one are
/// loud: each has a row of its own, and a thousand lines would say no more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stalled(Arc<AtomicU64>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct StalledOne(Stalled);

impl Stalled {
    pub(super) fn join(&self) -> StalledOne {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            tracing::error!("the recorder stalls: frames are not recorded until it goes on");
        }
        StalledOne(self.clone())
    }
}

impl Drop for StalledOne {
    fn drop(&mut self) {
        if self.0.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            tracing::warn!("the recorder goes on; the recording has gaps");
        }
    }
}

/// A connection's patience with the recorder, and what was lost after it ended.
#[derive(Debug, Default)]
pub(super) struct Stall {
    patience: Option<Pin<Box<Sleep>>>,
    /// Why frames are not recorded now; `None` while they are.
    why: Option<(String, StalledOne)>,
    lost: Option<Lost>,
}

/// Frames that were not recorded.
#[derive(Debug, Clone, Copy)]
struct Lost {
    from: Seq,
    to: Seq,
    frames: u64,
    at: Nanos,
}

impl Stall {
    /// Ready when credit was awaited for `limit` in one go.
    pub(super) fn poll_patience(&mut self, cx: &mut Context<'_>, limit: Duration) -> Poll<()> {
        let sleep = self
            .patience
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        sleep.as_mut().poll(cx)
    }

    /// Credit has come.
    pub(super) fn disarm(&mut self) {
        self.patience = None;
    }

    /// Patience has ended: frames are lost from here on.
    pub(super) fn open(&mut self, limit: Duration, one: StalledOne) {
        self.patience = None;
        self.why = Some((format!("the recorder stalled for {limit:?}"), one));
    }

    /// Whether frames are lost now.
    pub(super) const fn is_open(&self) -> bool {
        self.why.is_some()
    }

    /// Counts a frame that is not recorded.
    pub(super) fn lose(&mut self, seq: Seq, at: Nanos) {
        let lost = self.lost.get_or_insert(Lost {
            from: seq,
            to: seq,
            frames: 0,
            at,
        });
        lost.from = lost.from.min(seq);
        lost.to = lost.to.max(seq);
        lost.frames += 1;
    }

    /// Ends the gap where there is credit again; gives the row that says what is missing.
    pub(super) fn end(
        &mut self,
        credit: &Credit,
        connection: ConnectionId,
        at: Nanos,
    ) -> Option<GapRecord> {
        if self.is_open() && credit.try_acquire(0).is_none() {
            return None;
        }
        self.end_anyway(connection, at)
    }

    /// Ends the gap, if there is one.
    pub(super) fn end_anyway(&mut self, connection: ConnectionId, at: Nanos) -> Option<GapRecord> {
        let why = self.why.take();
        let lost = self.lost.take()?;
        Some(GapRecord {
            connection: Some(connection),
            from: lost.from,
            to: lost.to,
            at: lost.at.min(at),
            frames: Some(lost.frames),
            why: why.map_or_else(
                || "a part of the frame was lost in a gap before".to_owned(),
                |(why, _)| why,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wsaudit_recording::Budget;

    #[test]
    fn a_gap_covers_what_was_lost_and_ends_with_credit() {
        let credit = Budget::new(1_000).credit(10);
        let guard = credit.take(10);
        let mut stall = Stall::default();
        let id = ConnectionId(1);
        assert_eq!(stall.end(&credit, id, Nanos(1)), None);
        stall.open(Duration::from_secs(5), Stalled::default().join());
        stall.lose(Seq(7), Nanos(2));
        stall.lose(Seq(6), Nanos(3));
        assert_eq!(stall.end(&credit, id, Nanos(4)), None, "no credit yet");
        assert!(stall.is_open());
        drop(guard);
        let gap = stall.end(&credit, id, Nanos(5)).unwrap();
        assert_eq!((gap.from, gap.to, gap.frames), (Seq(6), Seq(7), Some(2)));
        assert_eq!(gap.why, "the recorder stalled for 5s");
        assert!(!stall.is_open());
        assert_eq!(stall.end(&credit, id, Nanos(6)), None);
    }
}
