//! Who is who, as rules about owners see it: by name, or a connection of which nothing is known then.

use wsaudit_verifier::rules::HolderKind;

use super::lives::{Event, Who};
use super::shared::Whose;

/// Somebody who can own or see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Known(Who),
    /// Whoever a connection speaks for, where nothing says who that is.
    Unknown(usize),
    /// Whoever claims something there and names a session of which nobody knows whether it has a part in it.
    Perhaps(usize),
}

impl Party {
    pub(crate) fn known(self) -> Option<Who> {
        match self {
            Self::Known(who) => Some(who),
            Self::Unknown(_) | Self::Perhaps(_) => None,
        }
    }
}

impl Whose<'_> {
    /// Whose an event is then.
    pub(crate) fn on(&self, kind: HolderKind, event: &Event<'_>) -> Party {
        let who = self.holder(kind, event);
        who.map_or(Party::Unknown(event.on), Party::Known)
    }

    /// The same; before that is known, for whom its connection speaks first.
    pub(crate) fn acts_for(&self, kind: HolderKind, event: &Event<'_>) -> Party {
        let who = self.holder(kind, event);
        let who = who.or_else(|| self.first_holder(kind, event.on));
        who.map_or(Party::Unknown(event.on), Party::Known)
    }

    /// The same where it claims something.
    pub(crate) fn claims_for(&self, kind: HolderKind, event: &Event<'_>) -> Party {
        if kind == HolderKind::Session && self.may_be_of_another(event) {
            return Party::Perhaps(event.on);
        }
        self.acts_for(kind, event)
    }

    /// Whether a party is somebody, if only by what its connection says later. What is of one of several
    /// sessions, nobody knows of which, may be of another one each time.
    pub(crate) fn same(&self, kind: HolderKind, one: Party, other: Party) -> bool {
        let who = |party| match party {
            Party::Known(who) => Some(who),
            Party::Unknown(on) => self.first_holder(kind, on),
            Party::Perhaps(_) => None,
        };
        let is_one = one == other && !self.is_one_of_several(kind, one);
        is_one || who(one).is_some() && who(one) == who(other)
    }

    /// Whether nothing will ever say which of the sessions that share a connection it is.
    pub(crate) fn is_one_of_several(&self, kind: HolderKind, party: Party) -> bool {
        match party {
            Party::Known(_) => false,
            Party::Unknown(on) => {
                let session = kind == HolderKind::Session && self.is_shared(on);
                session && self.first_holder(kind, on).is_none()
            }
            Party::Perhaps(_) => true,
        }
    }

    /// Whether two parties are surely two: both are known, or one is none of the sessions of which the
    /// other is one.
    pub(crate) fn differ(&self, one: Party, other: Party) -> bool {
        match (one, other) {
            (Party::Known(_), Party::Known(_)) => one != other,
            (Party::Known(Who::Session(session)), Party::Unknown(on))
            | (Party::Unknown(on), Party::Known(Who::Session(session))) => {
                self.is_shared_by_these(on) && !self.has(on, session)
            }
            _ => false,
        }
    }

    /// As whom a party is told. Whose name nobody has is nobody's in the report; of whom nothing is known
    /// but the connection, is told as the one that has it in the end.
    pub(crate) fn told_as(&self, kind: HolderKind, party: Party) -> Option<Who> {
        match party {
            Party::Known(who) => Some(who).filter(|who| self.is_met(*who)),
            Party::Unknown(on) | Party::Perhaps(on) => self.holder_at(kind, on, usize::MAX),
        }
    }

    /// Whether something of any connection of a party (whom kinds of holders know it as) that came after
    /// one place, and before another, cannot be read. Of messages that cannot be read, the first and the
    /// last one are known: what is between them may be any.
    pub(crate) fn is_lost(
        &self,
        kinds: &[HolderKind],
        party: Party,
        after: usize,
        before: usize,
    ) -> bool {
        let all: Vec<Who> = match party {
            Party::Known(who @ Who::Session(session)) => {
                let user = self.user_of(session, usize::MAX);
                let user = user.filter(|_| kinds.contains(&HolderKind::User));
                [who].into_iter().chain(user).collect()
            }
            Party::Known(who @ Who::User(_)) => vec![who],
            Party::Known(Who::Connection(on)) | Party::Unknown(on) | Party::Perhaps(on) => {
                let kinds = kinds.iter();
                let all = kinds.flat_map(|kind| self.all_ever(*kind, on, usize::MAX));
                all.chain([Who::Connection(on)]).collect()
            }
        };
        (0..self.history.connections()).any(|on| {
            let is_theirs = |who: &Who| self.all_ever(who.kind(), on, usize::MAX).contains(who);
            self.loses(on, after, before) && all.iter().any(is_theirs)
        })
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.history.connections()
    }

    /// The same of one connection.
    pub(crate) fn loses(&self, on: usize, after: usize, before: usize) -> bool {
        self.history.loses(on, after, usize::MAX, before)
    }
}
