//! Who was shown a resource that is not its own.

use super::kinship::Kinship;
use super::{Argument, COMPARE, IDENTIFY};
use crate::finding::{Doubt, Severity, Subject, Violation};
use crate::kinds::owned::ledger::{Party, PartyIx, ResourceIx};
use crate::kinds::owned::sightings::{Seen, Sighting};
use crate::kinds::owned::uses::{Answer, Used};
use crate::verdict::Reason;

impl Argument<'_, '_> {
    /// What it means that somebody was shown a resource, so many times. Returns whether it breaks the
    /// rule.
    pub(super) fn sighting(
        &mut self,
        resource_ix: ResourceIx,
        receiver: PartyIx,
        (seen, count): (&Seen, u64),
        used: Option<&Used>,
    ) -> bool {
        if self.unsure.contains(&resource_ix) {
            return false;
        }
        let resource = self.check.ledger.get(resource_ix);
        let owner = resource.owner();
        let kinship = owner.map(|owner| self.kinship(owner.owner, receiver));
        if kinship == Some(Kinship::Own) {
            return false;
        }
        let first = seen.definite.as_ref().or(seen.doubtful.as_deref());
        let first = first.or(seen.refused.as_deref());
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
                    Party::Named(..) | Party::Connection(_) | Party::Perhaps(_) => format!(
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
        let what = format!("{field} {} reached {}", resource.id, self.name(receiver));
        let Some(definite) = &seen.definite else {
            if seen.doubtful.is_none() {
                let what = format!("{what} in a refusal");
                self.unseen(&what, "used-by", first.place, self.subject(receiver));
                return false;
            }
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
        if let Some(by) = self.may_be_unseen(owner, receiver, definite.place) {
            self.unseen(&what, by, definite.place, self.subject(receiver));
            return false;
        }
        let violation = self.shown(resource_ix, receiver, definite, count, used);
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
        let whose = self.whose(resource);
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
}
