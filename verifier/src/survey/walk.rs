//! Every value of a JSON message that looks like an id, with its pointer.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Calls `each` with the pointer and text of every value that looks like an id, or is called one. What
/// is not JSON has none.
pub(crate) fn for_each_id(message: &[u8], each: &mut dyn FnMut(&str, &str)) {
    let Ok(text) = std::str::from_utf8(message) else {
        return;
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut path = String::new();
    // Values before a mistake count: which messages do not decode is told elsewhere.
    let _ = Walk {
        path: &mut path,
        named: Named::Otherwise,
        each,
    }
    .deserialize(&mut deserializer);
}

/// What the name of a value says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    AsId,
    Otherwise,
}

struct Walk<'w> {
    path: &'w mut String,
    named: Named,
    each: &'w mut dyn FnMut(&str, &str),
}

impl Walk<'_> {
    fn scalar(self, text: &str) {
        if !text.is_empty() && (self.named == Named::AsId || looks_like_an_id(text)) {
            (self.each)(self.path, text);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let length = self.path.len();
        while let Some(name) = members.next_key::<String>()? {
            self.path.push('/');
            if looks_like_an_id(&name) {
                // A map by id: each of its names would be a field of its own.
                self.path.push('*');
            } else {
                self.path
                    .push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            let named = if is_called_an_id(&name) {
                Named::AsId
            } else {
                Named::Otherwise
            };
            members.next_value_seed(Walk {
                path: self.path,
                named,
                each: self.each,
            })?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let length = self.path.len();
        self.path.push_str("/*");
        while elements
            .next_element_seed(Walk {
                path: self.path,
                named: self.named,
                each: self.each,
            })?
            .is_some()
        {}
        self.path.truncate(length);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.scalar(text);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.scalar(&number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.scalar(&number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// `id`, `thread_id`, `threadId`, `api-key`, `uuid`, `token`.
fn is_called_an_id(name: &str) -> bool {
    const WORDS: [&str; 8] = ["id", "ids", "uuid", "guid", "key", "token", "ref", "uid"];
    let lower = name.to_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return true;
    }
    WORDS.iter().any(|word| {
        let Some(before) = lower.strip_suffix(word) else {
            return false;
        };
        // `_id`, `-id`, or a capital: `paid` is no id.
        before.ends_with(['_', '-', '.'])
            || name
                .get(before.len()..)
                .is_some_and(|last| last.starts_with(char::is_uppercase))
                && name
                    .get(..before.len())
                    .is_some_and(|before| before.ends_with(char::is_lowercase))
    })
}

/// A UUID, sixteen or more hexadecimal digits, or a prefix with such an end: `thr_9c27f0`.
pub(crate) fn looks_like_an_id(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    let groups: Vec<_> = text.split('-').collect();
    let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| is_hex(group));
    let is_long_hex = (16..=128).contains(&text.len()) && is_hex(text) && has_digit(text);
    let is_prefixed = text.split_once(['_', '-']).is_some_and(|(prefix, rest)| {
        (1..=8).contains(&prefix.len())
            && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
            && (4..=64).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && has_digit(rest)
    });
    is_uuid || is_long_hex || is_prefixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_by_name_or_by_look() {
        let mut found = Vec::new();
        let message = br#"{"thread_id":7,"paid":"no","userId":"a","list":[{"id":"x"},{"id":"y"}],
            "what":"thr_9c27","by":{"thr_9c28":{"n":"a"},"plain":"s-7f2a11"},"ids":["p","q"]}"#;
        for_each_id(message, &mut |pointer, value| {
            found.push(format!("{pointer} {value}"));
        });
        assert_eq!(
            found,
            [
                "/thread_id 7",
                "/userId a",
                "/list/*/id x",
                "/list/*/id y",
                "/what thr_9c27",
                "/by/plain s-7f2a11",
                "/ids/* p",
                "/ids/* q"
            ]
        );
    }

    #[test]
    fn words_and_prose_do_not_look_like_ids() {
        for text in [
            "hello",
            "a-b",
            "well-known",
            "2026-01-01",
            "agent_started",
            "x_1",
            "10",
        ] {
            assert!(!looks_like_an_id(text), "{text}");
        }
        for text in [
            "123e4567-e89b-12d3-a456-426614174000",
            "0123456789abcdef",
            "req-8f3k2m",
        ] {
            assert!(looks_like_an_id(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_has_no_ids() {
        let mut each = |_: &str, _: &str| panic!("no ids here");
        for_each_id(b"\xff", &mut each);
        for_each_id(b"hello", &mut each);
    }
}
