//! What an `owned` rule comes to: from the ledger to violations, doubts and notes.

use std::collections::BTreeSet;

use super::access::Member;
use super::check::Check;
use super::ledger::{Party, PartyIx, ResourceIx};
use super::sightings::{Seen, Sighting};
use super::uses::{Answer, Used};
use crate::engine::{Cx, is_hashed};
use crate::finding::{Doubt, Note, Outcome, Place, Severity, Subject, Violation};
use crate::rules::HolderKind;
use crate::verdict::Reason;

const IDENTIFY: &str = "name a source that identifies the connection from its first message on";

const COMPARE: &str = "identify sessions by a source that is no secret, as the messages name them";

/// Tells what the check found.
pub(super) fn argue(mut check: Check, cx: &Cx<'_>) -> Outcome {
    let sightings = std::mem::take(&mut check.sightings).close();
    let uses = std::mem::take(&mut check.uses).close();
    check.ledger.apply_facts(cx, &check.parties);
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
    argument.listed();
    let mut shown = BTreeSet::new();
    for (sight, seen) in sightings {
        let (resource, receiver, _) = sight;
        if argument.sighting(resource, receiver, &seen, uses.get(&sight)) {
            shown.insert(sight);
        }
    }
    for (sight, used) in &uses {
        let (resource, user, _) = *sight;
        if !shown.contains(sight) {
            argument.used(resource, user, used);
        }
    }
    argument.tell_unowned();
    argument.outcome
}

/// What is told, and of what.
pub(super) struct Argument<'a, 'h> {
    pub(super) check: &'a Check,
    pub(super) cx: &'a Cx<'h>,
    pub(super) outcome: Outcome,
    /// Resources that were shown to somebody, and that nothing gives to anybody.
    unowned: Vec<(ResourceIx, Place)>,
}

/// How somebody stands to an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kinship {
    /// It is the owner.
    Own,
    /// It is another one.
    Foreign,
    /// Nothing says who one of them is.
    Unidentified,
    /// One of them is known by the hash of a secret only, the other one by its name.
    Hashed,
}

