//! Whether a recording may end too early.

use std::fmt;

use super::RunInfo;
use crate::run::RunId;

/// Why a recording may end too early, or is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclean {
    /// The runs that were not closed cleanly: the recorder was killed, or still records. Empty where
    /// every run was, and only the write-ahead log was left over.
    pub runs: Vec<RunId>,
}

impl Unclean {
    pub(super) fn of(runs: &[RunInfo], copied: bool) -> Option<Self> {
        let open: Vec<_> = runs
            .iter()
            .filter(|run| !run.closed_cleanly)
            .map(|run| run.id)
            .collect();
        (copied || !open.is_empty()).then_some(Self { runs: open })
    }
}

impl fmt::Display for Unclean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.runs.as_slice() {
            [] => f.write_str("every run was closed, but the write-ahead log was left over"),
            [run] => write!(f, "run {} was not closed cleanly", run.0),
            runs => {
                f.write_str("runs ")?;
                for (index, run) in runs.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", run.0)?;
                }
                f.write_str(" were not closed cleanly")
            }
        }
    }
}
