//! What an `owned` rule comes to: from the ledger to violations, doubts and notes.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::TagKind;

use super::check::Check;
use super::ledger::{Basis, ClaimMade, Party, PartyIx, Resource, ResourceIx, Support};
use super::sightings::{Seen, Sighting};
use super::uses::{Answer, Used};
use crate::engine::{Cx, Holder};
use crate::finding::{Doubt, Evidence, Note, Outcome, Place, Severity, Subject, Violation};
use crate::rules::HolderKind;
use crate::verdict::Reason;

const IDENTIFY: &str = "name a source that identifies the connection from its first message on";

/// Tells what the check found.
pub(super) fn argue(mut check: Check, cx: &Cx<'_>) -> Outcome {
    let sightings = std::mem::take(&mut check.sightings).close();
    let uses: BTreeMap<_, _> = std::mem::take(&mut check.uses)
        .close()
        .into_iter()
        .collect();
    let mut argument = Argument {
        check: &check,
        cx,
        outcome: Outcome {
            examined: check.examined,
            opportunities: check.opportunities,
            ..Outcome::default()
        },
        unowned: Vec::new(),
    };
    argument.contested();
    let mut shown = BTreeSet::new();
    for ((resource, receiver), seen) in sightings {
        let used = uses.get(&(resource, receiver));
        if argument.sighting(resource, receiver, &seen, used) {
            shown.insert((resource, receiver));
        }
    }
    for ((resource, user), used) in &uses {
        if !shown.contains(&(*resource, *user)) {
            argument.used(*resource, *user, used);
        }
    }
    argument.tell_unowned();
    argument.outcome
}

struct Argument<'a, 'h> {
    check: &'a Check,
    cx: &'a Cx<'h>,
    outcome: Outcome,
    /// Resources that were shown to somebody, and that nothing gives to anybody.
    unowned: Vec<(ResourceIx, Place)>,
}

impl Argument<'_, '_> {
    /// Two claims that name different owners.
    fn contested(&mut self) {
        for (_, resource) in self.check.ledger.iter() {
            let other = resource.contested_by(|one, other| self.same(one, other));
            let (Some(owner), Some(other)) = (resource.owner(), other) else {
                continue;
            };
            let field = self.field();
            let (first, second) = (self.name(owner.owner), self.name(other.owner));
            let Some(offending) = other.place.or(owner.place) else {
                continue;
            };
            let mut evidence = self.claim_lines(resource, owner);
            evidence.extend(self.claim_lines(resource, other));
            self.outcome.violations.push(Violation {
                message: format!(
                    "{field} {} is claimed for {first} and for {second}",
                    resource.id
                ),
                roles: format!(
                    "{field} claimed for two {}s: {} and {}",
                    self.kind(),
                    owner.basis.role(),
                    other.basis.role()
                ),
                subject: self.subject(other.owner),
                owner: self.subject(owner.owner),
                resource: Some(resource.id.clone()),
                offending,
                evidence,
                expected: format!("one owner for each {field}"),
                severity: Severity::Read,
            });
        }
    }

    /// What it means that somebody was shown a resource. Returns whether it breaks the rule.
    fn sighting(
        &mut self,
        resource_ix: ResourceIx,
        receiver: PartyIx,
        seen: &Seen,
        used: Option<&Used>,
    ) -> bool {
        let resource = self.check.ledger.get(resource_ix);
        let owner = resource.owner();
        if owner.is_some_and(|owner| self.same(owner.owner, receiver)) {
            return false;
        }
        let first = seen.definite.as_ref().or(seen.doubtful.as_ref());
        let Some(first) = first else { return false };
        if owner.is_none() && !self.members_only() {
            self.unowned.push((resource_ix, first.place));
            return false;
        }
        let field = self.field();
        if let Party::Unidentified(connection) = self.check.parties.get(receiver) {
            self.outcome.doubts.push(Doubt {
                reason: Reason::Unidentified,
                message: format!(
                    "{field} {} reached {} before anything said whose it is",
                    resource.id,
                    self.cx.describe_connection(*connection)
                ),
                settle: IDENTIFY.to_owned(),
                place: Some(first.place),
                subject: self.subject(receiver),
            });
            return false;
        }
        let Some(definite) = &seen.definite else {
            self.outcome.doubts.push(Doubt {
                reason: Reason::Undecided,
                message: format!(
                    "{field} {} reached {} within {:?} of a change of its access",
                    resource.id,
                    self.name(receiver),
                    self.check.spec.grant_slack
                ),
                settle: "record again with a pause around the change, or set grant-slack"
                    .to_owned(),
                place: Some(first.place),
                subject: self.subject(receiver),
            });
            return false;
        };
        let violation = self.shown(resource_ix, receiver, definite, seen.count, used);
        self.outcome.violations.push(violation);
        true
    }

