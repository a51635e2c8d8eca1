//! Places in a message that are replaced.

use std::borrow::Cow;
use std::ops::Range;

use super::json::unescaped;
use crate::Redactor;

/// Places that are to be replaced, in any order.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: Vec<(Range<usize>, Kind)>,
    /// Texts that strings stand for, each with the places in it.
    encoded: Vec<(String, Places)>,
}

/// What is written in the place of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A JSON string.
    Value,
    /// The token alone, in text around it.
    Part,
    /// A JSON string: of [`Places::encoded`], the text of that number with its places replaced.
    Encoded(usize),
}

impl Places {
    /// A JSON value, with its quotes where it is a string.
    pub(super) fn value(&mut self, at: Range<usize>) {
        self.all.push((at, Kind::Value));
    }

    /// A part of a text.
    pub(super) fn part(&mut self, at: Range<usize>) {
        self.all.push((at, Kind::Part));
    }

    /// A JSON string that stands for `text`, in which there are places to be replaced.
    pub(super) fn encoded(&mut self, at: Range<usize>, text: String, within: Self) {
        self.all.push((at, Kind::Encoded(self.encoded.len())));
        self.encoded.push((text, within));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The message with the places replaced.
    pub(super) fn replaced<'m>(
        mut self,
        message: &'m [u8],
        redactor: &dyn Redactor,
    ) -> Cow<'m, [u8]> {
        if self.is_empty() {
            return Cow::Borrowed(message);
        }
        let mut encoded = std::mem::take(&mut self.encoded);
        let mut out = Vec::with_capacity(message.len());
        let mut done = 0;
        for (at, kind) in self.joined() {
            out.extend_from_slice(&message[done..at.start]);
            let secret = &message[at.clone()];
            match kind {
                Kind::Part => out.extend_from_slice(redactor.replacement(secret).as_bytes()),
                Kind::Value => {
                    out.push(b'"');
                    let token = redactor.replacement(&canonical(secret));
                    out.extend_from_slice(token.as_bytes());
                    out.push(b'"');
                }
                Kind::Encoded(number) => {
                    let (text, within) = std::mem::take(&mut encoded[number]);
                    let text = within.replaced(text.as_bytes(), redactor);
                    let text = String::from_utf8_lossy(&text).into_owned();
                    out.extend_from_slice(serde_json::Value::String(text).to_string().as_bytes());
                }
            }
            done = at.end;
        }
        out.extend_from_slice(&message[done..]);
        Cow::Owned(out)
    }

    /// In order, and none touching another: a value takes in what lies within it, and parts that
    /// overlap become one. A part lies within a value or apart from it. A string in which more is to be replaced than
    /// what is in its text is replaced as a whole.
    fn joined(mut self) -> Vec<(Range<usize>, Kind)> {
        self.all
            .sort_by_key(|(at, kind)| (at.start, usize::MAX - at.end, *kind == Kind::Part));
        let mut joined: Vec<(Range<usize>, Kind)> = Vec::with_capacity(self.all.len());
        for (at, kind) in self.all {
            match joined.last_mut() {
                Some((last, known)) if at.start < last.end => {
                    last.end = last.end.max(at.end);
                    if let Kind::Encoded(_) = known {
                        *known = Kind::Value;
                    }
                }
                _ => joined.push((at, kind)),
            }
        }
        joined
    }
}

/// What is hashed of a JSON value: a string's characters, and else what is written there. So equal ids
/// stay equal, whether as `"42"` or as `42`, and equal to the same text in a head.
fn canonical(value: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(value) {
        Ok(text) if text.starts_with('"') => match unescaped(text) {
            Cow::Borrowed(content) => Cow::Borrowed(content.as_bytes()),
            Cow::Owned(content) => Cow::Owned(content.into_bytes()),
        },
        _ => Cow::Borrowed(value),
    }
}
