//! A clean history as mutants are made of it: its parts, and room between any two of them.

use std::collections::BTreeMap;

use wsaudit_wire::{Direction, Opcode};

use crate::engine::{SessionIx, Verification};
use crate::history::{Connection, MemoryMessage, MemorySource, Moment, Outline, Source as _};

/// Places are spread so far apart that a message fits between any two.
const SPREAD: u64 = 4;

/// The parts of a history.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) outline: Outline,
    pub(super) messages: Vec<MemoryMessage>,
    /// By connection: its sessions, each from a place on.
    sessions: BTreeMap<u64, Vec<(u64, String)>>,
    /// By connection: its user.
    users: BTreeMap<u64, String>,
}

impl History {
    /// The parts of a history, with the sessions that a verification found in it.
    pub(super) fn new(source: &MemorySource, verification: &Verification) -> Self {
        let mut outline = source.outline().clone();
        let mut messages = source.messages().to_vec();
        for connection in &mut outline.connections {
            spread(&mut connection.opened);
            connection.answered.iter_mut().for_each(spread);
            connection.closed.iter_mut().for_each(spread);
            for tag in &mut connection.tags {
                tag.from *= SPREAD;
            }
        }
        for gap in &mut outline.gaps {
            gap.from *= SPREAD;
            gap.to *= SPREAD;
        }
        for anomaly in &mut outline.anomalies {
            spread(&mut anomaly.moment);
        }
        for message in &mut messages {
            spread(&mut message.moment);
        }
        let name = |session: SessionIx| &verification.sessions[session.0 as usize].id;
        let stats = verification.connections.iter();
        let sessions = stats.clone().map(|stats| {
            let all = stats.sessions.iter();
            let all = all.map(|(from, session)| (from * SPREAD, name(*session).clone()));
            (stats.number, all.collect())
        });
        let users = stats.filter_map(|stats| {
            let user = stats.user?.0 as usize;
            Some((stats.number, verification.users[user].clone()))
        });
        Self {
            sessions: sessions.collect(),
            users: users.collect(),
            outline,
            messages,
        }
    }

    /// The same parts as a recording.
    pub(super) fn source(&self) -> MemorySource {
        MemorySource::new(self.outline.clone(), self.messages.clone())
    }

    /// Whose message, or step of its life, a connection's place is: its session there.
    pub(super) fn session(&self, connection: u64, seq: u64) -> Option<&str> {
        let sessions = self.sessions.get(&connection)?;
        let before = sessions.iter().rev().find(|(from, _)| *from <= seq);
        before.map(|(_, session)| session.as_str())
    }

    /// All sessions of a connection.
    pub(super) fn sessions_of(&self, connection: u64) -> impl Iterator<Item = &str> {
        let sessions = self.sessions.get(&connection).into_iter().flatten();
        sessions.map(|(_, session)| session.as_str())
    }

    /// A connection's user.
    pub(super) fn user(&self, connection: u64) -> Option<&str> {
        self.users.get(&connection).map(String::as_str)
    }

    /// Connections of other holders that are open at that place: the first one of another user, and
    /// the first one of another session of the same user.
    pub(super) fn others(&self, connection: u64, seq: u64) -> Vec<u64> {
        let own = self.holder(connection, seq);
        let mut found: Vec<(bool, u64)> = Vec::new();
        for other in &self.outline.connections {
            let foreign = self.holder(other.number, seq) != own;
            let same_user = self.user(other.number) == self.user(connection);
            let known = found.iter().any(|(same, _)| *same == same_user);
            if foreign && is_open(other, seq) && !known {
                found.push((same_user, other.number));
            }
        }
        found.into_iter().map(|(_, number)| number).collect()
    }

    /// A session, or, where nothing says whose it is, the connection itself.
    fn holder(&self, connection: u64, seq: u64) -> (Option<&str>, u64) {
        match self.session(connection, seq) {
            Some(session) => (Some(session), 0),
            None => (None, connection),
        }
    }

    /// The data messages with their indices, in order.
    pub(super) fn data(&self) -> impl Iterator<Item = (usize, &MemoryMessage)> {
        let messages = self.messages.iter().enumerate();
        messages.filter(|(_, message)| matches!(message.opcode, Opcode::TEXT | Opcode::BINARY))
    }

    /// Those of the server.
    pub(super) fn served(&self) -> impl Iterator<Item = (usize, &MemoryMessage)> {
        self.data()
            .filter(|(_, message)| message.direction == Direction::ServerToClient)
    }
}

/// The line of a case that a place stands for.
pub(super) const fn line(seq: u64) -> u64 {
    seq / SPREAD
}

fn spread(moment: &mut Moment) {
    moment.seq *= SPREAD;
}

fn is_open(connection: &Connection, seq: u64) -> bool {
    connection.accepted()
        && connection.opened.seq < seq
        && connection.closed.is_none_or(|closed| closed.seq > seq)
}
