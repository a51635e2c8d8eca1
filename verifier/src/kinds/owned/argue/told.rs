//! How a breach is told, and in which roles: what fingerprints are made of (docs/reports.md). No id is in them, no
//! time and no number.

use super::Argument;
use crate::finding::Severity;
use crate::kinds::owned::ledger::Resource;
use crate::kinds::owned::parties::PartyIx;
use crate::kinds::owned::requests::RequestName;
use crate::kinds::owned::sightings::{Sighting, To};
use crate::kinds::owned::uses::{Answer, Used};

/// What a sentence, or roles, add where whoever it is about had access before.
const fn ended(had_access: bool) -> &'static str {
    if had_access {
        ", after its access had ended"
    } else {
        ""
    }
}

impl Argument<'_, '_> {
    /// The roles where something was asked for, and granted.
    pub(super) fn granted_roles(
        &self,
        (resource, user): (&Resource, PartyIx),
        severity: Severity,
        request: RequestName,
        had_access: bool,
    ) -> String {
        let (relation, field) = (self.relation(resource, user), self.field());
        let (verb, request) = (severity.verb(), self.check.requests.name(request));
        let ended = ended(had_access);
        format!("{relation} {verb} {field} with `{request}`, granted{ended}")
    }

    /// The roles where something was shown.
    pub(super) fn shown_roles(
        &self,
        resource: &Resource,
        receiver: PartyIx,
        sighting: &Sighting,
    ) -> String {
        let had_access = sighting.access_ended.is_some();
        let asked = match sighting.how.answers {
            Some((request, To::Change)) => {
                let whose = (resource, receiver);
                return self.granted_roles(whose, Severity::Write, request, had_access);
            }
            Some((request, To::Asking)) => {
                format!(", asked for with `{}`", self.check.requests.name(request))
            }
            Some((_, To::SomethingElse)) | None => String::new(),
        };
        let (relation, field) = (self.relation(resource, receiver), self.field());
        let ended = ended(had_access);
        let place = self.within(sighting);
        format!("{relation} received {field} {place}{asked}{ended}")
    }

    /// What something was shown in: a message, by its name, by the request that it answers, or by its events.
    pub(super) fn within(&self, sighting: &Sighting) -> String {
        match sighting.how.answers {
            Some((request, _)) if !sighting.how.is_named() => {
                let request = self.check.requests.name(request);
                format!("in the answer to `{request}`")
            }
            Some(_) | None => format!("in `{}`", sighting.called),
        }
    }

    /// What happened, in one line; `more`: how often.
    pub(super) fn shown_message(
        &self,
        resource: &Resource,
        receiver: PartyIx,
        (sighting, more): (&Sighting, &str),
        used: Option<&Used>,
    ) -> String {
        let (name, whose) = (self.name(receiver), self.whose(resource));
        let ended = ended(sighting.access_ended.is_some());
        let after = match (sighting.how.answers, used.map(|used| used.answer)) {
            (Some((_, To::Change)), _) => {
                let verb = Severity::Write.verb();
                return format!("{name} {verb} {whose}, and the server granted it{ended}{more}");
            }
            (Some((_, To::Asking)), _) | (None, Some(Answer::Granted(_))) => {
                ", which it had asked for".to_owned()
            }
            (Some((_, To::SomethingElse)), _) => format!(" {}", self.within(sighting)),
            (None, Some(Answer::Denied(_))) => ", after its request had been refused".to_owned(),
            (None, Some(Answer::Raced | Answer::Ambiguous(_) | Answer::Unanswered) | None) => {
                String::new()
            }
        };
        format!("{name} was given {whose}{after}{ended}{more}")
    }
}
