//! What a message travels on: a connection, and whom of those who share it the message is for.

use crate::engine::state::{ConnectionIx, SessionIx};

/// A connection, or what one of several sessions has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    /// The connection.
    pub connection: ConnectionIx,
    /// Which part of it.
    pub lane: Lane,
}

/// For whom a message of a connection is, as far as it says so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// No other session has a lane on the connection.
    Only,
    /// It names another session, which has a lane.
    Other(SessionIx),
    /// It names the connection's own session, or one that has nothing to do with the connection:
    /// that does not take it away from whoever received it.
    Own,
    /// It names none, and so is of the connection's own session.
    Unsaid,
    /// It names another session, and what would give that one a lane may be missing or not decoded.
    Perhaps,
}

impl Line {
    /// A connection, whoever has it.
    pub const fn whole(connection: ConnectionIx) -> Self {
        Self {
            connection,
            lane: Lane::Only,
        }
    }

    /// Whether a reply on this line may answer what was asked on that one: one that says for whom it
    /// is answers nobody else.
    pub fn may_answer(self, asked: Self) -> bool {
        let lane = match (self.lane, asked.lane) {
            (Lane::Only | Lane::Unsaid | Lane::Perhaps, _)
            | (_, Lane::Perhaps)
            | (Lane::Own, Lane::Own | Lane::Unsaid | Lane::Only) => true,
            (Lane::Other(one), Lane::Other(other)) => one == other,
            (Lane::Own, Lane::Other(_)) | (Lane::Other(_), _) => false,
        };
        lane && self.connection == asked.connection
    }

    /// Whether two lines of one connection are of one session, as far as that is known.
    pub fn is_one_with(self, other: Self) -> bool {
        self.other() == other.other()
            && (self.lane == Lane::Perhaps) == (other.lane == Lane::Perhaps)
    }

    /// The session that has a lane of its own here.
    pub fn other(self) -> Option<SessionIx> {
        match self.lane {
            Lane::Other(session) => Some(session),
            Lane::Only | Lane::Own | Lane::Unsaid | Lane::Perhaps => None,
        }
    }
}