    fn shown(
        &self,
        resource_ix: ResourceIx,
        receiver: PartyIx,
        sighting: &Sighting,
        count: u64,
        used: Option<&Used>,
    ) -> Violation {
        let resource = self.check.ledger.get(resource_ix);
        let (field, name) = (self.field(), self.name(receiver));
        let in_message = sighting
            .name
            .as_deref()
            .unwrap_or("a message without a name");
        let whose = match resource.owner() {
            Some(owner) => format!("{field} {} of {}", resource.id, self.name(owner.owner)),
            None => format!("{field} {}, of which it is no member", resource.id),
        };
        let more = match count {
            0 | 1 => String::new(),
            count => format!(" (in {count} messages)"),
        };
        let mut evidence = resource
            .owner()
            .map(|owner| self.claim_lines(resource, owner))
            .unwrap_or_default();
        let used = used.filter(|used| used.place < sighting.place);
        evidence.extend(
            used.into_iter()
                .flat_map(|used| self.use_lines(resource, receiver, used)),
        );
        if let Some(ended) = sighting.access_ended {
            evidence.push(Self::line(
                format!("the access of {name} to {} ended", resource.id),
                ended,
                resource,
            ));
        }
        evidence.retain(|line| line.place != Some(sighting.place));
        evidence.push(Self::line(
            format!("{name} received {} in `{in_message}`", resource.id),
            sighting.place,
            resource,
        ));
        let after = match used.map(|used| used.answer) {
            Some(Answer::Denied(_)) => ", after its request had been refused",
            Some(Answer::Granted(_)) => ", which it had asked for",
            Some(Answer::Raced | Answer::Ambiguous(_) | Answer::Unanswered) | None => "",
        };
        Violation {
            message: format!("{name} was given {whose}{after}{more}"),
            roles: format!(
                "{} received {field} in `{in_message}`",
                self.relation(resource, receiver)
            ),
            subject: Subject {
                connection: Some(sighting.connection),
                ..self.subject(receiver)
            },
            owner: resource
                .owner()
                .map(|owner| self.subject(owner.owner))
                .unwrap_or_default(),
            resource: Some(resource.id.clone()),
            offending: sighting.place,
            evidence,
            expected: self.expected(resource),
            severity: used
                .filter(|used| matches!(used.answer, Answer::Granted(_)))
                .map_or(Severity::Read, |used| used.severity),
        }
    }

    /// What it means that somebody asked for a resource, where nothing of it was shown to it.
    fn used(&mut self, resource_ix: ResourceIx, user: PartyIx, used: &Used) {
        let resource = self.check.ledger.get(resource_ix);
        let owner = resource.owner();
        match owner {
            Some(owner) if self.same(owner.owner, user) => return,
            None if !self.members_only() => {
                if let Answer::Granted(_) = used.answer {
                    self.unowned.push((resource_ix, used.place));
                }
                return;
            }
            Some(_) | None => {}
        }
        // Nothing could break the rule sooner than somebody who asks for what is not its own.
        self.outcome.opportunities += 1;
        let (field, name) = (self.field(), self.name(user));
        let whose = match owner {
            Some(owner) => format!("{field} {} of {}", resource.id, self.name(owner.owner)),
            None => format!("{field} {}, of which it is no member", resource.id),
        };
        if let Party::Unidentified(_) = self.check.parties.get(user) {
            self.outcome.doubts.push(Doubt {
                reason: Reason::Unidentified,
                message: format!("{name} asked for {whose} before anything said whose it is"),
                settle: IDENTIFY.to_owned(),
                place: Some(used.place),
                subject: self.subject(user),
            });
            return;
        }
        let verb = used.severity.verb();
        let subject = Subject {
            connection: Some(used.connection),
            ..self.subject(user)
        };
        match used.answer {
            Answer::Granted(place) => {
                let mut evidence = owner
                    .map(|owner| self.claim_lines(resource, owner))
                    .unwrap_or_default();
                evidence.extend(self.use_lines(resource, user, used));
                self.outcome.violations.push(Violation {
                    message: format!("{name} {verb} {whose}, and the server granted it"),
                    roles: format!("{} {verb} {field}, granted", self.relation(resource, user)),
                    subject,
                    owner: owner
                        .map(|owner| self.subject(owner.owner))
                        .unwrap_or_default(),
                    resource: Some(resource.id.clone()),
                    offending: place,
                    evidence,
                    expected: self.expected(resource),
                    severity: used.severity,
                });
            }
            Answer::Denied(_) => self.outcome.notes.push(Note {
                message: format!("{name} tried to use {whose}: attempted and denied"),
                place: used.place,
                subject,
            }),
            Answer::Unanswered => self.doubt(
                format!("{name} asked for {whose}, and was not answered"),
                match &self.check.spec.reply {
                    Some(_) => "record until the answer comes",
                    None => "say in the rule how uses are answered (`reply`)",
                },
                used.place,
                subject,
            ),
            Answer::Raced => self.doubt(
                format!(
                    "{name} asked for {whose} within {:?} of a change of its access",
                    self.check.spec.grant_slack
                ),
                "record again with a pause around the change, or set grant-slack",
                used.place,
                subject,
            ),
            Answer::Ambiguous(_) => self.doubt(
                format!(
                    "{name} asked for {whose}, and the answer could belong to several requests"
                ),
                "name the id that request and answer share (`reply.match`)",
                used.place,
                subject,
            ),
        }
    }

