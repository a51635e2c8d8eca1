//! What is asked, and what was answered, on one connection.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::said::{Act, Key, Lasts, What};
use crate::finding::Place;

/// So many that were answered are remembered, to tell a second answer from one that nobody asked for.
/// Both break the rule.
const MOST_REMEMBERED: usize = 1024;

/// The requests and subscriptions of one connection.
#[derive(Debug, Default)]
pub(super) struct Table {
    asked: HashMap<Key, Asked>,
    /// Those that are closed, in the order in which they were.
    closed: VecDeque<Key>,
}

/// What was asked with one id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// How many of them wait for an answer.
    open: u32,
    /// The last time.
    pub(super) place: Place,
    /// When the asker wanted no more; `None`: it does.
    cancelled: Option<Moment>,
    /// Streams that were cancelled and then made anew: their ends may still come.
    replaced: u32,
    /// The last answer of the last one.
    ended: Option<Place>,
}

/// A place and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) place: Place,
    /// In nanoseconds since the Unix epoch.
    pub(super) at: i64,
}

/// How an answer stands to what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It answers something that is open, or was cancelled a moment ago.
    Due,
    /// It was answered for the last time there.
    Ended(Place),
    /// It was cancelled there, long ago.
    Cancelled(Place),
    /// Nobody asked.
    Unasked,
}

impl Table {
    /// Notes what a message does; `None`: it answers nothing. `grace` is how long (in nanoseconds) what
    /// was cancelled may still be answered.
    pub(super) fn note(&mut self, act: &Act, now: Moment, grace: i64) -> Option<Standing> {
        match act.what {
            What::Ask(lasts) => {
                self.ask(&act.key, lasts, now.place);
                None
            }
            What::Cancel => {
                if let Some(asked) = self.asked.get_mut(&act.key).filter(|asked| asked.open > 0) {
                    (asked.open, asked.cancelled) = (0, Some(now));
                    self.close(&act.key);
                }
                None
            }
            What::Item => Some(self.item(&act.key, now, grace)),
            What::Final => Some(self.end(&act.key, now)),
        }
    }

    /// Where something is open; `None`: nowhere.
    pub(super) fn open(&self, key: &Key) -> Option<Place> {
        let asked = self.asked.get(key)?;
        (asked.open > 0).then_some(asked.place)
    }

    /// The connection has ended: what is open stays known, for a stale answer elsewhere.
    pub(super) fn disconnect(&mut self) {
        self.asked.retain(|_, asked| asked.open > 0);
        self.asked.shrink_to_fit();
        self.closed = VecDeque::new();
    }

    fn ask(&mut self, key: &Key, lasts: Lasts, place: Place) {
        let Some(asked) = self.asked.get_mut(key) else {
            let asked = Asked {
                open: 1,
                place,
                cancelled: None,
                replaced: 0,
                ended: None,
            };
            self.asked.insert(key.clone(), asked);
            return;
        };
        match lasts {
            Lasts::ForOneReply => asked.open += 1,
            Lasts::UntilItsEnd => asked.open = 1,
        }
        asked.place = place;
        let cancelled = asked.cancelled.take().is_some();
        let ended = asked.ended.take().is_some();
        asked.replaced += u32::from(cancelled && !ended);
    }

    fn item(&self, key: &Key, now: Moment, grace: i64) -> Standing {
        let Some(asked) = self.asked.get(key) else {
            return Standing::Unasked;
        };
        match (asked.open, asked.ended, asked.cancelled) {
            (0, Some(ended), _) => Standing::Ended(ended),
            (0, None, Some(cancelled)) if now.at.saturating_sub(cancelled.at) > grace => {
                Standing::Cancelled(cancelled.place)
            }
            (1.., ..) | (0, None, _) => Standing::Due,
        }
    }

    fn end(&mut self, key: &Key, now: Moment) -> Standing {
        let Some(asked) = self.asked.get_mut(key) else {
            return Standing::Unasked;
        };
        match (asked.open, asked.ended) {
            (1.., _) if asked.replaced > 0 => asked.replaced -= 1,
            (1.., _) => {
                asked.open -= 1;
                if asked.open == 0 {
                    asked.ended = Some(now.place);
                    self.close(key);
                }
            }
            (0, Some(ended)) => return Standing::Ended(ended),
            // What was cancelled may still be ended, however long that takes.
            (0, None) => asked.ended = Some(now.place),
        }
        Standing::Due
    }

