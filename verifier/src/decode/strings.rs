//! Every string and number of a message, wherever it stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::DecodeError;
use super::body::words;
use super::extractor::utf8;

/// Calls `each` with every string and integer value (not member names) of a JSON message, as the
/// canonical text of an id.
pub fn for_each_string(message: &[u8], mut each: impl FnMut(&str)) -> Result<(), DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(utf8(message)?);
    Each(&mut each)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
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

struct Each<'e>(&'e mut dyn FnMut(&str));

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

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<serde::de::IgnoredAny>()?.is_some() {
            members.next_value_seed(Each(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Each(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        (self.0)(&number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        (self.0)(&number.to_string());
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
    fn all_values_and_no_names() {
        let mut found = Vec::new();
        let message = br#"{"k":"a","n":{"l":["b",7,-1,1.5,null,true]}}"#;
        for_each_string(message, |text| found.push(text.to_owned())).unwrap();
        assert_eq!(found, ["a", "b", "7", "-1"]);
        let mut strings = Strings::default();
        strings.read(br#"["gone"]"#).unwrap();
        strings.read(message).unwrap();
        assert!(strings.iter().eq(["a", "b", "7", "-1"]));
        strings.read(b"[").unwrap_err();
        assert_eq!(strings.iter().next(), None);
    }
}
