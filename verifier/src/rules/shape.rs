//! What a rule file may hold, learnt from the reader itself.
//!
//! The reader is shown small files, `rule = { kind = "owned", reply = "x" }`, and what it asks of their
//! values is written down: that `reply` should be a table, and then, shown `reply = {}`, which keys it
//! looks for in it. What is told to editors is therefore what is read; there is no second list that
//! could say something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use super::parse;
use super::read::{Asked, AskedTable, Entries, Presence};

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// What it was asked to be.
    pub(super) asked: BTreeSet<Asked>,
    /// What the elements of a list were asked to be.
    pub(super) elements: BTreeSet<Asked>,
    /// Its keys, where it may be a table.
    pub(super) table: Option<TableShape>,
}

/// What a table may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TableShape {
    pub(super) keys: BTreeMap<String, Key>,
    /// Keys of which one word stands for all: `p1 ... p99`.
    pub(super) matching: BTreeMap<String, Shape>,
    /// What stands under names of the author's.
    pub(super) entries: Option<(Entries, Box<Shape>)>,
    /// The key whose word says which other keys there are, and the keys by word.
    pub(super) choice: Option<(String, Vec<(String, Self)>)>,
}

/// A key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) presence: Presence,
    pub(super) shape: Shape,
}

/// The shape of a whole rule file.
pub(super) fn file() -> TableShape {
    table(&Place::default(), &[])
}

/// The shape of a matcher that is written as a table.
pub(super) fn matcher() -> TableShape {
    table(&Place::default().key("events").key("x").key("name"), &[])
}

/// Where a value stands: the keys that lead to it, each with what stands beside it.
#[derive(Debug, Clone, Default)]
struct Place(Vec<(Words, String)>);

/// Keys with words that decide which other keys there are: `kind = "owned"`.
type Words = Vec<(String, String)>;

impl Place {
    fn key(&self, key: &str) -> Self {
        self.beside(&[], key)
    }

    fn beside(&self, words: &[(String, String)], key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push((words.to_vec(), key.to_owned()));
        Self(steps)
    }

    /// A file in which that value stands there, and at which bytes.
    fn file(&self, value: &str) -> (String, Range<usize>) {
        let mut text = String::new();
        for (depth, (words, key)) in self.0.iter().enumerate() {
            let (open, between) = if depth == 0 { ("", "\n") } else { ("{ ", ", ") };
            text.push_str(open);
            for (key, word) in words {
                let _ = write!(text, "\"{key}\" = \"{word}\"{between}");
            }
            let _ = write!(text, "\"{key}\" = ");
        }
        let at = text.len()..text.len() + value.len();
        text.push_str(value);
        text.push_str(&" }".repeat(self.0.len().saturating_sub(1)));
        (text, at)
    }

    /// What a value is asked to be that stands there; `inner`: some of its bytes.
    fn ask(&self, value: &str, inner: Range<usize>) -> BTreeSet<Asked> {
        let (text, at) = self.file(value);
        parse::listen(&text)
            .map(|listener| listener.of_value(at.start + inner.start..at.start + inner.end))
            .unwrap_or_default()
    }

    /// What a table is asked for that stands there and has these words.
    fn ask_table(&self, words: &[(String, String)]) -> AskedTable {
        let pairs = words.iter();
        let pairs: Vec<_> = pairs
            .map(|(key, word)| format!("\"{key}\" = \"{word}\""))
            .collect();
        let (text, at) = if self.0.is_empty() {
            let text = pairs.join("\n");
            let all = 0..text.len();
            (text, all)
        } else {
            self.file(&format!("{{ {} }}", pairs.join(", ")))
        };
        parse::listen(&text)
            .map(|listener| listener.of_table(at))
            .unwrap_or_default()
    }
}

fn shape(place: &Place) -> Shape {
    const TEXT: &str = "\"x\"";
    const TABLE: &str = "{}";
    const LIST: &str = "[\"x\", \"x\"]";
    let mut asked = place.ask(TEXT, 0..TEXT.len());
    asked.extend(place.ask(TABLE, 0..TABLE.len()));
    asked.extend(place.ask(LIST, 0..LIST.len()));
    // A matcher is the same everywhere, and holds matchers.
    let is_table = asked.contains(&Asked::Table) && !asked.contains(&Asked::Matcher);
    Shape {
        elements: place.ask(LIST, 1..1 + TEXT.len()),
        table: is_table.then(|| table(place, &[])),
        asked,
    }
}

