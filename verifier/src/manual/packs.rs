//! The shipped packs, described from what they hold.

use std::fmt::Write as _;

use wsaudit_wire::Direction;

use super::summary;
use crate::rules::{Comparison, Literal, Matcher, Pack};

/// The shipped packs, in the order of their names.
pub fn shipped_packs() -> Vec<Pack> {
    let names = Pack::shipped_names().into_iter();
    names
        .map(|name| Pack::shipped(name).expect("a test reads every shipped pack"))
        .collect()
}

/// A page about a pack, as Markdown: what it is about, its rules, how it finds sessions, and the
/// messages that it knows.
pub fn about_pack(pack: &Pack) -> String {
    let mut page = String::new();
    let title = pack.title.as_deref().unwrap_or("a rule pack");
    let _ = writeln!(page, "# {}: {title}\n", pack.name);
    let _ = writeln!(page, "## Rules\n");
    for rule in &pack.rules {
        let kind = rule.spec.kind();
        let _ = writeln!(page, "- `{}` ({kind}): {}", rule.id, rule.title);
        for exception in &rule.except {
            let _ = writeln!(page, "  - excepted: {}", exception.why);
        }
    }
    let mut kinds: Vec<_> = pack.rules.iter().map(|rule| rule.spec.kind()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let _ = writeln!(page, "\n## What its kinds prove\n");
    for kind in kinds {
        let _ = writeln!(page, "- `{kind}`: {}", summary(kind));
    }
    sessions(pack, &mut page);
    fields(pack, &mut page);
    events(pack, &mut page);
    page
}

fn sessions(pack: &Pack, page: &mut String) {
    let sources = [
        ("session", &pack.session.session),
        ("user", &pack.session.user),
        ("device", &pack.session.device),
    ];
    if sources.iter().all(|(_, sources)| sources.is_empty()) && pack.naming.at.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "\n## Whose a connection is, where the recording does not say\n"
    );
    for (what, sources) in sources {
        if !sources.is_empty() {
            let sources: Vec<_> = sources.iter().map(|it| format!("`{it}`")).collect();
            let _ = writeln!(page, "- {what}: {}", sources.join(", "));
        }
    }
    if !pack.naming.at.is_empty() {
        let places: Vec<_> = pack.naming.at.iter().map(|it| format!("`{it}`")).collect();
        let _ = writeln!(page, "- session of a message: {}", places.join(", "));
    }
}

fn fields(pack: &Pack, page: &mut String) {
    if pack.fields.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n## Where ids are\n");
    for field in &pack.fields {
        let places: Vec<_> = field.pointers.iter().map(|it| format!("`{it}`")).collect();
        let places = if places.is_empty() {
            "where an event binds it".to_owned()
        } else {
            places.join(", ")
        };
        let _ = writeln!(page, "- `{}`: {places}", field.name);
    }
}

fn events(pack: &Pack, page: &mut String) {
    if pack.events.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n## Events\n");
    for event in &pack.events {
        let from = match event.from {
            Some(Direction::ClientToServer) => "from the client",
            Some(Direction::ServerToClient) => "from the server",
            None => "from either side",
        };
        let name = event.name.as_ref().map_or_else(
            || "whatever its name".to_owned(),
            |matcher| format!("named {}", in_words(matcher)),
        );
        let _ = write!(page, "- `{}`: {from}, {name}", event.id);
        for condition in &event.conditions {
            let _ = write!(
                page,
                ", with `{}` {}",
                condition.at,
                in_words(&condition.matcher)
            );
        }
        for (field, pointers) in &event.bind {
            let pointers: Vec<_> = pointers.iter().map(|it| format!("`{it}`")).collect();
            let field = &pack.field(*field).name;
            let _ = write!(page, "; `{field}` is at {}", pointers.join(", "));
        }
        page.push('\n');
    }
}

fn in_words(matcher: &Matcher) -> String {
    match matcher {
        Matcher::AnyOf(literals) => {
            let words: Vec<_> = literals
                .iter()
                .map(|it| format!("`{}`", written(it)))
                .collect();
            words.join(" or ")
        }
        Matcher::Regex(regex) => format!("like `{regex}`"),
        Matcher::Prefix(prefix) => format!("beginning with `{prefix}`"),
        Matcher::Exists => "there".to_owned(),
        Matcher::Absent => "not there".to_owned(),
        Matcher::Not(inner) => format!("not {}", in_words(inner)),
        Matcher::Compare(comparison, limit) => format!("{} {limit}", side(*comparison)),
        Matcher::All(all) => {
            let words: Vec<_> = all.iter().map(in_words).collect();
            words.join(" and ")
        }
    }
}

fn written(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) | Literal::Number(text) => text.clone(),
        Literal::Bool(answer) => answer.to_string(),
    }
}

const fn side(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::AtLeast => "at least",
        Comparison::Above => "above",
        Comparison::AtMost => "at most",
        Comparison::Below => "below",
    }
}
