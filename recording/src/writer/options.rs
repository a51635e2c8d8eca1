//! How a writer behaves.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::Rotation;

/// How a writer behaves, and what it says of itself in the recording.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Frames after which a transaction is committed and synced; up to four times as many while more
    /// wait in the queue.
    pub batch_frames: u64,
    /// The longest time for which a transaction stays open.
    pub batch_interval: Duration,
    /// Bytes of payload after which a transaction is committed and synced.
    pub batch_bytes: u64,
    /// Bytes, over all connections, that may wait for the recorder.
    pub budget: u64,
    /// How often the wall clock is noted.
    pub anchor_interval: Duration,
    /// How long to wait before writing is tried again after a failure.
    pub retry_interval: Duration,
    /// How long to wait for another process's lock before that counts as a failure.
    pub lock_timeout: Duration,
    /// When the recording is cut, to go on in another file; `None`: never. The path that the writer is
    /// given then stands for all parts: [`PartNames`](crate::PartNames).
    pub rotation: Option<Rotation>,
    /// The recorder's name and version.
    pub tool_version: String,
    /// The recorder's settings, as JSON; no secrets.
    pub config: String,
    /// The id of the redaction key; `None` where nothing is redacted.
    pub key_id: Option<String>,
    /// The largest number of pages that the file may have, for tests of a full disk; read again
    /// before each transaction, 0 for no limit.
    #[doc(hidden)]
    pub page_limit: Option<Arc<AtomicU32>>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            batch_frames: 1_000,
            batch_interval: Duration::from_millis(100),
            batch_bytes: 8 << 20,
            budget: 256 << 20,
            anchor_interval: Duration::from_secs(60),
            retry_interval: Duration::from_secs(1),
            lock_timeout: Duration::from_secs(1),
            rotation: None,
            tool_version: concat!("wsaudit ", env!("CARGO_PKG_VERSION")).into(),
            config: "{}".into(),
            key_id: None,
            page_limit: None,
        }
    }
}
