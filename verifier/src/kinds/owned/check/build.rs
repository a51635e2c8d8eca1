//! From a rule to its checker.

use super::Check;
use crate::engine::{Compiler, Crossings, EventSet, Skipped, nanoseconds};
use crate::kinds::owned::Owned;
use crate::kinds::owned::access::Access;
use crate::kinds::owned::compiled::{CompiledClaim, CompiledGrant, CompiledReply};
use crate::kinds::owned::ledger::{Basis, ClaimMade, Ledger, Support};
use crate::kinds::owned::listed::Listed;
use crate::kinds::owned::parties::{Parties, Party};
use crate::kinds::owned::sightings::Sightings;
use crate::kinds::owned::texts::Texts;
use crate::kinds::owned::uses::Uses;
use crate::rules::HolderKind;

impl Owned {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        let mut ledger = Ledger::new(self.unique_within);
        let mut parties = Parties::default();
        for fact in self.facts.iter().flat_map(|name| compiler.facts(name)) {
            let owner = parties.number(Party::Named(self.owner, fact.owner.clone()));
            let claim = ClaimMade {
                owner,
                basis: Basis::Fact,
                place: None,
                support: Support::Fact(fact.origin.clone()),
            };
            ledger.fact(&fact.resource, claim);
        }
        let mut check = Check {
            listed: self.facts.as_deref().map(|name| Listed {
                name: name.to_owned(),
                count: compiler.facts(name).len(),
                listing: compiler.listing(name),
            }),
            resource: compiler.field(self.resource),
            resource_anywhere: compiler.field_everywhere(self.resource),
            claims: self
                .claims
                .iter()
                .map(|claim| CompiledClaim::new(claim, compiler))
                .collect(),
            shares: self
                .shares
                .iter()
                .map(|grant| CompiledGrant::new(grant, compiler))
                .collect(),
            revokes: self
                .revokes
                .iter()
                .map(|grant| CompiledGrant::new(grant, compiler))
                .collect(),
            members_by: EventSet::of(&self.members_by),
            left_by: EventSet::of(&self.left_by),
            released_by: EventSet::of(&self.released_by),
            lives: Crossings::default(),
            broadcast_by: EventSet::of(&self.broadcast_by),
            reads: EventSet::of(&self.used_by),
            writes: EventSet::of(&self.written_by),
            reply: self
                .reply
                .as_ref()
                .map(|reply| CompiledReply::new(reply, compiler)),
            others: other_kinds(self),
            slack: nanoseconds(self.grant_slack),
            ledger,
            parties,
            access: Access::new(self.membership, self.owner),
            uses: Uses::default(),
            sightings: Sightings::default(),
            texts: Texts::default(),
            scratch: Vec::new(),
            examined: 0,
            opportunities: 0,
            field: compiler.field_name(self.resource).to_owned(),
            speaks_of: EventSet::default(),
            names_one: EventSet::default(),
            nameless: Skipped::default(),
            spec: self.clone(),
        };
        check.speaks_of = check.all_events();
        check.names_one = check.events_that_name_one();
        check
    }
}

impl Check {
    /// Every event that the rule speaks of.
    fn all_events(&self) -> EventSet {
        let mut all = self.events_that_name_one();
        for claim in &self.claims {
            all.join(&claim.speaks_of());
        }
        if let Some(reply) = &self.reply {
            all.join(&reply.granted_by);
            all.join(&reply.denied_by);
        }
        all
    }

    /// Those that are about a resource, and have to say which.
    fn events_that_name_one(&self) -> EventSet {
        let mut all = EventSet::default();
        for claim in &self.claims {
            all.join(&claim.events);
        }
        for grant in self.shares.iter().chain(&self.revokes) {
            all.join(&grant.events);
        }
        for events in [
            &self.members_by,
            &self.left_by,
            &self.released_by,
            &self.reads,
            &self.writes,
        ] {
            all.join(events);
        }
        all
    }
}

/// The kinds of holders that shares name besides the one that owns.
fn other_kinds(spec: &Owned) -> Vec<HolderKind> {
    let mut kinds: Vec<_> = spec.shares.iter().map(|grant| grant.holder).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.retain(|kind| *kind != spec.owner);
    kinds
}
