//! A JSON text as places: where its values are, which a value built from it would not know.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;
use serde::de::IgnoredAny;

use super::places::Places;
use crate::pointer::{JsonPointer, array_index};

/// A text that is JSON (RFC 8259), by `serde_json`. What follows only finds its way in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json<'t> {
    text: &'t str,
    /// Where the text begins in the message; every place is one in the message.
    base: usize,
}

/// A string, number or word in a JSON text; the names of members are strings, too.
#[derive(Debug)]
pub(super) struct Scalar<'t> {
    /// With its quotes.
    pub(super) at: Range<usize>,
    /// What is written there.
    pub(super) text: &'t str,
}

impl Scalar<'_> {
    pub(super) fn is_string(&self) -> bool {
        self.text.starts_with('"')
    }

    /// Whether it is a string that is written otherwise than it reads.
    pub(super) fn is_escaped(&self) -> bool {
        self.is_string() && self.text.contains('\\')
    }

    /// Takes the place that is to be replaced, where a pattern has found `found`: that part of a
    /// string, or all of what has no parts that stay JSON.
    pub(super) fn touched(&self, found: &Range<usize>, places: &mut Places) {
        if !self.is_string() {
            places.value(self.at.clone());
            return;
        }
        let content = self.at.start + 1..self.at.end - 1;
        if found.end <= content.start || content.end <= found.start {
            return;
        }
        let within = content.start <= found.start && found.end <= content.end;
        if within && !self.is_escaped() {
            places.part(found.clone());
        } else {
            places.value(self.at.clone());
        }
    }
}

impl<'t> Json<'t> {
    /// The text, which begins at byte `base` of the message, where it is one JSON value.
    pub(super) fn parse(text: &'t str, base: usize) -> serde_json::Result<Self> {
        serde_json::from_str::<IgnoredAny>(text)?;
        Ok(Self { text, base })
    }

    /// Where it is in the message.
    pub(super) const fn at(&self) -> Range<usize> {
        self.base..self.base + self.text.len()
    }

    /// Takes the places of the values to which the pointers lead, of all members of one name. Null and
    /// the empty string say nothing, and stay.
    pub(super) fn values_at(&self, pointers: &[JsonPointer], places: &mut Places) {
        if pointers.is_empty() {
            return;
        }
        let ways: Vec<_> = pointers.iter().map(JsonPointer::tokens).collect();
        self.walk(self.after_space(0), &ways, places);
    }

    /// Takes the places in strings that are JSON texts themselves, `depth` times at most; deeper ones are taken as a
    /// whole.
    ///
    /// `SockJS` sends its messages so: `["{\"token\":\"x\"}"]`.
    pub(super) fn encoded_at(&self, pointers: &[JsonPointer], depth: usize, places: &mut Places) {
        for scalar in self.scalars().filter(Scalar::is_string) {
            let text = unescaped(scalar.text);
            if !text.trim_start().starts_with(['{', '[']) {
                continue;
            }
            let Ok(json) = Json::parse(&text, 0) else {
                continue;
            };
            if depth == 0 {
                places.value(scalar.at);
                continue;
            }
            let mut within = Places::default();
            json.values_at(pointers, &mut within);
            json.encoded_at(pointers, depth - 1, &mut within);
            if !within.is_empty() {
                places.encoded(scalar.at, text.clone().into_owned(), within);
            }
        }
    }

    /// Every string, number and word, in order.
    pub(super) fn scalars(&self) -> impl Iterator<Item = Scalar<'t>> {
        let this = *self;
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = this.text.as_bytes().get(at..)?;
            let begins = |byte: &u8| *byte == b'"' || byte.is_ascii_alphanumeric() || *byte == b'-';
            let start = at + rest.iter().position(begins)?;
            at = this.end_of(start);
            Some(Scalar {
                at: this.base + start..this.base + at,
                text: &this.text[start..at],
            })
        })
    }

    /// Walks the value at `start` by those ways that lead through it; gives its end.
    fn walk(&self, start: usize, ways: &[&[String]], places: &mut Places) -> usize {
        if ways.iter().any(|way| way.is_empty()) {
            let end = self.end_of(start);
            if !matches!(&self.text[start..end], "null" | "\"\"") {
                places.value(self.base + start..self.base + end);
            }
            return end;
        }
        let is_object = match self.byte(start) {
            b'{' => true,
            b'[' => false,
            _ => return self.end_of(start),
        };
        if ways.is_empty() {
            return self.end_of(start);
        }
        let mut at = self.after_space(start + 1);
        for index in 0_usize.. {
            if matches!(self.byte(at), b'}' | b']' | END) {
                break;
            }
            let rest = if is_object {
                let name = at..self.end_of(at);
                at = self.after_space(name.end);
                // The colon.
                at = self.after_space(at + 1);
                let name = unescaped(&self.text[name]);
                further(ways, |token| token == name)
            } else {
                further(ways, |token| array_index(token) == Some(index))
            };
            at = self.after_space(self.walk(at, &rest, places));
            if self.byte(at) == b',' {
                at = self.after_space(at + 1);
            }
        }
        (at + 1).min(self.text.len())
    }

    /// The end of the value at `start`.
    fn end_of(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        match self.byte(start) {
            b'"' => self.end_of_string(start),
            b'{' | b'[' => {
                let (mut at, mut depth) = (start, 0_usize);
                loop {
                    match self.byte(at) {
                        END => return bytes.len(),
                        b'"' => {
                            at = self.end_of_string(at);
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    at += 1;
                    if depth == 0 {
                        return at;
                    }
                }
            }
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b",:]}".contains(byte);
                let rest = &bytes[start..];
                start + rest.iter().position(ends).unwrap_or(rest.len()).max(1)
            }
        }
    }

    /// The end of the string whose quote is at `start`.
    fn end_of_string(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            at += found;
            if bytes[at] == b'"' {
                return at + 1;
            }
            at += 2;
        }
        bytes.len()
    }

    fn after_space(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(END)
    }
}

/// What no JSON text has between its values.
const END: u8 = 0;

/// What is left of the ways whose next token leads on.
fn further<'w>(ways: &[&'w [String]], leads: impl Fn(&str) -> bool) -> Vec<&'w [String]> {
    let on = ways.iter().filter_map(|way| {
        let (token, rest) = way.split_first()?;
        (token == "*" || leads(token)).then_some(rest)
    });
    on.collect()
}

/// The string that a token, with its quotes, stands for. Half a surrogate pair stands for nothing that
/// a pointer can name: such a string is given as it is written.
pub(super) fn unescaped(token: &str) -> Cow<'_, str> {
    let content = token.get(1..token.len() - 1).unwrap_or_default();
    if !content.contains('\\') {
        return Cow::Borrowed(content);
    }
    serde_json::from_str(token).map_or(Cow::Borrowed(content), Cow::Owned)
}
