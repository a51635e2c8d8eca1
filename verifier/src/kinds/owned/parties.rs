//! Who owns, receives and uses things.

use hashbrown::HashMap;

use crate::engine::{ConnectionIx, Cx, Holder, Lane, Line};
use crate::rules::HolderKind;

/// Somebody who can own, receive or use a resource, by place in [`Parties`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PartyIx(u32);

/// Who somebody is besides, as the kinds of holder that shares name and that do not own: at most two.
/// A connection may speak for others later, so it is noted with what is shown and asked for.
pub(super) type Besides = [Option<PartyIx>; 2];

/// A party: a holder by its id, whether or not it ever connected.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// A session or user by its id.
    Named(HolderKind, String),
    /// A connection that is itself the holder.
    Connection(ConnectionIx),
    /// Whoever a connection speaks for, where nothing says who that is.
    Unidentified(ConnectionIx),
    /// Whoever claims something on a connection, and names a session of which frames that are missing may
    /// say that it shares that: each time, it may be another one.
    Perhaps(ConnectionIx),
}

/// All parties that were met.
#[derive(Debug, Default)]
pub(super) struct Parties {
    all: Vec<Party>,
    numbers: HashMap<Party, PartyIx>,
    /// What [`Self::on`] found last, by connection: nearly always right again.
    last: Vec<Option<(Holder, PartyIx)>>,
}

impl Parties {
    pub(super) fn number(&mut self, party: Party) -> PartyIx {
        if let Some(number) = self.numbers.get(&party) {
            return *number;
        }
        let number = PartyIx(u32::try_from(self.all.len()).expect("fewer than 2^32 parties"));
        self.all.push(party.clone());
        self.numbers.insert(party, number);
        number
    }

    pub(super) fn get(&self, party: PartyIx) -> &Party {
        &self.all[party.0 as usize]
    }

    /// Whoever a line speaks for here, and [`Self::claimant`].
    pub(super) fn both(&mut self, cx: &Cx<'_>, kind: HolderKind, line: Line) -> (PartyIx, PartyIx) {
        let here = self.on(cx, kind, line);
        match self.get(here) {
            Party::Unidentified(_) => (here, self.claimant(cx, kind, line)),
            Party::Named(..) | Party::Connection(_) | Party::Perhaps(_) => (here, here),
        }
    }

    /// Whoever a line speaks for, now or later, where what it does gives something to it: before its
    /// login it acts for the one who logs in.
    pub(super) fn claimant(&mut self, cx: &Cx<'_>, kind: HolderKind, line: Line) -> PartyIx {
        if cx.holder_on(kind, line).is_none()
            && let Some(id) = cx.first_name(kind, line.connection)
        {
            return self.number(Party::Named(kind, id.to_owned()));
        }
        self.on(cx, kind, line)
    }

    /// Whose what a line claims is: [`Self::claimant`]'s, unless frames that are missing may say that it
    /// is another one's.
    pub(super) fn maker(&mut self, claimant: PartyIx, kind: HolderKind, line: Line) -> PartyIx {
        if kind == HolderKind::Session && line.lane == Lane::Perhaps {
            return self.number(Party::Perhaps(line.connection));
        }
        claimant
    }

    /// Whoever a line speaks for here (as [`Self::claimant`]), by each of `kinds`; where that is not known,
    /// nobody: the unknown user of a connection is not its unknown session.
    pub(super) fn besides(&mut self, cx: &Cx<'_>, kinds: &[HolderKind], line: Line) -> Besides {
        let mut besides = Besides::default();
        for (party, kind) in besides.iter_mut().zip(kinds) {
            let claimant = self.claimant(cx, *kind, line);
            let known = !matches!(self.get(claimant), Party::Unidentified(_));
            *party = known.then_some(claimant);
        }
        besides
    }

    /// Whoever a line speaks for here.
    pub(super) fn on(&mut self, cx: &Cx<'_>, kind: HolderKind, line: Line) -> PartyIx {
        let Some(holder) = cx.holder_on(kind, line) else {
            return self.number(Party::Unidentified(line.connection));
        };
        let index = line.connection.0 as usize;
        if self.last.len() <= index {
            self.last.resize(index + 1, None);
        }
        if let Some((last, party)) = self.last[index]
            && last == holder
        {
            return party;
        }
        let party = self.number(match holder {
            Holder::Session(session) => Party::Named(kind, cx.session_name(session).to_owned()),
            Holder::User(user) => Party::Named(kind, cx.user_name(user).to_owned()),
            Holder::Connection(connection) => Party::Connection(connection),
        });
        self.last[index] = Some((holder, party));
        party
    }
}
