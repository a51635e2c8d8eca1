//! The open transaction: its batches and its figures.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Batch, Shared};
use crate::record::{Nanos, Payload, Record};

/// What is in the open transaction.
#[derive(Default)]
pub(super) struct Transaction {
    pub(super) since: Option<Instant>,
    pub(super) batches: Vec<Batch>,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// When each frame was read, as far as the lag needs it.
    newest: Nanos,
    oldest: Option<Nanos>,
    read_at_sum: u128,
    pub(super) refused: u64,
    pub(super) hurry: bool,
}

impl Transaction {
    pub(super) fn count(&mut self, record: &Record) {
        match record {
            Record::Frame(frame) => {
                self.frames += 1;
                if let Payload::Whole(bytes) = &frame.payload {
                    self.bytes += bytes.len() as u64;
                }
                self.newest = frame.last_at;
                self.oldest = Some(
                    self.oldest
                        .map_or(frame.last_at, |at| at.min(frame.last_at)),
                );
                self.read_at_sum += u128::from(frame.last_at.0);
            }
            Record::Chunk(chunk) => self.bytes += chunk.bytes.len() as u64,
            Record::Http(message) => {
                self.bytes += message.body.bytes().len() as u64;
            }
            Record::Opened(_)
            | Record::Answered(_)
            | Record::Closed(_)
            | Record::Tag(_)
            | Record::Message(_)
            | Record::Anomaly(_)
            | Record::Gap(_)
            | Record::Tail(_)
            | Record::ExchangeOpened(_)
            | Record::ExchangeAnswered(_)
            | Record::ExchangeEnded(_) => {}
        }
    }

    /// Adds a committed transaction to the figures.
    pub(super) fn add_to(&self, shared: &Shared) {
        let counters = &shared.counters;
        let now = u128::from(shared.run.now().0);
        let lag = |read_at: u128| u64::try_from(now.saturating_sub(read_at)).unwrap_or(u64::MAX);
        let sum = (now * u128::from(self.frames)).saturating_sub(self.read_at_sum);
        let sum = u64::try_from(sum).unwrap_or(u64::MAX);
        counters.frames.fetch_add(self.frames, Ordering::Relaxed);
        counters.bytes.fetch_add(self.bytes, Ordering::Relaxed);
        counters.commits.fetch_add(1, Ordering::Relaxed);
        counters
            .lost_frames
            .fetch_add(self.refused, Ordering::Relaxed);
        if let Some(oldest) = self.oldest {
            let newest = lag(u128::from(self.newest.0));
            counters.lag_last.store(newest, Ordering::Relaxed);
            let longest = lag(u128::from(oldest.0));
            counters.lag_max.fetch_max(longest, Ordering::Relaxed);
            counters.lag_sum.fetch_add(sum, Ordering::Relaxed);
        }
    }
}
