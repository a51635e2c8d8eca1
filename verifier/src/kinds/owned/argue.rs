//! What an `owned` rule comes to: from the ledger to violations, doubts and notes.

mod kinship;
mod shown;
mod told;
mod unseen;
mod used;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::kinship::Kinship;
use super::announcements::Announced;
use super::check::Check;
use super::ledger::{Basis, ClaimMade, Resource, ResourceIx};
use super::uses::Answer;
use crate::engine::{Crossings, Cx, Losses, is_hashed};
use crate::finding::{Doubt, Outcome, Place, Severity, Subject, Violation};
use crate::verdict::Reason;

const IDENTIFY: &str = "name a source that identifies the connection from its first message on";

/// What settles it that ids were redacted.
pub(super) const READABLE: &str = "record without redacting the ids that rules and facts are about";

const COMPARE: &str = "identify sessions by a source that is no secret, as the messages name them";

/// Tells what the check found.
pub(super) fn argue(mut check: Check, cx: &Cx<'_>) -> Outcome {
    let sightings = std::mem::take(&mut check.sightings).close();
    let uses = std::mem::take(&mut check.uses).close();
    let lives = std::mem::take(&mut check.lives);
    let losses = Losses::new(cx);
    let perhaps_about = check.ledger.apply_facts(cx, &check.parties, &losses);
    let crossed = check.crossed();
    let mut argument = Argument {
        check: &check,
        cx,
        outcome: Outcome {
            examined: check.examined,
            opportunities: check.opportunities,
            ..Outcome::default()
        },
        unowned: Vec::new(),
        unsure: BTreeSet::new(),
        losses,
    };
    argument.perhaps_released(lives);
    argument.perhaps_about(perhaps_about);
    argument.crossed(&crossed);
    argument.contested();
    argument.listed();
    let mut shown: BTreeMap<_, BTreeSet<Place>> = BTreeMap::new();
    for (sight, seen, count) in sightings {
        let (resource, receiver, _) = sight;
        let told = argument.sighting(resource, receiver, (&seen, count), uses.get(&sight));
        shown.insert(sight, told);
    }
    let told = shown.iter().filter(|(_, places)| !places.is_empty());
    let told = told.map(|((resource, receiver, _), _)| (*resource, *receiver));
    argument.texts(&told.collect());
    for (sight, used) in &uses {
        let (resource, user, _) = *sight;
        let shown = shown.get(sight).filter(|shown| !shown.is_empty());
        for used in used.each() {
            let is_told = shown.is_some_and(|shown| match used.answer {
                // What is granted by what shows it is told with that, and by nothing else.
                Answer::Granted(place) => shown.contains(&place),
                Answer::Raced | Answer::Ambiguous(_) | Answer::Unanswered | Answer::Denied(_) => {
                    true
                }
            });
            if !is_told {
                argument.used(resource, user, used);
            }
        }
    }
    argument.tell_unowned();
    let nameless = check
        .nameless
        .without_id(cx, &format!("the id of `{}`", check.field));
    argument.outcome.doubts.extend(nameless);
    argument.outcome
}

/// What is told, and of what.
pub(super) struct Argument<'a, 'h> {
    pub(super) check: &'a Check,
    pub(super) cx: &'a Cx<'h>,
    pub(super) outcome: Outcome,
    /// Resources that were shown to somebody, and that nothing gives to anybody.
    unowned: Vec<(ResourceIx, Place)>,
    /// Resources whose owner rests on an order that nobody knows, or on what may be missing.
    pub(super) unsure: BTreeSet<ResourceIx>,
    losses: Losses,
}

impl Argument<'_, '_> {
    /// Ids of which it is not known whether they were released before they meant something.
    fn perhaps_released(&mut self, lives: Crossings) {
        let ids: BTreeSet<_> = lives.keys_in_doubt().collect();
        let resources = self.check.ledger.iter();
        let unsure = resources.filter(|(_, resource)| ids.contains(resource.id.as_str()));
        self.unsure.extend(unsure.map(|(resource, _)| resource));
        let (_, doubts) = lives.settle(self.cx);
        self.outcome.doubts.extend(doubts);
    }

    /// Announcements of which it is not known what they answer.
    fn crossed(&mut self, crossed: &[Announced]) {
        for announced in crossed {
            let with = announced.perhaps.iter().map(|(_, place)| *place).min();
            let with = with.unwrap_or(announced.place);
            for number in &announced.resources {
                let resource = self.check.ledger.get(*number);
                let owner = resource.owner();
                let mut all = announced.may_answer();
                if owner.is_some_and(|owner| all.all(|party| self.same(owner.owner, party))) {
                    continue;
                }
                // What it may answer contradicts whom it is surely of, and makes it nobody else's.
                if owner.is_none_or(|owner| owner.basis > Basis::Answered) {
                    self.unsure.insert(*number);
                }
                let what = format!("whose {} {} is, is not known", self.field(), resource.id);
                let whose = Subject::default();
                let doubt = self.cx.unknown_order(with, announced.place, &what, whose);
                self.outcome.doubts.push(doubt);
            }
        }
    }

    /// Two claims that name different owners.
    fn contested(&mut self) {
        for (number, resource) in self.check.ledger.iter() {
            if self.unsure.contains(&number) {
                continue;
            }
            let Some((owner, other)) = self.two(resource, Kinship::Foreign) else {
                if let Some((owner, other)) = self.two(resource, Kinship::Unidentified) {
                    let doubt = self.perhaps_contested(resource, owner, other);
                    self.outcome.doubts.extend(doubt);
                }
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
            let message = format!(
                "{field} {} is claimed for {first} and for {second}",
                resource.id
            );
            if let Some(by) = self.may_be_no_contest([owner, other]) {
                self.unseen(&message, by, offending, self.subject(other.owner));
                continue;
            }
            let mut evidence = self.claim_lines(resource, owner);
            evidence.extend(self.claim_lines(resource, other));
            self.outcome.violations.push(Violation {
                message,
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

    /// The first two claims of owners who stand so to each other.
    fn two<'r>(
        &self,
        resource: &'r Resource,
        so: Kinship,
    ) -> Option<(&'r ClaimMade, &'r ClaimMade)> {
        resource.contested(|one, other| self.kinship(one, other) == so)
    }

    /// Two claims, of which nothing says whether they are one's.
    fn perhaps_contested(
        &self,
        resource: &Resource,
        owner: &ClaimMade,
        other: &ClaimMade,
    ) -> Option<Doubt> {
        let (first, second) = (self.name(owner.owner), self.name(other.owner));
        Some(Doubt {
            reason: Reason::Unidentified,
            message: format!(
                "{} {} is claimed for {first} and for {second}, and nothing says whether they are one",
                self.field(),
                resource.id
            ),
            settle: IDENTIFY.to_owned(),
            place: Some(other.place.or(owner.place)?),
            subject: self.subject(other.owner),
        })
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
        // What is known by a hash is nothing that another frame or a fact names in clear.
        let is_hashed = |resource: &ResourceIx| is_hashed(&self.check.ledger.get(*resource).id);
        let settle = if ids.iter().any(is_hashed) {
            READABLE
        } else {
            "record from the moment they are created, or give ownership facts"
        };
        self.doubt(message, settle, place, Subject::default());
    }
}
