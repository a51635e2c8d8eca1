//! What goes wrong with messages.

use std::collections::BTreeSet;

use wsaudit_wire::Direction;

use super::Maker;
use super::places::Places;
use crate::history::{MemoryMessage, Moment};
use crate::mutation::Operator;
use crate::mutation::history::History;
use crate::mutation::ids;

/// A day, in nanoseconds: no deadline of a rule that somebody waits for is longer.
const LATE: i64 = 24 * 3600 * 1_000_000_000;

impl Maker<'_> {
    pub(super) fn messages(&mut self, places: &Places) {
        let history = self.history;
        for (index, message) in history.data() {
            self.elsewhere(index, message);
        }
        for (index, message) in history.served() {
            let seq = message.moment.seq;
            let (operator, what) = if places.refusals.contains(&seq) {
                (Operator::Unrefuse, "the refusal is not sent")
            } else {
                (Operator::Drop, "the message is not delivered")
            };
            self.add(operator, seq, what.to_owned(), |history| {
                history.messages.remove(index);
            });
            if places.once.contains(&seq) {
                let what = "the message is delivered twice".to_owned();
                self.add(Operator::Duplicate, seq, what, |history| {
                    again(history, index, |_| {});
                });
            }
            let what = "the message, and all that follows, comes a day later".to_owned();
            self.add(Operator::Delay, seq, what, |history| {
                later(history, seq);
            });
            self.readdressed(index, message);
        }
        self.swapped();
        self.borrowed();
    }

    /// Another session gets it, instead or too.
    fn elsewhere(&mut self, index: usize, message: &MemoryMessage) {
        let seq = message.moment.seq;
        // What an HTTP exchange carries cannot come over a WebSocket.
        let connections = &self.history.outline.connections;
        let own = connections
            .iter()
            .find(|it| it.number == message.connection);
        if own.is_some_and(|it| it.http.is_some()) {
            return;
        }
        for other in self.history.others(message.connection, seq) {
            let name = self.name(other, seq);
            let (goes, copied) = match message.direction {
                Direction::ServerToClient => ("goes to", true),
                Direction::ClientToServer => ("comes from", false),
            };
            let what = format!("the message {goes} {name} instead");
            self.add(Operator::Move, seq, what, |history| {
                history.messages[index].connection = other;
            });
            if copied {
                let what = format!("a copy of the message goes to {name}");
                self.add(Operator::Copy, seq, what, |history| {
                    again(history, index, |copy| copy.connection = other);
                });
            }
        }
    }

    /// It names somebody else as the one it is for.
    fn readdressed(&mut self, index: usize, message: &MemoryMessage) {
        let seq = message.moment.seq;
        for other in self.history.others(message.connection, seq) {
            let sessions = (
                self.history.session(message.connection, seq),
                self.history.session(other, seq),
            );
            let users = (
                self.history.user(message.connection),
                self.history.user(other),
            );
            for (what, (own, foreign)) in [("session", sessions), ("user", users)] {
                let (Some(own), Some(foreign)) = (own, foreign) else {
                    continue;
                };
                if own == foreign {
                    continue;
                }
                if let Some(payload) = ids::replaced(&message.payload, own, foreign) {
                    let what = format!("the message names {what} {foreign} instead of {own}");
                    self.add(Operator::Readdress, seq, what, |history| {
                        history.messages[index].payload = payload;
                    });
                }
            }
        }
    }

    /// Neighbours of one connection that have to do with each other change places.
    fn swapped(&mut self) {
        let history = self.history;
        let mut last = std::collections::BTreeMap::<u64, (usize, &MemoryMessage)>::new();
        for (index, message) in history.data() {
            let Some((before, other)) = last.insert(message.connection, (index, message)) else {
                continue;
            };
            let values = |message: &MemoryMessage| -> BTreeSet<String> {
                let ids = ids::of_message(&message.payload, &self.holders).into_iter();
                ids.map(|(_, value)| value).collect()
            };
            let same_direction = other.direction == message.direction;
            if values(other).is_disjoint(&values(message))
                || (same_direction && other.payload == message.payload)
            {
                continue;
            }
            let what = format!(
                "the message comes before the one of line {}",
                super::history::line(other.moment.seq)
            );
            self.add(Operator::Swap, message.moment.seq, what, |history| {
                let moment = history.messages[index].moment;
                history.messages[index].moment = history.messages[before].moment;
                history.messages[before].moment = moment;
            });
        }
    }

    /// An id that one session alone has is named in a message of another one.
    fn borrowed(&mut self) {
        let history = self.history;
        let private = ids::private(history, &self.holders);
        for (index, message) in history.data() {
            let seq = message.moment.seq;
            let Some(session) = history.session(message.connection, seq) else {
                continue;
            };
            for (pointer, own) in ids::of_message(&message.payload, &self.holders) {
                let values = private.get(&pointer).map_or(&[][..], Vec::as_slice);
                let is_own = values
                    .iter()
                    .any(|(value, of)| *value == own && of == session);
                let foreign = values.iter().find(|(_, of)| of != session);
                let Some((foreign, of)) = foreign.filter(|_| is_own) else {
                    continue;
                };
                if let Some(payload) = ids::replaced(&message.payload, &own, foreign) {
                    let what = format!("{pointer} is {foreign} of session {of} instead of {own}");
                    self.add(Operator::Borrow, seq, what, |history| {
                        history.messages[index].payload = payload;
                    });
                }
            }
        }
    }
}

/// The message is there a second time, right after itself.
fn again(history: &mut History, index: usize, change: impl FnOnce(&mut MemoryMessage)) {
    let mut copy = history.messages[index].clone();
    copy.moment.seq += 1;
    change(&mut copy);
    history.messages.push(copy);
}

/// A message, and everything after it, is late. A connection that the message's own line opens is not.
fn later(history: &mut History, seq: u64) {
    let late = |moment: &mut Moment| moment.at += LATE;
    let after = |moment: &mut Moment| {
        if moment.seq > seq {
            late(moment);
        }
    };
    let messages = history.messages.iter_mut();
    for message in messages.filter(|message| message.moment.seq >= seq) {
        late(&mut message.moment);
    }
    for connection in &mut history.outline.connections {
        after(&mut connection.opened);
        connection.answered.iter_mut().for_each(after);
        connection.closed.iter_mut().for_each(after);
    }
    for anomaly in &mut history.outline.anomalies {
        after(&mut anomaly.moment);
    }
    history.outline.ended_at += LATE;
}
