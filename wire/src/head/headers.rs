//! The header fields of a head, in order, with duplicates.

use std::ops::Range;

use super::HeadError;

/// A header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name, in the case in which it was written.
    pub name: &'a str,
    /// Its value, without the white space around it.
    pub value: &'a [u8],
    /// Where the value is in the head's bytes.
    pub value_at: Range<usize>,
}

/// The header fields of a head, and the head's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    raw: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    value_at: Range<usize>,
}

impl Headers {
    /// `parsed` points into `raw`.
    pub(super) fn new(raw: &[u8], parsed: &[httparse::Header<'_>]) -> Self {
        let fields = parsed
            .iter()
            .map(|field| Field {
                name: field.name.to_owned(),
                value_at: if field.value.is_empty() {
                    // An empty value need not point into `raw`; its place is after the colon.
                    let after_name = place_of(raw, field.name.as_bytes()).end;
                    let colon = raw[after_name..].iter().position(|byte| *byte == b':');
                    let at = after_name + colon.map_or(0, |i| i + 1);
                    at..at
                } else {
                    place_of(raw, field.value)
                },
            })
            .collect();
        Self {
            raw: raw.to_vec(),
            fields,
        }
    }

    /// The same fields at the same places of other bytes, which are those of the head.
    pub(super) fn of(mut self, raw: &[u8]) -> Self {
        self.raw.clear();
        self.raw.extend_from_slice(raw);
        self
    }

    /// The bytes of the whole head.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        self.fields.iter().map(|field| Header {
            name: &field.name,
            value: &self.raw[field.value_at.clone()],
            value_at: field.value_at.clone(),
        })
    }

    /// The fields of that name, in order; ASCII case does not count.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = Header<'a>> {
        self.iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
    }

    /// The value of the first field of that name; `None` where there is none.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next().map(|field| field.value)
    }

    /// The elements of a comma-separated list, over all fields of that name, without the white space
    /// around them; empty ones are left out (RFC 9110, section 5.6.1). Quoted strings are not heeded.
    pub fn elements<'a>(&'a self, name: &str) -> impl Iterator<Item = Header<'a>> {
        self.all(name).flat_map(|field| split(&field, b','))
    }

    /// Whether such a list holds `token`; ASCII case does not count.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.elements(name)
            .any(|element| element.value.eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// The parts of a value between `separator`s, trimmed; empty ones are left out.
pub(super) fn split<'a>(field: &Header<'a>, separator: u8) -> Vec<Header<'a>> {
    let mut parts = Vec::new();
    let mut start = field.value_at.start;
    for part in field.value.split(|byte| *byte == separator) {
        let leading = part.len() - part.trim_ascii_start().len();
        let value = part.trim_ascii();
        let at = start + leading;
        start += part.len() + 1;
        if !value.is_empty() {
            parts.push(Header {
                name: field.name,
                value,
                value_at: at..at + value.len(),
            });
        }
    }
    parts
}

/// Splits `name=value` at the first `=`; the value's place goes along.
pub(super) fn split_pair<'a>(part: &Header<'a>) -> Option<(&'a [u8], &'a [u8], Range<usize>)> {
    let equals = part.value.iter().position(|byte| *byte == b'=')?;
    let name = part.value[..equals].trim_ascii();
    let after = &part.value[equals + 1..];
    let leading = after.len() - after.trim_ascii_start().len();
    let value = after.trim_ascii();
    let at = part.value_at.start + equals + 1 + leading;
    Some((name, value, at..at + value.len()))
}

/// The same of a cookie: quotes around its value are none of it. Clients write them or leave them out as they like
/// (`sid="abc=="` and `sid=abc==` are one cookie), and who compares values compares what is between them.
///
/// > cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )
///
/// <https://www.rfc-editor.org/rfc/rfc6265#section-4.1.1>
pub(super) fn split_cookie<'a>(part: &Header<'a>) -> Option<(&'a [u8], &'a [u8], Range<usize>)> {
    let (name, value, at) = split_pair(part)?;
    Some(match value {
        [b'"', unquoted @ .., b'"'] => (name, unquoted, at.start + 1..at.end - 1),
        _ => (name, value, at),
    })
}

/// Where `part`, which is a part of `raw`, is in it.
pub(super) fn place_of(raw: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(raw.as_ptr().addr());
    let start = start.min(raw.len());
    start..(start + part.len()).min(raw.len())
}

/// Calls `parse` with ever more places for fields until they suffice.
pub(super) fn with_enough_places<T>(
    mut parse: impl FnMut(usize) -> Result<T, ParseFailure>,
) -> Result<T, HeadError> {
    let mut places = super::USUAL_FIELDS;
    loop {
        match parse(places) {
            Ok(head) => return Ok(head),
            Err(ParseFailure::TooFewPlaces) => places *= 4,
            Err(ParseFailure::Head(error)) => return Err(error),
        }
    }
}

/// Why a parse gave no head.
pub(super) enum ParseFailure {
    TooFewPlaces,
    Head(HeadError),
}
