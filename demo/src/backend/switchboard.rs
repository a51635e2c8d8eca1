//! Who is connected, and where each session's events go.

use crate::protocol::Envelope;
use crate::protocol::ids::SessionId;
use std::collections::HashMap;
use tokio::sync::mpsc;

/// The queue of a connection. Unbounded: what it holds is bounded by what the agents say.
pub(super) type Outgoing = mpsc::UnboundedSender<String>;

/// The place of a connection; taken again by a later one once it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(usize);

#[derive(Debug)]
struct Seat {
    session: SessionId,
    outgoing: Outgoing,
}

#[derive(Debug, Default)]
pub(super) struct Switchboard {
    seats: Vec<Option<Seat>>,
    /// Oldest connection first; sessions without a connection are absent.
    sessions: HashMap<SessionId, Vec<Slot>>,
}

impl Switchboard {
    /// Gives a connection the lowest free slot.
    pub(super) fn join(&mut self, session: &SessionId, outgoing: Outgoing) -> Slot {
        let free = self.seats.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        });
        self.seats[slot] = Some(Seat {
            session: session.clone(),
            outgoing,
        });
        self.sessions
            .entry(session.clone())
            .or_default()
            .push(Slot(slot));
        Slot(slot)
    }

    pub(super) fn leave(&mut self, slot: Slot) {
        let Some(seat) = self.seats.get_mut(slot.0).and_then(Option::take) else {
            return;
        };
        if let Some(slots) = self.sessions.get_mut(&seat.session) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.sessions.remove(&seat.session);
            }
        }
    }

    /// The newest connection of a session.
    pub(super) fn slot_of(&self, session: &SessionId) -> Option<Slot> {
        self.sessions.get(session)?.last().copied()
    }

    pub(super) fn everybody(&self) -> Vec<Slot> {
        let taken = self
            .seats
            .iter()
            .enumerate()
            .filter(|(_, seat)| seat.is_some());
        taken.map(|(slot, _)| Slot(slot)).collect()
    }

    /// The next taken slot that is another session's, counting on from `slot` and round the end.
    pub(super) fn neighbour(&self, slot: Slot, session: &SessionId) -> Option<Slot> {
        let round = (slot.0 + 1..self.seats.len()).chain(0..slot.0);
        let foreign = |at: &usize| {
            self.seats[*at]
                .as_ref()
                .is_some_and(|s| s.session != *session)
        };
        round.into_iter().find(foreign).map(Slot)
    }

    /// Queues a message; a slot that is free, or whose connection is just ending, takes none.
    pub(super) fn send(&self, slot: Slot, message: &Envelope) {
        if let Some(Some(seat)) = self.seats.get(slot.0) {
            let _ = seat.outgoing.send(message.to_json());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_taken_again_and_a_session_moves_with_its_newest_connection() {
        let (outgoing, _incoming) = mpsc::unbounded_channel();
        let [ada, ben] = ["s-ada", "s-ben"].map(|id| SessionId(id.into()));
        let mut board = Switchboard::default();
        let first = board.join(&ada, outgoing.clone());
        let second = board.join(&ada, outgoing.clone());
        assert_eq!(board.slot_of(&ada), Some(second));
        assert_eq!(board.neighbour(first, &ada), None);
        board.leave(second);
        assert_eq!(board.slot_of(&ada), Some(first));
        assert_eq!(board.join(&ben, outgoing), second);
        assert_eq!(board.neighbour(first, &ada), Some(second));
        board.leave(first);
        assert_eq!(board.slot_of(&ada), None);
        assert_eq!(board.everybody(), [second]);
    }
}
