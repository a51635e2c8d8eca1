//! How `owned` is checked: what each event means for the ledger of claims, for access, uses and
//! sightings. What it comes to is told in `argue`.

use hashbrown::{HashMap, HashSet};

use super::access::{Access, Ended, Standing};
use super::ledger::{Basis, ClaimMade, Ledger, Parties, Party, PartyIx, ResourceIx, Support};
use super::sightings::Sightings;
use super::uses::{Answer, Used, Uses};
use super::{Claim, Grant, Owned, Seen};
use crate::engine::{Checker, Compiler, ConnectionIx, Cx, Event, EventSet, Ids, nanoseconds};
use crate::finding::{Outcome, Place, Severity};
use crate::rules::{HolderKind, Lifecycle};

impl Owned {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        let mut ledger = Ledger::new(self.unique_within);
        let mut parties = Parties::default();
        for fact in self.facts.iter().flat_map(|name| compiler.facts(name)) {
            let resource = ledger.number_everywhere(&fact.resource);
            let owner = parties.number(Party::Named(self.owner, fact.owner.clone()));
            let support = Support::Fact(fact.origin.clone());
            ledger.claim(
                resource,
                ClaimMade {
                    owner,
                    basis: Basis::Fact,
                    place: None,
                    support,
                },
            );
        }
        Check {
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
            reply: self.reply.as_ref().map(|reply| CompiledReply {
                key: reply.key.as_ref().map(|key| compiler.ids(key)),
                within: reply.within.map(nanoseconds),
                granted_by: EventSet::of(&reply.granted_by),
                denied_by: EventSet::of(&reply.denied_by),
            }),
            sharer_kind: self
                .shares
                .iter()
                .map(|grant| grant.holder)
                .find(|holder| *holder != self.owner),
            slack: nanoseconds(self.grant_slack),
            ledger,
            parties,
            access: Access::new(self.membership),
            uses: Uses::default(),
            sightings: Sightings::default(),
            spoken: HashSet::new(),
            scratch: Vec::new(),
            examined: 0,
            opportunities: 0,
            field: compiler.field_name(self.resource).to_owned(),
            spec: self.clone(),
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    pub(super) spec: Owned,
    /// The resource's field, as sentences call it.
    pub(super) field: String,
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
    /// In nanoseconds.
    pub(super) slack: i64,
    pub(super) ledger: Ledger,
    pub(super) parties: Parties,
    pub(super) access: Access,
    pub(super) uses: Uses,
    pub(super) sightings: Sightings,
    /// Messages that may name an id though they are no sightings of it, for the second pass.
    spoken: HashSet<Place>,
    /// What shares name, where that is another kind of holder than the one that owns.
    sharer_kind: Option<HolderKind>,
    scratch: Vec<ResourceIx>,
    pub(super) examined: u64,
    pub(super) opportunities: u64,
}

struct CompiledClaim {
    events: EventSet,
    owner_at: Option<Ids>,
    answers: Option<(EventSet, Ids)>,
    /// Requests by their key, in order.
    requests: HashMap<String, Vec<Request>>,
}

/// A client's request for a new resource.
#[derive(Debug, Clone, Copy)]
struct Request {
    connection: ConnectionIx,
    party: PartyIx,
    place: Place,
}

struct CompiledGrant {
    events: EventSet,
    with: Ids,
    holder: HolderKind,
}

struct CompiledReply {
    key: Option<Ids>,
    /// In nanoseconds.
    within: Option<i64>,
    granted_by: EventSet,
    denied_by: EventSet,
}

impl CompiledClaim {
    fn new(claim: &Claim, compiler: &mut Compiler<'_>) -> Self {
        Self {
            events: EventSet::of(&claim.events),
            owner_at: claim
                .owner_at
                .as_ref()
                .map(|selector| compiler.ids(selector)),
            answers: claim
                .answers
                .as_ref()
                .map(|answers| (EventSet::of(&answers.events), compiler.ids(&answers.key))),
            requests: HashMap::new(),
        }
    }

    /// Notes a request, if the event is one.
    fn ask(&mut self, event: &Event<'_>, party: PartyIx) {
        let Some((events, key)) = &self.answers else {
            return;
        };
        if !event.is_one_of(events) {
            return;
        }
        if let Some(key) = event.id(key) {
            let request = Request {
                connection: event.connection,
                party,
                place: event.place,
            };
            self.requests.entry_ref(key).or_default().push(request);
        }
    }

