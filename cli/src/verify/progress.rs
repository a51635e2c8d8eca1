//! How far a verification is, on a terminal, where it takes long.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::bar::{Told, target};

/// What is done sooner is done without a bar.
const PATIENCE: Duration = Duration::from_millis(700);
/// How many messages pass between two looks at the clock.
const STRIDE: u64 = 4096;

/// A bar on standard error; none where that is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// How many histories there are, and which one is verified, from 1.
    histories: usize,
    history: usize,
}

impl Progress {
    /// Of so many histories.
    pub(super) fn new(histories: usize) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let told = Told {
            before: "verifying{msg}",
            after: "{human_pos} messages, {elapsed}",
        };
        told.by(&bar);
        Self {
            bar,
            began: Instant::now(),
            histories,
            history: 0,
        }
    }

    /// The next history begins; it has at most so many messages.
    pub(super) fn begin(&mut self, most: u64) {
        self.history += 1;
        self.bar.set_length(most);
        if self.histories > 1 {
            let (now, all) = (self.history, self.histories);
            self.bar.set_message(format!(" history {now} of {all}"));
        }
    }

    /// So many messages were read.
    pub(super) fn at(&mut self, messages: u64) {
        if !messages.is_multiple_of(STRIDE) || self.began.elapsed() < PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(target());
        }
        self.bar.set_position(messages);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
