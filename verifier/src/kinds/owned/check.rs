//! How `owned` is checked: what each event means for the ledger of claims, for access, uses and
//! sightings. What it comes to is told in `argue`.

use super::access::{Access, Standing};
use super::compiled::{Answered, CompiledClaim, CompiledGrant, CompiledReply};
use super::ledger::{Basis, ClaimMade, Ledger, Parties, Party, PartyIx, ResourceIx, Support};
use super::listed::Listed;
use super::sightings::Sightings;
use super::uses::{Answer, Used, Uses};
use super::{Owned, Seen};
use crate::engine::{Checker, Compiler, Cx, Event, EventSet, Ids, nanoseconds};
use crate::finding::{Outcome, Severity};
use crate::rules::{HolderKind, Lifecycle};

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
            access: Access::new(self.membership),
            uses: Uses::default(),
            sightings: Sightings::default(),
            scratch: Vec::new(),
            receivers: Vec::new(),
            examined: 0,
            opportunities: 0,
            field: compiler.field_name(self.resource).to_owned(),
            speaks_of: EventSet::default(),
            spec: self.clone(),
        };
        check.speaks_of = check.all_events();
        check
    }
}

/// The rule at work.
pub(crate) struct Check {
    pub(super) spec: Owned,
    /// The resource's field, as sentences call it.
    pub(super) field: String,
    /// The facts that it uses.
    pub(super) listed: Option<Listed>,
    resource: Ids,
    resource_anywhere: Ids,
    claims: Vec<CompiledClaim>,
    shares: Vec<CompiledGrant>,
    revokes: Vec<CompiledGrant>,
    members_by: EventSet,
    left_by: EventSet,
    released_by: EventSet,
    broadcast_by: EventSet,
    reads: EventSet,
    writes: EventSet,
    reply: Option<CompiledReply>,
    /// All of these.
    speaks_of: EventSet,
    /// In nanoseconds.
    pub(super) slack: i64,
    pub(super) ledger: Ledger,
    pub(super) parties: Parties,
    pub(super) access: Access,
    pub(super) uses: Uses,
    pub(super) sightings: Sightings,
    /// The kinds of holders that shares name besides the one that owns.
    others: Vec<HolderKind>,
    scratch: Vec<ResourceIx>,
    receivers: Vec<PartyIx>,
    pub(super) examined: u64,
    pub(super) opportunities: u64,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if event.direction.is_some() && self.says_nothing(event) {
            return;
        }
        if event.from_server() {
            self.server_said(cx, event);
        } else if event.from_client() {
            self.client_said(cx, event);
        } else if event.is_step(Lifecycle::Closed) {
            self.access.disconnect(event.connection);
        }
    }

    fn wants_strings(&self) -> bool {
        self.spec.seen == Seen::Anywhere
    }

    /// Who may see what is found out once more; what ids mean and who claims them is known.
    fn begin_again(&mut self) {
        self.ledger.rewind();
        self.access = Access::new(self.spec.membership);
        self.uses = Uses::default();
        self.sightings = Sightings::default();
        (self.examined, self.opportunities) = (0, 0);
        for claim in &mut self.claims {
            claim.rewind();
        }
    }

    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        super::argue::argue(*self, cx)
    }
}

/// Which of a message's ids count.
#[derive(Clone, Copy)]
enum Where {
    /// Where an event binds the field, there; else where the field says.
    AsBound,
    /// Both.
    Everywhere,
}

/// With `seen = "anywhere"`, ids shorter than this (in characters) are not looked for: `1` and `en`
/// are everywhere.
pub(super) const SHORTEST_ANYWHERE: usize = 6;

