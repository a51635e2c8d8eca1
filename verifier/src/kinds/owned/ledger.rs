//! Who owns what: resources, and the claims made.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::parties::{Parties, Party, PartyIx};
use crate::engine::{ConnectionIx, Cx, Event, Holder, Line, Losses, Names, OtherUser, grown};
use crate::finding::Place;
use crate::kinds::owned::Reach;
use crate::rules::HolderKind;

/// A resource, by place in [`Ledger`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ResourceIx(u32);

impl ResourceIx {
    /// Its place: resources are counted from 0.
    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

/// A set of resources.
#[derive(Debug, Default)]
pub(super) struct Resources(Vec<bool>);

impl Resources {
    pub(super) fn insert(&mut self, resource: ResourceIx) {
        *grown(&mut self.0, resource.0 as usize) = true;
    }

    pub(super) fn contains(&self, resource: ResourceIx) -> bool {
        self.0.get(resource.0 as usize).is_some_and(|it| *it)
    }
}

/// Something with an owner.
#[derive(Debug)]
pub(super) struct Resource {
    /// Its id, as canonical text.
    pub(super) id: String,
    /// What says who owns it, strongest first by [`Basis`], then in order; one for each owner and
    /// basis.
    pub(super) claims: Vec<ClaimMade>,
    /// Whether it was given up: a claim to its id begins another one.
    released: bool,
    /// The one that its id means after that.
    next: Option<ResourceIx>,
}

/// Something that says who owns a resource.
#[derive(Debug, Clone)]
pub(super) struct ClaimMade {
    pub(super) owner: PartyIx,
    pub(super) basis: Basis,
    /// The frame that says so; `None` for a fact.
    pub(super) place: Option<Place>,
    /// The request that it answers, or where the fact stands.
    pub(super) support: Support,
}

/// What a claim rests on, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Basis {
    /// Somebody else than the wire says so.
    Fact,
    /// The event itself names the owner.
    Named,
    /// It answers the owner's request.
    Answered,
    /// The owner made the id up and sent it.
    Minted,
    /// It was delivered to the owner, and to nobody else.
    Delivered,
}

/// What stands behind a claim.
#[derive(Debug, Clone)]
pub(super) enum Support {
    /// Nothing but the frame.
    Frame,
    /// The request that it answers.
    Request(Place),
    /// Likewise, and somebody else waits for an answer with the same key.
    Contended(Place),
    /// Likewise, and it was not delivered where that came from, or another one has the connection by then.
    Astray(Place),
    /// `threads.csv line 3`.
    Fact(String),
}

/// All resources of one rule.
#[derive(Debug)]
pub(super) struct Ledger {
    reach: Reach,
    resources: Vec<Resource>,
    /// What anybody was shown, or asked for.
    met: Resources,
    ids: Names,
    /// By the number of an id: what it means, where it means the same everywhere.
    everywhere: Vec<Lives>,
    /// What it means where it does not.
    scoped: HashMap<(Scope, u32), Lives>,
    /// By id, where ids do not mean the same everywhere.
    facts: HashMap<String, Vec<ClaimMade>>,
}

/// What an id means: one resource, until that is released and the id is claimed anew.
#[derive(Debug, Clone, Copy)]
struct Lives {
    first: ResourceIx,
    current: ResourceIx,
}

/// Facts of which it is not known what they are about: that goes by the user whom a session was first seen with.
#[derive(Debug)]
pub(super) struct PerhapsAbout {
    pub(super) session: String,
    /// Why that may have been another one.
    pub(super) other: OtherUser,
    /// What they may be about.
    pub(super) resources: Vec<ResourceIx>,
}

/// Within what an id means the same; see [`Reach`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    Everywhere,
    Holder(Holder),
    /// A connection whose user or session is not known.
    Unknown(ConnectionIx),
}

impl Scope {
    /// Whether ids mean here what they mean to the session or user of that name.
    fn is_of(self, cx: &Cx<'_>, kind: HolderKind, name: &str) -> bool {
        let holder = cx.holder_named(kind, name);
        let user_of = |session| cx.session_user(session).map(Holder::User);
        match self {
            Self::Everywhere => true,
            Self::Holder(Holder::Connection(connection)) | Self::Unknown(connection) => {
                cx.first_name(kind, connection) == Some(name)
            }
            Self::Holder(here @ Holder::User(_)) => match holder {
                Some(Holder::Session(session)) => user_of(session) == Some(here),
                other => other == Some(here),
            },
            Self::Holder(here @ Holder::Session(session)) => match holder {
                Some(Holder::User(_)) => user_of(session) == holder,
                other => other == Some(here),
            },
        }
    }

    /// The session whose first user says whether ids mean here what they mean to the session or user of that name.
    fn rests_on<'n>(self, cx: &'n Cx<'_>, kind: HolderKind, name: &'n str) -> Option<&'n str> {
        match (self, kind) {
            (Self::Holder(Holder::User(_)), HolderKind::Session) => Some(name),
            (Self::Holder(Holder::Session(session)), HolderKind::User) => {
                Some(cx.session_name(session))
            }
            _ => None,
        }
    }
}

