//! What breaks a rule, without repetition: a fault that shows in a thousand messages is one finding.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use wsaudit_tagging::{Provenance, TagKind};

use super::state::Cx;
use crate::finding::{Evidence, Place, Subject, Violation};

/// Violations of one rule. Those of the same roles, subject and resource are one: the first is told
/// whole, of the others their number and the last place. What an exception may cover is kept apart from
/// what none does, so that it cannot hide it: a connection may have another device later.
#[derive(Debug, Default)]
pub struct Breaches {
    all: Vec<Breach>,
    known: HashMap<(String, Subject, Option<String>, Tags), usize>,
}

/// What exceptions ask of a connection: its session, user and device at a place, and who says so.
type Tags = [Option<(String, Provenance)>; 3];

#[derive(Debug)]
struct Breach {
    violation: Violation,
    more: u64,
    last: Place,
}

impl Breaches {
    /// Adds one.
    pub fn add(&mut self, cx: &Cx<'_>, violation: Violation) {
        let tags = match violation.subject.connection {
            None => Tags::default(),
            Some(connection) => [TagKind::Session, TagKind::User, TagKind::Device].map(|kind| {
                let tag = cx.tag_at(kind, connection, violation.offending)?;
                Some((tag.value.clone(), tag.provenance))
            }),
        };
        self.add_as(tags, violation);
    }

    fn add_as(&mut self, tags: Tags, violation: Violation) {
        let Violation {
            roles,
            subject,
            resource,
            ..
        } = &violation;
        let key = (roles.clone(), *subject, resource.clone(), tags);
        let last = violation.offending;
        let next = self.all.len();
        let at = *self.known.entry(key).or_insert(next);
        match self.all.get_mut(at) {
            Some(breach) => {
                breach.more += 1;
                breach.last = last;
            }
            None => self.all.push(Breach {
                violation,
                more: 0,
                last,
            }),
        }
    }

    /// The violations, in the order of their first places.
    pub fn into_violations(self) -> Vec<Violation> {
        let told = self.all.into_iter().map(|breach| {
            let Breach {
                mut violation,
                more,
                last,
            } = breach;
            if more > 0 {
                let text = match more {
                    1 => "it happened once more".to_owned(),
                    more => format!("it happened {more} more times, the last time here"),
                };
                violation.evidence.push(Evidence::at(last, text));
            }
            violation
        });
        let by_place: BTreeMap<_, _> = told
            .enumerate()
            .map(|(number, violation)| ((violation.offending, number), violation))
            .collect();
        by_place.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(roles: &str, seq: u64) -> Violation {
        Violation {
            roles: roles.to_owned(),
            ..Violation::new(
                Subject::default(),
                Place { recording: 0, seq },
                String::new(),
            )
        }
    }

    #[test]
    fn a_fault_that_comes_again_is_counted_and_its_first_and_last_places_are_kept() {
        let mut breaches = Breaches::default();
        for (roles, seq) in [("late", 7), ("foreign", 3), ("late", 9), ("late", 12)] {
            breaches.add_as(Tags::default(), violation(roles, seq));
        }
        let told: Vec<_> = breaches
            .into_violations()
            .into_iter()
            .map(|violation| {
                let last = violation.evidence.last().map(|line| line.text.clone());
                (violation.roles, violation.offending.seq, last)
            })
            .collect();
        let again = "it happened 2 more times, the last time here".to_owned();
        assert_eq!(
            told,
            [
                ("foreign".to_owned(), 3, None),
                ("late".to_owned(), 7, Some(again))
            ]
        );
    }
}
