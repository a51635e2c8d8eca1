//! Whether facts and wire speak of the same things.

use super::Reach;
use super::argue::{Argument, READABLE};
use super::ledger::{Basis, PerhapsAbout, Resource};
use super::parties::{Party, PartyIx};
use crate::engine::{ConnectionIx, Holder, OtherUser, is_hashed};
use crate::finding::{Doubt, Evidence, Subject, Violation};
use crate::rules::Listing;
use crate::verdict::Reason;

/// The facts that a rule uses.
#[derive(Debug)]
pub(super) struct Listed {
    /// Their name, in `[facts]`.
    pub(super) name: String,
    /// How many they are.
    pub(super) count: usize,
    /// Whether they list every resource.
    pub(super) listing: Listing,
}

impl Argument<'_, '_> {
    /// Facts of which it is not known what they are about decide nothing of what they may be about.
    pub(super) fn perhaps_about(&mut self, facts: Vec<PerhapsAbout>) {
        for PerhapsAbout {
            session,
            other,
            resources,
        } in facts
        {
            let subject = self.cx.session_named(&session).map(Holder::Session);
            let subject = subject.map_or_else(Subject::default, |session| self.cx.subject(session));
            let whose = format!(
                "whose {}s facts of session {session} are about",
                self.field()
            );
            self.outcome.doubts.push(match other {
                OtherUser::Missing => Doubt {
                    reason: Reason::Undecided,
                    message: format!(
                        "{whose} goes by its first user, and frames that are missing or cannot be decoded may say \
                         that it was another one's before"
                    ),
                    settle: self.cx.settles_missing().to_owned(),
                    place: None,
                    subject,
                },
                OtherUser::Crossed(first, second) => {
                    let what = format!("{whose} goes by its first user, who is not known");
                    self.cx.unknown_order(first, second, &what, subject)
                }
            });
            self.unsure.extend(resources);
        }
    }

    /// What the facts ought to know, and do not.
    pub(super) fn listed(&mut self) {
        let Some(listed) = &self.check.listed else {
            return;
        };
        if listed.listing == Listing::Complete {
            self.unlisted(&listed.name);
        }
        self.unmet(listed);
    }

    /// Resources that the wire gives to somebody, and that are not in facts that list them all.
    fn unlisted(&mut self, name: &str) {
        let check = self.check;
        let field = &check.field;
        let nobodys = check.ledger.of_nobody_known();
        let (mut redacted, mut perhaps) = (None, None);
        for (number, resource) in check.ledger.iter() {
            if is_fact(resource) || self.unsure.contains(&number) {
                continue;
            }
            let claims = resource.claims.iter();
            let mut shown = claims.filter_map(|claim| Some((claim, claim.place?)));
            let Some((claim, offending)) = shown.next() else {
                continue;
            };
            if is_hashed(&resource.id) {
                redacted.get_or_insert((resource, claim.owner, offending));
                continue;
            }
            let on = nobodys.get(&number).copied();
            if let Some(connection) = self.may_mean_another(claim.owner, on) {
                perhaps.get_or_insert((resource, connection, claim.owner, offending));
                continue;
            }
            let owner = self.name(claim.owner);
            let mut evidence = self.claim_lines(resource, claim);
            evidence.push(Evidence {
                text: format!("the facts `{name}` do not list {}", resource.id),
                place: None,
                value: None,
            });
            let violation = Violation {
                roles: format!("{field} {} that the facts do not list", claim.basis.role()),
                resource: Some(resource.id.clone()),
                evidence,
                expected: format!(
                    "every {field} is in the facts `{name}`, which the pack says are complete"
                ),
                ..Violation::new(
                    self.subject(claim.owner),
                    offending,
                    format!(
                        "{field} {} is of {owner}, and the facts `{name}` do not list it",
                        resource.id
                    ),
                )
            };
            self.outcome.violations.push(violation);
        }
        if let Some((resource, owner, place)) = redacted {
            let message = format!(
                "{field} {} is known by a hash, and whether the facts `{name}` list it cannot be compared",
                resource.id
            );
            self.doubt(message, READABLE, place, self.subject(owner));
        }
        if let Some((resource, connection, owner, place)) = perhaps {
            let message = format!(
                "frames of {} that are missing or cannot be decoded may say whose {field} {} is, and whether the \
                 facts `{name}` list it for that one is not known",
                self.cx.describe_connection(connection),
                resource.id,
            );
            self.doubt(
                message,
                self.cx.settles_missing(),
                place,
                self.subject(owner),
            );
        }
    }

    /// The connection on which an id may mean what facts know of one of whom missing frames may say that it speaks
    /// there; `on` is where it means what it does to nobody known.
    fn may_mean_another(&self, owner: PartyIx, on: Option<ConnectionIx>) -> Option<ConnectionIx> {
        match (self.check.spec.unique_within, self.check.parties.get(owner)) {
            (Reach::Server | Reach::Connection, _) => None,
            (Reach::User | Reach::Session, Party::Perhaps(connection)) => Some(*connection),
            (
                Reach::User | Reach::Session,
                Party::Named(..) | Party::Connection(_) | Party::Unidentified(_),
            ) => on.filter(|connection| self.ever_loses(Holder::Connection(*connection))),
        }
    }

    /// Facts of which none is about anything in the recording prove nothing; most likely a column is
    /// the wrong one.
    fn unmet(&mut self, listed: &Listed) {
        let Listed { name, count, .. } = listed;
        let ledger = &self.check.ledger;
        let is_here = |(number, resource): (_, &Resource)| {
            self.unsure.contains(&number)
                || is_fact(resource)
                    && (ledger.was_met(number)
                        || resource.claims.iter().any(|claim| claim.place.is_some()))
        };
        if self.check.examined == 0 || ledger.iter().any(is_here) {
            return;
        }
        let field = &self.check.field;
        self.outcome.doubts.push(Doubt {
            reason: Reason::Undecided,
            message: match count {
                0 => format!("there is no row in the facts `{name}`"),
                1 => format!("the one row of the facts `{name}` is about no {field} of this recording"),
                _ => format!("none of the {count} rows of the facts `{name}` is about a {field} of this recording"),
            },
            settle: "see that the facts are those of the system that was recorded, and which columns \
                     `resource` and `owner` are"
                .to_owned(),
            place: None,
            subject: Subject::default(),
        });
    }
}

fn is_fact(resource: &Resource) -> bool {
    let mut claims = resource.claims.iter();
    claims.any(|claim| claim.basis == Basis::Fact)
}
