//! How far a verification is, on a terminal, where it takes long.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is done sooner is done without a bar.
const PATIENCE: Duration = Duration::from_millis(700);
/// How many messages pass between two looks at the clock.
const STRIDE: u64 = 4096;

/// A bar on standard error; none where that is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
}

impl Progress {
    /// `most`: there are at most so many messages.
    pub(super) fn new(most: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(most), ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("verifying {bar:40} {human_pos} messages, {elapsed}")
        {
            bar.set_style(style);
        }
        Self {
            bar,
            began: Instant::now(),
        }
    }

    /// So many messages were read.
    pub(super) fn at(&mut self, messages: u64) {
        if !messages.is_multiple_of(STRIDE) || self.began.elapsed() < PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(messages);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
