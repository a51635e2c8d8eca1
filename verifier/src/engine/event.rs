//! What checkers are shown: a message, or a step in a connection's life.

use wsaudit_wire::{Direction, Opcode};

use super::lanes::{Lane, Line};
use super::passed_over::Met;
use super::program::{CompiledCondition, Ids};
use super::state::{ConnectionIx, Holder, SessionIx, UserIx};
use super::tally::NameIx;
use crate::decode::{Strings, Value, Values, Yielded};
use crate::finding::{Place, Subject};
use crate::history::SourcePayload;
use crate::rules::read::Carrier;
use crate::rules::{EventId, EventRef, HolderKind, Lifecycle, Pointer};

/// A set of a pack's events: which a rule speaks of, or which a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EventSet {
    words: [u64; 4],
}

impl EventSet {
    /// How many named events a pack may have; the rest are the steps of a connection's life.
    pub const MOST_NAMED: usize = 256 - Self::LIFECYCLE.len();

    const LIFECYCLE: [Lifecycle; 4] = [
        Lifecycle::Open,
        Lifecycle::Accepted,
        Lifecycle::Refused,
        Lifecycle::Closed,
    ];

    /// The set of these.
    pub fn of(events: &[EventRef]) -> Self {
        let mut set = Self::default();
        for event in events {
            set.insert(*event);
        }
        set
    }

    /// Adds one.
    pub fn insert(&mut self, event: EventRef) {
        let bit = Self::bit(event);
        self.words[bit / 64] |= 1 << (bit % 64);
    }

    /// Adds all of another set.
    pub fn join(&mut self, other: &Self) {
        for (ours, theirs) in self.words.iter_mut().zip(other.words) {
            *ours |= theirs;
        }
    }

    /// Whether it is in the set.
    pub fn contains(&self, event: EventRef) -> bool {
        let bit = Self::bit(event);
        self.words[bit / 64] & (1 << (bit % 64)) != 0
    }

    /// Whether one is in both sets.
    pub fn meets(&self, other: &Self) -> bool {
        // No branch for each word: this is asked many times for each message.
        let common = self.words.iter().zip(other.words);
        common.fold(0, |all, (ours, theirs)| all | (ours & theirs)) != 0
    }

    /// Those that are messages, in the pack's order.
    pub fn messages(&self) -> impl Iterator<Item = EventId> + use<> {
        let mut words = (0_u16..).step_by(64).zip(self.words);
        let (mut first, mut rest) = (0, 0);
        std::iter::from_fn(move || {
            while rest == 0 {
                (first, rest) = words.next()?;
            }
            let bit = u16::try_from(rest.trailing_zeros()).unwrap_or(64);
            rest &= rest - 1;
            Some(EventId(first + bit))
        })
        // The steps of a connection's life are the last ones.
        .take_while(|EventId(id)| usize::from(*id) < Self::MOST_NAMED)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words == [0; 4]
    }

    fn bit(event: EventRef) -> usize {
        match event {
            EventRef::Lifecycle(step) => {
                Self::MOST_NAMED
                    + match step {
                        Lifecycle::Open => 0,
                        Lifecycle::Accepted => 1,
                        Lifecycle::Refused => 2,
                        Lifecycle::Closed => 3,
                    }
            }
            EventRef::Message(EventId(id)) => usize::from(id),
        }
    }
}

/// A message, or a step in a connection's life, as one pack sees it.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// Where it stands.
    pub place: Place,
    /// When it was observed, in nanoseconds since the Unix epoch.
    pub at: i64,
    /// On which connection.
    pub connection: ConnectionIx,
    /// Whom of those who share the connection it names.
    pub lane: Lane,
    /// The way it travelled; `None` for a step in a connection's life.
    pub direction: Option<Direction>,
    /// What carried it.
    pub(super) carrier: Carrier,
    /// The connection's session at that place, or the one that shares it and that the message names. A
    /// step that comes before anything is known of it has the one that the connection turns out to
    /// speak for: the whole history is known.
    pub session: Option<SessionIx>,
    /// Its user, likewise.
    pub user: Option<UserIx>,
    /// The message's name; over plain HTTP the method and the path, without what looks like an id in it.
    pub name: Option<&'e str>,
    /// The name's number.
    pub named: Option<NameIx>,
    /// Which of the pack's events it is; often none.
    pub is: EventSet,
    /// Which of the rule's exceptions covers whoever the connection speaks for here.
    pub excuse: Excuse,
    /// What the pointers yielded; `None` for a step in a connection's life.
    pub(super) values: Option<&'e Values>,
    /// In the second pass, where a rule looks at them: all strings of a server's message.
    pub(super) strings: Option<&'e Strings>,
    /// Whether the server's message is, or has in it, text of which nothing but its words is known.
    pub is_text: bool,
    /// Whether it may have something to say in a body that was not looked into: that is told once, for all of them.
    pub is_unread: bool,
    /// Where it is noted that a rule meets an object or an array as it looks for ids; `None`: there is none to meet.
    pub(super) met: Option<&'e Met>,
}

/// Which of a rule's exceptions covers whoever an event is about. What one covers is kept apart from
/// what none does: it must not hide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Excuse(Option<u16>);

impl Excuse {
    /// By the exception of that place in the rule; `None`: no exception covers it.
    pub(super) fn by(exception: Option<usize>) -> Self {
        Self(exception.and_then(|place| u16::try_from(place).ok()))
    }
}

