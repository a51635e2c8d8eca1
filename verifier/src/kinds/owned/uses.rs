//! Who asked for what, and how it was answered.

use hashbrown::HashMap;

use super::ledger::{PartyIx, ResourceIx};
use crate::engine::ConnectionIx;
use crate::finding::{Place, Severity};

/// The uses of one rule, by resource and user.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Waiting for their answer, by connection.
    open: HashMap<ConnectionIx, Vec<Open>>,
    /// By resource and user: the use that tells most.
    told: HashMap<(ResourceIx, PartyIx), Used>,
}

#[derive(Debug, Clone)]
struct Open {
    resource: ResourceIx,
    user: PartyIx,
    used: Used,
    key: Option<String>,
}

/// A use and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) place: Place,
    pub(super) at: i64,
    pub(super) connection: ConnectionIx,
    pub(super) severity: Severity,
    pub(super) answer: Answer,
}

/// How a use was answered, the one that tells most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// It was granted.
    Granted(Place),
    /// Access was given at nearly the same time.
    Raced,
    /// An answer came, and more than one open use could have been meant.
    Ambiguous(Place),
    /// It was not answered.
    Unanswered,
    /// It was refused.
    Denied(Place),
}

impl Uses {
    /// A client asks for a resource.
    pub(super) fn ask(
        &mut self,
        resource: ResourceIx,
        user: PartyIx,
        used: Used,
        key: Option<&str>,
    ) {
        let open = Open {
            resource,
            user,
            used,
            key: key.map(str::to_owned),
        };
        self.open.entry(used.connection).or_default().push(open);
    }

    /// The server answers, on a connection, the uses with that key.
    pub(super) fn answer_key(&mut self, connection: ConnectionIx, key: &str, answer: Answer) {
        let Some(open) = self.open.get_mut(&connection) else {
            return;
        };
        let meant: Vec<_> = open
            .extract_if(.., |open| open.key.as_deref() == Some(key))
            .collect();
        for open in meant {
            self.tell(open.resource, open.user, open.used.answered(answer));
        }
    }

    /// The server answers, on a connection, something that was asked there at `since` or later, and
    /// does not say what. That is sure only where one use is open.
    pub(super) fn answer_any(&mut self, connection: ConnectionIx, since: i64, answer: Answer) {
        let Some(open) = self.open.get_mut(&connection) else {
            return;
        };
        let meant: Vec<_> = open.extract_if(.., |open| open.used.at >= since).collect();
        let answer = match (meant.len(), answer) {
            (0 | 1, answer) => answer,
            (_, Answer::Granted(place) | Answer::Denied(place)) => Answer::Ambiguous(place),
            (_, other) => other,
        };
        for open in meant {
            self.tell(open.resource, open.user, open.used.answered(answer));
        }
    }

    /// Whether a client asked for the resource on this connection and waits for the answer.
    pub(super) fn is_open(&self, connection: ConnectionIx, resource: ResourceIx) -> bool {
        self.open
            .get(&connection)
            .is_some_and(|open| open.iter().any(|open| open.resource == resource))
    }

    /// Access was given at `at`: what was asked less than `slack` before may have crossed it. What was
    /// refused was refused.
    pub(super) fn granted_at(&mut self, resource: ResourceIx, user: PartyIx, at: i64, slack: i64) {
        if let Some(used) = self.told.get_mut(&(resource, user))
            && !matches!(used.answer, Answer::Denied(_))
            && at - used.at <= slack
        {
            used.answer = Answer::Raced;
        }
        // An open use that is granted from here on is a use of somebody who has access.
        for open in self.open.values_mut() {
            open.retain(|open| (open.resource, open.user) != (resource, user));
        }
    }

    /// The use of a resource that tells most about a party. Everything still open is unanswered.
    pub(super) fn close(mut self) -> HashMap<(ResourceIx, PartyIx), Used> {
        for open in std::mem::take(&mut self.open).into_values().flatten() {
            self.tell(open.resource, open.user, open.used);
        }
        self.told
    }

    /// Notes a use whose answer is known, if it tells more than what is known of the same user and
    /// resource.
    pub(super) fn tell(&mut self, resource: ResourceIx, user: PartyIx, used: Used) {
        let told = self.told.entry((resource, user)).or_insert(used);
        let rank = |used: &Used| (used.answer.rank(), used.severity, used.place);
        if rank(&used) < rank(told) {
            *told = used;
        }
    }
}

impl Used {
    /// With its answer. One that raced with the end of access may have been granted rightly; refused
    /// is refused.
    fn answered(self, answer: Answer) -> Self {
        match (self.answer, answer) {
            (Answer::Raced, Answer::Granted(_)) => self,
            (_, answer) => Self { answer, ..self },
        }
    }
}

impl Answer {
    const fn rank(self) -> u8 {
        match self {
            Self::Granted(_) => 0,
            Self::Raced => 1,
            Self::Ambiguous(_) => 2,
            Self::Unanswered => 3,
            Self::Denied(_) => 4,
        }
    }
}
