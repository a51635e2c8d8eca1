//! How `owned` is checked: what each event means for the ledger of claims, for access, uses and
//! sightings. What it comes to is told in `argue`.

mod build;
mod changes;
mod roles;
mod showing;

use super::access::{Access, Standing};
use super::announcements::Announced;
use super::compiled::{CompiledClaim, CompiledGrant, CompiledReply};
use super::ledger::{Ledger, ResourceIx};
use super::listed::Listed;
use super::parties::{Besides, Parties, Party, PartyIx};
use super::requests::Requests;
use super::sightings::{Showing, Sightings};
use super::texts::Texts;
use super::uses::{Answer, Used, Uses};
use super::{Owned, Seen};
use crate::engine::{
    Again, Checker, Crossings, Cx, Event, EventNames, Holder, Ids, Interest, Skipped, Slot,
};
use crate::finding::{Outcome, Severity};
use crate::rules::{HolderKind, Lifecycle};

use roles::{Roles, RolesOf};

/// The rule at work.
pub(crate) struct Check {
    pub(super) spec: Owned,
    /// The resource's field, as sentences call it.
    pub(super) field: String,
    pub(super) names: EventNames,
    /// The facts that it uses.
    pub(super) listed: Option<Listed>,
    resource: Ids,
    resource_anywhere: Ids,
    roles: RolesOf,
    claims: Vec<CompiledClaim>,
    shares: Vec<CompiledGrant>,
    revokes: Vec<CompiledGrant>,
    /// By id: where it is released, and where it means something; of recordings of several clocks.
    pub(super) lives: Crossings,
    reply: Option<CompiledReply>,
    pub(super) requests: Requests,
    /// Messages that are about a resource, and do not say which.
    pub(super) nameless: Skipped,
    /// In nanoseconds.
    pub(super) slack: i64,
    pub(super) ledger: Ledger,
    pub(super) parties: Parties,
    pub(super) access: Access,
    pub(super) uses: Uses,
    pub(super) sightings: Sightings,
    pub(super) texts: Texts,
    /// The kinds of holders that shares name besides the one that owns.
    pub(super) others: Vec<HolderKind>,
    scratch: Vec<ResourceIx>,
    pub(super) examined: u64,
    pub(super) opportunities: u64,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if event.direction.is_none() {
            if event.is_step(Lifecycle::Closed) {
                self.access.disconnect(cx, event.connection);
                self.requests.disconnect(event.connection);
            }
            return;
        }
        self.texts.met |= event.is_text;
        let roles = self.roles.of(event);
        if event.from_client() {
            self.keep_request(cx, event, roles);
        }
        if !self.says_nothing(event, roles) {
            self.said(cx, event, roles);
        }
        if event.from_server() && is_exchange(cx, event) {
            // It is answered once.
            self.requests.disconnect(event.connection);
        }
    }

    fn again(&self) -> Again {
        match self.spec.seen {
            // All ids are known by then; strings that equal one are looked for.
            Seen::Anywhere => Again::WithStrings,
            // Ids may be words of what is text.
            Seen::AtField if self.texts.met => Again::AsBefore,
            Seen::AtField => Again::No,
        }
    }

    /// Who may see what is found out once more; what ids mean and who claims them is known.
    fn begin_again(&mut self) {
        self.ledger.rewind();
        self.access = Access::new(self.spec.membership, self.spec.owner);
        self.uses = Uses::default();
        self.requests.rewind();
        self.sightings = Sightings::default();
        self.texts.shown.clear();
        self.lives = Crossings::default();
        self.nameless = Skipped::default();
        (self.examined, self.opportunities) = (0, 0);
        for claim in &mut self.claims {
            claim.rewind();
        }
    }

    fn interest(&self) -> Interest {
        let ids = &self.resource_anywhere;
        let interest = Interest::of(&self.roles.spoken_of()).or_ids(ids).or_text();
        match self.requests.key() {
            Some(key) => interest.or_ids(key),
            None => interest,
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

/// Whether an event is a part of an exchange over HTTP.
fn is_exchange(cx: &Cx<'_>, event: &Event<'_>) -> bool {
    cx.connection(event.connection).info.http.is_some()
}

impl Check {
    /// Whether a message is none of the rule's events, and shows none of its resources: most are that.
    fn says_nothing(&self, event: &Event<'_>, roles: Roles) -> bool {
        !roles.is_spoken_of()
            && !event.may_have(&self.resource_anywhere)
            && event.strings().next().is_none()
    }

    /// A message that is about the rule.
    fn said(&mut self, cx: &Cx<'_>, event: &Event<'_>, roles: Roles) {
        let names_one = roles.meets(Roles::NAMES_ONE) && !event.is_unread;
        if names_one && event.id(&self.resource).is_none() {
            self.nameless.note(event, self.names.called(event));
        }
        self.see_lives(cx, event, roles);
        if event.from_server() {
            self.server_said(cx, event, roles);
        } else {
            self.client_said(cx, event, roles);
        }
    }

    fn client_said(&mut self, cx: &Cx<'_>, event: &Event<'_>, roles: Roles) {
        let (party, claimant) = self.parties.both(cx, self.spec.owner, event.line());
        let maker = self.parties.maker(claimant, self.spec.owner, event.line());
        if roles.meets(Roles::ASKS_FOR_A_CLAIM) {
            for claim in &mut self.claims {
                claim.ask(cx, event, maker);
            }
        }
        if roles.meets(Roles::CLAIMS) {
            self.mint(cx, event, maker);
        }
        if roles.meets(Roles::JOINS) {
            self.join(cx, event, claimant);
        }
        if roles.meets(Roles::WRITES) {
            self.ask(cx, event, party, Severity::Write);
        } else if roles.meets(Roles::READS) {
            self.ask(cx, event, party, Severity::Read);
        } else if self.spec.denies() {
            self.name(cx, event, claimant);
        }
        self.end(cx, event, claimant, roles);
    }

    /// Whoever a message is of may leave; what it names may be given up.
    fn end(&mut self, cx: &Cx<'_>, event: &Event<'_>, claimant: PartyIx, roles: Roles) {
        if roles.meets(Roles::LEAVES) {
            self.leave(cx, event, claimant);
        }
        if roles.meets(Roles::RELEASES) {
            self.release(cx, event);
        }
    }

    /// Which of two resources an id means goes by whether it was released before.
    fn see_lives(&mut self, cx: &Cx<'_>, event: &Event<'_>, roles: Roles) {
        if self.spec.released_by.is_empty() || !cx.has_several_clocks() {
            return;
        }
        let part = u64::from(roles.meets(Roles::RELEASES));
        let ids = event.ids(&self.resource_anywhere);
        let strings = event
            .strings()
            .filter(|text| self.ledger.find(cx, event, text).is_some());
        for id in ids.chain(strings) {
            self.lives.see(cx, event, || Slot::shared(id), part);
        }
    }

    /// A client names something that it does not ask for, as far as the rule knows: a refusal may repeat it.
    fn name(&mut self, cx: &Cx<'_>, event: &Event<'_>, claimant: PartyIx) {
        let resources = self.resources(cx, event, Where::AsBound);
        for resource in &resources {
            self.uses.name(*resource, claimant);
        }
        self.scratch = resources;
    }

    /// A client asks for what the event names.
    fn ask(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx, severity: Severity) {
        let resources = self.resources(cx, event, Where::AsBound);
        let claimant = self.parties.claimant(cx, self.spec.owner, event.line());
        let besides = self.parties.besides(cx, &self.others, event.line());
        let request = self.requests.number(self.names.called(event));
        for resource in &resources {
            self.examined += 1;
            self.ledger.meet(*resource);
            self.uses.name(*resource, claimant);
            let standing = self.standing(cx, event, *resource, (party, besides));
            let ended =
                matches!(standing, Standing::Refused(Some(_))) && !self.is_anybody(cx, party);
            let answer = match standing {
                // Access of one of several is none of the others.
                _ if self.is_anybody(cx, party) => Answer::Unanswered,
                Standing::Allowed => {
                    if cx.has_several_clocks() {
                        let showing = Showing::of(&self.names, event);
                        self.sightings.allow(*resource, party, showing);
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
                besides,
                severity,
                request,
                ended,
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

    fn server_said(&mut self, cx: &Cx<'_>, event: &Event<'_>, roles: Roles) {
        let (receiver, claimant) = self.parties.both(cx, self.spec.owner, event.line());
        if roles.meets(Roles::CLAIMS) {
            let maker = self.parties.maker(claimant, self.spec.owner, event.line());
            self.claim(cx, event, maker);
        }
        if roles.meets(Roles::SHARES) {
            self.share(cx, event);
        }
        if roles.meets(Roles::JOINS) {
            self.join(cx, event, claimant);
        }
        if !roles.meets(Roles::BROADCASTS) {
            let denies = roles.meets(Roles::DENIES);
            let mut resources = self.resources(cx, event, Where::Everywhere);
            self.resources_in_strings(cx, event, &mut resources);
            let besides = self.parties.besides(cx, &self.others, event.line());
            for resource in &resources {
                let resource = *resource;
                // A refusal repeats what its receiver named: that shows nothing.
                if denies && self.uses.was_named(resource, claimant) {
                    continue;
                }
                if denies && Self::may_be_asked_unseen(cx, event, self.spec.owner) {
                    self.examine(cx, event, resource);
                    let standing = self.standing(cx, event, resource, (receiver, besides));
                    if !matches!(standing, Standing::Allowed) || self.is_anybody(cx, receiver) {
                        let showing = Showing::of(&self.names, event);
                        self.sightings.refuse(resource, receiver, showing);
                    }
                    continue;
                }
                self.sight(cx, event, roles, resource, (receiver, besides));
            }
            self.text(cx, event, &resources, (receiver, besides), denies);
            self.scratch = resources;
        }
        if roles.meets(Roles::GRANTS) {
            self.answer(cx, event, Answer::Granted(event.place));
        } else if roles.meets(Roles::DENIES) {
            self.answer(cx, event, Answer::Denied(event.place));
        }
        if roles.meets(Roles::REVOKES) {
            self.revoke(cx, event);
        }
        self.end(cx, event, claimant, roles);
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
        if self.spec.seen != Seen::Anywhere {
            return;
        }
        let named = resources.len();
        resources.extend(self.claimed_in_strings(cx, event));
        if resources.len() > named {
            resources.sort_unstable();
            resources.dedup();
        }
    }

    /// The claimed resources whose ids are strings, or words, of a server's message.
    pub(super) fn claimed_in_strings(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
    ) -> impl Iterator<Item = ResourceIx> {
        let long = event
            .strings()
            .filter(|text| text.chars().nth(SHORTEST_ANYWHERE - 1).is_some());
        let found = long.filter_map(|text| self.ledger.find(cx, event, text));
        found.filter(|resource| self.spec.claims_nothing() || self.ledger.is_claimed(*resource))
    }

    /// The server answers what was asked for.
    fn answer(&mut self, cx: &Cx<'_>, event: &Event<'_>, answer: Answer) {
        let slack = cx.widest(self.slack);
        let Some(reply) = &self.reply else { return };
        if let Some(key) = reply.key.as_ref().and_then(|key| event.id(key)) {
            self.uses
                .answer_key((event.line(), event.at), key, answer, slack);
        } else {
            let since = reply.since(event);
            // It may be of a request that nobody saw.
            let answer =
                if cx.loses_between(Holder::Connection(event.connection), None, event.place) {
                    answer.of_one_of_several()
                } else {
                    answer
                };
            self.uses
                .answer_any((event.line(), event.at), since, answer, slack);
        }
    }

    /// The announcements of which clocks that disagree leave open what they answer. That they are delivered is what
    /// is left of what they claim.
    pub(super) fn crossed(&mut self) -> Vec<Announced> {
        let crossed = self.claims.iter_mut().flat_map(CompiledClaim::crossed);
        let crossed: Vec<_> = crossed.collect();
        for announced in &crossed {
            for resource in &announced.resources {
                let (place, receiver) = (announced.place, announced.receiver);
                self.ledger.leave_delivered(*resource, place, receiver);
            }
        }
        crossed
    }

    /// Whether whoever gets a refusal may have asked for what it names in a message that is missing or
    /// cannot be decoded.
    fn may_be_asked_unseen(cx: &Cx<'_>, event: &Event<'_>, kind: HolderKind) -> bool {
        let own = event.holder(kind).into_iter();
        let mut all = own.chain([Holder::Connection(event.connection)]);
        all.any(|holder| cx.loses_between(holder, None, event.place))
    }

    /// Whether a party is one of the sessions that share a connection, and nothing says which.
    pub(super) fn is_anybody(&self, cx: &Cx<'_>, party: PartyIx) -> bool {
        match self.parties.get(party) {
            Party::Unidentified(on) => {
                self.spec.owner == HolderKind::Session && cx.is_anybodys(*on)
            }
            Party::Perhaps(_) => true,
            Party::Named(..) | Party::Connection(_) => false,
        }
    }

    /// How things stand for whoever is on the event's connection: as the kind of holder that owns,
    /// or as one of the kinds that shares name.
    pub(super) fn standing(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        resource: ResourceIx,
        (party, besides): (PartyIx, Besides),
    ) -> Standing {
        if !self.access.was_given(resource) {
            return Standing::Refused(None);
        }
        let claimant = self.parties.claimant(cx, self.spec.owner, event.line());
        let [one, other] = besides;
        let all = [Some(party), Some(claimant), one, other];
        self.access.standing(resource, cx, event, all, self.slack)
    }
}
