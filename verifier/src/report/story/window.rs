//! What stands around the frames that prove something; the rest is counted.

use std::collections::VecDeque;

use super::Happening;

/// Keeps so many before and after each that proves something.
pub(super) struct Window {
    around: usize,
    /// The last ones that are not shown yet, and may never be.
    before: VecDeque<Happening>,
    /// How many of the next ones are shown.
    after: usize,
    /// How many were passed over since the last one that is shown.
    skipped: u64,
    shown: Vec<Happening>,
}

impl Window {
    pub(super) fn new(around: usize) -> Self {
        Self {
            around,
            before: VecDeque::new(),
            after: 0,
            skipped: 0,
            shown: Vec::new(),
        }
    }

    /// The next one.
    pub(super) fn push(&mut self, happening: Happening) {
        if !happening.proves.is_empty() {
            for earlier in std::mem::take(&mut self.before) {
                self.show(earlier);
            }
            self.show(happening);
            self.after = self.around;
        } else if self.after > 0 {
            self.after -= 1;
            self.show(happening);
        } else {
            self.before.push_back(happening);
            if self.before.len() > self.around {
                self.before.pop_front();
                self.skipped += 1;
            }
        }
    }

    pub(super) fn close(self) -> Vec<Happening> {
        self.shown
    }

    fn show(&mut self, happening: Happening) {
        let skipped = std::mem::take(&mut self.skipped);
        self.shown.push(Happening {
            skipped,
            ..happening
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(seq: u64, proves: &[usize]) -> Happening {
        Happening {
            recording: "a.db".into(),
            seq,
            at: 0.0,
            connection: 1,
            session: None,
            direction: None,
            what: "text".into(),
            proves: proves.to_vec(),
            skipped: 0,
            excerpt: String::new(),
            mark: None,
        }
    }

    fn shown(around: usize, proofs: &[u64], most: u64) -> Vec<(u64, u64)> {
        let mut window = Window::new(around);
        for seq in 1..=most {
            let proves: &[usize] = if proofs.contains(&seq) { &[1] } else { &[] };
            window.push(happening(seq, proves));
        }
        let shown = window.close().into_iter();
        shown.map(|it| (it.seq, it.skipped)).collect()
    }

    #[test]
    fn so_many_before_and_after_are_shown_and_the_rest_is_counted() {
        assert_eq!(
            shown(1, &[3, 9], 20),
            [(2, 1), (3, 0), (4, 0), (8, 3), (9, 0), (10, 0)]
        );
        assert_eq!(shown(0, &[3, 9], 20), [(3, 2), (9, 5)]);
    }

    #[test]
    fn windows_that_touch_are_one() {
        assert_eq!(
            shown(2, &[2, 5], 9),
            [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0)]
        );
    }
}
