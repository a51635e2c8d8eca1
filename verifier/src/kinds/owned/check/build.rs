//! From a rule to its checker.

use super::Check;
use super::roles::RolesOf;
use crate::engine::{Compiler, Crossings, Skipped, nanoseconds};
use crate::kinds::owned::Owned;
use crate::kinds::owned::access::Access;
use crate::kinds::owned::compiled::{CompiledClaim, CompiledGrant, CompiledReply};
use crate::kinds::owned::ledger::{Basis, ClaimMade, Ledger, Support};
use crate::kinds::owned::listed::Listed;
use crate::kinds::owned::parties::{Parties, Party};
use crate::kinds::owned::requests::Requests;
use crate::kinds::owned::sightings::Sightings;
use crate::kinds::owned::texts::Texts;
use crate::kinds::owned::uses::Uses;
use crate::rules::{HolderKind, Selector};

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
        let key = self.request_key(compiler).cloned();
        let key = key.map(|key| compiler.ids(&key));
        Check {
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
            roles: RolesOf::new(self),
            requests: Requests::new(key),
            names: compiler.event_names(),
            lives: Crossings::default(),
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
            nameless: Skipped::default(),
            spec: self.clone(),
        }
    }
}

impl Owned {
    /// Where the id is that a request and its answer share, as far as the rule says; of claims, it matters only where
    /// answers may have no name.
    fn request_key(&self, compiler: &Compiler<'_>) -> Option<&Selector> {
        let reply = self.reply.iter().find_map(|reply| reply.key.as_ref());
        let mut claims = self.claims.iter();
        let mut of_claims = || claims.find_map(|claim| Some(&claim.answers.as_ref()?.key));
        reply.or_else(|| (!compiler.names_all_answers()).then(&mut of_claims)?)
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
