//! `[[rule]]`: what every kind has in common; the rest is read by the kind.

use std::collections::BTreeMap;

use super::section;
use crate::kinds::Spec;
use crate::rules::read::{Names, Node, Table};
use crate::rules::{Accept, Exception, ReportField, RequiredPlace, Requirement, Rule, See};

const REPORTS: [(&str, ReportField); 7] = [
    word(ReportField::AuthenticationSuccessful),
    word(ReportField::AgentExecutionIsolated),
    word(ReportField::ThreadIsolationVerified),
    word(ReportField::WebsocketEventLeakage),
    word(ReportField::DatabaseSessionIsolation),
    word(ReportField::ConcurrentOperationsCompleted),
    word(ReportField::ExecutionTime),
];

const fn word(field: ReportField) -> (&'static str, ReportField) {
    (field.as_str(), field)
}

/// All rules of a pack, in the order in which they are written.
///
/// The ids are those of all rules, also of rules that could not be read.
pub(super) fn rules(nodes: &[Node<'_>], names: Names<'_>) -> (Vec<Rule>, BTreeMap<String, See>) {
    let mut rules = Vec::new();
    let mut ids = BTreeMap::new();
    for node in nodes {
        let Some(table) = node.table("a rule") else {
            continue;
        };
        rules.extend(rule(*node, table, names, &mut ids));
    }
    (rules, ids)
}

fn rule(
    node: Node<'_>,
    mut table: Table<'_>,
    names: Names<'_>,
    ids: &mut BTreeMap<String, See>,
) -> Option<Rule> {
    let id = table.required("id").and_then(|id| {
        let name = id.name()?;
        if let Some(first) = ids.get(name) {
            id.error(format_args!("two rules have the id `{name}`"))
                .label("the second one")
                .see(first.clone())
                .emit();
        } else {
            ids.insert(name.to_owned(), id.see("the first one"));
        }
        Some(name)
    });
    let title = table.required("title").and_then(Node::prose);
    let excepted = table.get("except");
    let except = each(excepted, |node| exception(node, names));
    let requires = table
        .get("requires")
        .and_then(|node| requirement(node, names));
    let accept = each(table.get("accept"), accepted);
    let reports = table
        .get("reports")
        .and_then(|node| Some((node, node.word(&REPORTS)?)));
    let kind = table.required("kind");
    let reader = kind.and_then(|kind| Some((kind.string()?, kind.word(&Spec::READERS)?)));
    let Some((kind, reader)) = reader else {
        // The keys of an unknown kind are unknown: only what is known to be wrong is told.
        return None;
    };
    table.is_a(format!("a rule of kind `{kind}`"));
    let spec = reader(&mut table, names);
    table.finish();
    let spec = spec?;
    if let Some(node) = excepted
        && !spec.reads_messages()
        && except.iter().any(|exception| exception.event.is_some())
    {
        node.error(format_args!("a rule of kind `{kind}` looks at no events"))
            .label("expected `session`, `user` or `device` in its exceptions")
            .emit();
    }
    if let Some((node, field)) = reports {
        check_report(node, field, &spec);
    }
    Some(Rule {
        id: id?.to_owned(),
        title: title?.to_owned(),
        spec,
        except,
        requires,
        accept,
        reports: reports.map(|(_, field)| field),
        location: node.location(),
    })
}

fn each<T>(node: Option<Node<'_>>, read: impl Fn(Node<'_>) -> Option<T>) -> Vec<T> {
    node.into_iter()
        .flat_map(Node::items)
        .filter_map(read)
        .collect()
}

fn accepted(node: Node<'_>) -> Option<Accept> {
    section::doubt(node.table("an accepted doubt")?, None)
}

fn exception(node: Node<'_>, names: Names<'_>) -> Option<Exception> {
    let mut table = node.table("an exception")?;
    let session = table.get("session").and_then(Node::matcher);
    let user = table.get("user").and_then(Node::matcher);
    let device = table.get("device").and_then(Node::matcher);
    let event = table.get("event").and_then(|node| names.message(node));
    let why = table.required("why").and_then(Node::prose);
    if !table.has_any(&["session", "user", "device", "event"]) {
        table
            .error("this exception excepts everything")
            .label("expected `session`, `user`, `device` or `event`")
            .emit();
    }
    table.finish();
    Some(Exception {
        session,
        user,
        device,
        event,
        why: why?.to_owned(),
    })
}

fn requirement(node: Node<'_>, names: Names<'_>) -> Option<Requirement> {
    const PLACES: [(&str, RequiredPlace); 2] = [
        ("any session", RequiredPlace::AnySession),
        ("other session", RequiredPlace::OtherSession),
    ];
    let mut table = node.table("`requires`")?;
    let events = table
        .required("event")
        .map_or_else(Vec::new, |node| names.events(node));
    let place = table.word_or("in", &PLACES, RequiredPlace::AnySession);
    table.finish();
    Some(Requirement { events, place })
}

/// A field that is a number is fed by what measures one.
fn check_report(node: Node<'_>, field: ReportField, spec: &Spec) {
    let (fits, wanted) = match field {
        ReportField::ConcurrentOperationsCompleted => (matches!(spec, Spec::Count(_)), "count"),
        ReportField::ExecutionTime => (matches!(spec, Spec::Duration(_)), "duration"),
        ReportField::AuthenticationSuccessful
        | ReportField::AgentExecutionIsolated
        | ReportField::ThreadIsolationVerified
        | ReportField::WebsocketEventLeakage
        | ReportField::DatabaseSessionIsolation => (true, ""),
    };
    if !fits {
        node.error("this field of the report is a number")
            .label(format_args!("only a rule of kind `{wanted}` measures it"))
            .emit();
    }
}
