//! What events change: who owns what, and who else has access to it.

use super::Check;
use crate::engine::{Cx, Event};
use crate::kinds::owned::announcements::Announced;
use crate::kinds::owned::compiled::Answered;
use crate::kinds::owned::ledger::{Basis, ClaimMade, Support};
use crate::kinds::owned::parties::{Besides, Party, PartyIx};

impl Check {
    /// A client makes up an id, where the rule says that clients do: it claims what the id names.
    pub(super) fn mint(&mut self, cx: &Cx<'_>, event: &Event<'_>, maker: PartyIx) {
        if !self.claims.iter().any(|claim| claim.is_minted(event)) {
            return;
        }
        for id in event.ids(&self.resource) {
            let resource = self.ledger.begin(cx, event, id);
            let claim = ClaimMade {
                owner: maker,
                basis: Basis::Minted,
                place: Some(event.place),
                support: Support::Frame,
            };
            self.ledger.claim(resource, claim);
        }
    }

    /// What a server's event claims: for whom it names, for whom it answers, else for its receiver.
    pub(super) fn claim(&mut self, cx: &Cx<'_>, event: &Event<'_>, receiver: PartyIx) {
        for claim in self
            .claims
            .iter_mut()
            .filter(|claim| event.is_one_of(&claim.events))
        {
            let waiting = cx
                .has_several_clocks()
                .then(|| claim.waiting_elsewhere(event))
                .flatten();
            let answered = claim.answered(cx, event, receiver);
            let named = claim.owner_at.as_ref().and_then(|ids| event.id(ids));
            let named = named.map(|name| {
                self.parties
                    .number(Party::Named(self.spec.owner, name.to_owned()))
            });
            let mut resources = Vec::new();
            for id in event.ids(&self.resource) {
                let resource = self.ledger.begin(cx, event, id);
                if waiting.is_some() {
                    resources.push(resource);
                }
                let mut made = |owner, basis, support| {
                    let place = Some(event.place);
                    self.ledger.claim(
                        resource,
                        ClaimMade {
                            owner,
                            basis,
                            place,
                            support,
                        },
                    );
                };
                let support = match &answered {
                    Answered::One(_, support) => support.clone(),
                    Answered::Nobody | Answered::OneOfSeveral => Support::Frame,
                };
                if let Some(owner) = named {
                    made(owner, Basis::Named, support.clone());
                }
                match &answered {
                    Answered::One(owner, _) => made(*owner, Basis::Answered, support),
                    Answered::Nobody if named.is_none() => {
                        made(receiver, Basis::Delivered, support);
                    }
                    Answered::Nobody | Answered::OneOfSeveral => {}
                }
            }
            if let Some(waiting) = waiting {
                let announced = Announced {
                    place: event.place,
                    resources,
                    receiver,
                    waiting,
                    perhaps: Vec::new(),
                };
                claim.announce(cx, event, announced);
            }
        }
    }

    /// Access is given to whom the event names.
    pub(super) fn share(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        for grant in self
            .shares
            .iter()
            .filter(|grant| event.is_one_of(&grant.events))
        {
            for id in event.ids(&self.resource) {
                let resource = self.ledger.number(cx, event, id);
                for name in event.ids(&grant.with) {
                    let with = self
                        .parties
                        .number(Party::Named(grant.holder, name.to_owned()));
                    self.access.share(cx, resource, with, event);
                    let mut is_it =
                        |_, party, besides: Besides| party == with || besides.contains(&Some(with));
                    self.sightings
                        .granted(cx, resource, &mut is_it, event, self.slack);
                    self.uses
                        .granted(cx, resource, &mut is_it, event, self.slack);
                }
            }
        }
    }

    /// Access is taken from whom the event names.
    pub(super) fn revoke(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        for grant in self
            .revokes
            .iter()
            .filter(|grant| event.is_one_of(&grant.events))
        {
            for id in event.ids(&self.resource) {
                let resource = self.ledger.number(cx, event, id);
                for name in event.ids(&grant.with) {
                    let from = self
                        .parties
                        .number(Party::Named(grant.holder, name.to_owned()));
                    self.access.revoke(cx, resource, from, event);
                    self.sightings.ended(cx, resource, event);
                }
            }
        }
    }

    /// Whoever the event is of becomes a member.
    pub(super) fn join(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) {
        for id in event.ids(&self.resource) {
            let resource = self.ledger.begin(cx, event, id);
            self.access.join(cx, resource, event, party);
            let (access, member) = (&self.access, self.access.member(event.line(), party));
            let mut is_it = |line, other, _| access.member(line, other) == member;
            self.sightings
                .granted(cx, resource, &mut is_it, event, self.slack);
            self.uses
                .granted(cx, resource, &mut is_it, event, self.slack);
        }
    }

    /// Whoever the event is of is a member no more.
    pub(super) fn leave(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) {
        for id in event.ids(&self.resource) {
            let resource = self.ledger.number(cx, event, id);
            self.access.leave(cx, resource, event, party);
            self.sightings.ended(cx, resource, event);
        }
    }

    /// The resource is given up: its id may come to name another one.
    pub(super) fn release(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        for id in event.ids(&self.resource) {
            self.ledger.release(cx, event, id);
        }
    }
}
