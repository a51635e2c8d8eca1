//! What `duration` says of its measurements.

use super::{Check, Measured, Moment};
use crate::engine::{Absence, Cx, in_words};
use crate::finding::{Doubt, Evidence, Subject, Violation};
use crate::verdict::Reason;

/// How many of the slowest measurements are told one by one.
const MOST_SHOWN: usize = 3;

/// What settles whose something is.
const IDENTIFY: &str = "name a source that identifies the connection from its first message on";

/// Why not every measurement was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    /// Frames are missing, or could not be decoded.
    Frames,
    /// Something began of which nothing says whose it is.
    Holder,
}

impl Check {
    pub(super) fn too_long(
        &self,
        cx: &Cx<'_>,
        one: &Measured,
        end: &Moment,
        max: i64,
    ) -> Violation {
        let (who, took, max) = (self.who(cx, one), in_words(one.took), in_words(max));
        let (from, to) = (&one.span.start.name, &end.name);
        Violation {
            roles: format!("`{from}` to `{to}` too slow"),
            resource: resource(one),
            evidence: vec![
                Evidence::at(one.span.start.place, format!("`{from}` of {who}")),
                Evidence::at(end.place, format!("`{to}`, {took} later")),
            ],
            expected: format!("`{to}` within {max}; it took {took}, so this is final"),
            ..Violation::new(
                one.span.subject,
                end.place,
                format!("{who} took {took} from `{from}` to `{to}`, and not at most {max}"),
            )
        }
    }

    pub(super) fn no_end(&self, cx: &Cx<'_>, one: &Measured, max: i64) -> Violation {
        let (who, max) = (self.who(cx, one), in_words(max));
        let (from, to) = (&one.span.start.name, self.to.list());
        Violation {
            roles: format!("`{from}` without {to}"),
            resource: resource(one),
            evidence: vec![Evidence::at(
                one.span.start.place,
                format!("`{from}` of {who}"),
            )],
            expected: format!(
                "{to} within {max}; {}, so this is final",
                cx.goes_on(one.span.start.place)
            ),
            ..Violation::new(
                one.span.subject,
                one.span.start.place,
                format!("{who} had no {to} within {max} of `{from}`"),
            )
        }
    }

    /// A mean or a percentile that is over its limit; `sorted` ends with the slowest.
    pub(super) fn too_high(
        &self,
        cx: &Cx<'_>,
        what: &str,
        (value, limit): (i64, i64),
        sorted: &[&Measured],
    ) -> Violation {
        let (from, to) = (self.from.list(), self.to.list());
        let (value, limit) = (in_words(value), in_words(limit));
        let mut evidence = Vec::new();
        for one in sorted.iter().rev().take(MOST_SHOWN) {
            let (who, took) = (self.who(cx, one), in_words(one.took));
            let text = match &one.span.end {
                _ if one.span.perhaps_less => {
                    format!("when {who} ended may be missing: it counts as no time")
                }
                Some(_) => format!("{who} took {took}"),
                None => format!("{who} took at least {took}, and has not ended"),
            };
            let end = one.span.sure_end().unwrap_or(&one.span.start);
            evidence.push(Evidence::at(end.place, text));
        }
        let slowest = sorted[sorted.len() - 1];
        let end = slowest.span.end.as_ref().unwrap_or(&slowest.span.start);
        Violation {
            roles: format!("the {what} from {from} to {to} too high"),
            evidence,
            expected: format!(
                "a {what} of at most {limit} over all {} measurements; what is not measured yet \
                 can only add to it, so this is final",
                sorted.len()
            ),
            ..Violation::new(
                Subject::default(),
                end.place,
                format!("the {what} from {from} to {to} is {value}, and not at most {limit}"),
            )
        }
    }

    /// Likewise, where one that took less may not have been seen.
    pub(super) fn perhaps_lower(
        &self,
        cx: &Cx<'_>,
        what: &str,
        (value, limit): (i64, i64),
        unseen: Unseen,
    ) -> Doubt {
        let (from, to) = (self.from.list(), self.to.list());
        let (value, limit) = (in_words(value), in_words(limit));
        let (why, settle) = match unseen {
            Unseen::Frames => (
                "frames are missing or cannot be decoded, and with what began in them it may be lower",
                cx.settles_missing(),
            ),
            Unseen::Holder => (
                "something began of which nothing says whose it is, and with it it may be lower",
                IDENTIFY,
            ),
        };
        Doubt {
            reason: Reason::Undecided,
            message: format!(
                "the {what} from {from} to {to} of all that was seen is {value}, and not at most {limit}: {why}"
            ),
            settle: settle.to_owned(),
            place: None,
            subject: Subject::default(),
        }
    }

    pub(super) fn undecided(&self, cx: &Cx<'_>, one: &Measured, absence: Absence) -> Doubt {
        let (who, to) = (self.who(cx, one), self.to.list());
        let (why, settle) = if one.span.end_of_nobody {
            ("one came of which nothing says whose it is", IDENTIFY)
        } else {
            (
                absence.why_open().unwrap_or("it is final"),
                absence.settle(cx),
            )
        };
        Doubt {
            reason: Reason::Undecided,
            message: format!(
                "{who} had no {to} in time after `{}`: {why}",
                one.span.start.name
            ),
            settle: settle.to_owned(),
            place: Some(one.span.start.place),
            subject: one.span.subject,
        }
    }

    fn who(&self, cx: &Cx<'_>, one: &Measured) -> String {
        let holder = cx.describe(one.holder);
        match &self.key {
            Some((_, name)) => format!("{name} {} of {holder}", one.key),
            None => holder,
        }
    }
}

fn resource(one: &Measured) -> Option<String> {
    (!one.key.is_empty()).then(|| one.key.clone())
}
