//! Who else may see a resource, and since when: shares and memberships.

use hashbrown::{HashMap, HashSet};

use super::ledger::{ResourceIx, Resources};
use super::parties::PartyIx;
use crate::engine::{ConnectionIx, Cx, Event, Line, SessionIx};
use crate::finding::Place;
use crate::kinds::owned::Membership;
use crate::rules::HolderKind;

/// Shares and memberships of one rule.
#[derive(Debug)]
pub(super) struct Access {
    membership: Membership,
    owner: HolderKind,
    shares: HashMap<(ResourceIx, PartyIx), Granted>,
    members: HashMap<(ResourceIx, Member), Granted>,
    /// What anybody was ever given access to: most resources are their owner's alone.
    given: Resources,
    /// By connection: what it is a member of, to end it with the connection.
    of_connection: HashMap<ConnectionIx, HashSet<(ResourceIx, Member)>>,
    /// Of several clocks: the turns of access, some of which may have come the other way round.
    turns: HashMap<(ResourceIx, Member), Turns>,
}

/// When access was given and taken a moment ago.
#[derive(Debug, Default)]
struct Turns {
    recent: Vec<(Turn, Place, i64)>,
    /// One that crossed another: from then on nobody knows how things stand.
    crossed: Option<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Given,
    Taken,
}

/// Who is a member: a connection (of several sessions that share it, the one that has a lane, unless
/// connections own), or the session that outlives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Member {
    Connection(ConnectionIx, Option<SessionIx>),
    Party(PartyIx),
}

/// Access that was given, and perhaps taken again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granted {
    /// Since when it stands.
    since: (Place, i64),
    ended: Option<Ended>,
}

/// Access that was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) at: i64,
    pub(super) place: Place,
    /// Whether what follows on the connection surely comes after it.
    pub(super) order: Order,
}

/// Whether the order of a grant's end and what is delivered is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The server said so on this very connection: what it sends later there, it sent later.
    Known(ConnectionIx),
    /// It may have crossed what is delivered.
    MayCross,
}

impl Granted {
    fn by(event: &Event<'_>) -> Self {
        Self {
            since: (event.place, event.at),
            ended: None,
        }
    }

    /// It is given once more.
    fn again(&mut self, event: &Event<'_>) {
        if self.ended.is_some() {
            *self = Self::by(event);
        }
    }
}

impl Ended {
    /// An event that takes access away.
    ///
    /// What the server sends on a connection comes in the order in which it sent it; what a client
    /// says may cross it.
    pub(super) fn by(event: &Event<'_>) -> Self {
        let order = if event.from_server() {
            Order::Known(event.connection)
        } else {
            Order::MayCross
        };
        Self {
            at: event.at,
            place: event.place,
            order,
        }
    }
}

/// How things stand for a receiver.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standing {
    /// It has access.
    Allowed,
    /// It has, or gets it a moment later: that came from a recording of another clock, at that place.
    JustBegun(Place),
    /// It had access until a moment ago: what is delivered now may have crossed the end.
    JustEnded(Place),
    /// It has none: it never had, or it ended at this frame.
    Refused(Option<Place>),
}

impl Access {
    pub(super) fn new(membership: Membership, owner: HolderKind) -> Self {
        Self {
            membership,
            owner,
            shares: HashMap::new(),
            members: HashMap::new(),
            given: Resources::default(),
            of_connection: HashMap::new(),
            turns: HashMap::new(),
        }
    }

    /// Whether anybody was ever given access to a resource.
    pub(super) fn was_given(&self, resource: ResourceIx) -> bool {
        self.given.contains(resource)
    }

    pub(super) fn share(
        &mut self,
        cx: &Cx<'_>,
        resource: ResourceIx,
        with: PartyIx,
        event: &Event<'_>,
    ) {
        self.given.insert(resource);
        self.turn(cx, (resource, Member::Party(with)), Turn::Given, event);
        let granted = self.shares.entry((resource, with));
        granted.or_insert(Granted::by(event)).again(event);
    }

    pub(super) fn revoke(
        &mut self,
        cx: &Cx<'_>,
        resource: ResourceIx,
        from: PartyIx,
        event: &Event<'_>,
    ) {
        self.turn(cx, (resource, Member::Party(from)), Turn::Taken, event);
        let ended = Ended::by(event);
        if let Some(granted) = self.shares.get_mut(&(resource, from)) {
            granted.ended.get_or_insert(ended);
        }
    }

    pub(super) fn join(
        &mut self,
        cx: &Cx<'_>,
        resource: ResourceIx,
        event: &Event<'_>,
        party: PartyIx,
    ) {
        let line = event.line();
        let member = self.member(line, party);
        self.given.insert(resource);
        self.turn(cx, (resource, member), Turn::Given, event);
        let granted = self.members.entry((resource, member));
        granted.or_insert(Granted::by(event)).again(event);
        self.of_connection
            .entry(line.connection)
            .or_default()
            .insert((resource, member));
    }

