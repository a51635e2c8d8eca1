//! How somebody stands to an owner.

use super::Argument;
use crate::engine::is_hashed;
use crate::kinds::owned::access::Member;
use crate::kinds::owned::ledger::ResourceIx;
use crate::kinds::owned::parties::{Party, PartyIx};
use crate::rules::HolderKind;

/// How somebody stands to an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kinds::owned) enum Kinship {
    /// It is the owner.
    Own,
    /// It is another one.
    Foreign,
    /// Nothing says who one of them is.
    Unidentified,
    /// One of them is known by the hash of a secret only, the other one by its name.
    Hashed,
}

impl Argument<'_, '_> {
    /// How a party stands to an owner.
    pub(in crate::kinds::owned) fn kinship(&self, owner: PartyIx, other: PartyIx) -> Kinship {
        if self.same(owner, other) {
            return Kinship::Own;
        }
        let parties = [owner, other].map(|party| self.check.parties.get(party));
        // Whichever of the sessions that share a connection it was, it was none but these.
        if let [
            Party::Named(HolderKind::Session, id),
            Party::Unidentified(connection),
        ]
        | [
            Party::Unidentified(connection),
            Party::Named(HolderKind::Session, id),
        ] = parties
            && self.check.spec.owner == HolderKind::Session
            && self.cx.is_stranger(*connection, id)
        {
            return Kinship::Foreign;
        }
        let is_unknown =
            |party: &Party| matches!(party, Party::Unidentified(_) | Party::Perhaps(_));
        if parties.iter().any(|party| is_unknown(party))
            && (self.id(owner).is_none() || is_unknown(parties[1]))
        {
            return Kinship::Unidentified;
        }
        match [owner, other].map(|party| self.id(party).map(is_hashed)) {
            [Some(one), Some(other)] if one != other => Kinship::Hashed,
            _ => Kinship::Foreign,
        }
    }

    /// Whether a party that is one of several sessions may be one that was given access.
    pub(super) fn may_have(&self, resource: ResourceIx, party: PartyIx) -> bool {
        let Party::Unidentified(on) = self.check.parties.get(party) else {
            return false;
        };
        let is_of = |member| match member {
            Member::Connection(connection, _) => connection == *on,
            Member::Party(party) => match self.check.parties.get(party) {
                Party::Named(HolderKind::Session, id) => !self.cx.is_stranger(*on, id),
                Party::Named(..)
                | Party::Connection(_)
                | Party::Unidentified(_)
                | Party::Perhaps(_) => true,
            },
        };
        self.check.is_anybody(self.cx, party) && self.check.access.given(resource).any(is_of)
    }

    /// Whether two parties are one: by their ids, or by those that their connections turn out to have.
    /// What is of one of several sessions may be of another one each time.
    pub(super) fn same(&self, one: PartyIx, other: PartyIx) -> bool {
        one == other && !self.check.is_anybody(self.cx, one)
            || self.id(one).is_some_and(|id| self.id(other) == Some(id))
    }

    /// The id of a party that can own; of a connection that said late on whose behalf it speaks, the
    /// first one that it said.
    fn id(&self, party: PartyIx) -> Option<&str> {
        let owner = self.check.spec.owner;
        match self.check.parties.get(party) {
            Party::Named(kind, id) if *kind == owner => Some(id),
            Party::Named(..) | Party::Connection(_) | Party::Perhaps(_) => None,
            Party::Unidentified(connection) => self.cx.first_name(owner, *connection),
        }
    }
}
