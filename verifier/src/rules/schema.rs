//! The JSON Schema of rule files, for editors: completion, and mistakes underlined while one types.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::read::{Asked, Entries, Presence};
use super::shape::{self, Shape, TableShape};
use crate::manual;

/// Where editors find it, as `#:schema` in a rule file names it.
const ID: &str = "https://raw.githubusercontent.com/wsaudit/wsaudit/main/rules/pack.schema.json";

/// What stands in each section, and what each of its keys says.
const MEANINGS: &[(&str, &str)] = &[
    ("pack", "What this pack is called, and its format."),
    ("pack.name", "Its name, unique among the packs of one run."),
    ("pack.title", "What it is about, in one line."),
    ("pack.format", "The format of the file: 1."),
    (
        "session",
        "How to tag, where the recording was not tagged as the pack needs it.",
    ),
    (
        "session.id",
        "Where a connection's session id is: header:NAME, cookie:NAME, query:NAME, path:REGEX, subprotocol:REGEX, jwt:CLAIM, message:POINTER, set-cookie:NAME, server-message:POINTER. The first that yields wins.",
    ),
    ("session.user", "Where its user's id is; the same sources."),
    (
        "session.device",
        "Where its device's id is; the same sources.",
    ),
    (
        "session.message",
        "Where a message says which session it is of, if several share a connection: a JSON Pointer, or several; the first that yields wins.",
    ),
    (
        "session.joined-by",
        "The server's events that open, on their connection, the session that they name.",
    ),
    ("message", "How messages are read."),
    (
        "message.codec",
        "How they are decoded. `auto`, `json`: one JSON value a message; each object of a batch is a message of its own, unless a pointer of the pack begins with an index or `*`. `text`: the whole message is its name. `socket.io`: as its own parser does, so `/data/0` is an event's name, `/data/1` its first argument, and `/args/0` that of an acknowledgement; `/type`, `/nsp` and `/id` are there, too. `signalr`, `sockjs`, `ndjson`: each record, string or line is a message. `stomp`: `/command`, `/headers/NAME` and `/body`.",
    ),
    (
        "message.ignore",
        "Whole messages that are not to be read, and carry nothing: the texts of heart-beats.",
    ),
    (
        "message.name",
        "Where a message's name is: a JSON Pointer, or several; the first that yields wins.",
    ),
    ("scope", "Which connections the pack is about."),
    (
        "scope.path",
        "The path of the request target: one matcher, or several.",
    ),
    (
        "scope.subprotocol",
        "The chosen subprotocol: one matcher, or several.",
    ),
    (
        "fields",
        "Where ids are, whatever the event: a name, and a JSON Pointer or several. Of a list, each string and number is an id.",
    ),
    ("events", "Single events, by name."),
    ("events.*.from", "Who sends it; without it, either."),
    (
        "events.*.name",
        "What the message's name must be; without it, any.",
    ),
    (
        "events.*.where",
        "Values that the message must have, by JSON Pointer.",
    ),
    (
        "events.*.bind",
        "Where ids are in this event, instead of where [fields] says.",
    ),
    (
        "facts",
        "Ownership facts, by name: a table of resources and their owners.",
    ),
    ("accept", "Doubts that all rules of the pack accept."),
    ("accept.rule", "Only for this rule."),
    ("accept.reason", "The kind of doubt."),
    ("accept.why", "Why it is acceptable."),
    ("rule", "One thing that must hold."),
    ("rule.id", "Its id, unique in the pack."),
    ("rule.title", "What holds, in one line."),
    ("rule.kind", "What it proves."),
    (
        "rule.except",
        "To whom it does not apply, and why. Only issued tags count.",
    ),
    (
        "rule.requires",
        "What must have happened for the rule to count as exercised.",
    ),
    ("rule.accept", "Doubts that the rule accepts."),
    ("rule.reports", "The field of the report that it feeds."),
];

/// What a section, or a key of a section, says: `pack.name`.
pub(crate) fn meaning(path: &str) -> Option<&'static str> {
    MEANINGS
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(_, meaning)| *meaning)
}

/// What stands in each section, and what each of its keys says, in order.
pub(crate) const fn meanings() -> &'static [(&'static str, &'static str)] {
    MEANINGS
}

