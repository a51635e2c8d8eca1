//! What `count` says of a number.

use super::{Check, Counted, Over, Tally};
use crate::engine::{Absence, Cx, in_words};
use crate::finding::{Doubt, Evidence, Place, Subject, Violation};
use crate::verdict::Reason;

impl Check {
    pub(super) fn too_many(
        &self,
        cx: &Cx<'_>,
        counted: &Counted,
        tally: &Tally,
        over: &Over,
    ) -> Violation {
        let (who, what, limit) = (self.who(cx, counted), self.what(), self.limit());
        let count = match self.within {
            None => format!("{} in all", tally.count),
            Some(within) => format!("more within {}", in_words(within)),
        };
        let mut evidence: Vec<_> = over
            .places
            .iter()
            .filter(|place| **place != over.offending)
            .enumerate()
            .map(|(number, place)| Evidence::at(*place, format!("number {}", number + 1)))
            .collect();
        evidence.push(Evidence::at(over.offending, "one too many"));
        Violation {
            roles: format!("too many of {what}"),
            resource: resource(counted),
            evidence,
            expected: format!("{limit} {what}; they came, so this is final"),
            ..Violation::new(
                over.subject,
                over.offending,
                format!("{who}: {limit} {what} expected, and {count}"),
            )
        }
    }

    /// `ended`: where the last connection ended, and when.
    pub(super) fn too_few(
        &self,
        cx: &Cx<'_>,
        counted: &Counted,
        tally: &Tally,
        ended: Option<(Place, String)>,
    ) -> Violation {
        let (who, what, limit) = (self.who(cx, counted), self.what(), self.limit());
        let mut evidence = vec![Evidence::at(tally.first, format!("{who} begins here"))];
        evidence.extend(
            tally
                .shown
                .iter()
                .enumerate()
                .map(|(number, place)| Evidence::at(*place, format!("number {}", number + 1))),
        );
        let (offending, end) = match ended {
            Some((place, at)) => {
                evidence.push(Evidence::at(place, "the last connection ended"));
                (place, format!("it ended at {at}"))
            }
            None => (
                tally.shown.last().copied().unwrap_or(tally.first),
                cx.goes_on(tally.first),
            ),
        };
        Violation {
            roles: format!("too few of {what}"),
            resource: resource(counted),
            evidence,
            expected: format!("{limit} {what}; {end}, so this is final"),
            ..Violation::new(
                subject(cx, counted),
                offending,
                format!("{who}: {limit} {what} expected, and {} came", tally.count),
            )
        }
    }

    pub(super) fn undecided(
        &self,
        cx: &Cx<'_>,
        counted: &Counted,
        tally: &Tally,
        absence: Absence,
    ) -> Doubt {
        let (who, what, limit) = (self.who(cx, counted), self.what(), self.limit());
        let why = match absence {
            Absence::Hidden => {
                "frames are missing or cannot be decoded, or nothing says where they belong"
            }
            Absence::Final | Absence::RecordingEnded | Absence::Disconnected => {
                "it was still connected when the recording ended"
            }
        };
        Doubt {
            reason: Reason::Undecided,
            message: format!(
                "{who}: {limit} {what} expected, and {} came; {why}",
                tally.count
            ),
            settle: "record until it disconnects".to_owned(),
            place: Some(tally.first),
            subject: subject(cx, counted),
        }
    }

    fn who(&self, cx: &Cx<'_>, counted: &Counted) -> String {
        match (counted, &self.per) {
            (Counted::Holder(holder), _) => cx.describe(*holder),
            (Counted::Everything, _) => "the whole history".to_owned(),
            (Counted::Value(id), super::Per::Value(_, name)) => format!("{name} {id}"),
            (Counted::Value(id), _) => id.clone(),
        }
    }

    /// What is counted: `` different run in `completed` ``.
    fn what(&self) -> String {
        let events = self.events.list();
        match &self.distinct {
            None => events,
            Some((_, name)) => format!("different {name} in {events}"),
        }
    }

    fn limit(&self) -> String {
        let within = match self.within {
            Some(within) => format!(" within {}", in_words(within)),
            None => String::new(),
        };
        let limit = match (self.spec.at_least, self.spec.at_most) {
            (Some(least), Some(most)) if least == most => format!("exactly {least}"),
            (Some(least), Some(most)) => format!("at least {least} and at most {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => "any number of".to_owned(),
        };
        format!("{limit}{within}")
    }
}

pub(super) fn subject(cx: &Cx<'_>, counted: &Counted) -> Subject {
    match counted {
        Counted::Holder(holder) => cx.subject(*holder),
        Counted::Everything | Counted::Value(_) => Subject::default(),
    }
}

fn resource(counted: &Counted) -> Option<String> {
    match counted {
        Counted::Value(id) => Some(id.clone()),
        Counted::Holder(_) | Counted::Everything => None,
    }
}
