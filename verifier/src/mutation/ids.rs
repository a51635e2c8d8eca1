//! Ids in messages: which there are, whose they are, and messages with others in their place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::history::History;
use crate::survey::for_each_id;

/// An id as a message has it: where, and what.
pub(super) type Id = (String, String);

/// The ids of a message, each once, without those that name a session or user of the history.
pub(super) fn of_message(payload: &[u8], holders: &BTreeSet<String>) -> BTreeSet<Id> {
    let mut ids = BTreeSet::new();
    for_each_id(payload, &mut |pointer, value| {
        if !holders.contains(value) {
            ids.insert((pointer.to_owned(), value.to_owned()));
        }
    });
    ids
}

/// The ids of all sessions and users of a history.
pub(super) fn holders(history: &History) -> BTreeSet<String> {
    let mut holders = BTreeSet::new();
    for connection in &history.outline.connections {
        holders.extend(history.user(connection.number).map(str::to_owned));
        holders.extend(history.sessions_of(connection.number).map(str::to_owned));
    }
    holders
}

/// By place in messages, the ids there that one session alone has to do with, in their order.
pub(super) fn private(
    history: &History,
    holders: &BTreeSet<String>,
) -> BTreeMap<String, Vec<(String, String)>> {
    let mut seen: BTreeMap<String, Vec<(String, BTreeSet<String>)>> = BTreeMap::new();
    for (_, message) in history.data() {
        let Some(session) = history.session(message.connection, message.moment.seq) else {
            continue;
        };
        for (pointer, value) in of_message(&message.payload, holders) {
            let values = seen.entry(pointer).or_default();
            match values.iter_mut().find(|(known, _)| *known == value) {
                Some((_, sessions)) => drop(sessions.insert(session.to_owned())),
                None => values.push((value, BTreeSet::from([session.to_owned()]))),
            }
        }
    }
    let alone = |(value, mut sessions): (String, BTreeSet<String>)| {
        let first = sessions.pop_first()?;
        sessions.is_empty().then_some((value, first))
    };
    seen.into_iter()
        .map(|(pointer, values)| (pointer, values.into_iter().filter_map(alone).collect()))
        .collect()
}

/// The message with `new` wherever a value is `old`; `None`: it is no JSON, or has no such value.
pub(super) fn replaced(payload: &[u8], old: &str, new: &str) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(payload).ok()?;
    let mut found = false;
    replace(&mut document, old, new, &mut found);
    found.then(|| document.to_string().into_bytes())
}

fn replace(value: &mut Value, old: &str, new: &str, found: &mut bool) {
    match value {
        Value::String(text) if text == old => {
            new.clone_into(text);
            *found = true;
        }
        Value::Number(number) if number.to_string() == old => {
            *value = serde_json::from_str(new).unwrap_or_else(|_| new.into());
            *found = true;
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace(item, old, new, found)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| replace(member, old, new, found)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced_and_nothing_else() {
        let message = br#"{"a":"s-1","b":["s-1","s-10",7],"s-1":"x"}"#;
        let text =
            |bytes: Option<Vec<u8>>| bytes.map(|it| String::from_utf8(it).unwrap_or_default());
        assert_eq!(
            text(replaced(message, "s-1", "s-2")).as_deref(),
            Some(r#"{"a":"s-2","b":["s-2","s-10",7],"s-1":"x"}"#)
        );
        assert_eq!(
            text(replaced(message, "7", "8")).as_deref(),
            Some(r#"{"a":"s-1","b":["s-1","s-10",8],"s-1":"x"}"#)
        );
        assert_eq!(replaced(message, "s-3", "s-2"), None);
        assert_eq!(replaced(b"s-1", "s-1", "s-2"), None);
    }
}
