//! To whom a rule does not apply: takes their violations out, and counts them.

use std::collections::BTreeMap;

use wsaudit_tagging::{Provenance, TagKind};

use super::event::{Event, Excuse};
use super::state::Cx;
use crate::finding::{Note, Outcome, Place, Subject};
use crate::history::Tag;
use crate::rules::{Exception, Matcher, Rule};

/// How far an exception covers somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    /// It is about somebody else.
    None,
    /// It names what the client presents: a client can claim to be anyone, so that it excuses nothing.
    Presented,
    /// It names what the server issued.
    Issued,
}

/// What an exception would have covered, had the server issued what it names.
struct Claimed {
    count: usize,
    first: (Place, Subject),
}

/// Moves what the rule's exceptions cover from the violations to the counts, and notes where one only
/// seems to cover some.
pub(super) fn apply(rule: &Rule, cx: &Cx<'_>, outcome: &mut Outcome) {
    let mut claimed: BTreeMap<usize, Claimed> = BTreeMap::new();
    let Outcome {
        violations,
        excepted,
        ..
    } = outcome;
    violations.retain(|violation| {
        let (place, subject) = (violation.offending, violation.subject);
        let cover = |number: &usize| covers(&rule.except[*number], cx, subject, place);
        let numbers = || 0..rule.except.len();
        if let Some(number) = numbers().find(|number| cover(number) == Cover::Issued) {
            let why = rule.except[number].why.clone();
            *excepted.entry(why).or_default() += 1;
            return false;
        }
        if let Some(number) = numbers().find(|number| cover(number) == Cover::Presented) {
            let first = (place, subject);
            let claimed = claimed.entry(number).or_insert(Claimed { count: 0, first });
            claimed.count += 1;
            claimed.first = claimed.first.min(first);
        }
        true
    });
    let notes = claimed.into_iter().map(|(number, claimed)| {
        let violations = match claimed.count {
            1 => "1 violation".to_owned(),
            count => format!("{count} violations"),
        };
        Note {
            message: format!(
                "the exception \"{}\" does not count for {violations}: what it names was only presented \
                 by the client, and only what the server issued counts",
                rule.except[number].why
            ),
            place: claimed.first.0,
            subject: claimed.first.1,
        }
    });
    outcome.notes.extend(notes);
}

/// Which of the rule's exceptions covers whoever an event's connection speaks for there.
pub(super) fn excuse(rule: &Rule, cx: &Cx<'_>, event: &Event<'_>) -> Excuse {
    let covering = rule
        .except
        .iter()
        .position(|exception| covers(exception, cx, event.subject(), event.place) == Cover::Issued);
    Excuse::by(covering)
}

/// On a connection, what counts is whom it spoke for at the offending place, not whom it spoke for
/// later. A finding about a session or user as a whole is excused where all of its connections are.
fn covers(exception: &Exception, cx: &Cx<'_>, subject: Subject, offending: Place) -> Cover {
    if exception.event.is_some() {
        return Cover::None;
    }
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
    let own = own.map(|(_, state)| {
        let last = |kind| state.info.tags.iter().rfind(|tag| tag.kind == kind);
        covers_tags(exception, last)
    });
    own.min().unwrap_or(Cover::None)
}

fn covers_tags<'t>(exception: &Exception, tag: impl Fn(TagKind) -> Option<&'t Tag>) -> Cover {
    let covers = |(matcher, tag): (&Matcher, Option<&Tag>)| match tag {
        Some(tag) if matcher.matches_text(&tag.value) => match tag.provenance {
            Provenance::Issued => Cover::Issued,
            Provenance::Presented => Cover::Presented,
        },
        Some(_) | None => Cover::None,
    };
    [
        (&exception.session, TagKind::Session),
        (&exception.user, TagKind::User),
        (&exception.device, TagKind::Device),
    ]
    .into_iter()
    .filter_map(|(matcher, kind)| Some((matcher.as_ref()?, tag(kind))))
    .map(covers)
    .min()
    .unwrap_or(Cover::None)
}
