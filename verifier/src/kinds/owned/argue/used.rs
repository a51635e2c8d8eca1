//! Who asked for a resource that is not its own, where nothing of it was shown to it.

use super::kinship::Kinship;
use super::{Argument, COMPARE, IDENTIFY};
use crate::finding::{Doubt, Note, Place, Subject, Violation};
use crate::kinds::owned::ledger::ResourceIx;
use crate::kinds::owned::parties::{Party, PartyIx};
use crate::kinds::owned::uses::{Answer, Used};
use crate::verdict::Reason;

impl Argument<'_, '_> {
    /// What it means that somebody asked for a resource, where nothing of it was shown to it.
    pub(super) fn used(&mut self, resource_ix: ResourceIx, user: PartyIx, used: &Used) {
        if self.unsure.contains(&resource_ix) {
            return;
        }
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
        let name = self.name(user);
        let whose = self.whose(resource);
        let unidentified = matches!(self.check.parties.get(user), Party::Unidentified(_));
        let surely = kinship == Some(Kinship::Foreign) && !self.may_have(resource_ix, user);
        if unidentified && !surely || kinship == Some(Kinship::Unidentified) {
            self.outcome.doubts.push(Doubt {
                reason: Reason::Unidentified,
                message: format!("{name} asked for {whose}, and nothing says who that is"),
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
                if let Some(by) = self.may_be_unseen(owner, user, place) {
                    let what = format!("{name} {verb} {whose}, and the server granted it");
                    self.unseen(&what, by, place, subject);
                    return;
                }
                let violation = self.granted(resource_ix, user, used, place);
                self.outcome.violations.push(violation);
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

    /// The server granted it, at `place`.
    fn granted(
        &self,
        resource_ix: ResourceIx,
        user: PartyIx,
        used: &Used,
        place: Place,
    ) -> Violation {
        let resource = self.check.ledger.get(resource_ix);
        let owner = resource.owner();
        let (name, verb) = (self.name(user), used.severity.verb());
        let whose = self.whose(resource);
        let mut evidence = owner
            .map(|owner| self.claim_lines(resource, owner))
            .unwrap_or_default();
        evidence.extend(self.use_lines(resource, user, used));
        Violation {
            message: format!("{name} {verb} {whose}, and the server granted it"),
            roles: self.granted_roles((resource, user), used.severity, used.request, used.ended),
            subject: Subject {
                connection: Some(used.line.connection),
                ..self.subject(user)
            },
            owner: owner
                .map(|owner| self.subject(owner.owner))
                .unwrap_or_default(),
            resource: Some(resource.id.clone()),
            offending: place,
            evidence,
            expected: self.expected(resource),
            severity: used.severity,
        }
    }
}