/// A message as it was carried, whatever is in it.
#[derive(Debug, Clone, Copy)]
pub struct Carried<'e> {
    /// Where its last frame stands.
    pub place: Place,
    /// When that was observed, in nanoseconds since the Unix epoch.
    pub at: i64,
    /// On which connection.
    pub connection: ConnectionIx,
    /// The way it travelled.
    pub direction: Direction,
    /// Text or binary.
    pub opcode: Opcode,
    /// Its bytes, joined and inflated.
    pub payload: SourcePayload<'e>,
}

impl<'e> Event<'e> {
    /// Whether it is one of `events`.
    pub fn is_one_of(&self, events: &EventSet) -> bool {
        self.is.meets(events)
    }

    /// In the second pass, where a rule looks at them: all strings and members' names of a server's message, wherever
    /// they stand, and all words of one that is text.
    pub fn strings(&self) -> impl Iterator<Item = &'e str> + use<'e> {
        self.strings.into_iter().flat_map(Strings::iter)
    }

    /// Whether the server sent it.
    pub fn from_server(&self) -> bool {
        self.direction == Some(Direction::ServerToClient)
    }

    /// Whether the client sent it.
    pub fn from_client(&self) -> bool {
        self.direction == Some(Direction::ClientToServer)
    }

    /// The ids of a selector, in the message's order: where an event that this is binds the field,
    /// there; else where the field says. Of an array, each of its strings and numbers is one.
    #[inline]
    pub fn ids<'i>(&self, ids: &'i Ids) -> impl Iterator<Item = &'e str> + Clone + use<'e, 'i> {
        self.note_met(ids);
        self.found(ids)
    }

    /// The first of [`Self::ids`].
    #[inline]
    pub fn id(&self, ids: &Ids) -> Option<&'e str> {
        // Most messages have no values there: that is asked many times for each.
        let may_have = |values: &&Values| values.may_have(ids.all());
        self.values.filter(may_have)?;
        self.first_id(ids)
    }

    fn first_id(&self, ids: &Ids) -> Option<&'e str> {
        let first = self.found(ids).next();
        if first.is_none() {
            self.note_met(ids);
        }
        first
    }

    /// Whether there is one of [`Self::ids`], or may be in an object or an array. To ask is not to look for them: what
    /// is passed over is no doubt yet.
    pub fn may_have(&self, ids: &Ids) -> bool {
        self.found(ids).next().is_some() || self.passed_over(ids).is_some()
    }

    /// Notes what a rule may miss that looks for ids.
    fn note_met(&self, ids: &Ids) {
        if let (Some(met), Some(at)) = (self.met, self.passed_over(ids)) {
            met.note(at);
        }
    }

    #[inline]
    fn passed_over<'i>(&self, ids: &'i Ids) -> Option<&'i Pointer> {
        let values = self.values.filter(|values| values.has_deeper())?;
        ids.passed_over(&self.is, values)
    }

    #[inline]
    fn found<'i>(&self, ids: &'i Ids) -> impl Iterator<Item = &'e str> + Clone + use<'e, 'i> {
        let yielded = match self.values {
            Some(values) if values.may_have(ids.all()) => values.of_each(ids.slots(&self.is)),
            Some(_) | None => Yielded::default(),
        };
        yielded.filter_map(Value::as_listed_id)
    }

    /// All that a pattern of values asks for; see [`crate::rules::Condition`].
    pub fn meets(&self, conditions: &[CompiledCondition]) -> bool {
        self.values
            .is_some_and(|values| conditions.iter().all(|condition| condition.is_met(values)))
    }

    /// What it travelled on.
    pub fn line(&self) -> Line {
        Line {
            connection: self.connection,
            lane: self.lane,
        }
    }

    /// On whose behalf the connection speaks at that place, in the terms of a rule; `None`: not
    /// known.
    pub fn holder(&self, kind: HolderKind) -> Option<Holder> {
        match kind {
            HolderKind::Session => self.session.map(Holder::Session),
            HolderKind::User => self.user.map(Holder::User),
            HolderKind::Connection => Some(Holder::Connection(self.connection)),
        }
    }

    /// Whether it is that step in a connection's life.
    pub fn is_step(&self, step: Lifecycle) -> bool {
        self.is.contains(EventRef::Lifecycle(step))
    }

    /// Whom it is about.
    pub fn subject(&self) -> Subject {
        Subject {
            session: self.session,
            user: self.user,
            connection: Some(self.connection),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifecycle_steps_and_named_events_do_not_collide() {
        let last = EventRef::Message(EventId(u16::try_from(EventSet::MOST_NAMED - 1).unwrap()));
        let mut set = EventSet::of(&[last]);
        for step in EventSet::LIFECYCLE {
            assert!(!set.contains(EventRef::Lifecycle(step)));
            set.insert(EventRef::Lifecycle(step));
            assert!(set.contains(EventRef::Lifecycle(step)));
        }
        assert!(set.meets(&EventSet::of(&[EventRef::Lifecycle(Lifecycle::Closed)])));
        let both = EventSet::of(&[EventRef::Message(EventId(3)), last]);
        assert!(
            both.messages()
                .map(EventRef::Message)
                .eq([EventRef::Message(EventId(3)), last])
        );
        let last = [last].map(|event| Some(event) == set.messages().map(EventRef::Message).next());
        assert_eq!(last, [true], "a step in a connection's life is no message");
        assert!(!EventSet::default().meets(&set));
    }
}
