//! To whom a rule does not apply: takes their violations out, and counts them.

use wsaudit_tagging::Provenance;

use super::state::Cx;
use crate::finding::{Outcome, Subject};
use crate::rules::{Exception, Matcher, Rule};

/// Moves what the rule's exceptions cover from the violations to the counts.
pub(super) fn apply(rule: &Rule, cx: &Cx<'_>, outcome: &mut Outcome) {
    let Outcome {
        violations,
        excepted,
        ..
    } = outcome;
    violations.retain(|violation| {
        let covering = rule.except.iter().find(|exception| {
            exception.event.is_none() && covers(exception, cx, violation.subject)
        });
        if let Some(exception) = covering {
            *excepted.entry(exception.why.clone()).or_default() += 1;
        }
        covering.is_none()
    });
}

/// A client can claim to be anyone: only what the server issued excuses.
fn covers(exception: &Exception, cx: &Cx<'_>, subject: Subject) -> bool {
    let issued = |value: Option<&str>, provenance: Option<Provenance>, matcher: &Matcher| {
        provenance == Some(Provenance::Issued) && value.is_some_and(|id| matcher.matches_text(id))
    };
    let on_connection = subject
        .connection
        .map(|connection| cx.connection(connection));
    // A finding about a session or user names no connection: any of its connections will do.
    let mut states = cx
        .connections()
        .map(|(_, state)| state)
        .filter(|state| match on_connection {
            Some(known) => std::ptr::eq(*state, known),
            None => {
                (subject.session.is_some() && state.session == subject.session)
                    || (subject.session.is_none() && state.user == subject.user)
            }
        });
    states.any(|state| {
        let session = state.session.map(|session| cx.session_name(session));
        let user = state.user.map(|user| cx.user_name(user));
        let device = state.device.as_deref();
        let all = [
            (&exception.session, session, state.issued.session),
            (&exception.user, user, state.issued.user),
            (&exception.device, device, state.issued.device),
        ];
        all.into_iter().all(|(matcher, value, provenance)| {
            matcher
                .as_ref()
                .is_none_or(|matcher| issued(value, provenance, matcher))
        })
    })
}
