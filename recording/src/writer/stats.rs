//! What a writer tells of itself while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::WriteError;

/// Whether the recorder records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterState {
    /// It does.
    Running,
    /// It does not, and tries again each second; what is sent meanwhile is counted as a gap.
    Failed(WriteError),
    /// It was closed.
    Closed,
}

/// What has been written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterStats {
    /// Frames committed.
    pub frames: u64,
    /// Bytes of payload committed, of frames and chunks.
    pub bytes: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Frames lost because the recorder failed or refused them; each is in a gap.
    pub lost_frames: u64,
    /// Gaps that the writer itself has written.
    pub gaps: u64,
    /// The length, in bytes, of the write-ahead log beside the file, as of the last commit. It is moved
    /// into the file at about 32 MiB, unless another process reads an older state for long.
    pub log_bytes: u64,
    /// Batches that wait in the queue.
    pub queued: usize,
    /// From the reading of a frame's last byte to its commit, for the newest committed frame.
    pub lag_last: Duration,
    /// The longest such time.
    pub lag_max: Duration,
    /// The mean of such times over all frames; zero where there was none.
    pub lag_mean: Duration,
}

/// The same, shared with the thread that counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) frames: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) lost_frames: AtomicU64,
    pub(super) gaps: AtomicU64,
    pub(super) log_bytes: AtomicU64,
    pub(super) lag_last: AtomicU64,
    pub(super) lag_max: AtomicU64,
    pub(super) lag_sum: AtomicU64,
}

impl Counters {
    pub(super) fn snapshot(&self, queued: usize) -> WriterStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let frames = read(&self.frames);
        let mean = read(&self.lag_sum).checked_div(frames).unwrap_or(0);
        WriterStats {
            frames,
            bytes: read(&self.bytes),
            commits: read(&self.commits),
            lost_frames: read(&self.lost_frames),
            gaps: read(&self.gaps),
            log_bytes: read(&self.log_bytes),
            queued,
            lag_last: Duration::from_nanos(read(&self.lag_last)),
            lag_max: Duration::from_nanos(read(&self.lag_max)),
            lag_mean: Duration::from_nanos(mean),
        }
    }
}