    fn doubt(&mut self, message: String, settle: &str, place: Place, subject: Subject) {
        self.outcome.doubts.push(Doubt {
            reason: Reason::Undecided,
            message,
            settle: settle.to_owned(),
            place: Some(place),
            subject,
        });
    }

    /// One doubt for all resources that nothing gives to anybody.
    fn tell_unowned(&mut self) {
        let ids: BTreeSet<_> = self.unowned.iter().map(|(resource, _)| *resource).collect();
        let (Some((first, place)), field) = (self.unowned.first().copied(), self.field()) else {
            return;
        };
        let id = &self.check.ledger.get(first).id;
        let message = match ids.len() {
            1 => format!(
                "{field} {id} was shown or used, and nothing in the recording says whose it is"
            ),
            count => format!(
                "{count} {field}s were shown or used, the first one {id}, and nothing in the recording \
                 says whose they are"
            ),
        };
        self.doubt(
            message,
            "record from the moment they are created, or give ownership facts",
            place,
            Subject::default(),
        );
    }

    /// The frames that show who owns a resource.
    fn claim_lines(&self, resource: &Resource, claim: &ClaimMade) -> Vec<Evidence> {
        let (field, owner, id) = (self.field(), self.name(claim.owner), &resource.id);
        let mut lines = Vec::new();
        if let Support::Request(request) = claim.support {
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
            (Basis::Fact, Support::Frame | Support::Request(_)) => {
                format!("a fact gives {id} to {owner}")
            }
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

    fn use_lines(&self, resource: &Resource, user: PartyIx, used: &Used) -> Vec<Evidence> {
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

    fn line(text: String, place: Place, resource: &Resource) -> Evidence {
        Evidence {
            text,
            place: Some(place),
            value: Some(resource.id.clone()),
        }
    }

    fn expected(&self, resource: &Resource) -> String {
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

    /// How a receiver stands to the owner, in words that hold in every recording.
    fn relation(&self, resource: &Resource, receiver: PartyIx) -> String {
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

    /// Whether two parties are one: by their ids, or by those that their connections turn out to have.
    fn same(&self, one: PartyIx, other: PartyIx) -> bool {
        one == other || self.id(one).is_some_and(|id| self.id(other) == Some(id))
    }

    /// The id of a party that can own; of a connection that said late on whose behalf it speaks, the
    /// first one that it said.
    fn id(&self, party: PartyIx) -> Option<&str> {
        let connection = match self.check.parties.get(party) {
            Party::Named(kind, id) if *kind == self.check.spec.owner => return Some(id),
            Party::Named(..) | Party::Connection(_) => return None,
            Party::Unidentified(connection) => *connection,
        };
        let kind = match self.check.spec.owner {
            HolderKind::Session => TagKind::Session,
            HolderKind::User => TagKind::User,
            HolderKind::Connection => return None,
        };
        let mut tags = self.cx.connection(connection).info.tags.iter();
        tags.find(|tag| tag.kind == kind)
            .map(|tag| tag.value.as_str())
    }

    /// Nothing in the rule says who owns; only members may see.
    fn members_only(&self) -> bool {
        self.check.spec.claims.is_empty() && self.check.spec.facts.is_none()
    }

    fn field(&self) -> &str {
        &self.check.field
    }

    fn kind(&self) -> &'static str {
        match self.check.spec.owner {
            HolderKind::Session => "session",
            HolderKind::User => "user",
            HolderKind::Connection => "connection",
        }
    }

    fn name(&self, party: PartyIx) -> String {
        match self.check.parties.get(party) {
            Party::Named(kind, id) => match kind {
                HolderKind::Session => format!("session {id}"),
                HolderKind::User => format!("user {id}"),
                HolderKind::Connection => format!("connection {id}"),
            },
            Party::Connection(connection) | Party::Unidentified(connection) => {
                self.cx.describe_connection(*connection)
            }
        }
    }

    fn subject(&self, party: PartyIx) -> Subject {
        match self.check.parties.get(party) {
            Party::Named(kind, id) => self
                .cx
                .holder_named(*kind, id)
                .map(|holder| self.cx.subject(holder))
                .unwrap_or_default(),
            Party::Connection(connection) | Party::Unidentified(connection) => {
                self.cx.subject(Holder::Connection(*connection))
            }
        }
    }
}

impl Basis {
    const fn role(self) -> &'static str {
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
    const fn verb(self) -> &'static str {
        match self {
            Self::Write => "changed",
            Self::Read => "opened",
        }
    }

    /// What somebody asked for.
    const fn request(self) -> &'static str {
        match self {
            Self::Write => "asked to change",
            Self::Read => "asked for",
        }
    }
}
