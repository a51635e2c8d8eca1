//! What `sequence` says of a key's events.

use super::steps::Positions;
use super::{Check, Run, Start};
use crate::engine::{Absence, Cx, Event, Holder, in_words};
use crate::finding::{Doubt, Evidence, Violation};
use crate::verdict::Reason;

impl Check {
    /// An event of a key whose first step did not come.
    pub(super) fn unstarted(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        holder: Holder,
        key: &str,
    ) -> Violation {
        let (who, name, field) = (
            cx.describe(holder),
            self.events.name_of(event),
            &self.key_name,
        );
        let first = self.steps.expected(None);
        let mut evidence = vec![cx.identity(event.line(), event.place)];
        let begun = self.begun_elsewhere(holder, key);
        let mut owner = None;
        if let Some((other, run)) = begun {
            let text = format!(
                "{field} {key} began with `{}`, seen by {}",
                run.began_with,
                cx.describe(other)
            );
            evidence.push(Evidence::at(run.start.place, text).pointing_at(key));
            owner = Some(run.subject);
        }
        let text = format!("{who} saw `{name}` of {field} {key}, and no {first} before it");
        evidence.push(Evidence::at(event.place, text).pointing_at(key));
        let whose = if owner.is_some() {
            ", begun elsewhere"
        } else {
            ""
        };
        Violation {
            roles: format!("`{name}` without {first}{whose}"),
            owner: owner.unwrap_or_default(),
            resource: Some(key.to_owned()),
            evidence,
            expected: format!(
                "{} on one {}; the first step can no longer come first, so this is final",
                self.steps.describe(),
                self.spec.on.as_str()
            ),
            ..Violation::new(
                event.subject(),
                event.place,
                format!("`{name}` of {field} {key} came to {who} without {first}{whose}"),
            )
        }
    }

    /// An event that does not come next.
    pub(super) fn out_of_order(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        (holder, key): (Holder, &str),
        at: Positions,
    ) -> Violation {
        let (who, name, field) = (
            cx.describe(holder),
            self.events.name_of(event),
            &self.key_name,
        );
        let next = self.steps.expected(Some(at));
        let run = &self.runs[&holder][key];
        let last = &run.last.name;
        let mut evidence = Self::lines(run, field, key);
        let text = format!("then {who} saw `{name}`, and not {next}");
        evidence.push(Evidence::at(event.place, text).pointing_at(key));
        Violation {
            roles: format!("`{name}` after `{last}`"),
            resource: Some(key.to_owned()),
            evidence,
            expected: format!(
                "{} ({next} after `{last}`); the order cannot change, so this is final",
                self.steps.describe()
            ),
            ..Violation::new(
                event.subject(),
                event.place,
                format!("`{name}` of {field} {key} came to {who} after `{last}`"),
            )
        }
    }

    /// A step that comes too late.
    pub(super) fn late(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        holder: Holder,
        key: &str,
    ) -> Violation {
        let (who, name, field) = (
            cx.describe(holder),
            self.events.name_of(event),
            &self.key_name,
        );
        let run = &self.runs[&holder][key];
        let took = in_words(event.at - run.start.at);
        let limit = in_words(self.within.unwrap_or(i64::MAX));
        let start = format!("{field} {key} began with `{}`", run.began_with);
        let text = format!("`{name}` came {took} later");
        Violation {
            roles: format!("`{name}` too late"),
            resource: Some(key.to_owned()),
            evidence: vec![
                Evidence::at(run.start.place, start).pointing_at(key),
                Evidence::at(event.place, text).pointing_at(key),
            ],
            expected: format!("all steps within {limit}; it took {took}, so this is final"),
            ..Violation::new(
                event.subject(),
                event.place,
                format!(
                    "`{name}` of {field} {key} came to {who} after {took}, and not within {limit}"
                ),
            )
        }
    }

    /// A sequence that was not finished in time, from one of its starts on.
    pub(super) fn unfinished(
        &self,
        cx: &Cx<'_>,
        (holder, key): (Holder, &str),
        (run, start): (&Run, Start),
        at: Positions,
    ) -> Violation {
        let (who, field) = (cx.describe(holder), &self.key_name);
        let next = self.steps.expected(Some(at));
        let limit = in_words(self.within.unwrap_or(i64::MAX));
        let last = &run.last.name;
        let mut evidence = Self::lines(run, field, key);
        if start.place != run.start.place {
            let text = format!("{who} was told again, and all steps were due within {limit}");
            evidence.push(Evidence::at(start.place, text).pointing_at(key));
        }
        Violation {
            roles: format!("no {next} after `{last}`"),
            resource: Some(key.to_owned()),
            evidence,
            expected: format!(
                "{} within {limit}; {}, so this is final",
                self.steps.describe(),
                cx.goes_on(run.start.place)
            ),
            ..Violation::new(
                run.subject,
                run.last.place,
                format!(
                    "{field} {key} of {who} was not completed within {limit}: no {next} after `{last}`"
                ),
            )
        }
    }

    pub(super) fn undecided(
        &self,
        cx: &Cx<'_>,
        holder: Holder,
        (key, run): (&str, &Run),
        absence: Absence,
    ) -> Doubt {
        let (who, field) = (cx.describe(holder), &self.key_name);
        let why = absence.why_open().unwrap_or("it is final");
        let settle = match self.within {
            Some(_) => absence.settle(cx),
            None => {
                "record until it is completed, or say in the rule how long it may take (`within`)"
            }
        };
        Doubt {
            reason: Reason::Undecided,
            message: format!(
                "{field} {key} of {who} was not completed after `{}`: {why}",
                run.last.name
            ),
            settle: settle.to_owned(),
            place: Some(run.last.place),
            subject: run.subject,
        }
    }

    /// How a key's events began, and how far they came.
    fn lines(run: &Run, field: &str, key: &str) -> Vec<Evidence> {
        let (start, last) = (run.start.place, &run.last);
        let text = format!("{field} {key} began with `{}`", run.began_with);
        let mut lines = vec![Evidence::at(start, text).pointing_at(key)];
        if last.place != start {
            let text = format!("`{}` was the last step in order", last.name);
            lines.push(Evidence::at(last.place, text).pointing_at(key));
        }
        lines
    }

    /// The first other holder that saw a key begin.
    fn begun_elsewhere(&self, holder: Holder, key: &str) -> Option<(Holder, &Run)> {
        let runs = self.runs.iter().filter(|(other, _)| **other != holder);
        runs.filter_map(|(other, runs)| Some((*other, runs.get(key)?)))
            .filter(|(_, run)| run.state != super::RunState::Broken)
            .min_by_key(|(_, run)| run.start.place)
    }
}