impl Ledger {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            reach,
            resources: Vec::new(),
            met: Resources::default(),
            ids: Names::default(),
            everywhere: Vec::new(),
            scoped: HashMap::new(),
            facts: HashMap::new(),
        }
    }

    pub(super) fn get(&self, resource: ResourceIx) -> &Resource {
        &self.resources[resource.0 as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ResourceIx, &Resource)> {
        (0..).map(ResourceIx).zip(&self.resources)
    }

    /// The resource that `id` means in an event.
    pub(super) fn number(&mut self, cx: &Cx<'_>, event: &Event<'_>, id: &str) -> ResourceIx {
        let scope = self.scope(cx, event.line());
        self.number_in(scope, id)
    }

    /// Notes a fact about `id`. Where that does not mean the same everywhere, whom the fact speaks of is
    /// known once the history is.
    pub(super) fn fact(&mut self, id: &str, claim: ClaimMade) {
        if self.reach == Reach::Server {
            let resource = self.number_in(Scope::Everywhere, id);
            self.claim(resource, claim);
        } else {
            self.facts.entry_ref(id).or_default().push(claim);
        }
    }

    /// Whether something says whose a resource is, or a fact about its id may.
    pub(super) fn is_claimed(&self, resource: ResourceIx) -> bool {
        let resource = self.get(resource);
        !resource.claims.is_empty() || self.facts.contains_key(&resource.id)
    }

    /// Facts about an id speak of the resource that it means to their owner: in the owner's session, to
    /// the owner's user, on the owner's connections. Those of which that is not known give nothing to anybody: they are
    /// returned.
    pub(super) fn apply_facts(
        &mut self,
        cx: &Cx<'_>,
        parties: &Parties,
        losses: &Losses,
    ) -> Vec<PerhapsAbout> {
        let facts = std::mem::take(&mut self.facts);
        let mut met: Vec<_> = self
            .scoped
            .iter()
            .filter_map(|((scope, id), lives)| {
                Some((lives.first, *scope, facts.get(self.ids.name(*id))?))
            })
            .collect();
        met.sort_unstable_by_key(|(resource, ..)| *resource);
        let mut resting: BTreeMap<&str, (Option<OtherUser>, Vec<ResourceIx>)> = BTreeMap::new();
        for (resource, scope, facts) in met {
            for fact in facts {
                let Party::Named(kind, owner) = parties.get(fact.owner) else {
                    continue;
                };
                if let Some(session) = scope.rests_on(cx, *kind, owner) {
                    let first = || (cx.other_user(session, losses), Vec::new());
                    let (other, resources) = resting.entry(session).or_insert_with(first);
                    if other.is_some() {
                        resources.push(resource);
                        continue;
                    }
                }
                if scope.is_of(cx, *kind, owner) {
                    self.claim(resource, fact.clone());
                }
            }
        }
        let perhaps = resting
            .into_iter()
            .filter_map(|(session, (other, resources))| {
                Some(PerhapsAbout {
                    session: session.to_owned(),
                    other: other?,
                    resources,
                })
            });
        perhaps.collect()
    }

    /// The resources that ids mean on connections whose user or session is not known, by whose own ids go.
    pub(super) fn of_nobody_known(&self) -> HashMap<ResourceIx, ConnectionIx> {
        let mut all = HashMap::new();
        for ((scope, _), lives) in &self.scoped {
            let Scope::Unknown(connection) = scope else {
                continue;
            };
            let first = Some(lives.first);
            let each = std::iter::successors(first, |resource| self.get(*resource).next);
            all.extend(each.map(|resource| (resource, *connection)));
        }
        all
    }

    /// The resource that `id` means in an event, if it was met before.
    pub(super) fn find(&self, cx: &Cx<'_>, event: &Event<'_>, id: &str) -> Option<ResourceIx> {
        let id = self.ids.known(id)?;
        let lives = match self.scope(cx, event.line()) {
            Scope::Everywhere => self.everywhere.get(id as usize),
            scope => self.scoped.get(&(scope, id)),
        };
        lives.map(|lives| lives.current)
    }

    /// The resource that `id` means in an event that claims it or joins it: another one, if that which
    /// it meant so far was released.
    pub(super) fn begin(&mut self, cx: &Cx<'_>, event: &Event<'_>, id: &str) -> ResourceIx {
        let scope = self.scope(cx, event.line());
        let current = self.lives(scope, id).current;
        let resource = &self.resources[current.0 as usize];
        if !resource.released {
            return current;
        }
        let next = resource.next.unwrap_or_else(|| {
            let next = add(&mut self.resources, id);
            self.resources[current.0 as usize].next = Some(next);
            next
        });
        self.lives(scope, id).current = next;
        next
    }

    /// The resource is given up. What comes of it still is its own, until its id is claimed anew.
    pub(super) fn release(&mut self, cx: &Cx<'_>, event: &Event<'_>, id: &str) {
        let scope = self.scope(cx, event.line());
        let current = self.number_in(scope, id);
        self.resources[current.0 as usize].released = true;
    }

    /// Every id means again what it meant first; all that is known of resources stays known.
    pub(super) fn rewind(&mut self) {
        for lives in self.everywhere.iter_mut().chain(self.scoped.values_mut()) {
            lives.current = lives.first;
        }
        for resource in &mut self.resources {
            resource.released = false;
        }
    }

    /// Somebody is shown the resource, or asks for it.
    pub(super) fn meet(&mut self, resource: ResourceIx) {
        self.met.insert(resource);
    }

    /// Whether somebody did.
    pub(super) fn was_met(&self, resource: ResourceIx) -> bool {
        self.met.contains(resource)
    }

    /// Notes a claim, unless the same was said before, and as surely.
    pub(super) fn claim(&mut self, resource: ResourceIx, claim: ClaimMade) {
        let claims = &mut self.resources[resource.0 as usize].claims;
        let is_sure = |it: &ClaimMade| !matches!(it.support, Support::Astray(_));
        if claims.iter().any(|made| {
            let is_same = made.owner == claim.owner && made.basis == claim.basis;
            is_same && (is_sure(made) || !is_sure(&claim))
        }) {
            return;
        }
        let at = claims.partition_point(|made| made.basis <= claim.basis);
        claims.insert(at, claim);
    }

    /// Of what an announcement claims by what it answers, nothing is left but that it was delivered; nor is that where
    /// it names the owner.
    pub(super) fn leave_delivered(&mut self, resource: ResourceIx, place: Place, to: PartyIx) {
        let claims = &mut self.resources[resource.0 as usize].claims;
        let is_its_own = |claim: &ClaimMade| claim.place == Some(place);
        let is_unsure = |claim: &ClaimMade| {
            is_its_own(claim) && matches!(claim.basis, Basis::Answered | Basis::Delivered)
        };
        claims.retain(|claim| !is_unsure(claim));
        if claims.iter().any(is_its_own) {
            return;
        }
        let claim = ClaimMade {
            owner: to,
            basis: Basis::Delivered,
            place: Some(place),
            support: Support::Frame,
        };
        self.claim(resource, claim);
    }

    fn number_in(&mut self, scope: Scope, id: &str) -> ResourceIx {
        self.lives(scope, id).current
    }

    /// What an id means; where it is met for the first time, a new resource.
    fn lives(&mut self, scope: Scope, id: &str) -> &mut Lives {
        let number = self.ids.number(id);
        let Self {
            resources,
            everywhere,
            scoped,
            ..
        } = self;
        let mut new = || {
            let first = add(resources, id);
            Lives {
                first,
                current: first,
            }
        };
        match scope {
            Scope::Everywhere => {
                if everywhere.len() == number as usize {
                    everywhere.push(new());
                }
                &mut everywhere[number as usize]
            }
            scope => scoped.entry((scope, number)).or_insert_with(new),
        }
    }

    fn scope(&self, cx: &Cx<'_>, line: Line) -> Scope {
        let kind = match self.reach {
            Reach::Server => return Scope::Everywhere,
            Reach::User => HolderKind::User,
            Reach::Session => HolderKind::Session,
            Reach::Connection => HolderKind::Connection,
        };
        cx.holder_on(kind, line)
            .map_or(Scope::Unknown(line.connection), Scope::Holder)
    }
}

