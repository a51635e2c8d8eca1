//! Every string and number of a message, wherever it stands: members' names, and what is JSON within a string, too.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DecodeError;
use super::body::words;
use super::extractor::utf8;

/// So many documents, each a string of the one around it, are looked into.
const DEEPEST: u8 = 4;

/// Calls `each` with every string, integer value and member's name of a JSON message, as the canonical text
/// of an id. A string that is an object or an array as JSON is looked into, too.
pub fn for_each_string(message: &[u8], mut each: impl FnMut(&str)) -> Result<(), DecodeError> {
    let whole = Each {
        each: &mut each,
        within: DEEPEST,
    };
    whole
        .read(utf8(message)?)
        .map_err(|error| DecodeError::NotJson {
            why: error.to_string(),
        })
}

/// The strings of one message, in its order; reused from message to message.
#[derive(Debug, Default)]
pub struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    /// Reads one message. After an error there are none.
    pub fn read(&mut self, message: &[u8]) -> Result<(), DecodeError> {
        self.clear();
        self.add(message)
    }

    /// Reads one more document of the message. After an error there are none.
    pub fn add(&mut self, document: &[u8]) -> Result<(), DecodeError> {
        let read = for_each_string(document, |text| self.push(text));
        if read.is_err() {
            self.clear();
        }
        read
    }

    /// Adds the words of a text that has no structure.
    pub fn add_words(&mut self, text: &str) {
        words(text).for_each(|word| self.push(word));
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.text[start..*end])
    }
}

struct Each<'e> {
    each: &'e mut dyn FnMut(&str),
    /// How many documents within documents are looked into from here.
    within: u8,
}

impl Each<'_> {
    fn read(self, document: &str) -> serde_json::Result<()> {
        let mut deserializer = serde_json::Deserializer::from_str(document);
        self.deserialize(&mut deserializer)?;
        deserializer.end()
    }

    /// The same for a value within this one.
    fn inner(&mut self) -> Each<'_> {
        Each {
            each: self.each,
            within: self.within,
        }
    }

    /// Looks into a string that is a document.
    fn look_into(self, text: &str) {
        let may_be_one = text.trim_ascii_start().starts_with(['{', '[']);
        let Some(within) = self.within.checked_sub(1).filter(|_| may_be_one) else {
            return;
        };
        // What only begins like one is a text.
        if serde_json::from_str::<IgnoredAny>(text).is_ok() {
            let each = self.each;
            // It may be nested deeper than what is read: what comes before that counts.
            let _ = Each { each, within }.read(text);
        }
    }
}

/// A member's name.
struct Name<'e>(&'e mut dyn FnMut(&str));

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        (self.0)(name);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Each<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while members.next_key_seed(Name(self.each))?.is_some() {
            members.next_value_seed(self.inner())?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(self.inner())?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.each)(text);
        self.look_into(text);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        (self.each)(&number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        (self.each)(&number.to_string());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_and_names() {
        let mut found = Vec::new();
        let message = br#"{"k":"a","n":{"l":["b",7,-1,1.5,null,true]}}"#;
        for_each_string(message, |text| found.push(text.to_owned())).unwrap();
        let expected = ["k", "a", "n", "l", "b", "7", "-1"];
        assert_eq!(found, expected);
        let mut strings = Strings::default();
        strings.read(br#"["gone"]"#).unwrap();
        strings.read(message).unwrap();
        assert!(strings.iter().eq(expected));
        strings.read(b"[").unwrap_err();
        assert_eq!(strings.iter().next(), None);
    }

    #[test]
    fn documents_within_strings_are_looked_into() {
        let found = |message: &str| {
            let mut found = Vec::new();
            for_each_string(message.as_bytes(), |text| found.push(text.to_owned())).unwrap();
            found
        };
        assert_eq!(
            found(r#"{"data":" {\"r\":[\"room\"]}"}"#),
            ["data", r#" {"r":["room"]}"#, "r", "room"]
        );
        for text in ["[INFO] started", "{a", r#"{"a":"#, r#"{"a":1} b"#] {
            let quoted = serde_json::Value::from(text).to_string();
            assert_eq!(found(&quoted), [text], "a text");
        }
        let mut message = "[\"deep\"]".to_owned();
        for depth in 0..=DEEPEST {
            assert!(found(&message).contains(&"deep".to_owned()), "{depth}");
            message = serde_json::json!([message]).to_string();
        }
        assert!(!found(&message).contains(&"deep".to_owned()));
    }
}
