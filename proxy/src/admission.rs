//! How many clients are served at once.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

/// How many clients are told at once that there are too many; the sockets of further ones are just
/// closed, so that telling costs no more than the limit saves.
const TOLD_AT_ONCE: usize = 64;

/// Says who is served. The first client that is not, and the end of it, are loud: one line for each
/// client would say no more.
#[derive(Debug)]
pub(crate) struct Admission {
    limit: usize,
    /// Since the last client that was served.
    turned_away: u64,
}

/// Whether a client is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    Yes,
    No,
}

impl Admission {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            turned_away: 0,
        }
    }

    /// A client has come, and `open` are being served.
    pub(crate) fn ask(&mut self, open: usize) -> Admitted {
        if open < self.limit {
            if self.turned_away > 0 {
                tracing::warn!(turned_away = self.turned_away, "clients are served again");
            }
            self.turned_away = 0;
            return Admitted::Yes;
        }
        if self.turned_away == 0 {
            tracing::error!(
                limit = self.limit,
                "as many clients as --max-connections allows: further ones get a 503"
            );
        }
        self.turned_away += 1;
        Admitted::No
    }
}

/// How often it is said that clients cannot be accepted.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Clients that cannot be accepted, for want of descriptors mostly. It is tried again and again, which
/// says no more than the first time.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    said: Option<Instant>,
}

impl Waiting {
    pub(crate) fn tell(&mut self, error: &io::Error) {
        if self.is_due(Instant::now()) {
            tracing::error!(%error, "clients cannot be accepted: they wait; said once a minute");
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.said.is_none_or(|said| now - said >= SAID_EVERY);
        if due {
            self.said = Some(now);
        }
        due
    }
}

/// Clients that are being told.
#[derive(Debug, Default)]
pub(crate) struct Refusals(JoinSet<()>);

impl Refusals {
    pub(crate) fn spawn(&mut self, telling: impl Future<Output = ()> + Send + 'static) {
        if self.0.len() < TOLD_AT_ONCE {
            self.0.spawn(telling);
        }
    }

    pub(crate) async fn join_next(&mut self) -> Option<Result<(), JoinError>> {
        self.0.join_next().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{Admission, Admitted, SAID_EVERY, Waiting};

    #[test]
    fn the_limit_is_the_last_one_served() {
        let mut admission = Admission::new(2);
        assert_eq!(admission.ask(0), Admitted::Yes);
        assert_eq!(admission.ask(1), Admitted::Yes);
        assert_eq!(admission.ask(2), Admitted::No);
        assert_eq!(admission.turned_away, 1);
        assert_eq!(admission.ask(1), Admitted::Yes);
        assert_eq!(admission.turned_away, 0);
    }

    #[test]
    fn that_clients_wait_is_said_at_once_and_then_each_minute() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        let due =
            [0, 1, 599, 600, 601].map(|tenths| waiting.is_due(start + SAID_EVERY * tenths / 600));
        assert_eq!(due, [true, false, false, true, false]);
    }
}