    /// The request that an event answers: one of the same connection, else of the same party, else
    /// the only one there is.
    fn answered(&mut self, event: &Event<'_>, receiver: PartyIx) -> Option<Request> {
        let (_, key) = self.answers.as_ref()?;
        let key = event.id(key)?;
        let asked = self.requests.get_mut(key)?;
        if let Some(at) = asked
            .iter()
            .position(|asked| asked.connection == event.connection)
        {
            let request = asked.remove(at);
            if asked.is_empty() {
                self.requests.remove(key);
            }
            return Some(request);
        }
        let own = asked.iter().find(|asked| asked.party == receiver);
        match (own, asked.as_slice()) {
            (Some(own), _) => Some(*own),
            (None, [only]) => Some(*only),
            (None, _) => None,
        }
    }
}

impl CompiledGrant {
    fn new(grant: &Grant, compiler: &mut Compiler<'_>) -> Self {
        Self {
            events: EventSet::of(&grant.events),
            with: compiler.ids(&grant.with),
            holder: grant.holder,
        }
    }
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
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

    fn observe_string(&mut self, cx: &Cx<'_>, event: &Event<'_>, text: &str) {
        if !event.from_server()
            || text.chars().count() < SHORTEST_ANYWHERE
            || self.spoken.contains(&event.place)
        {
            return;
        }
        let Some(resource) = self.ledger.find(cx, event, text) else {
            return;
        };
        let receiver = self
            .parties
            .of_connection(cx, self.spec.owner, event.connection);
        // In the second pass access has no beginning and no end: whoever ever had it may see it.
        let parties = self.parties(cx, event, receiver);
        if self.access.ever(resource, event.connection, parties) {
            return;
        }
        self.sightings
            .see(resource, receiver, event, None, self.slack);
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
    fn client_said(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let party = self
            .parties
            .of_connection(cx, self.spec.owner, event.connection);
        for claim in &mut self.claims {
            claim.ask(event, party);
        }
        let mints = |claim: &CompiledClaim| event.is_one_of(&claim.events);
        if self.claims.iter().any(mints) {
            for id in event.ids(&self.resource) {
                let resource = self.ledger.number(cx, event, id);
                let claim = ClaimMade {
                    owner: party,
                    basis: Basis::Minted,
                    place: Some(event.place),
                    support: Support::Frame,
                };
                self.ledger.claim(resource, claim);
            }
        }
        self.membership(cx, event, party);
        match (event.is_one_of(&self.writes), event.is_one_of(&self.reads)) {
            (true, _) => self.ask(cx, event, party, Severity::Write),
            (false, true) => self.ask(cx, event, party, Severity::Read),
            (false, false) => {}
        }
        self.leave(cx, event, party);
        self.release(cx, event);
    }

    /// A client asks for what the event names.
    fn ask(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx, severity: Severity) {
        let resources = self.resources(cx, event, Where::AsBound);
        for resource in &resources {
            self.examined += 1;
            let answer = match self.standing(cx, event, *resource, party) {
                Standing::Allowed => continue,
                Standing::JustEnded => Answer::Raced,
                Standing::Refused(_) => Answer::Unanswered,
            };
            let used = Used {
                place: event.place,
                at: event.at,
                connection: event.connection,
                severity,
                answer,
            };
            match &self.reply {
                Some(reply) => {
                    let key = reply.key.as_ref().and_then(|key| event.id(key));
                    self.uses.ask(*resource, party, used, key);
                }
                None => self.uses.tell(*resource, party, used),
            }
        }
        self.scratch = resources;
    }

    fn server_said(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let receiver = self
            .parties
            .of_connection(cx, self.spec.owner, event.connection);
        self.claim(cx, event, receiver);
        self.share(cx, event);
        self.membership(cx, event, receiver);
        let denies = self
            .reply
            .as_ref()
            .is_some_and(|reply| event.is_one_of(&reply.denied_by));
        let shares = self
            .shares
            .iter()
            .any(|grant| event.is_one_of(&grant.events));
        let broadcast = event.is_one_of(&self.broadcast_by);
        if self.spec.seen == Seen::Anywhere && (denies || shares || broadcast) {
            self.spoken.insert(event.place);
        }
        if !broadcast {
            let resources = self.resources(cx, event, Where::Everywhere);
            for resource in &resources {
                let resource = *resource;
                // A refusal repeats what its receiver asked for: that shows nothing.
                if denies && self.uses.is_open(event.connection, resource) {
                    continue;
                }
                self.sight(cx, event, resource, receiver);
            }
            self.scratch = resources;
        }
        self.answer(event);
        self.revoke(cx, event);
        self.leave(cx, event, receiver);
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
        resources
    }

    /// What a server's event claims: for whom it names, for whom it answers, else for its receiver.
    fn claim(&mut self, cx: &Cx<'_>, event: &Event<'_>, receiver: PartyIx) {
        for claim in self
            .claims
            .iter_mut()
            .filter(|claim| event.is_one_of(&claim.events))
        {
            let request = claim.answered(event, receiver);
            let named = claim.owner_at.as_ref().and_then(|ids| event.id(ids));
            let named = named.map(|name| {
                self.parties
                    .number(Party::Named(self.spec.owner, name.to_owned()))
            });
            for id in event.ids(&self.resource) {
                let resource = self.ledger.number(cx, event, id);
                let made = |owner, basis, support| ClaimMade {
                    owner,
                    basis,
                    place: Some(event.place),
                    support,
                };
                let support =
                    request.map_or(Support::Frame, |request| Support::Request(request.place));
                if let Some(owner) = named {
                    self.ledger
                        .claim(resource, made(owner, Basis::Named, support.clone()));
                }
                if let Some(request) = request {
                    self.ledger
                        .claim(resource, made(request.party, Basis::Answered, support));
                }
                if named.is_none() && request.is_none() {
                    let claimed = made(receiver, Basis::Delivered, Support::Frame);
                    self.ledger.claim(resource, claimed);
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
                    self.access.share(resource, with);
                    self.sightings.granted(resource, with, event.at, self.slack);
                    self.uses.granted_at(resource, with, event.at, self.slack);
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
                    let ended = Ended::by(event);
                    self.access.revoke(resource, from, ended);
                }
            }
        }
    }

    fn membership(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) {
        if !event.is_one_of(&self.members_by) {
            return;
        }
        for id in event.ids(&self.resource) {
            let resource = self.ledger.number(cx, event, id);
            self.access.join(resource, event.connection, party);
            self.sightings
                .granted(resource, party, event.at, self.slack);
            self.uses.granted_at(resource, party, event.at, self.slack);
        }
    }

    fn leave(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) {
        if !event.is_one_of(&self.left_by) {
            return;
        }
        for id in event.ids(&self.resource) {
            let resource = self.ledger.number(cx, event, id);
            let ended = Ended::by(event);
            self.access.leave(resource, event.connection, party, ended);
        }
    }

    fn answer(&mut self, event: &Event<'_>) {
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
            self.uses.answer_key(event.connection, key, answer);
        } else {
            let since = reply.within.map_or(i64::MIN, |within| event.at - within);
            self.uses.answer_any(event.connection, since, answer);
        }
    }

    fn sight(&mut self, cx: &Cx<'_>, event: &Event<'_>, resource: ResourceIx, receiver: PartyIx) {
        self.examined += 1;
        let holder = cx.holder(self.spec.owner, event.connection);
        if cx.others_connected(self.spec.owner, holder) {
            self.opportunities += 1;
        }
        match self.standing(cx, event, resource, receiver) {
            Standing::Allowed => {}
            Standing::JustEnded => self.sightings.doubt(resource, receiver, event),
            Standing::Refused(ended) => {
                self.sightings
                    .see(resource, receiver, event, ended, self.slack);
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
        let parties = self.parties(cx, event, party);
        self.access
            .standing(resource, event.connection, parties, event.at, self.slack)
    }

    /// Whoever is on the event's connection, as each kind of holder that can have access.
    fn parties(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) -> [PartyIx; 2] {
        let other = match self.sharer_kind {
            Some(kind) => self.parties.of_connection(cx, kind, event.connection),
            None => party,
        };
        [party, other]
    }
}