fn table(place: &Place, words: &[(String, String)]) -> TableShape {
    let asked = place.ask_table(words);
    let keys: BTreeMap<_, _> = asked
        .keys
        .iter()
        .map(|(key, presence)| {
            let others: Vec<_> = words.iter().filter(|(it, _)| it != key).cloned().collect();
            let key_shape = Key {
                presence: *presence,
                shape: shape(&place.beside(&others, key)),
            };
            (key.clone(), key_shape)
        })
        .collect();
    let matching = asked.matching.iter().map(|shown| {
        let first = shown.split_whitespace().next().unwrap_or(shown);
        (shown.clone(), shape(&place.beside(words, first)))
    });
    let entries = asked.entries.map(|_| {
        // Whether keys are names is asked of a key that is there.
        let one = [("x".to_owned(), "x".to_owned())];
        let entries = place.ask_table(&one).entries.unwrap_or(Entries::Pointers);
        let key = match entries {
            Entries::Pointers => "/x",
            Entries::Names => "x",
        };
        (entries, Box::new(shape(&place.key(key))))
    });
    TableShape {
        matching: matching.collect(),
        entries,
        choice: choice(place, words, &asked, &keys),
        keys,
    }
}

/// The required key, if there is one, whose word decides about the other keys.
fn choice(
    place: &Place,
    words: &[(String, String)],
    asked: &AskedTable,
    keys: &BTreeMap<String, Key>,
) -> Option<(String, Vec<(String, TableShape)>)> {
    keys.iter()
        .filter(|(key, it)| {
            it.presence == Presence::Required && !words.iter().any(|(given, _)| given == *key)
        })
        .find_map(|(key, it)| {
            let choices = it.shape.asked.iter().find_map(|asked| match asked {
                Asked::Word(words) => Some(words),
                _ => None,
            })?;
            let with = |word: &String| {
                let mut with = words.to_vec();
                with.push((key.clone(), word.clone()));
                with
            };
            let decides = choices
                .iter()
                .any(|word| place.ask_table(&with(word)).keys != asked.keys);
            let by_word = || {
                let tables = choices.iter();
                tables.map(|word| (word.clone(), table(place, &with(word))))
            };
            decides.then(|| (key.clone(), by_word().collect()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'s>(table: &'s TableShape, key: &str) -> &'s Key {
        table.keys.get(key).unwrap_or_else(|| panic!("no `{key}`"))
    }

    fn inner<'s>(table: &'s TableShape, name: &str) -> &'s TableShape {
        let shape = &key(table, name).shape;
        shape
            .table
            .as_ref()
            .unwrap_or_else(|| panic!("`{name}` is no table"))
    }

    #[test]
    fn the_sections_and_their_keys_are_learnt() {
        let file = file();
        let sections: Vec<_> = file.keys.keys().map(String::as_str).collect();
        for section in [
            "accept", "events", "facts", "fields", "message", "pack", "rule", "scope", "session",
        ] {
            assert!(sections.contains(&section), "{sections:?}");
        }
        let pack = inner(&file, "pack");
        assert_eq!(key(pack, "name").presence, Presence::Required);
        assert_eq!(key(pack, "title").presence, Presence::Optional);
        assert!(key(pack, "format").shape.asked.contains(&Asked::Count));
        let (names, field) = inner(&file, "fields").entries.as_ref().unwrap();
        assert_eq!(*names, Entries::Names);
        assert!(field.asked.contains(&Asked::Pointer) && field.asked.contains(&Asked::OneOrMore));
    }

    #[test]
    fn the_kind_of_a_rule_decides_about_its_keys() {
        let file = file();
        let (by, kinds) = inner(&file, "rule").choice.as_ref().unwrap();
        assert_eq!(by, "kind");
        let names: Vec<_> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
        let readers = crate::kinds::Spec::READERS.map(|(kind, _)| kind);
        assert_eq!(names, readers);
        let owned = &kinds.iter().find(|(kind, _)| kind == "owned").unwrap().1;
        let answers = inner(inner(owned, "claimed-by"), "answers");
        assert_eq!(key(answers, "match").presence, Presence::Required);
        let duration = &kinds.iter().find(|(kind, _)| kind == "duration").unwrap().1;
        let percentiles = &duration.matching["p1 ... p99"];
        assert!(percentiles.asked.contains(&Asked::Duration));
    }

    #[test]
    fn of_every_value_it_is_known_what_it_may_be() {
        fn check(at: &str, table: &TableShape) {
            let keys = table.keys.iter().map(|(key, it)| (key, &it.shape));
            for (key, shape) in keys.chain(&table.matching) {
                let at = format!("{at}.{key}");
                assert!(!shape.asked.is_empty(), "{at}: nothing is asked of it");
                shape.table.iter().for_each(|table| check(&at, table));
            }
            for (word, table) in table.choice.iter().flat_map(|(_, by)| by) {
                check(&format!("{at}({word})"), table);
            }
        }
        check("", &file());
        check("matcher", &matcher());
    }
}
