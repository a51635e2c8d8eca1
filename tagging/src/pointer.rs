//! JSON Pointers (RFC 6901), and the scalar that one leads to in a JSON text.

use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON Pointer: `/payload/thread/id`. The empty one is the whole text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JsonPointer {
    tokens: Vec<String>,
}

/// Why a text is no JSON Pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It does not begin with a slash.
    #[error("the JSON Pointer `{pointer}` does not begin with `/`: write `/{pointer}`")]
    NoSlash {
        /// The text.
        pointer: String,
    },
    /// A tilde is not followed by 0 or 1.
    #[error(
        "the JSON Pointer `{pointer}` has a `~` at byte {at} that is neither `~0` (for `~`) nor `~1` (for `/`)"
    )]
    Escape {
        /// The text.
        pointer: String,
        /// Where the tilde is, in bytes.
        at: usize,
    },
}

impl JsonPointer {
    /// The pointer to a member of the outermost object.
    pub fn member(name: &str) -> Self {
        Self {
            tokens: vec![name.to_owned()],
        }
    }

    /// The pointer to a member, or an element, of what this one points to.
    #[must_use]
    pub fn child(&self, token: &str) -> Self {
        let mut tokens = self.tokens.clone();
        tokens.push(token.to_owned());
        Self { tokens }
    }

    /// The reference tokens, unescaped.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The scalar at this place, as canonical text: a string's characters, a number's digits as they
    /// were written, `true` or `false`. `None` where `json` is no JSON text, has nothing there, or
    /// has null, an array or an object there. Of members with equal names the last one counts.
    pub fn scalar_in(&self, json: &str) -> Option<String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let found = Walk(&self.tokens).deserialize(&mut deserializer).ok()??;
        deserializer.end().ok()?;
        scalar_text(found.get())
    }
}

/// A JSON text's value as canonical text, where it is a scalar other than null.
pub(crate) fn scalar_text(json: &str) -> Option<String> {
    match json.trim_ascii().as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'-' | b'0'..=b'9' | b't' | b'f' => Some(json.trim_ascii().to_owned()),
        _ => None,
    }
}

impl FromStr for JsonPointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self { tokens: Vec::new() });
        }
        let Some(tokens) = text.strip_prefix('/') else {
            let pointer = text.to_owned();
            return Err(PointerError::NoSlash { pointer });
        };
        for (at, _) in text.match_indices('~') {
            if !matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')) {
                let pointer = text.to_owned();
                return Err(PointerError::Escape { pointer, at });
            }
        }
        let tokens = tokens
            .split('/')
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .collect();
        Ok(Self { tokens })
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.tokens {
            write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// Walks to the value at these tokens; everything beside the way is skipped, not built.
struct Walk<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            <&RawValue as serde::Deserialize>::deserialize(deserializer).map(Some)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (first, rest) = (&self.0[0], &self.0[1..]);
        let mut found = None;
        while let Some(key) = map.next_key_seed(Is(first))? {
            match key {
                Match::Yes => found = map.next_value_seed(Walk(rest))?,
                Match::No => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (first, rest) = (&self.0[0], &self.0[1..]);
        let wanted = array_index(first);
        let mut found = None;
        for index in 0_usize.. {
            if Some(index) == wanted {
                match seq.next_element_seed(Walk(rest))? {
                    Some(element) => found = element,
                    None => break,
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// RFC 6901, section 4: digits without a leading zero.
pub(crate) fn array_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| canonical)
}

/// Compares a member's name without copying it.
struct Is<'p>(&'p str);

enum Match {
    Yes,
    No,
}

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = Match;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Match, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = Match;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Match, E> {
        Ok(if name == self.0 {
            Match::Yes
        } else {
            Match::No
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonPointer, PointerError};

    fn at(pointer: &str, json: &str) -> Option<String> {
        pointer.parse::<JsonPointer>().unwrap().scalar_in(json)
    }

    #[test]
    fn scalars_are_canonical_text() {
        let json = r#"{"a":"x\u00e9\n","b":[10,{"c":-1.50}],"d":true,"n":null,"o":{},
            "big":123456789012345678901234567890,"~/":"odd","":"empty"}"#;
        assert_eq!(at("/a", json).as_deref(), Some("x\u{e9}\n"));
        assert_eq!(at("/b/0", json).as_deref(), Some("10"));
        assert_eq!(at("/b/1/c", json).as_deref(), Some("-1.50"));
        assert_eq!(at("/d", json).as_deref(), Some("true"));
        let big = "123456789012345678901234567890";
        assert_eq!(at("/big", json).as_deref(), Some(big));
        assert_eq!(at("/~0~1", json).as_deref(), Some("odd"));
        assert_eq!(at("/", json).as_deref(), Some("empty"));
        assert_eq!(at("", "42").as_deref(), Some("42"));
        for nothing in ["/n", "/o", "/b", "/x", "/a/b", "/b/2", "/b/01", "/b/-", ""] {
            assert_eq!(at(nothing, json), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_no_json_text_has_no_scalar() {
        for json in ["", "{", "{\"a\":1} x", "{\"a\":1", "42[\"a\"]"] {
            assert_eq!(at("/a", json), None, "{json}");
        }
    }

    #[test]
    fn the_last_of_equal_names_counts() {
        assert_eq!(at("/a", r#"{"a":1,"a":2}"#).as_deref(), Some("2"));
        assert_eq!(at("/a/b", r#"{"a":{"b":1},"a":2}"#), None);
    }

    #[test]
    fn display_gives_the_text_back() {
        for text in ["", "/", "/a/0/~0~1", "//"] {
            assert_eq!(text.parse::<JsonPointer>().unwrap().to_string(), text);
        }
        assert!(matches!(
            "a/b".parse::<JsonPointer>(),
            Err(PointerError::NoSlash { .. })
        ));
        let pointer = "/a~2".to_owned();
        assert_eq!(
            "/a~2".parse::<JsonPointer>(),
            Err(PointerError::Escape { pointer, at: 2 })
        );
    }
}
