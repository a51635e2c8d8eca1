//! Who else may see a resource, and since when: shares and memberships.

use hashbrown::{HashMap, HashSet};

use super::ledger::{PartyIx, ResourceIx};
use crate::engine::{ConnectionIx, Cx, Event, Line, SessionIx};
use crate::finding::Place;
use crate::kinds::owned::Membership;

/// Shares and memberships of one rule.
#[derive(Debug)]
pub(super) struct Access {
    membership: Membership,
    shares: HashMap<(ResourceIx, PartyIx), Granted>,
    members: HashMap<(ResourceIx, Member), Granted>,
    /// By connection: what it is a member of, to end it with the connection.
    of_connection: HashMap<ConnectionIx, HashSet<(ResourceIx, Member)>>,
}

/// Who is a member: a connection (of several sessions that share it, the one that has a lane), or the
/// session that outlives it.
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
    pub(super) fn new(membership: Membership) -> Self {
        Self {
            membership,
            shares: HashMap::new(),
            members: HashMap::new(),
            of_connection: HashMap::new(),
        }
    }

    /// Whether nobody was given access to anything.
    pub(super) fn is_empty(&self) -> bool {
        self.shares.is_empty() && self.members.is_empty()
    }

    pub(super) fn share(&mut self, resource: ResourceIx, with: PartyIx, event: &Event<'_>) {
        let granted = self.shares.entry((resource, with));
        granted.or_insert(Granted::by(event)).again(event);
    }

    pub(super) fn revoke(&mut self, resource: ResourceIx, from: PartyIx, ended: Ended) {
        if let Some(granted) = self.shares.get_mut(&(resource, from)) {
            granted.ended.get_or_insert(ended);
        }
    }

    pub(super) fn join(&mut self, resource: ResourceIx, event: &Event<'_>, party: PartyIx) {
        let line = event.line();
        let member = self.member(line, party);
        let granted = self.members.entry((resource, member));
        granted.or_insert(Granted::by(event)).again(event);
        self.of_connection
            .entry(line.connection)
            .or_default()
            .insert((resource, member));
    }

    pub(super) fn leave(&mut self, resource: ResourceIx, line: Line, party: PartyIx, ended: Ended) {
        let member = self.member(line, party);
        if let Some(granted) = self.members.get_mut(&(resource, member)) {
            granted.ended.get_or_insert(ended);
        }
    }

    /// A connection has ended, and with it its memberships, unless they belong to the session.
    pub(super) fn disconnect(&mut self, connection: ConnectionIx) {
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
        parties: &[PartyIx],
        slack: i64,
    ) -> Standing {
        let (line, at) = (event.line(), event.at);
        let shares = parties
            .iter()
            .filter_map(|party| self.shares.get(&(resource, *party)));
        let members = parties
            .iter()
            .map(|party| self.member(line, *party))
            .filter_map(|member| self.members.get(&(resource, member)));
        let mut standing = Standing::Refused(None);
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

    fn member(&self, line: Line, party: PartyIx) -> Member {
        match self.membership {
            Membership::PerConnection => Member::Connection(line.connection, line.other()),
            Membership::SurvivesReconnect => Member::Party(party),
        }
    }
}
