//! What an `owned` rule says: the frames of an argument, and how parties are called.

use super::argue::Argument;
use super::ledger::{Basis, ClaimMade, Resource, Support};
use super::parties::{Party, PartyIx};
use super::uses::{Answer, Used};
use crate::engine::Holder;
use crate::finding::{Evidence, Place, Severity, Subject};
use crate::rules::HolderKind;

impl Argument<'_, '_> {
    /// The frames that show who owns a resource.
    pub(super) fn claim_lines(&self, resource: &Resource, claim: &ClaimMade) -> Vec<Evidence> {
        let (field, owner, id) = (self.field(), self.name(claim.owner), &resource.id);
        let mut lines = Vec::new();
        if let Support::Request(request) | Support::Contended(request) | Support::Astray(request) =
            claim.support
        {
            // A request does not name what it asks for.
            lines.push(Evidence {
                text: match claim.basis {
                    Basis::Named => format!("a new {field} was asked for"),
                    Basis::Fact | Basis::Answered | Basis::Minted | Basis::Delivered => {
                        format!("{owner} asked for a new {field}")
                    }
                },
                place: Some(request),
                value: None,
            });
        }
        let text = match (claim.basis, &claim.support) {
            (Basis::Fact, Support::Fact(origin)) => format!("{origin} gives {id} to {owner}"),
            (Basis::Fact, _) => format!("a fact gives {id} to {owner}"),
            (Basis::Named, _) => format!("the server named {owner} as the owner of {id}"),
            (Basis::Answered, _) => format!("the server answered: {id} is the {field} of {owner}"),
            (Basis::Minted, _) => format!("{owner} made up {id}"),
            (Basis::Delivered, _) => format!("{id} was announced to {owner}, and to nobody else"),
        };
        lines.push(Evidence {
            text,
            place: claim.place,
            value: Some(id.clone()),
        });
        lines
    }

    pub(super) fn use_lines(
        &self,
        resource: &Resource,
        user: PartyIx,
        used: &Used,
    ) -> Vec<Evidence> {
        let (name, id) = (self.name(user), &resource.id);
        let asked = Self::line(
            format!("{name} {} {id}", used.severity.request()),
            used.place,
            resource,
        );
        let answered = match used.answer {
            Answer::Granted(place) => Some(("the server granted it", place)),
            Answer::Denied(place) => Some(("the server refused it", place)),
            Answer::Raced | Answer::Ambiguous(_) | Answer::Unanswered => None,
        };
        let answered = answered.map(|(text, place)| Self::line(text.to_owned(), place, resource));
        std::iter::once(asked).chain(answered).collect()
    }

    pub(super) fn line(text: String, place: Place, resource: &Resource) -> Evidence {
        Evidence {
            text,
            place: Some(place),
            value: Some(resource.id.clone()),
        }
    }

    pub(super) fn expected(&self, resource: &Resource) -> String {
        match resource.owner() {
            Some(owner) => format!(
                "{} {} reaches {}, and those it is shared with, only",
                self.field(),
                resource.id,
                self.name(owner.owner)
            ),
            None => format!("{} {} reaches its members only", self.field(), resource.id),
        }
    }

    /// A resource, and whose it is.
    pub(super) fn whose(&self, resource: &Resource) -> String {
        let field = self.field();
        match resource.owner() {
            Some(owner) => format!("{field} {} of {}", resource.id, self.name(owner.owner)),
            None => format!("{field} {}, of which it is no member", resource.id),
        }
    }

    /// How a receiver stands to the owner, in words that hold in every recording.
    pub(super) fn relation(&self, resource: &Resource, receiver: PartyIx) -> String {
        let kind = self.kind();
        let Some(owner) = resource.owner() else {
            return format!("{kind} that is no member");
        };
        let (ours, theirs) = (self.subject(receiver).user, self.subject(owner.owner).user);
        match (self.check.spec.owner, ours, theirs) {
            (HolderKind::Session | HolderKind::Connection, Some(ours), Some(theirs))
                if ours == theirs =>
            {
                format!("another {kind} of the same user")
            }
            (HolderKind::Session | HolderKind::Connection, Some(_), Some(_)) => {
                format!("{kind} of another user")
            }
            (HolderKind::Session | HolderKind::Connection | HolderKind::User, ..) => {
                format!("another {kind}")
            }
        }
    }

    pub(super) fn field(&self) -> &str {
        &self.check.field
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.check.spec.owner {
            HolderKind::Session => "session",
            HolderKind::User => "user",
            HolderKind::Connection => "connection",
        }
    }

    pub(super) fn name(&self, party: PartyIx) -> String {
        match self.check.parties.get(party) {
            Party::Named(kind, id) => match kind {
                HolderKind::Session => format!("session {id}"),
                HolderKind::User => format!("user {id}"),
                HolderKind::Connection => format!("connection {id}"),
            },
            Party::Connection(connection)
            | Party::Unidentified(connection)
            | Party::Perhaps(connection) => self.cx.describe_connection(*connection),
        }
    }

    pub(super) fn subject(&self, party: PartyIx) -> Subject {
        match self.check.parties.get(party) {
            Party::Named(kind, id) => self
                .cx
                .holder_named(*kind, id)
                .map(|holder| self.cx.subject(holder))
                .unwrap_or_default(),
            Party::Connection(connection)
            | Party::Unidentified(connection)
            | Party::Perhaps(connection) => self.cx.subject(Holder::Connection(*connection)),
        }
    }
}

impl Basis {
    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Fact => "by a fact",
            Self::Named => "by name",
            Self::Answered => "by the request answered",
            Self::Minted => "by its maker",
            Self::Delivered => "by delivery",
        }
    }
}

impl Severity {
    /// What somebody did with a resource.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Write => "changed",
            Self::Read => "opened",
        }
    }

    /// What somebody asked for.
    pub(super) const fn request(self) -> &'static str {
        match self {
            Self::Write => "asked to change",
            Self::Read => "asked for",
        }
    }
}
