//! What `response` says of requests and replies.

use super::{Check, Request};
use crate::engine::{Absence, Cx, Event, Holder, in_words};
use crate::finding::{Doubt, Evidence, Violation};
use crate::verdict::Reason;

impl Check {
    fn name(&self, request: &Request) -> &str {
        self.requests.name_in(&request.is)
    }

    fn asked_line(&self, cx: &Cx<'_>, key: &str, request: &Request) -> Evidence {
        let (who, name) = (who(cx, request), self.name(request));
        Evidence::at(
            request.place,
            format!("{who} sent `{name}` with the id {key}"),
        )
        .pointing_at(key)
    }

    pub(super) fn late(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        key: &str,
        request: &Request,
    ) -> Violation {
        let took = in_words(event.at - request.at);
        let limit = in_words(self.within.unwrap_or(i64::MAX));
        let (asked, name) = (self.name(request), self.replies.name_of(event));
        Violation {
            roles: format!("`{asked}` answered late, with `{name}`"),
            resource: Some(key.to_owned()),
            evidence: vec![
                self.asked_line(cx, key, request),
                Evidence::at(event.place, format!("the reply `{name}` came {took} later"))
                    .pointing_at(key),
            ],
            expected: format!("a reply within {limit}; it took {took}, so this is final"),
            ..Violation::new(
                request.subject,
                event.place,
                format!("`{asked}` {key} was answered after {took}, and not within {limit}"),
            )
        }
    }

    pub(super) fn answered(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        key: &str,
        request: &Request,
    ) -> Violation {
        let (asked, name) = (self.name(request), self.replies.name_of(event));
        Violation {
            roles: format!("`{asked}` answered with `{name}`"),
            resource: Some(key.to_owned()),
            evidence: vec![
                self.asked_line(cx, key, request),
                Evidence::at(event.place, format!("it was answered with `{name}`"))
                    .pointing_at(key),
            ],
            expected: "no reply; one was delivered, so this is final".to_owned(),
            ..Violation::new(
                request.subject,
                event.place,
                format!("`{asked}` {key} was answered with `{name}`"),
            )
        }
    }

    pub(super) fn disagreeing(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        request: &Request,
        (field, asked, told): (&str, &str, &str),
    ) -> Violation {
        let (who, name) = (cx.describe(request.holder), self.replies.name_of(event));
        let request_name = self.name(request);
        Violation {
            roles: format!("`{request_name}` answered with `{name}` about another {field}"),
            resource: Some(told.to_owned()),
            evidence: vec![
                Evidence::at(
                    request.place,
                    format!("{who} sent `{request_name}` about {field} {asked}"),
                )
                .pointing_at(asked),
                Evidence::at(
                    event.place,
                    format!("the reply `{name}` is about {field} {told}"),
                )
                .pointing_at(told),
            ],
            expected: format!(
                "a reply about {field} {asked}; another one was delivered, so this is final"
            ),
            ..Violation::new(
                request.subject,
                event.place,
                format!("{who} asked about {field} {asked}, and was answered about {told}"),
            )
        }
    }

    pub(super) fn unanswered(&self, cx: &Cx<'_>, key: &str, request: &Request) -> Violation {
        let limit = in_words(self.within.unwrap_or(i64::MAX));
        let name = self.name(request);
        let mut evidence = vec![self.asked_line(cx, key, request)];
        let mut astray = "";
        if let Some((holder, place)) = request.elsewhere {
            let text = format!("a reply with that id went to {}", cx.describe(holder));
            evidence.push(Evidence::at(place, text).pointing_at(key));
            astray = "; a reply went to somebody else";
        }
        Violation {
            roles: format!("`{name}` not answered{astray}"),
            resource: Some(key.to_owned()),
            evidence,
            expected: format!(
                "{} within {limit}; {}, so this is final",
                self.replies.list(),
                cx.goes_on(request.place)
            ),
            ..Violation::new(
                request.subject,
                request.place,
                format!("`{name}` {key} was not answered within {limit}{astray}"),
            )
        }
    }

    pub(super) fn undecided(
        &self,
        cx: &Cx<'_>,
        key: &str,
        request: &Request,
        absence: Absence,
    ) -> Doubt {
        let (who, name) = (who(cx, request), self.name(request));
        let why = absence.why_open().unwrap_or("it is final");
        let settle = match self.within {
            Some(_) => absence.settle(cx),
            None => "say in the rule how long a reply may take (`within`)",
        };
        Doubt {
            reason: Reason::Undecided,
            message: format!("{who} sent `{name}` {key}, which was not answered: {why}"),
            settle: settle.to_owned(),
            place: Some(request.place),
            subject: request.subject,
        }
    }
}

/// Who asked: its session, where it is known, and its connection.
fn who(cx: &Cx<'_>, request: &Request) -> String {
    let holder = cx.describe(request.holder);
    match (request.holder, request.subject.session) {
        (Holder::Connection(_), Some(session)) => {
            format!("{} ({holder})", cx.describe(Holder::Session(session)))
        }
        (Holder::Connection(_), None) | (Holder::Session(_) | Holder::User(_), _) => holder,
    }
}
