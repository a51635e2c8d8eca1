//! What breaks a rule, without repetition: a fault that shows in a thousand messages is one finding.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::finding::{Evidence, Place, Subject, Violation};

/// Violations of one rule. Those of the same roles, subject and resource are one: the first is told
/// whole, of the others their number and the last place.
#[derive(Debug, Default)]
pub struct Breaches {
    all: Vec<Breach>,
    known: HashMap<(String, Subject, Option<String>), usize>,
}

#[derive(Debug)]
struct Breach {
    violation: Violation,
    more: u64,
    last: Place,
}

impl Breaches {
    /// Adds one.
    pub fn add(&mut self, violation: Violation) {
        let Violation {
            roles,
            subject,
            resource,
            ..
        } = &violation;
        let key = (roles.clone(), *subject, resource.clone());
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
            breaches.add(violation(roles, seq));
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
