//! Who was shown a resource that is not its own.

use std::collections::BTreeSet;

use super::kinship::Kinship;
use super::{Argument, COMPARE, IDENTIFY};
use crate::finding::{Doubt, Evidence, Place, Severity, Subject, Violation};
use crate::kinds::owned::ledger::{Resource, ResourceIx};
use crate::kinds::owned::parties::{Party, PartyIx};
use crate::kinds::owned::sightings::{Seen, Sighting, To};
use crate::kinds::owned::uses::{Answer, Used, UsedMost};
use crate::verdict::Reason;

impl Argument<'_, '_> {
    /// What it means that somebody was shown a resource, so many times. Returns where that breaks the rule.
    pub(super) fn sighting(
        &mut self,
        resource_ix: ResourceIx,
        receiver: PartyIx,
        (seen, count): (&Seen, u64),
        used: Option<&UsedMost>,
    ) -> BTreeSet<Place> {
        let mut told = BTreeSet::new();
        if self.unsure.contains(&resource_ix) {
            return told;
        }
        let resource = self.check.ledger.get(resource_ix);
        let owner = resource.owner();
        let kinship = owner.map(|owner| self.kinship(owner.owner, receiver));
        if kinship == Some(Kinship::Own) {
            return told;
        }
        let first = seen.definite.first().or(seen.doubtful.as_deref());
        let first = first.or(seen.refused.as_deref());
        let Some(first) = first else { return told };
        if owner.is_none() && !self.check.spec.claims_nothing() {
            self.unowned.push((resource_ix, first.place));
            return told;
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
            return told;
        }
        if kinship == Some(Kinship::Hashed) {
            let message = format!(
                "{field} {} reached {}, and whether that is its owner cannot be compared",
                resource.id,
                self.name(receiver)
            );
            self.doubt(message, COMPARE, first.place, self.subject(receiver));
            return told;
        }
        let what = format!("{field} {} reached {}", resource.id, self.name(receiver));
        if seen.definite.is_empty() {
            self.perhaps_shown(&what, resource_ix, receiver, seen);
        }
        for (number, definite) in seen.definite.iter().enumerate() {
            if let Some(by) = self.may_be_unseen(owner, receiver, definite.place) {
                self.unseen(&what, by, definite.place, self.subject(receiver));
                continue;
            }
            let names: BTreeSet<_> = seen.definite.iter().map(|one| &one.called).collect();
            // How often is told with the first one, of all names together.
            let more = match (number, count, names.len()) {
                (0, 2.., 1) => format!(" (in {count} messages)"),
                (0, 2.., names) => format!(" (in {count} messages of {names} names)"),
                _ => String::new(),
            };
            let used = used.and_then(|used| used.told_with(definite, &seen.definite));
            let violation = self.shown(resource_ix, receiver, definite, &more, used);
            self.outcome.violations.push(violation);
            told.insert(definite.place);
        }
        told
    }

    /// What it means that somebody was shown a resource, where access may excuse it.
    fn perhaps_shown(
        &mut self,
        what: &str,
        resource_ix: ResourceIx,
        receiver: PartyIx,
        seen: &Seen,
    ) {
        let subject = self.subject(receiver);
        let Some(first) = seen.doubtful.as_deref() else {
            if let Some(first) = seen.refused.as_deref() {
                let what = format!("{what} in a refusal");
                self.unseen(&what, "used-by", first.place, subject);
            }
            return;
        };
        if let Some(with) = seen.crossed {
            let (field, id) = (self.field(), &self.check.ledger.get(resource_ix).id);
            let name = self.name(receiver);
            let what = format!("whether {name} had access to {field} {id} then is not known");
            let doubt = self.cx.unknown_order(first.place, with, &what, subject);
            self.outcome.doubts.push(doubt);
            return;
        }
        let slack = self.check.spec.grant_slack;
        self.doubt(
            format!("{what} within {slack:?} of a change of its access"),
            "record again with a pause around the change, or set grant-slack",
            first.place,
            subject,
        );
    }

    fn shown(
        &self,
        resource_ix: ResourceIx,
        receiver: PartyIx,
        sighting: &Sighting,
        more: &str,
        used: Option<&Used>,
    ) -> Violation {
        let resource = self.check.ledger.get(resource_ix);
        Violation {
            message: self.shown_message(resource, receiver, (sighting, more), used),
            roles: self.shown_roles(resource, receiver, sighting),
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
            evidence: self.shown_lines(resource, receiver, sighting, used),
            expected: self.expected(resource),
            severity: match (sighting.how.answers, used) {
                (Some((_, To::Change)), _) => Severity::Write,
                (_, Some(used)) if matches!(used.answer, Answer::Granted(_)) => used.severity,
                (_, Some(_) | None) => Severity::Read,
            },
        }
    }

    /// The frames that show whose it is, what was asked for, that access ended, and that it was shown.
    fn shown_lines(
        &self,
        resource: &Resource,
        receiver: PartyIx,
        sighting: &Sighting,
        used: Option<&Used>,
    ) -> Vec<Evidence> {
        let name = self.name(receiver);
        let mut lines = resource
            .owner()
            .map(|owner| self.claim_lines(resource, owner))
            .unwrap_or_default();
        let used = used.map(|used| self.use_lines(resource, receiver, used));
        let mut used = used.unwrap_or_else(|| self.asked_line(receiver, sighting));
        if let Some(ended) = sighting.access_ended {
            let text = format!("the access of {name} to {} ended", resource.id);
            // In the order of the frames, where it is known.
            let is_later = |place: Place| place.recording == ended.recording && place > ended;
            let later = used
                .iter()
                .position(|line| line.place.is_some_and(is_later));
            let line = Self::line(text, ended, resource);
            used.insert(later.unwrap_or(used.len()), line);
        }
        lines.extend(used);
        lines.retain(|line| line.place != Some(sighting.place));
        let within = self.within(sighting);
        let text = format!("{name} received {} {within}", resource.id);
        lines.push(Self::line(text, sighting.place, resource));
        lines
    }

    /// The request that a message answers in which something is shown, where that did not name it.
    fn asked_line(&self, receiver: PartyIx, sighting: &Sighting) -> Vec<Evidence> {
        let asked = sighting.asked.zip(sighting.how.answers);
        let asked = asked.map(|(place, (request, _))| {
            let request = self.check.requests.name(request);
            Evidence::at(
                place,
                format!("{} asked with `{request}`", self.name(receiver)),
            )
        });
        asked.into_iter().collect()
    }
}
