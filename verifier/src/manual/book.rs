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

const SHARED: &str = "\
## Several sessions on one connection

A gateway may speak for several sessions on one connection. Where its messages say which one they are of, `[session]` says where:

```toml
[session]
message   = \"/session_id\"       # where a message names its session; the first pointer that yields wins
joined-by = \"session_joined\"    # the server's events that open the session that they name, on their connection
```

A message that names one of the connection's sessions is of that session, in every kind of rule; one that names none is of the
connection's own session. Where the connection has none of its own, a message without a name leaves a doubt (what belongs to none
of its sessions, and was given to none of them, was leaked all the same); with a single one that is ever named, all messages are of that one.

A name is no proof. The sessions of a connection are

- those that its tags say, as without `message`;
- those that a `joined-by` event of the server names, from there on;
- those that a message of the client names, from there on, where the server issued no session to the connection, and where the
  session is not one of another issued user (of two such users, the one to whom the server issued it, else who named it first).

Whatever else is named counts for nothing, and is noted: the message is of the connection's own session. So a leak does not hide
behind the label of its victim, and a client not behind an id that it claims.

An answer that names a session answers only that session's requests. One that names none may answer any of the connection in
`owned`; where requests of several sessions have its key, nothing is decided. In `response` it is of the connection's own session:
there, let answers name theirs. The steps of a connection's life are of its own session, else of the first that shares it.
`correlated`, whose ids are the connection's, and messages over plain HTTP know no such names. With `message`, all messages are
read once more.
";

const BODIES: &str = "\
## Bodies over plain HTTP

A pack that names an event of `from = \"http-request\"` or `\"http-response\"` is shown the exchanges that were recorded. What pointers
lead into shows by how a body begins, whatever its media type says:

- `{` or `[`: JSON, one document or several, one after the other; and whatever is called JSON;
- a form (`application/x-www-form-urlencoded`): an object of strings; a name that comes twice yields twice;
- a stream of events (`text/event-stream`): the data of each event. Data that is no JSON is a string.

Of several documents each is looked into as if it were the body, and so is each object of an array of objects (unless a pointer of the pack
begins with an index or `*`): `/note` yields the note of each. Everything else (pages, tables,
multipart, downloads, what was cut off) has no values, and leaves one doubt, `undecodable`, that names how many there were, and of what:

- where the message is an event of the pack, or may be one that has a `where`. An event without `where` and `bind` asks nothing of its
  body where its ids are in its path (`path = \"/notes/{note}\"`), or where it is an answer that is no success;
- where the server sent bytes that are no text, to rules that look at all that it sends (`owned`, `addressed` without `event`);
  pictures, sounds, fonts, style sheets and scripts are passed over;
- where the server sent text, and a word of it is a claimed id of six characters or more, and its receiver has no access, to the rule
  (`owned`) that knows the id. With `seen = \"anywhere\"` that is a sighting.
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
    let _ = writeln!(book, "\n{NAMES}\n{SHARED}\n{BODIES}\n## Kinds\n");
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