/// The JSON Schema (draft 7, which editors of TOML know) of rule files, as it is published in
/// `rules/pack.schema.json`.
pub fn schema() -> String {
    let mut schemas = Schemas::default();
    let mut schema = schemas.table(&shape::file(), "");
    schema.insert(
        "$schema".into(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    schema.insert("$id".into(), ID.into());
    schema.insert(
        "title".into(),
        "A rule pack of wsaudit, or one of its files".into(),
    );
    // A table that says nothing is an error.
    let mut table = schemas.table(&shape::matcher(), "matcher");
    table.insert("minProperties".into(), 1.into());
    let literal = json!({ "type": ["string", "number", "boolean"] });
    let matcher = json!({
        "description": "What a value must be: equal to it, or to one of a list, or as a table says.",
        "anyOf": [literal, { "type": "array", "items": literal, "minItems": 1 }, table],
    });
    schemas.definitions.insert("matcher".into(), matcher);
    schema.insert("definitions".into(), schemas.definitions.into());
    let text = serde_json::to_string_pretty(&Value::Object(schema));
    text.expect("strings are its keys") + "\n"
}

/// What is longer, in bytes, is said once.
const LONG: usize = 400;

/// Schemas in the making; what is used at several places is said once.
#[derive(Default)]
struct Schemas {
    definitions: Map<String, Value>,
}

impl Schemas {
    fn table(&mut self, shape: &TableShape, path: &str) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".into(), "object".into());
        if let Some((key, by_word)) = &shape.choice {
            let variants = by_word
                .iter()
                .map(|(word, shape)| self.variant(key, word, shape, path));
            schema.insert("oneOf".into(), variants.collect());
            return schema;
        }
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (key, it) in &shape.keys {
            let value = self.property(&it.shape, &join(path, key));
            properties.insert(key.clone(), value);
            if it.presence == Presence::Required {
                required.push(Value::from(key.as_str()));
            }
        }
        schema.insert("properties".into(), properties.into());
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        let mut patterns = Map::new();
        for (shown, shape) in &shape.matching {
            patterns.insert(range(shown), self.property(shape, &join(path, shown)));
        }
        if !patterns.is_empty() {
            schema.insert("patternProperties".into(), patterns.into());
        }
        let others = match &shape.entries {
            None => Value::Bool(false),
            Some((entries, shape)) => {
                let names = match entries {
                    Entries::Pointers => pointer(),
                    Entries::Names => name(),
                };
                schema.insert("propertyNames".into(), names);
                self.value(shape, &join(path, "*"))
            }
        };
        schema.insert("additionalProperties".into(), others);
        schema
    }

    /// A table whose `key` has that word.
    fn variant(&mut self, key: &str, word: &str, shape: &TableShape, path: &str) -> Value {
        let mut variant = self.table(shape, &format!("{path}({word})"));
        if let Some(Value::Object(properties)) = variant.get_mut("properties") {
            let mut chosen = json!({ "const": word });
            if path == "rule" && key == "kind" {
                chosen["description"] = manual::summary(word).into();
            }
            properties.insert(key.to_owned(), chosen);
        }
        variant.insert("title".into(), format!("{key} = \"{word}\"").into());
        Value::Object(variant)
    }

    /// The value of a key, with what the key says.
    fn property(&mut self, shape: &Shape, path: &str) -> Value {
        let mut value = self.value(shape, path);
        if value.to_string().len() > LONG {
            value = self.defined(path, value);
        }
        if let (Value::Object(schema), Some(meaning)) = (&mut value, says(path)) {
            // Beside a `$ref`, draft 7 looks at nothing else.
            if let Some(target) = schema.remove("$ref") {
                schema.insert("allOf".into(), json!([{ "$ref": target }]));
            }
            schema.insert("description".into(), meaning.into());
        }
        value
    }

    /// Says it once, under the name of its key, and refers to that.
    fn defined(&mut self, path: &str, schema: Value) -> Value {
        let key = path.trim_end_matches(".*");
        let key = key.rsplit(['.', ')']).next().unwrap_or(key);
        let mut name = key.to_owned();
        let mut number = 1;
        while self.definitions.get(&name).is_some_and(|it| *it != schema) {
            number += 1;
            name = format!("{key}-{number}");
        }
        let reference = json!({ "$ref": format!("#/definitions/{name}") });
        self.definitions.insert(name, schema);
        reference
    }

    fn value(&mut self, shape: &Shape, path: &str) -> Value {
        let mut table = shape
            .table
            .as_ref()
            .map(|shape| Value::Object(self.table(shape, path)));
        let is_list =
            shape.asked.contains(&Asked::Items) || shape.asked.contains(&Asked::OneOrMore);
        if is_list {
            // Once for the table alone, once for a list of them.
            table = table.map(|table| self.defined(path, table));
        }
        let mut alone = forms(&shape.asked, table.as_ref());
        if is_list {
            let items = one(forms(&shape.elements, table.as_ref()));
            let mut list = json!({ "type": "array", "items": items });
            if shape.asked.contains(&Asked::OneOrMore) {
                list["minItems"] = 1.into();
            }
            alone.push(list);
        }
        one(alone)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// What a key says: one of a section, or of a kind of rules.
fn says(path: &str) -> Option<String> {
    if let Some(meaning) = meaning(path) {
        return Some(meaning.to_owned());
    }
    let (kind, key) = path.strip_prefix("rule(")?.split_once(").")?;
    let common = meaning(&format!("rule.{key}"));
    common
        .map(str::to_owned)
        .or_else(|| manual::key_of(kind, key))
}

/// `p1 ... p99` as an expression.
fn range(shown: &str) -> String {
    let ends: Vec<_> = shown.split(" ... ").collect();
    let number = |text: &str| {
        text.trim_start_matches(|it: char| !it.is_ascii_digit())
            .parse::<u32>()
    };
    if let [first, last] = ends[..]
        && let (Ok(from), Ok(to)) = (number(first), number(last))
    {
        let prefix = first.trim_end_matches(|it: char| it.is_ascii_digit());
        let numbers: Vec<_> = (from..=to).map(|number| number.to_string()).collect();
        return format!("^{prefix}({})$", numbers.join("|"));
    }
    format!("^{shown}$")
}

fn name() -> Value {
    json!({ "type": "string", "pattern": "^\\w[\\w.-]*$" })
}

fn pointer() -> Value {
    json!({ "type": "string", "pattern": "^(/.*)?$" })
}

fn one(mut forms: Vec<Value>) -> Value {
    match forms.len() {
        0 => json!({}),
        1 => forms.remove(0),
        _ => json!({ "anyOf": forms }),
    }
}

/// What a value may be, but for a list.
fn forms(asked: &BTreeSet<Asked>, table: Option<&Value>) -> Vec<Value> {
    // A reader asks for a string before it asks what the string says.
    let says_more = asked.iter().any(|asked| {
        matches!(
            asked,
            Asked::Prose | Asked::Name | Asked::Word(_) | Asked::Duration | Asked::Pointer
        )
    });
    let form = |asked: &Asked| match asked {
        Asked::Text if says_more => None,
        Asked::Text => Some(json!({ "type": "string" })),
        Asked::Prose => Some(json!({ "type": "string", "pattern": "\\S" })),
        Asked::Name => Some(name()),
        Asked::Word(words) => Some(json!({ "enum": words })),
        Asked::Duration => Some(json!({ "type": "string", "pattern": "^([0-9]+(h|m|s|ms))+$" })),
        Asked::Pointer => Some(pointer()),
        Asked::Count => Some(json!({ "type": "integer", "minimum": 0 })),
        Asked::Number => Some(json!({ "type": "number" })),
        Asked::YesNo => Some(json!({ "type": "boolean" })),
        Asked::Matcher => Some(json!({ "$ref": "#/definitions/matcher" })),
        Asked::Table => table.cloned(),
        // A matcher is one; its list is in its definition.
        Asked::Literal | Asked::Items | Asked::OneOrMore => None,
    };
    asked.iter().filter_map(form).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_is_about_a_key_that_is_read_and_every_section_has_one() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let Value::Object(sections) = &schema["properties"] else {
            panic!("a file has sections");
        };
        for section in sections.keys() {
            assert!(meaning(section).is_some(), "{section} says nothing");
        }
        let text = schema.to_string();
        for (path, meaning) in MEANINGS {
            let quoted = Value::from(*meaning).to_string();
            let by_kind = *path == "rule.kind";
            assert!(by_kind || text.contains(&quoted), "nothing reads `{path}`");
        }
    }

    #[test]
    fn the_page_of_a_kind_speaks_of_every_key_that_is_read() {
        let file = shape::file();
        let rule = file.keys["rule"].shape.table.as_ref().unwrap();
        let (_, kinds) = rule.choice.as_ref().unwrap();
        for (kind, table) in kinds {
            for key in table.keys.keys() {
                let path = format!("rule({kind}).{key}");
                let said = key == "kind" || says(&path).is_some();
                assert!(said, "verifier/src/kinds/{kind}.rs: # Keys lacks `{key}`");
            }
        }
    }

    #[test]
    fn a_range_of_keys_is_an_expression() {
        assert_eq!(range("p1 ... p3"), "^p(1|2|3)$");
    }
}
