//! `docs/rules.md`: the file, the kinds and the shipped packs in one book.

use std::fmt::Write as _;

use super::{about_pack, kind, kinds, shipped_packs, summary};
use crate::rules::schema::meanings;

const PREFACE: &str = "\
<!-- Written by `wsaudit rules doc`; a test compares. Change verifier/src/kinds/ or rules/, then write it again. -->

# Rules

A rule pack is TOML: one file, or all `*.toml` files of one directory. First it *names single events* and says where ids are; then
it says what must hold between named events. [writing-rules.md](writing-rules.md) goes the way from a recording to a tested pack,
[cases.md](cases.md) says how rules are tested.

`wsaudit rules check FILE` tells everything that is wrong in a pack, with its place. Editors tell it while one types: the first line
`#:schema https://raw.githubusercontent.com/wsaudit/wsaudit/main/rules/pack.schema.json` names the schema to those that know TOML
(Even Better TOML, taplo); offline, name the file that `wsaudit rules schema --out pack.schema.json` writes.
";

const NAMES: &str = "\
Besides the events that a pack names there are the steps of a connection's life: `@open`, `@accepted`, `@refused` and `@closed`.
A field or event that no rule speaks of is a warning of `wsaudit rules check`, unless its name begins with `_`.

Where a *matcher* is expected stands a value (equal), a list (one of them), or a table: `{ regex = \"^agent_\" }`,
`{ prefix = \"agent_\" }`, `{ exists = false }`, `{ not = \"ping\" }`, `{ at-least = 1, below = 10 }` (also `above`, `at-most`); of
several keys, all must match.
";

/// The whole of it, as Markdown.
pub fn book() -> String {
    let mut book = String::from(PREFACE);
    let _ = writeln!(book, "\n## The file\n");
    for (path, meaning) in meanings() {
        let depth = path.matches('.').count();
        let name = path.replace(".*", "");
        let shown = match (depth, name.rsplit('.').next()) {
            (0, _) if ["accept", "rule"].contains(path) => format!("[[{path}]]"),
            (0, _) => format!("[{path}]"),
            (_, last) => last.unwrap_or_default().to_owned(),
        };
        let indent = if depth == 0 { "" } else { "  " };
        let _ = writeln!(book, "{indent}- `{shown}`: {meaning}");
    }
    let _ = writeln!(book, "\n{NAMES}\n## Kinds\n");
    for name in kinds() {
        let _ = writeln!(book, "- [`{name}`](#{name}): {}", summary(name));
    }
    for name in kinds() {
        let _ = writeln!(book, "\n### {name}\n");
        let page = kind(name).unwrap_or_default();
        let _ = writeln!(book, "{}", lowered(body(&page), 3));
    }
    let _ = writeln!(
        book,
        "\n## Shipped packs\n\nThey are in the program, and chosen by name: `wsaudit verify --rules agent-platform traffic.db`."
    );
    for pack in shipped_packs() {
        let _ = writeln!(book, "\n{}", lowered(about_pack(&pack).trim(), 2));
    }
    book
}

/// A kind's page without the name that it begins with: the heading above has it.
fn body(page: &str) -> String {
    match page.split_once("`: ") {
        Some((name, rest)) if !name.contains('\n') => {
            let mut characters = rest.chars();
            let first = characters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(characters).collect()
        }
        _ => page.to_owned(),
    }
}

/// The same text with its headings so much deeper; what looks like one in a block of code is none.
fn lowered(text: impl AsRef<str>, by: usize) -> String {
    let mut in_code = false;
    let lines = text.as_ref().lines().map(|line| {
        in_code ^= line.trim_start().starts_with("```");
        if line.starts_with('#') && !in_code {
            format!("{}{line}", "#".repeat(by))
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_sink_and_comments_in_code_do_not() {
        let text = "# A\n```toml\n# a comment\n```\n## B";
        assert_eq!(lowered(text, 1), "## A\n```toml\n# a comment\n```\n### B");
    }
}
