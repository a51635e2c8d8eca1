//! When a recording goes on in its next part.

use std::time::{Duration, Instant};

/// When a recording is cut, so that it goes on in another file. Whatever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Once the file has this many bytes.
    pub size: Option<u64>,
    /// This long after the first record of the part.
    pub every: Option<Duration>,
    /// How long a cut that is due waits for a moment at which no message is half recorded. After
    /// that it goes through messages; nothing is lost by it.
    pub patience: Duration,
}

impl Rotation {
    /// Sizes below hold little more than the tables themselves, in bytes.
    pub const SMALLEST: u64 = 1 << 20;

    /// The shortest time.
    pub const SHORTEST: Duration = Duration::from_secs(1);
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            size: None,
            every: None,
            patience: Duration::from_secs(1),
        }
    }
}

/// Where one part stands.
#[derive(Debug)]
pub(super) struct Schedule {
    rotation: Rotation,
    /// The file's size when the part was begun: tables, and the rows of open connections.
    base: u64,
    size: u64,
    /// When the first record was committed; `None`: the part is empty, and is not cut.
    begun: Option<Instant>,
    /// Since when the cut has been due.
    due_since: Option<Instant>,
    /// The next part could not be begun: not before then again.
    retry: Option<Instant>,
}

impl Schedule {
    /// Of a part whose file has `base` bytes.
    pub(super) const fn new(rotation: Rotation, base: u64) -> Self {
        Self {
            rotation,
            base,
            size: base,
            begun: None,
            due_since: None,
            retry: None,
        }
    }

    /// Records were committed; the file has `size` bytes now.
    pub(super) fn committed(&mut self, size: u64, now: Instant) {
        self.size = size;
        self.begun.get_or_insert(now);
    }

    /// The next part could not be begun.
    pub(super) const fn retry_at(&mut self, then: Instant) {
        self.retry = Some(then);
    }

    /// When to look again; `None`: at the next commit.
    pub(super) fn look_at(&self) -> Option<Instant> {
        let by_time = self.rotation.every.and_then(|every| {
            let begun = self.begun?;
            begun.checked_add(every)
        });
        let due = match self.due_since {
            Some(since) => Some(since + self.rotation.patience),
            None => by_time,
        };
        due.map(|due| self.retry.map_or(due, |retry| due.max(retry)))
    }

    /// Whether to cut now; `message`: that would go through one.
    pub(super) fn is_due(&mut self, now: Instant, message: bool) -> bool {
        if !self.is_reached(now) {
            return false;
        }
        let since = *self.due_since.get_or_insert(now);
        if self.retry.is_some_and(|retry| now < retry) {
            return false;
        }
        !message || now >= since + self.rotation.patience
    }

    fn is_reached(&self, now: Instant) -> bool {
        let Some(begun) = self.begun else {
            return false;
        };
        // A part that began with the rows of thousands of connections has to grow first; else each
        // commit would begin another one.
        let size = self
            .rotation
            .size
            .map(|size| size.max(self.base.saturating_mul(2)));
        size.is_some_and(|size| self.size >= size)
            || self
                .rotation
                .every
                .is_some_and(|every| now.saturating_duration_since(begun) >= every)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Rotation, Schedule};

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(size: Option<u64>, every: Option<Duration>) -> Schedule {
        let rotation = Rotation {
            size,
            every,
            ..Rotation::default()
        };
        Schedule::new(rotation, 100)
    }

    #[test]
    fn a_part_is_cut_when_it_has_its_size_and_has_grown() {
        let now = Instant::now();
        let mut one = schedule(Some(1_000), None);
        one.committed(999, now);
        assert!(!one.is_due(now, false));
        one.committed(1_000, now);
        assert!(one.is_due(now, false));
        let mut small = schedule(Some(150), None);
        small.committed(199, now);
        assert!(!small.is_due(now, false), "it began with 100 bytes");
        small.committed(200, now);
        assert!(small.is_due(now, false));
    }

    #[test]
    fn time_runs_from_the_first_record_and_an_empty_part_is_not_cut() {
        let now = Instant::now();
        let mut one = schedule(None, Some(60 * SECOND));
        assert!(!one.is_due(now + 600 * SECOND, false));
        assert_eq!(one.look_at(), None);
        let begun = now + 600 * SECOND;
        one.committed(200, begun);
        assert_eq!(one.look_at(), Some(begun + 60 * SECOND));
        assert!(!one.is_due(begun + 59 * SECOND, false));
        assert!(one.is_due(begun + 60 * SECOND, false));
    }

    #[test]
    fn a_cut_waits_for_open_messages_and_not_for_ever() {
        let now = Instant::now();
        let mut one = schedule(Some(1_000), None);
        one.committed(2_000, now);
        assert!(!one.is_due(now, true));
        assert_eq!(one.look_at(), Some(now + SECOND));
        assert!(one.is_due(now + SECOND / 2, false), "it has ended");
        assert!(one.is_due(now + SECOND, true));
    }

    #[test]
    fn a_cut_that_failed_is_tried_again_later() {
        let now = Instant::now();
        let mut one = schedule(Some(1_000), None);
        one.committed(2_000, now);
        assert!(one.is_due(now, false));
        one.retry_at(now + 5 * SECOND);
        assert!(!one.is_due(now + 4 * SECOND, false));
        assert_eq!(one.look_at(), Some(now + 5 * SECOND));
        assert!(one.is_due(now + 5 * SECOND, false));
    }
}
