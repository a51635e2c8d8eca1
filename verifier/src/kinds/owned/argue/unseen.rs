//! What nobody saw, and would make right what was found: access that was given where frames are missing
//! or cannot be decoded (decision 0014).
//!
//! Whoever is given access is told so, or whoever gives it is told that it is given: what happened on
//! other connections excuses nothing.

use super::Argument;
use crate::engine::Holder;
use crate::finding::{Place, Subject};
use crate::kinds::owned::ledger::{Basis, ClaimMade, Support};
use crate::kinds::owned::parties::{Party, PartyIx};
use crate::rules::HolderKind;

impl Argument<'_, '_> {
    /// The events of the rule, by their key, that would allow somebody what the frame at `to` shows, and
    /// of which one may not have been seen; `None`: no such event.
    pub(super) fn may_be_unseen(
        &self,
        owner: Option<&ClaimMade>,
        party: PartyIx,
        to: Place,
    ) -> Option<&'static str> {
        let spec = &self.check.spec;
        // Nothing is given to anybody before it is made; whether what went astray was made for that request,
        // is not sure, and what was shown before that was asked for was there before.
        let made = owner.and_then(|claim| match claim.support {
            Support::Request(request) | Support::Contended(request) => Some(request),
            Support::Astray(_) | Support::Frame | Support::Fact(_) => None,
        });
        let made = made.filter(|made| made.recording != to.recording || *made < to);
        let own = || self.is_lost(party, made, to);
        let owners = || owner.is_some_and(|claim| self.is_lost(claim.owner, made, to));
        if !spec.shares.is_empty() && (own() || owners()) {
            return Some("shared-by");
        }
        if !spec.members_by.is_empty() && own() {
            return Some("members-by");
        }
        // Its id may have come to name another one, of theirs.
        let claimed = owner.and_then(|claim| claim.place).max(Some(to));
        let until = claimed.unwrap_or(to);
        if !spec.released_by.is_empty() && self.is_lost(party, made, until) {
            return Some("released-by");
        }
        // What was announced to several is of none of them; what answers two requests of one id, of
        // either.
        let also_theirs = owner.is_some_and(|claim| match (claim.basis, &claim.support) {
            // It may be announced after it was shown, too; or an announcement say whose it is, wherever.
            (Basis::Delivered, _) => {
                self.is_ever_lost(party) || self.may_be_named() && self.losses.any()
            }
            (Basis::Answered, support) => claim.place.is_some_and(|place| {
                // They may have asked, too.
                let asked = || self.is_lost(party, None, place);
                // What was asked for may have been delivered already: then this answers somebody else.
                let answered = |request: Place| self.is_lost(claim.owner, Some(request), place);
                match *support {
                    // Nobody asked on its own connection: whoever else did, with the same key.
                    Support::Astray(request) => {
                        self.losses.any_before(self.cx, place) || answered(request)
                    }
                    Support::Contended(request) => place == to && asked() || answered(request),
                    Support::Request(request) => asked() && (place == to || answered(request)),
                    Support::Frame | Support::Fact(_) => false,
                }
            }),
            (Basis::Fact | Basis::Named | Basis::Minted, _) => false,
        });
        also_theirs.then_some("claimed-by")
    }

    /// Whether an announcement can say more than to whom it was delivered.
    fn may_be_named(&self) -> bool {
        let mut claims = self.check.spec.claims.iter();
        claims.any(|claim| claim.owner_at.is_some() || claim.answers.is_some())
    }

    /// The key of what may not have been seen, and would make two claims agree: the first one was released, or
    /// somebody else asked for what nobody was told of who asked.
    pub(super) fn may_be_no_contest(&self, claims: [&ClaimMade; 2]) -> Option<&'static str> {
        let unsure = |claim: &&ClaimMade| {
            let Some(place) = claim.place.filter(|_| claim.basis == Basis::Answered) else {
                return false;
            };
            match claim.support {
                Support::Astray(_) if self.losses.any_before(self.cx, place) => true,
                // What was asked for may have been answered already.
                Support::Astray(request)
                | Support::Contended(request)
                | Support::Request(request) => self.is_lost(claim.owner, Some(request), place),
                Support::Frame | Support::Fact(_) => false,
            }
        };
        if claims.iter().any(unsure) {
            return Some("answers");
        }
        self.may_be_released(claims).then_some("released-by")
    }

    /// Whether one of two claims may be to another resource: the first one was released unseen.
    fn may_be_released(&self, claims: [&ClaimMade; 2]) -> bool {
        let Some(last) = claims.iter().filter_map(|claim| claim.place).max() else {
            return false;
        };
        let mut owners = claims.iter().map(|claim| claim.owner);
        !self.check.spec.released_by.is_empty()
            && owners.any(|owner| self.is_lost(owner, None, last))
    }

    /// The doubt that is left of a breach.
    pub(super) fn unseen(&mut self, what: &str, by: &str, place: Place, subject: Subject) {
        let message = format!(
            "{what}, and what would make it right (`{by}`) may be among frames that are missing or cannot be \
             decoded"
        );
        self.doubt(message, self.cx.settles_missing(), place, subject);
    }

    /// Whether something on the connections of a party between two places is missing or cannot be decoded.
    fn is_lost(&self, party: PartyIx, from: Option<Place>, to: Place) -> bool {
        let mut holders = self.holders(party).into_iter();
        holders.any(|holder| self.losses.between(self.cx, holder, from, to))
    }

    /// The same, anywhere.
    fn is_ever_lost(&self, party: PartyIx) -> bool {
        let mut holders = self.holders(party).into_iter();
        holders.any(|holder| self.ever_loses(holder))
    }

    /// Whether something on the connections of a holder is missing or cannot be decoded.
    pub(in crate::kinds::owned) fn ever_loses(&self, holder: Holder) -> bool {
        let end = Place {
            recording: u16::MAX,
            seq: u64::MAX,
        };
        self.losses.between(self.cx, holder, None, end)
    }

    /// All that a party is, as the kind of holder that owns and as those that shares name.
    fn holders(&self, party: PartyIx) -> Vec<Holder> {
        let kinds = || {
            [self.check.spec.owner]
                .into_iter()
                .chain(self.check.others.iter().copied())
        };
        match self.check.parties.get(party) {
            Party::Named(kind, id) => {
                let holder = self.cx.holder_named(*kind, id);
                let user = holder.filter(|_| kinds().any(|kind| kind == HolderKind::User));
                let user = user.and_then(|holder| match holder {
                    Holder::Session(session) => self.cx.session_user(session).map(Holder::User),
                    Holder::User(_) | Holder::Connection(_) => None,
                });
                holder.into_iter().chain(user).collect()
            }
            Party::Connection(connection)
            | Party::Unidentified(connection)
            | Party::Perhaps(connection) => {
                let all = kinds().flat_map(|kind| self.cx.holders_ever(kind, *connection));
                std::iter::once(Holder::Connection(*connection))
                    .chain(all)
                    .collect()
            }
        }
    }
}