fn add(resources: &mut Vec<Resource>, id: &str) -> ResourceIx {
    let number = ResourceIx(u32::try_from(resources.len()).expect("fewer than 2^32 resources"));
    resources.push(Resource {
        id: id.to_owned(),
        claims: Vec::new(),
        released: false,
        next: None,
    });
    number
}

impl Resource {
    /// Who owns it. Of the claims the strongest counts; delivery proves nothing where several
    /// received it.
    pub(super) fn owner(&self) -> Option<&ClaimMade> {
        let first = self.claims.first()?;
        let delivered = self
            .claims
            .iter()
            .filter(|claim| claim.basis == Basis::Delivered)
            .count();
        (first.basis != Basis::Delivered || delivered == 1).then_some(first)
    }

    /// The first two claims whose owners are so, deliveries left aside; the second is one that a frame
    /// shows, if there is one.
    pub(super) fn contested(
        &self,
        so: impl Fn(PartyIx, PartyIx) -> bool,
    ) -> Option<(&ClaimMade, &ClaimMade)> {
        let claims = self
            .claims
            .iter()
            .filter(|claim| claim.basis != Basis::Delivered);
        let claims: Vec<_> = claims.collect();
        claims.iter().enumerate().find_map(|(number, one)| {
            let others = || {
                claims[number + 1..]
                    .iter()
                    .filter(|it| so(one.owner, it.owner))
            };
            let shown = others().find(|claim| claim.place.is_some());
            Some((*one, *shown.or_else(|| others().next())?))
        })
    }
}