impl Argument<'_, '_> {
    /// Two claims that name different owners.
    fn contested(&mut self) {
        for (_, resource) in self.check.ledger.iter() {
            let foreign = |one, other| self.kinship(one, other) == Kinship::Foreign;
            let other = resource.contested_by(|one, other| !foreign(one, other));
            let (Some(owner), Some(other)) = (resource.owner(), other) else {
                continue;
            };
            let field = self.field();
            let (first, second) = (self.name(owner.owner), self.name(other.owner));
            let Some(offending) = other.place.or(owner.place) else {
                // No frame shows it: the facts contradict each other.
                self.outcome.doubts.push(Doubt {
                    reason: Reason::Undecided,
                    message: format!(
                        "facts give {field} {} to {first} and to {second}",
                        resource.id
                    ),
                    settle: "correct the facts: one owner for each".to_owned(),
                    place: None,
                    subject: self.subject(other.owner),
                });
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
        let kinship = owner.map(|owner| self.kinship(owner.owner, receiver));
        if kinship == Some(Kinship::Own) {
            return false;
        }
        let first = seen.definite.as_ref().or(seen.doubtful.as_ref());
        let Some(first) = first else { return false };
        if owner.is_none() && !self.check.spec.claims_nothing() {
            self.unowned.push((resource_ix, first.place));
            return false;
        }
        let field = self.field();
        let unidentified = matches!(self.check.parties.get(receiver), Party::Unidentified(_));
        let surely = kinship == Some(Kinship::Foreign) && !self.may_have(resource_ix, receiver);
        if unidentified && !surely || kinship == Some(Kinship::Unidentified) {
            let of = owner.map_or(String::new(), |owner| {
                format!(" of {}", self.name(owner.owner))
            });
            let id = &resource.id;
            self.outcome.doubts.push(Doubt {
                reason: Reason::Unidentified,
                message: match self.check.parties.get(receiver) {
                    Party::Unidentified(connection) => format!(
                        "{field} {id} reached {} {}",
                        self.cx.describe_connection(*connection),
                        if self.cx.connection(*connection).lanes.is_empty() {
                            "before anything said whose it is"
                        } else {
                            "for one of the sessions that share it, and nothing says which"
                        }
                    ),
                    Party::Named(..) | Party::Connection(_) => format!(
                        "{field} {id}{of} reached {}, and nothing says who that is",
                        self.name(receiver)
                    ),
                },
                settle: IDENTIFY.to_owned(),
                place: Some(first.place),
                subject: self.subject(receiver),
            });
            return false;
        }
        if kinship == Some(Kinship::Hashed) {
            let message = format!(
                "{field} {} reached {}, and whether that is its owner cannot be compared",
                resource.id,
                self.name(receiver)
            );
            self.doubt(message, COMPARE, first.place, self.subject(receiver));
            return false;
        }
        let Some(definite) = &seen.definite else {
            if let Some(with) = seen.crossed {
                let what = format!(
                    "whether {} had access to {field} {} then is not known",
                    self.name(receiver),
                    resource.id
                );
                let subject = self.subject(receiver);
                let doubt = self.cx.unknown_order(first.place, with, &what, subject);
                self.outcome.doubts.push(doubt);
                return false;
            }
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
                connection: Some(sighting.line.connection),
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
            None if !self.check.spec.claims_nothing() => {
                match used.answer {
                    Answer::Denied(_) => {}
                    Answer::Granted(_)
                    | Answer::Raced
                    | Answer::Ambiguous(_)
                    | Answer::Unanswered => self.unowned.push((resource_ix, used.place)),
                }
                return;
            }
            Some(_) | None => {}
        }
        let kinship = owner.map(|owner| self.kinship(owner.owner, user));
        // Nothing could break the rule sooner than somebody who asks for what is not its own.
        self.outcome.opportunities += 1;
        let (field, name) = (self.field(), self.name(user));
        let whose = match owner {
            Some(owner) => format!("{field} {} of {}", resource.id, self.name(owner.owner)),
            None => format!("{field} {}, of which it is no member", resource.id),
        };
        let unidentified = matches!(self.check.parties.get(user), Party::Unidentified(_));
        let surely = kinship == Some(Kinship::Foreign) && !self.may_have(resource_ix, user);
        if unidentified && !surely || kinship == Some(Kinship::Unidentified) {
            self.outcome.doubts.push(Doubt {
                reason: Reason::Unidentified,
                message: format!("{name} asked for {whose}, and nothing says who one of them is"),
                settle: IDENTIFY.to_owned(),
                place: Some(used.place),
                subject: self.subject(user),
            });
            return;
        }
        if kinship == Some(Kinship::Hashed) {
            let message =
                format!("{name} asked for {whose}, and whether they are one cannot be compared");
            self.doubt(message, COMPARE, used.place, self.subject(user));
            return;
        }
        let verb = used.severity.verb();
        let subject = Subject {
            connection: Some(used.line.connection),
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

    pub(super) fn doubt(&mut self, message: String, settle: &str, place: Place, subject: Subject) {
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

    /// How a party stands to an owner.
    fn kinship(&self, owner: PartyIx, other: PartyIx) -> Kinship {
        if self.same(owner, other) {
            return Kinship::Own;
        }
        let parties = [owner, other].map(|party| self.check.parties.get(party));
        // Whichever of the sessions that share a connection it was, it was none but these.
        if let [
            Party::Named(HolderKind::Session, id),
            Party::Unidentified(connection),
        ]
        | [
            Party::Unidentified(connection),
            Party::Named(HolderKind::Session, id),
        ] = parties
            && self.check.spec.owner == HolderKind::Session
            && self.cx.is_stranger(*connection, id)
        {
            return Kinship::Foreign;
        }
        if parties
            .iter()
            .any(|party| matches!(party, Party::Unidentified(_)))
            && (self.id(owner).is_none() || matches!(parties[1], Party::Unidentified(_)))
        {
            return Kinship::Unidentified;
        }
        match [owner, other].map(|party| self.id(party).map(is_hashed)) {
            [Some(one), Some(other)] if one != other => Kinship::Hashed,
            _ => Kinship::Foreign,
        }
    }

    /// Whether a party that is one of several sessions may be one that was given access.
    fn may_have(&self, resource: ResourceIx, party: PartyIx) -> bool {
        let Party::Unidentified(on) = self.check.parties.get(party) else {
            return false;
        };
        let is_of = |member| match member {
            Member::Connection(connection, _) => connection == *on,
            Member::Party(party) => match self.check.parties.get(party) {
                Party::Named(HolderKind::Session, id) => !self.cx.is_stranger(*on, id),
                Party::Named(..) | Party::Connection(_) | Party::Unidentified(_) => true,
            },
        };
        self.check.is_anybody(self.cx, party) && self.check.access.given(resource).any(is_of)
    }

    /// Whether two parties are one: by their ids, or by those that their connections turn out to have.
    /// What is of one of several sessions may be of another one each time.
    fn same(&self, one: PartyIx, other: PartyIx) -> bool {
        one == other && !self.check.is_anybody(self.cx, one)
            || self.id(one).is_some_and(|id| self.id(other) == Some(id))
    }

    /// The id of a party that can own; of a connection that said late on whose behalf it speaks, the
    /// first one that it said.
    fn id(&self, party: PartyIx) -> Option<&str> {
        let owner = self.check.spec.owner;
        match self.check.parties.get(party) {
            Party::Named(kind, id) if *kind == owner => Some(id),
            Party::Named(..) | Party::Connection(_) => None,
            Party::Unidentified(connection) => self.cx.first_name(owner, *connection),
        }
    }
}