    pub(super) fn leave(
        &mut self,
        cx: &Cx<'_>,
        resource: ResourceIx,
        event: &Event<'_>,
        party: PartyIx,
    ) {
        let member = self.member(event.line(), party);
        self.turn(cx, (resource, member), Turn::Taken, event);
        let ended = Ended::by(event);
        if let Some(granted) = self.members.get_mut(&(resource, member)) {
            granted.ended.get_or_insert(ended);
        }
    }

    /// All who were ever given access to a resource.
    pub(super) fn given(&self, resource: ResourceIx) -> impl Iterator<Item = Member> {
        let shares = self
            .shares
            .keys()
            .map(|(of, with)| (of, Member::Party(*with)));
        let members = self.members.keys().map(|(of, member)| (of, *member));
        let all = shares.chain(members);
        all.filter_map(move |(of, member)| (*of == resource).then_some(member))
    }

    /// A connection has ended, and with it its memberships, unless they belong to the session. Of one
    /// that sessions share they are kept: nothing more is delivered on it, and [`Self::given`] asks.
    pub(super) fn disconnect(&mut self, cx: &Cx<'_>, connection: ConnectionIx) {
        if cx.is_anybodys(connection) {
            return;
        }
        let Some(memberships) = self.of_connection.remove(&connection) else {
            return;
        };
        if self.membership == Membership::PerConnection {
            for membership in memberships {
                self.members.remove(&membership);
            }
        }
    }

    /// How things stand for somebody who is delivered something of a resource by `event`. `parties`
    /// are what the receiver is, as each kind of holder that can have access.
    pub(super) fn standing(
        &self,
        resource: ResourceIx,
        cx: &Cx<'_>,
        event: &Event<'_>,
        parties: [Option<PartyIx>; 4],
        slack: i64,
    ) -> Standing {
        let (line, at) = (event.line(), event.at);
        let parties = parties.into_iter().flatten();
        let shares = parties
            .clone()
            .filter_map(|party| self.shares.get(&(resource, party)));
        let members = parties
            .clone()
            .map(|party| self.member(line, party))
            .filter_map(|member| self.members.get(&(resource, member)));
        let mut standing = Standing::Refused(None);
        if cx.has_several_clocks() {
            let mut keys = parties
                .clone()
                .flat_map(|party| [Member::Party(party), self.member(line, party)]);
            let crossed = keys.find_map(|member| self.turns.get(&(resource, member))?.crossed);
            if let Some(place) = crossed {
                return Standing::JustBegun(place);
            }
        }
        for granted in shares.chain(members) {
            match granted.ended {
                None => {
                    let (place, since) = granted.since;
                    let skew = cx.skew(place, event.place);
                    if skew == 0 || at.saturating_sub(since) > skew {
                        return Standing::Allowed;
                    }
                    standing = Standing::JustBegun(place);
                }
                Some(ended) => {
                    let slack = slack.saturating_add(cx.skew(ended.place, event.place));
                    let crossed = match ended.order {
                        Order::Known(on) => {
                            on != line.connection && at.saturating_sub(ended.at) <= slack
                        }
                        Order::MayCross => at.saturating_sub(ended.at) <= slack,
                    };
                    standing = match (crossed, standing) {
                        (_, Standing::JustBegun(_)) | (false, Standing::JustEnded(_)) => standing,
                        (true, _) => Standing::JustEnded(ended.place),
                        (false, _) => Standing::Refused(Some(ended.place)),
                    };
                }
            }
        }
        standing
    }

    /// Access of somebody turns. Where it turned the other way just before, in a recording of another
    /// clock, how it stands is not known any more.
    fn turn(&mut self, cx: &Cx<'_>, key: (ResourceIx, Member), turn: Turn, event: &Event<'_>) {
        if !cx.has_several_clocks() {
            return;
        }
        let turns = self.turns.entry(key).or_default();
        let just = |at: i64| event.at.saturating_sub(at) <= cx.tolerance();
        turns.recent.retain(|(.., at)| just(*at));
        let crosses = |(other, place, _): &(Turn, Place, i64)| {
            *other != turn && cx.skew(*place, event.place) > 0
        };
        if turns.recent.iter().any(crosses) {
            turns.crossed.get_or_insert(event.place);
        }
        turns.recent.push((turn, event.place, event.at));
    }

    /// Who becomes a member where somebody joins on a line.
    pub(super) fn member(&self, line: Line, party: PartyIx) -> Member {
        match (self.membership, self.owner) {
            (Membership::PerConnection, HolderKind::Connection) => {
                Member::Connection(line.connection, None)
            }
            (Membership::PerConnection, HolderKind::Session | HolderKind::User) => {
                Member::Connection(line.connection, line.other())
            }
            (Membership::SurvivesReconnect, _) => Member::Party(party),
        }
    }
}
