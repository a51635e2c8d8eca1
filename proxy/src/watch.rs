//! Looks after the recorder: whether it records, and how its log grows.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use wsaudit_recording::{WriteError, WriterState};

use crate::config::OnRecorderFailure;
use crate::shared::Shared;

/// How often it is looked after.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// Ends when the recorder has failed and traffic is to end with it; says loudly when it fails, and
/// when it goes on.
pub(crate) async fn watch_recorder(shared: &Shared) -> WriteError {
    let Shared { sender, config, .. } = shared;
    let mut ticks = interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = Failed::No;
    let mut rotating = true;
    let mut log = Log::Usual;
    loop {
        ticks.tick().await;
        match sender.rotation_failure() {
            Some(why) if rotating => {
                tracing::error!(
                    %why,
                    "the next part of the recording cannot be begun: the old one goes on, and it is tried again"
                );
                rotating = false;
            }
            None if !rotating => {
                tracing::warn!(part = %sender.path().display(), "the next part of the recording was begun");
                rotating = true;
            }
            Some(_) | None => {}
        }
        match (shared.recorder(), config.on_recorder_failure) {
            (WriterState::Failed(error), OnRecorderFailure::Close) => {
                tracing::error!(%error, "the recorder has failed: traffic ends");
                return error;
            }
            (WriterState::Failed(error), OnRecorderFailure::Continue) => {
                if failed == Failed::No {
                    tracing::error!(%error, "the recorder has failed: traffic goes on unrecorded");
                }
                failed = match error {
                    WriteError::Gone { .. } => Failed::Gone,
                    _ => Failed::ToWrite,
                };
            }
            (WriterState::Running, _) => {
                match failed {
                    Failed::No => {}
                    Failed::ToWrite => {
                        tracing::warn!("the recorder records again; the recording has a gap");
                    }
                    Failed::Gone => {
                        tracing::warn!("the recording is in its place again; nothing is missing");
                    }
                }
                failed = Failed::No;
            }
            (WriterState::Closed, _) => {}
        }
        log = log.next(sender.stats().log_bytes, config.limits.log);
    }
}

/// Whether the recorder fails, and what at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    No,
    ToWrite,
    /// It writes to a file that is not in its place.
    Gone,
}

/// The write-ahead log beside the recording. It is moved into the file now and then, but not beyond
/// what the oldest of its readers looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    Usual,
    /// It was told of.
    Long,
}

impl Log {
    /// Tells of a log that has become longer than `limit` bytes, once for each time.
    fn next(self, bytes: u64, limit: u64) -> Self {
        match self {
            Self::Usual if bytes > limit => {
                tracing::warn!(
                    bytes,
                    limit,
                    "the recording's log (-wal) grows: a process that reads the recording in one long \
                     transaction keeps it from being moved into the file; nothing is lost, end that process"
                );
                Self::Long
            }
            Self::Long if bytes <= limit => {
                tracing::info!(bytes, "the recording's log is short again");
                Self::Usual
            }
            Self::Usual | Self::Long => self,
        }
    }
}