impl Check {
    /// Every event that the rule speaks of.
    fn all_events(&self) -> EventSet {
        let mut all = EventSet::default();
        for claim in &self.claims {
            all.join(&claim.speaks_of());
        }
        for grant in self.shares.iter().chain(&self.revokes) {
            all.join(&grant.events);
        }
        if let Some(reply) = &self.reply {
            all.join(&reply.granted_by);
            all.join(&reply.denied_by);
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

    /// Whether a message is none of the rule's events, and shows none of its resources: most are that.
    fn says_nothing(&self, event: &Event<'_>) -> bool {
        !event.is_one_of(&self.speaks_of)
            && event.id(&self.resource_anywhere).is_none()
            && event.strings().next().is_none()
    }

    fn client_said(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let party = self.parties.on(cx, self.spec.owner, event.line());
        let claimant = self.parties.claimant(cx, self.spec.owner, event.line());
        for claim in &mut self.claims {
            claim.ask(event, claimant);
        }
        if self.claims.iter().any(|claim| claim.is_minted(event)) {
            for id in event.ids(&self.resource) {
                let resource = self.ledger.begin(cx, event, id);
                let claim = ClaimMade {
                    owner: claimant,
                    basis: Basis::Minted,
                    place: Some(event.place),
                    support: Support::Frame,
                };
                self.ledger.claim(resource, claim);
            }
        }
        self.membership(cx, event, claimant);
        match (event.is_one_of(&self.writes), event.is_one_of(&self.reads)) {
            (true, _) => self.ask(cx, event, party, Severity::Write),
            (false, true) => self.ask(cx, event, party, Severity::Read),
            (false, false) => {}
        }
        self.leave(cx, event, claimant);
        self.release(cx, event);
    }

    /// A client asks for what the event names.
    fn ask(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx, severity: Severity) {
        let resources = self.resources(cx, event, Where::AsBound);
        let claimant = self.parties.claimant(cx, self.spec.owner, event.line());
        for resource in &resources {
            self.examined += 1;
            self.uses.name(*resource, claimant);
            let answer = match self.standing(cx, event, *resource, party) {
                Standing::Allowed => {
                    if cx.has_several_clocks() {
                        self.sightings.allow(*resource, party, event);
                    }
                    continue;
                }
                Standing::JustBegun(_) | Standing::JustEnded(_) => Answer::Raced,
                Standing::Refused(_) => Answer::Unanswered,
            };
            let used = Used {
                place: event.place,
                at: event.at,
                line: event.line(),
                severity,
                answer,
                excuse: event.excuse,
            };
            if let Some(reply) = &self.reply {
                let key = reply.key.as_ref().and_then(|key| event.id(key));
                self.uses.ask(*resource, party, used, key);
            } else {
                let slack = cx.widest(self.slack);
                self.uses.tell(*resource, party, used, slack);
            }
        }
        self.scratch = resources;
    }

    fn server_said(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let receiver = self.parties.on(cx, self.spec.owner, event.line());
        let claimant = self.parties.claimant(cx, self.spec.owner, event.line());
        self.claim(cx, event, claimant);
        self.share(cx, event);
        self.membership(cx, event, claimant);
        let denies = self
            .reply
            .as_ref()
            .is_some_and(|reply| event.is_one_of(&reply.denied_by));
        if !event.is_one_of(&self.broadcast_by) {
            let mut resources = self.resources(cx, event, Where::Everywhere);
            self.resources_in_strings(cx, event, &mut resources);
            for resource in &resources {
                let resource = *resource;
                // A refusal repeats what its receiver asked for: that shows nothing.
                if denies && self.uses.was_named(resource, claimant) {
                    continue;
                }
                self.sight(cx, event, resource, receiver);
            }
            self.scratch = resources;
        }
        self.answer(cx, event);
        self.revoke(cx, event);
        self.leave(cx, event, claimant);
        self.release(cx, event);
    }

    fn release(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if event.is_one_of(&self.released_by) {
            for id in event.ids(&self.resource) {
                self.ledger.release(cx, event, id);
            }
        }
    }

    /// The resources that an event names, in a list that is used again and again.
    fn resources(&mut self, cx: &Cx<'_>, event: &Event<'_>, place: Where) -> Vec<ResourceIx> {
        let mut resources = std::mem::take(&mut self.scratch);
        resources.clear();
        let ids = match place {
            Where::AsBound => &self.resource,
            Where::Everywhere => &self.resource_anywhere,
        };
        resources.extend(event.ids(ids).map(|id| self.ledger.number(cx, event, id)));
        // What a message names twice is shown once.
        resources.sort_unstable();
        resources.dedup();
        resources
    }

    /// In the second pass: adds the claimed resources whose ids are strings of a server's message.
    fn resources_in_strings(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        resources: &mut Vec<ResourceIx>,
    ) {
        let named = resources.len();
        let long = event
            .strings()
            .filter(|text| text.chars().nth(SHORTEST_ANYWHERE - 1).is_some());
        resources.extend(
            long.filter_map(|text| self.ledger.find(cx, event, text))
                .filter(|resource| self.spec.claims_nothing() || self.ledger.is_claimed(*resource)),
        );
        if resources.len() > named {
            resources.sort_unstable();
            resources.dedup();
        }
    }

    /// What a server's event claims: for whom it names, for whom it answers, else for its receiver.
    fn claim(&mut self, cx: &Cx<'_>, event: &Event<'_>, claimant: PartyIx) {
        for claim in self
            .claims
            .iter_mut()
            .filter(|claim| event.is_one_of(&claim.events))
        {
            let answered = claim.answered(event, claimant);
            let named = claim.owner_at.as_ref().and_then(|ids| event.id(ids));
            let named = named.map(|name| {
                self.parties
                    .number(Party::Named(self.spec.owner, name.to_owned()))
            });
            for id in event.ids(&self.resource) {
                let resource = self.ledger.begin(cx, event, id);
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
                let support = match answered {
                    Answered::One(request) => Support::Request(request.place),
                    Answered::Nobody | Answered::OneOfSeveral => Support::Frame,
                };
                if let Some(owner) = named {
                    made(owner, Basis::Named, support.clone());
                }
                match answered {
                    Answered::One(request) => made(request.party, Basis::Answered, support),
                    Answered::Nobody if named.is_none() => {
                        made(claimant, Basis::Delivered, support);
                    }
                    Answered::Nobody | Answered::OneOfSeveral => {}
                }
            }
        }
    }

    fn share(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
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
                    let (parties, owner) = (&mut self.parties, self.spec.owner);
                    let mut is_it = |line, party| {
                        party == with
                            || grant.holder != owner && parties.on(cx, grant.holder, line) == with
                    };
                    self.sightings
                        .granted(cx, resource, &mut is_it, event, self.slack);
                    self.uses
                        .granted(cx, resource, &mut is_it, event, self.slack);
                }
            }
        }
    }

    fn revoke(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
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

    fn membership(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) {
        if !event.is_one_of(&self.members_by) {
            return;
        }
        for id in event.ids(&self.resource) {
            let resource = self.ledger.begin(cx, event, id);
            self.access.join(cx, resource, event, party);
            let mut is_it = |_, other| other == party;
            self.sightings
                .granted(cx, resource, &mut is_it, event, self.slack);
            self.uses
                .granted(cx, resource, &mut is_it, event, self.slack);
        }
    }

    fn leave(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) {
        if !event.is_one_of(&self.left_by) {
            return;
        }
        for id in event.ids(&self.resource) {
            let resource = self.ledger.number(cx, event, id);
            self.access.leave(cx, resource, event, party);
            self.sightings.ended(cx, resource, event);
        }
    }

    fn answer(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let slack = cx.widest(self.slack);
        let Some(reply) = &self.reply else { return };
        let answer = match (
            event.is_one_of(&reply.granted_by),
            event.is_one_of(&reply.denied_by),
        ) {
            (true, _) => Answer::Granted(event.place),
            (false, true) => Answer::Denied(event.place),
            (false, false) => return,
        };
        if let Some(key) = reply.key.as_ref().and_then(|key| event.id(key)) {
            self.uses
                .answer_key((event.line(), event.at), key, answer, slack);
        } else {
            let since = reply
                .within
                .map_or(i64::MIN, |within| event.at.saturating_sub(within));
            self.uses
                .answer_any((event.line(), event.at), since, answer, slack);
        }
    }

    fn sight(&mut self, cx: &Cx<'_>, event: &Event<'_>, resource: ResourceIx, receiver: PartyIx) {
        self.examined += 1;
        let holder = event.holder(self.spec.owner);
        if cx.others_connected(self.spec.owner, holder) {
            self.opportunities += 1;
        }
        match self.standing(cx, event, resource, receiver) {
            Standing::Allowed if cx.has_several_clocks() => {
                self.sightings.allow(resource, receiver, event);
            }
            Standing::Allowed => {}
            Standing::JustBegun(with) | Standing::JustEnded(with) => {
                self.sightings.doubt(resource, receiver, event, with);
            }
            Standing::Refused(ended) => {
                let slack = cx.widest(self.slack);
                self.sightings.see(resource, receiver, event, ended, slack);
            }
        }
    }

    /// How things stand for whoever is on the event's connection: as the kind of holder that owns,
    /// or as one of the kinds that shares name.
    fn standing(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        resource: ResourceIx,
        party: PartyIx,
    ) -> Standing {
        if self.access.is_empty() {
            return Standing::Refused(None);
        }
        self.receivers.clear();
        self.receivers.push(party);
        for kind in [self.spec.owner].iter().chain(&self.others) {
            self.receivers
                .push(self.parties.claimant(cx, *kind, event.line()));
        }
        self.access
            .standing(resource, cx, event, &self.receivers, self.slack)
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
