//! To whom a rule does not apply: takes their violations out, and counts them.

use wsaudit_tagging::{Provenance, TagKind};

use super::event::{Event, Excuse};
use super::state::Cx;
use crate::finding::{Outcome, Place, Subject};
use crate::history::Tag;
use crate::rules::{Exception, Rule};

/// Moves what the rule's exceptions cover from the violations to the counts.
pub(super) fn apply(rule: &Rule, cx: &Cx<'_>, outcome: &mut Outcome) {
    let Outcome {
        violations,
        excepted,
        ..
    } = outcome;
    violations.retain(|violation| {
        let covering = rule.except.iter().find(|exception| {
            exception.event.is_none()
                && covers(exception, cx, violation.subject, violation.offending)
        });
        if let Some(exception) = covering {
            *excepted.entry(exception.why.clone()).or_default() += 1;
        }
        covering.is_none()
    });
}

/// Which of the rule's exceptions covers whoever an event's connection speaks for there.
pub(super) fn excuse(rule: &Rule, cx: &Cx<'_>, event: &Event<'_>) -> Excuse {
    let covering = rule.except.iter().position(|exception| {
        exception.event.is_none() && covers(exception, cx, event.subject(), event.place)
    });
    Excuse::by(covering)
}

/// A client can claim to be anyone: only what the server issued excuses.
///
/// On a connection, what counts is whom it spoke for at the offending place, not whom it spoke for
/// later. A finding about a session or user as a whole is excused where all of its connections are.
fn covers(exception: &Exception, cx: &Cx<'_>, subject: Subject, offending: Place) -> bool {
    if let Some(connection) = subject.connection {
        let shared = subject.session;
        let lane = shared.and_then(|session| cx.lane_of(connection, session));
        let at = |kind| match (kind, lane) {
            (TagKind::Session, Some(lane)) => Some(lane),
            _ => cx.tag_at(kind, connection, offending),
        };
        return covers_tags(exception, at);
    }
    let own = cx.connections().filter(|(_, state)| match subject {
        Subject {
            session: Some(session),
            ..
        } => state.session == Some(session),
        Subject {
            user: Some(user), ..
        } => state.user == Some(user),
        Subject { .. } => false,
    });
    let mut own = own.peekable();
    own.peek().is_some()
        && own.all(|(_, state)| {
            let last = |kind| state.info.tags.iter().rfind(|tag| tag.kind == kind);
            covers_tags(exception, last)
        })
}

fn covers_tags<'t>(exception: &Exception, tag: impl Fn(TagKind) -> Option<&'t Tag>) -> bool {
    [
        (&exception.session, TagKind::Session),
        (&exception.user, TagKind::User),
        (&exception.device, TagKind::Device),
    ]
    .into_iter()
    .filter_map(|(matcher, kind)| Some((matcher.as_ref()?, tag(kind))))
    .all(|(matcher, tag)| {
        tag.is_some_and(|tag| {
            tag.provenance == Provenance::Issued && matcher.matches_text(&tag.value)
        })
    })
}