    /// Remembers that nothing of that key is open any more, and forgets the oldest such.
    fn close(&mut self, key: &Key) {
        self.closed.push_back(key.clone());
        if self.closed.len() > MOST_REMEMBERED
            && let Some(oldest) = self.closed.pop_front()
            && self.asked.get(&oldest).is_some_and(|asked| asked.open == 0)
        {
            self.asked.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_wire::Direction;

    use super::super::said::Space;
    use super::*;

    fn key(id: &str) -> Key {
        Key {
            asked: Direction::ClientToServer,
            space: Space::Subscription,
            within: "".into(),
            id: id.into(),
        }
    }

    /// What comes of acts on one key, one a second.
    fn standings(acts: &[What]) -> Vec<Standing> {
        let mut table = Table::default();
        let told = (1..).zip(acts).filter_map(|(seq, what)| {
            let act = Act {
                what: *what,
                key: key("a"),
                called: "x",
            };
            let place = Place { recording: 0, seq };
            let at = i64::try_from(seq).unwrap() * 1_000_000_000;
            table.note(&act, Moment { place, at }, 1_000_000_000)
        });
        told.collect()
    }

    const STREAM: What = What::Ask(Lasts::UntilItsEnd);
    const ONCE: What = What::Ask(Lasts::ForOneReply);

    fn at(seq: u64) -> Place {
        Place { recording: 0, seq }
    }

    #[test]
    fn an_answer_is_due_while_something_is_open() {
        let due = [Standing::Due; 2];
        assert_eq!(standings(&[What::Item]), [Standing::Unasked]);
        assert_eq!(standings(&[STREAM, What::Item, What::Final]), due);
        assert_eq!(standings(&[ONCE, ONCE, What::Final, What::Final]), due);
        assert_eq!(
            standings(&[STREAM, What::Final, What::Item, What::Final]),
            [
                Standing::Due,
                Standing::Ended(at(2)),
                Standing::Ended(at(2))
            ]
        );
        assert_eq!(standings(&[ONCE, What::Final, ONCE, What::Final]), due);
    }

    #[test]
    fn what_was_cancelled_may_still_be_answered_for_a_moment() {
        assert_eq!(
            standings(&[
                STREAM,
                What::Cancel,
                What::Item,
                What::Item,
                What::Final,
                What::Final
            ]),
            [
                Standing::Due,
                Standing::Cancelled(at(2)),
                Standing::Due,
                Standing::Ended(at(5)),
            ]
        );
        // The end of the first one came before the second was made.
        assert_eq!(
            standings(&[
                STREAM,
                What::Cancel,
                What::Final,
                STREAM,
                What::Final,
                What::Item
            ]),
            [Standing::Due, Standing::Due, Standing::Ended(at(5))]
        );
        // The end of the first one comes after the second was made.
        assert_eq!(
            standings(&[
                STREAM,
                What::Cancel,
                STREAM,
                What::Final,
                What::Item,
                What::Final,
                What::Item
            ]),
            [
                Standing::Due,
                Standing::Due,
                Standing::Due,
                Standing::Ended(at(6))
            ]
        );
    }

    #[test]
    fn of_those_that_were_answered_only_the_last_ones_are_remembered() {
        let mut table = Table::default();
        let mut note = |what, id: &str, seq| {
            let act = Act {
                what,
                key: key(id),
                called: "x",
            };
            let now = Moment {
                place: at(seq),
                at: 0,
            };
            table.note(&act, now, 0)
        };
        for number in 0..2 * MOST_REMEMBERED as u64 {
            note(ONCE, &number.to_string(), number);
            note(What::Final, &number.to_string(), number);
        }
        let last = 2 * MOST_REMEMBERED as u64 - 1;
        assert_eq!(note(What::Final, "0", 9999), Some(Standing::Unasked));
        assert_eq!(
            note(What::Final, &last.to_string(), 9999),
            Some(Standing::Ended(at(last)))
        );
        assert!(table.asked.len() <= MOST_REMEMBERED);
    }
}
