//! Replaces values in message payloads by their keyed hashes, and keeps everything else byte for byte.
//!
//! In JSON it replaces whole values and parts of strings, so that what was JSON stays JSON:
//!
//! ```text
//! rules   /user/email   /card-\d+/
//! before  {"user":{"email":"a@b.c","age":7},"note":"pay by card-42"}
//! after   {"user":{"email":"redacted-6f…","age":7},"note":"pay by redacted-19…"}
//! ```
//!
//! A pointer is also followed in strings that are JSON themselves. Default-deny: where one is asked for, a message in
//! which it cannot be followed is withheld.

mod json;
mod places;
mod rule;
mod texts;

use std::borrow::Cow;
use std::ops::Range;

pub use rule::{PayloadRule, PayloadRuleError, PayloadRules};

use crate::{JsonPointer, Redactor, Source, Tag};
use json::Json;
use places::Places;
use texts::Texts;

/// Why a message cannot be kept: it cannot be said that nothing is left in it that should be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// It is no text.
    #[error("it is no UTF-8 from byte {at} on, so no JSON Pointer can be followed in it")]
    NotUtf8 {
        /// The first byte that is none, from 0.
        at: usize,
    },
    /// It is no JSON.
    #[error(
        "it is no JSON (line {line}, column {column}), so no JSON Pointer can be followed in it"
    )]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, in bytes, from 1.
        column: usize,
    },
}

impl PayloadRules {
    /// The message with everything replaced that a rule names; borrowed where there is nothing.
    ///
    /// `message` is whole: joined and inflated. It is an error to keep one that gives an error.
    pub fn redact<'m>(
        &self,
        message: &'m [u8],
        redactor: &dyn Redactor,
    ) -> Result<Cow<'m, [u8]>, Withheld> {
        if self.is_empty() || message.is_empty() {
            return Ok(Cow::Borrowed(message));
        }
        let mut found = Vec::new();
        self.matches(message, &mut |part| found.push(part));
        // Most messages: a pattern that finds nothing in the bytes may find something in escapes only.
        let escapes = self.has_patterns() && memchr::memchr(b'\\', message).is_some();
        if !self.has_pointers() && !escapes && found.is_empty() {
            return Ok(Cow::Borrowed(message));
        }
        let mut places = Places::default();
        match Texts::of(message) {
            Ok(texts) => {
                for json in texts.iter() {
                    json.values_at(self.pointers(), &mut places);
                    if self.has_pointers() {
                        json.encoded_at(self.pointers(), ENCODINGS, &mut places);
                    }
                }
                if escapes || !found.is_empty() {
                    self.place(&found, &texts, &mut places);
                }
            }
            Err(why) if self.has_pointers() => return Err(why),
            Err(_) => found.into_iter().for_each(|part| places.part(part)),
        }
        Ok(places.replaced(message, redactor))
    }

    /// The tag that a message yielded, as it may be kept: it shows of its value what the redacted
    /// message shows. `redacted` is that message, or `None` where it is withheld.
    #[must_use]
    pub fn redact_tag(&self, tag: Tag, redacted: Option<&[u8]>, redactor: &dyn Redactor) -> Tag {
        if self.is_empty() {
            return tag;
        }
        let left = redacted
            .and_then(|message| std::str::from_utf8(message).ok())
            .zip(pointer_of(&tag))
            .and_then(|(message, pointer)| pointer.scalar_in(message));
        let value = match left {
            Some(left) if left == tag.value => tag.value,
            Some(left) => left,
            // Something around the value was replaced, and the value with it.
            None => redactor.replacement(tag.value.as_bytes()),
        };
        Tag { value, ..tag }
    }

    /// Takes the places, in JSON, of what patterns have found, and of what they find in escapes.
    fn place(&self, found: &[Range<usize>], texts: &Texts<'_>, places: &mut Places) {
        let scalars = texts.scalars();
        for one in found {
            texts.outside(one, &mut |part| places.part(part));
            let first = scalars.partition_point(|scalar| scalar.at.end <= one.start);
            let touched = scalars[first..].iter();
            for scalar in touched.take_while(|scalar| scalar.at.start < one.end) {
                scalar.touched(one, places);
            }
        }
        for scalar in scalars.iter().filter(|scalar| scalar.is_escaped()) {
            if self.found_in_escapes(scalar.text, ENCODINGS) {
                places.value(scalar.at.clone());
            }
        }
    }

    /// Whether a pattern matches in the string that `token`, with its quotes, stands for; also in the
    /// strings of JSON in that string.
    fn found_in_escapes(&self, token: &str, depth: usize) -> bool {
        let Ok(text) = serde_json::from_str::<String>(token) else {
            // Half a surrogate pair. Nobody can say what its reader makes of it.
            return true;
        };
        let mut found = false;
        self.matches(text.as_bytes(), &mut |_| found = true);
        if found || depth == 0 || !text.contains('\\') {
            return found;
        }
        Json::parse(&text, 0).is_ok_and(|json| {
            let mut scalars = json.scalars();
            scalars
                .any(|scalar| scalar.is_escaped() && self.found_in_escapes(scalar.text, depth - 1))
        })
    }
}

/// How often JSON may stand in a string of JSON for rules to be looked for in it.
const ENCODINGS: usize = 3;

/// Where in a message a tag's value was.
fn pointer_of(tag: &Tag) -> Option<JsonPointer> {
    match tag.source.parse() {
        Ok(Source::Message(pointer) | Source::ServerMessage(pointer)) => Some(pointer),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
