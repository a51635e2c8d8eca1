//! `[facts.NAME]`: where ownership facts come from.

use std::collections::BTreeMap;
use std::path::Path;

use crate::rules::read::{Node, Table};
use crate::rules::{FactsDef, FactsSource, Listing, See};

/// `[facts.NAME]`.
pub(super) fn read(
    node: Node<'_>,
    base: Option<&Path>,
    all: &mut BTreeMap<String, (FactsDef, See)>,
) {
    let Some(mut table) = node.table("`[facts]`") else {
        return;
    };
    for (name, span, node) in table.entries() {
        let is_name = table.check_name(name, &span);
        let Some(facts) = one_facts(name, node, base) else {
            continue;
        };
        if !is_name {
            continue;
        }
        if let Some((_, first)) = all.get(name) {
            table
                .error_at(span, format_args!("facts `{name}` are defined twice"))
                .label("the second time")
                .see(first.clone())
                .emit();
            continue;
        }
        all.insert(name.to_owned(), (facts, node.see("defined here")));
    }
}

fn one_facts(name: &str, node: Node<'_>, base: Option<&Path>) -> Option<FactsDef> {
    let mut table = node.table(format!("facts `{name}`"))?;
    let from = table.required("from").and_then(|node| node.word(&ORIGINS));
    let mut required = |key| {
        let text = table.required(key).and_then(Node::prose);
        text.map(str::to_owned)
    };
    let joined = |path: String| base.map_or_else(|| path.clone().into(), |base| base.join(&path));
    let source = match from {
        Some(Origin::Csv) => required("path")
            .map(joined)
            .map(|path| FactsSource::Csv { path }),
        Some(Origin::Sqlite) => {
            let (path, query) = (required("path").map(joined), required("query"));
            path.zip(query)
                .map(|(path, query)| FactsSource::Sqlite { path, query })
        }
        Some(Origin::Postgres) => {
            let query = required("query");
            let url_from = variable(&mut table);
            query.map(|query| FactsSource::Postgres { query, url_from })
        }
        None => {
            // Which keys belong here is not known.
            return None;
        }
    };
    let mut column = |key| match from {
        // A file's head line may say anything.
        Some(Origin::Csv) => table.required(key).and_then(Node::prose),
        _ => table.get(key).and_then(Node::prose),
    };
    let (resource, owner) = (column("resource"), column("owner"));
    let listing = match table.get("complete").and_then(Node::yes_or_no) {
        Some(true) => Listing::Complete,
        Some(false) | None => Listing::Partial,
    };
    table.finish();
    Some(FactsDef {
        source: source?,
        resource: resource.map(str::to_owned),
        owner: owner.map(str::to_owned),
        listing,
        location: node.location(),
    })
}

/// `from`, of `[facts.NAME]`.
#[derive(Debug, Clone, Copy)]
enum Origin {
    Csv,
    Sqlite,
    Postgres,
}

const ORIGINS: [(&str, Origin); 3] = [
    ("csv", Origin::Csv),
    ("sqlite", Origin::Sqlite),
    ("postgres", Origin::Postgres),
];

/// `url-from`: the name of a variable, not its value, which may hold a password.
fn variable(table: &mut Table<'_>) -> Option<String> {
    let node = table.get("url-from")?;
    let name = node.prose()?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        node.error("this is no name of a variable of the environment")
            .label("expected something like \"DATABASE_URL\"")
            .help("the database's URL, which may hold a password, stands in the environment, never in a pack")
            .emit();
        return None;
    }
    Some(name.to_owned())
}
