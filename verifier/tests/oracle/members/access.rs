//! Who had access when, and what may have given it unseen.

use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use super::{Access, Asked, Basis, Claim, Claims, SLACK};
use crate::lives::{Event, Who, user};
use crate::parties::Party;

impl Asked<'_> {
    /// Whether an event gives a document to whoever receives another one; `None`: that is no event that
    /// does. `Some(false)`: it takes it away.
    fn turns(&self, turn: &Event<'_>, seen: &Event<'_>) -> Option<bool> {
        if self.docs.get(&turn.number) != self.docs.get(&seen.number) {
            return None;
        }
        let fields = turn.fields?;
        if let (Some(kind), true) = (self.rule.shares, turn.is(&["shared", "unshared"])) {
            let with = match kind {
                HolderKind::User => Who::User(user(fields.party?)),
                HolderKind::Session | HolderKind::Connection => Who::Session(fields.party?),
            };
            let it_is = [self.whose.on(kind, seen), self.whose.acts_for(kind, seen)]
                .contains(&Party::Known(with));
            return it_is.then_some(turn.name == "shared");
        }
        let is_member = turn.is(&["join", "joined"]);
        if !self.rule.members || !is_member && !turn.is(&["leave", "left"]) {
            return None;
        }
        let kind = self.rule.owner;
        let it_is = if self.rule.survives {
            let member = self.whose.acts_for(kind, turn);
            [self.whose.on(kind, seen), self.whose.acts_for(kind, seen)].contains(&member)
        } else {
            // Sessions that share a connection are members each by itself; where connections own
            // things, the connection is.
            let by_itself = kind != HolderKind::Connection;
            turn.on == seen.on && (!by_itself || self.whose.other(turn) == self.whose.other(seen))
        };
        it_is.then_some(is_member)
    }

    /// Whether one of those of which a receiver is one was ever given a document.
    pub(super) fn one_was_given(&self, seen: &Event<'_>) -> bool {
        self.events.iter().any(|turn| {
            let is_it = self.docs.get(&turn.number) == self.docs.get(&seen.number);
            let party = turn.fields.and_then(|fields| fields.party);
            let shared = turn.is(&["shared"])
                && match (self.rule.shares, party) {
                    (None, _) | (_, None) => false,
                    (Some(HolderKind::User), Some(_)) => true,
                    (Some(_), Some(session)) => self.whose.has(seen.on, session),
                };
            let joined = self.rule.members && turn.is(&["join", "joined"]) && {
                let member = self.whose.acts_for(self.rule.owner, turn);
                let receiver = self.whose.on(self.rule.owner, seen);
                let is_it = member == receiver || !self.whose.differ(member, receiver);
                turn.on == seen.on || self.rule.survives && is_it
            };
            is_it && (shared || joined)
        })
    }

    /// How access stands, or stood a moment before, for whoever receives an event.
    pub(super) fn access(&self, seen: &Event<'_>) -> Access {
        let shares = |event: &&Event<'_>| event.is(&["shared", "unshared"]);
        // By share, by membership; each by whom it is given to, which may be two names for one.
        let ways = [true, false].map(|by_share| {
            let turns = self.events.iter().filter(|turn| shares(turn) == by_share);
            let turns = turns.filter_map(|turn| Some((turn, self.turns(turn, seen)?)));
            turns.collect::<Vec<_>>()
        });
        let mut access = Access::No;
        for turns in ways {
            let given = turns
                .iter()
                .filter(|(turn, gives)| *gives && turn.number <= seen.number);
            let Some((given, _)) = given.last() else {
                continue;
            };
            let ended = turns.iter().find(|(turn, gives)| {
                !gives && turn.number > given.number && turn.number < seen.number
            });
            match ended {
                None => return Access::Yes,
                // What the server sends on one connection comes in the order in which it sent it.
                Some((end, _)) => {
                    let ordered = end.from == Some(Direction::ServerToClient) && end.on == seen.on;
                    if !ordered && seen.at - end.at <= SLACK {
                        access = Access::Perhaps;
                    }
                }
            }
        }
        access
    }

    /// Whether whoever receives an event had access before.
    pub(super) fn had_access(&self, seen: &Event<'_>) -> bool {
        let mut before = self.events.iter();
        before.any(|turn| turn.number <= seen.number && self.turns(turn, seen) == Some(true))
    }

    /// Whether access is given just after.
    pub(super) fn given_soon(&self, seen: &Event<'_>) -> bool {
        self.events.iter().any(|turn| {
            turn.number > seen.number
                && turn.at - seen.at <= SLACK
                && self.turns(turn, seen) == Some(true)
        })
    }

    /// Whether something that nobody saw before a place may make right that a party sees a document.
    pub(super) fn may_be_unseen(&self, owner: Option<Claim>, party: Party, place: usize) -> bool {
        let by_delivery = owner.is_some_and(|(basis, ..)| basis == Basis::Delivered);
        let owners = owner.is_some_and(|(_, owner, _)| self.is_lost(owner, place));
        let gives = self.rule.members;
        let claimed = owner.and_then(|(.., claimed)| claimed).unwrap_or(0);
        let released = self.rule.released && self.is_lost(party, place.max(claimed));
        let shares = self.rule.shares.is_some();
        // It may be announced after it was shown, too; or an announcement say whose it is, wherever.
        let anything = || {
            let mut all = 0..self.whose.connections();
            all.any(|on| self.whose.loses(on, 0, usize::MAX))
        };
        let named = self.rule.claims == Claims::Named && anything();
        let announced = by_delivery && (self.is_lost(party, usize::MAX) || named);
        shares && owners || (shares || gives) && self.is_lost(party, place) || released || announced
    }

    /// Whether one of two claims may be to what was given up unseen.
    pub(super) fn may_be_released(&self, one: Claim, other: Claim) -> bool {
        let (Some(last), true) = (one.2.max(other.2), self.rule.released) else {
            return false;
        };
        self.is_lost(one.1, last) || self.is_lost(other.1, last)
    }

    fn is_lost(&self, party: Party, place: usize) -> bool {
        let shares = self.rule.shares.into_iter();
        let kinds: Vec<_> = shares.chain([self.rule.owner]).collect();
        self.whose.is_lost(&kinds, party, 0, place)
    }
}
