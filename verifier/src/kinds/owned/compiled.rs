//! What the parts of an `owned` rule compile into: claims with the requests that they answer, grants,
//! replies.

use hashbrown::HashMap;

use super::announcements::{Announced, Announcements};
use super::ledger::Support;
use super::parties::PartyIx;
use super::{Claim, Grant, Reply};
use crate::engine::{Compiler, Cx, Event, EventSet, Ids, Lane, Line, nanoseconds};
use crate::finding::Place;
use crate::rules::HolderKind;

pub(super) struct CompiledClaim {
    pub(super) events: EventSet,
    pub(super) owner_at: Option<Ids>,
    answers: Option<(EventSet, Ids)>,
    /// Requests by their key, in order.
    requests: HashMap<String, Vec<Request>>,
    /// Of recordings of several clocks.
    announcements: Announcements,
}

/// A client's request for a new resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) line: Line,
    pub(super) party: PartyIx,
    pub(super) place: Place,
}

pub(super) struct CompiledGrant {
    pub(super) events: EventSet,
    pub(super) with: Ids,
    pub(super) holder: HolderKind,
}

pub(super) struct CompiledReply {
    pub(super) key: Option<Ids>,
    /// In nanoseconds.
    pub(super) within: Option<i64>,
}

impl CompiledClaim {
    pub(super) fn new(claim: &Claim, compiler: &mut Compiler<'_>) -> Self {
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
            announcements: Announcements::default(),
        }
    }

    /// Notes a request, if the event is one.
    pub(super) fn ask(&mut self, cx: &Cx<'_>, event: &Event<'_>, party: PartyIx) {
        let Some((events, key)) = &self.answers else {
            return;
        };
        if !event.is_one_of(events) {
            return;
        }
        if let Some(key) = event.id(key) {
            let request = Request {
                line: event.line(),
                party,
                place: event.place,
            };
            self.requests.entry_ref(key).or_default().push(request);
            self.announcements.turn(cx, event, key, party);
        }
    }

    /// Forgets what was asked.
    pub(super) fn rewind(&mut self) {
        self.requests.clear();
        self.announcements = Announcements::default();
    }

    /// Whether a client that sends the event claims what it names. Where the rule says who else says
    /// so, a client does not.
    pub(super) fn is_minted(&self, event: &Event<'_>) -> bool {
        self.owner_at.is_none() && self.answers.is_none() && event.is_one_of(&self.events)
    }

    /// Whom an event answers: one who asked on the same connection, else the receiver on another one,
    /// else the only one who asked.
    pub(super) fn answered(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        receiver: PartyIx,
    ) -> Answered {
        let Some((_, key)) = &self.answers else {
            return Answered::Nobody;
        };
        let Some(key) = event.id(key) else {
            return Answered::Nobody;
        };
        let Some(asked) = self.requests.get_mut(key) else {
            return Answered::Nobody;
        };
        if let Some(at) = asked
            .iter()
            .position(|asked| event.line().may_answer(asked.line))
        {
            let several = asked[at..].iter().any(|other| {
                event.line().may_answer(other.line) && !other.line.is_one_with(asked[at].line)
            });
            // It names a session, and whether that is one of those who asked, frames that are missing may say.
            let perhaps = event.lane == Lane::Perhaps && asked[at].party != receiver;
            if several || perhaps {
                return Answered::OneOfSeveral;
            }
            let Request { party, place, .. } = asked.remove(at);
            let others_wait = asked.iter().any(|other| other.party != party);
            if asked.is_empty() {
                self.requests.remove(key);
            }
            self.announcements.turn(cx, event, key, party);
            let support = if party != receiver {
                Support::Astray(place)
            } else if others_wait {
                Support::Contended(place)
            } else {
                Support::Request(place)
            };
            return Answered::One(party, support);
        }
        let own = asked.iter().find(|asked| asked.party == receiver);
        match (own, asked.as_slice()) {
            (Some(one), _) | (None, [one]) => Answered::One(one.party, Support::Astray(one.place)),
            (None, _) => Answered::OneOfSeveral,
        }
    }

    /// Those who wait elsewhere for what an event announces, by its key; `None`: somebody waits where it is delivered,
    /// or it has no key. To be asked before [`Self::answered`].
    pub(super) fn waiting_elsewhere(&self, event: &Event<'_>) -> Option<Vec<PartyIx>> {
        let key = event.id(&self.answers.as_ref()?.1)?;
        let waiting = self.requests.get(key).into_iter().flatten();
        let is_here = |asked: &Request| event.line().may_answer(asked.line);
        waiting
            .map(|asked| (!is_here(asked)).then_some(asked.party))
            .collect()
    }

    /// Notes what an event announces for whom nobody waits there, of recordings of several clocks.
    pub(super) fn announce(&mut self, cx: &Cx<'_>, event: &Event<'_>, announced: Announced) {
        if let Some((_, key)) = &self.answers
            && let Some(key) = event.id(key)
        {
            self.announcements.announce(cx, event, key, announced);
        }
    }

    /// The announcements of which it is not known what they answer.
    pub(super) fn crossed(&mut self) -> Vec<Announced> {
        std::mem::take(&mut self.announcements).close()
    }
}

/// Who asked for what a claim announces.
#[derive(Debug, Clone)]
pub(super) enum Answered {
    /// Nobody that is known.
    Nobody,
    /// This one, by that request.
    One(PartyIx, Support),
    /// Several, and whoever received it is none of them, or may be: that it was delivered proves nothing.
    OneOfSeveral,
}

impl CompiledReply {
    /// From when on a request may be meant by an answer that does not say which.
    pub(super) fn since(&self, answer: &Event<'_>) -> i64 {
        self.within
            .map_or(i64::MIN, |within| answer.at.saturating_sub(within))
    }

    pub(super) fn new(reply: &Reply, compiler: &mut Compiler<'_>) -> Self {
        Self {
            key: reply.key.as_ref().map(|key| compiler.ids(key)),
            within: reply.within.map(nanoseconds),
        }
    }
}

impl CompiledGrant {
    pub(super) fn new(grant: &Grant, compiler: &mut Compiler<'_>) -> Self {
        Self {
            events: EventSet::of(&grant.events),
            with: compiler.ids(&grant.with),
            holder: grant.holder,
        }
    }
}
