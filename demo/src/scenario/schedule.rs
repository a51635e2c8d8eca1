//! The seed's share in what happens: orders, pauses, request ids.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pauses are up to this long: about the time of a few round trips, so that they change orders.
const LONGEST_PAUSE: Duration = Duration::from_millis(6);

#[derive(Debug)]
pub(super) struct Schedule(Mutex<fastrand::Rng>);

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    fn rng(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seed(&self) -> u64 {
        self.rng().u64(..)
    }

    pub(super) fn shuffled<T>(&self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut items = Vec::from_iter(items);
        self.rng().shuffle(&mut items);
        items
    }

    /// Lets others go first, or not.
    pub(super) async fn pause(&self) {
        let share = self.rng().f64();
        tokio::time::sleep(LONGEST_PAUSE.mul_f64(share)).await;
    }
}
