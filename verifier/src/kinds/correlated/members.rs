//! The few members of a JSON object that a framing needs; nothing else is built.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The values of an object's members of these names, as they are written; of a name that comes twice
/// the last, as most parsers have it. `None`: the text is no JSON object.
pub(super) fn members<'m, const N: usize>(
    text: &'m str,
    names: [&str; N],
) -> Option<[Option<&'m RawValue>; N]> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let found = deserializer.deserialize_map(Wanted(&names)).ok()?;
    deserializer.end().ok()?;
    Some(found)
}

/// The elements of an array. `None`: the text is none.
pub(super) fn elements(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// A string, without its escapes. `None`: it is something else.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let raw = raw.get();
    match raw.as_bytes().first() {
        Some(b'"') if raw.contains('\\') => serde_json::from_str(raw).ok().map(Cow::Owned),
        Some(b'"') => Some(Cow::Borrowed(&raw[1..raw.len() - 1])),
        Some(_) | None => None,
    }
}

/// An id, as canonical text: a string, or a number as it is written. `None`: it is something else.
pub(super) fn id(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(raw.get())),
        Some(_) | None => string(raw),
    }
}

struct Wanted<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Wanted<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(position) = members.next_key_seed(Name(self.0))? {
            match position {
                Some(position) => found[position] = Some(members.next_value()?),
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// A member's name: its place among those that are wanted.
struct Name<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| *wanted == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_as_they_are_written() {
        let text = r#"{"a":{"id":9},"id":12345678901234567890123,"\u0069d2":"x\ny","id2":null}"#;
        let [id_raw, id2, other] = members(text, ["id", "id2", "other"]).unwrap();
        assert_eq!(id(id_raw.unwrap()).unwrap(), "12345678901234567890123");
        assert_eq!(id2.unwrap().get(), "null");
        assert_eq!(id(id2.unwrap()), None);
        assert!(other.is_none());
        let [escaped] = members(r#"{"i\u0064":"a\"b"}"#, ["id"]).unwrap();
        assert_eq!(string(escaped.unwrap()).unwrap(), "a\"b");
        for text in ["", "[1]", "{\"a\":1} x", "{\"a\":", "7"] {
            assert!(members(text, ["a"]).is_none(), "{text}");
        }
    }
}
