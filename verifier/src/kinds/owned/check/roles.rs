//! What messages are to an `owned` rule.

use crate::engine::{Event, EventSet};
use crate::kinds::owned::Owned;
use crate::rules::{EventId, EventRef};

/// What a message is to the rule: some bits, often none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Roles(u16);

impl Roles {
    /// It claims what it names.
    pub(super) const CLAIMS: Self = Self(1);
    /// It asks for what a claim answers.
    pub(super) const ASKS_FOR_A_CLAIM: Self = Self(1 << 1);
    /// It gives access to whom it names.
    pub(super) const SHARES: Self = Self(1 << 2);
    /// It takes access from whom it names.
    pub(super) const REVOKES: Self = Self(1 << 3);
    /// It makes whoever it is of a member.
    pub(super) const JOINS: Self = Self(1 << 4);
    /// It ends that.
    pub(super) const LEAVES: Self = Self(1 << 5);
    /// It gives a resource up.
    pub(super) const RELEASES: Self = Self(1 << 6);
    /// It asks for a resource.
    pub(super) const READS: Self = Self(1 << 7);
    /// It changes one.
    pub(super) const WRITES: Self = Self(1 << 8);
    /// It grants what was asked for.
    pub(super) const GRANTS: Self = Self(1 << 9);
    /// It denies that.
    pub(super) const DENIES: Self = Self(1 << 10);
    /// It goes to everybody: it shows nothing.
    pub(super) const BROADCASTS: Self = Self(1 << 11);
    /// It asks for something.
    pub(super) const ASKS: Self = Self(Self::ASKS_FOR_A_CLAIM.0 | Self::READS.0 | Self::WRITES.0);
    /// It answers something.
    pub(super) const ANSWERS: Self = Self(Self::GRANTS.0 | Self::DENIES.0);
    /// It is about a resource, and has to say which.
    pub(super) const NAMES_ONE: Self = Self(
        Self::CLAIMS.0
            | Self::SHARES.0
            | Self::REVOKES.0
            | Self::JOINS.0
            | Self::LEAVES.0
            | Self::RELEASES.0
            | Self::READS.0
            | Self::WRITES.0,
    );
    /// The rule speaks of it.
    const SPOKEN_OF: Self =
        Self(Self::NAMES_ONE.0 | Self::ASKS_FOR_A_CLAIM.0 | Self::GRANTS.0 | Self::DENIES.0);

    /// Whether it is one of `others`.
    pub(super) const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether the rule speaks of the message, other than as one that shows nothing.
    pub(super) const fn is_spoken_of(self) -> bool {
        self.meets(Self::SPOKEN_OF)
    }
}

/// What each of a pack's events is to a rule.
#[derive(Debug)]
pub(super) struct RolesOf {
    by_event: Vec<Roles>,
}

impl RolesOf {
    pub(super) fn new(spec: &Owned) -> Self {
        let mut of = Self {
            by_event: vec![Roles::default(); EventSet::MOST_NAMED],
        };
        for claim in &spec.claims {
            of.add(&claim.events, Roles::CLAIMS);
            let answers = claim.answers.as_ref();
            let asked = answers.map_or(&[][..], |answers| &answers.events);
            of.add(asked, Roles::ASKS_FOR_A_CLAIM);
        }
        for grant in &spec.shares {
            of.add(&grant.events, Roles::SHARES);
        }
        for grant in &spec.revokes {
            of.add(&grant.events, Roles::REVOKES);
        }
        of.add(&spec.members_by, Roles::JOINS);
        of.add(&spec.left_by, Roles::LEAVES);
        of.add(&spec.released_by, Roles::RELEASES);
        of.add(&spec.broadcast_by, Roles::BROADCASTS);
        of.add(&spec.used_by, Roles::READS);
        of.add(&spec.written_by, Roles::WRITES);
        if let Some(reply) = &spec.reply {
            of.add(&reply.granted_by, Roles::GRANTS);
            of.add(&reply.denied_by, Roles::DENIES);
        }
        of
    }

    fn add(&mut self, events: &[EventRef], more: Roles) {
        for EventId(id) in EventSet::of(events).messages() {
            self.by_event[usize::from(id)].0 |= more.0;
        }
    }

    /// What a message is.
    pub(super) fn of(&self, event: &Event<'_>) -> Roles {
        let roles = event
            .is
            .messages()
            .map(|EventId(id)| self.by_event[usize::from(id)]);
        roles.fold(Roles::default(), |all, one| Roles(all.0 | one.0))
    }

    /// The events that the rule speaks of.
    pub(super) fn spoken_of(&self) -> EventSet {
        let mut all = EventSet::default();
        for (id, roles) in (0_u16..).zip(&self.by_event) {
            if roles.is_spoken_of() {
                all.insert(EventRef::Message(EventId(id)));
            }
        }
        all
    }
}
