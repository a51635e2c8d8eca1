//! The head of a request.

use std::borrow::Cow;
use std::ops::Range;

use super::headers::{
    Header, Headers, ParseFailure, place_of, split, split_cookie, with_enough_places,
};
use super::target::{pairs, path_and_query, percent_decode};
use super::{HeadError, first_malformed_line};

/// The head of a request, as the bytes that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    headers: Headers,
    method: String,
    target: String,
    target_at: Range<usize>,
    minor_version: u8,
}

/// A pair of a target's query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPair<'a> {
    /// Its name, percent-decoded; what is not UTF-8 in it is replaced by U+FFFD.
    pub name: Cow<'a, str>,
    /// Its value, likewise.
    pub value: Cow<'a, str>,
    /// Where the encoded value is in the head's bytes.
    pub value_at: Range<usize>,
}

/// A cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value, without the quotes that may stand around it (RFC 6265, section 4.1.1).
    pub value: &'a [u8],
    /// Where the value, without the quotes, is in the head's bytes.
    pub value_at: Range<usize>,
}

impl RequestHead {
    /// Parses the head at the front of `raw`; what comes after it is left out.
    pub fn parse(raw: &[u8]) -> Result<Self, HeadError> {
        // Of the same length, so that every place in it is one in `raw`.
        let parsed = &*with_ascii_for_stray_bytes(raw);
        with_enough_places(|places| {
            let mut fields = vec![httparse::EMPTY_HEADER; places];
            let mut request = httparse::Request::new(&mut fields);
            match request.parse(parsed) {
                Ok(httparse::Status::Complete(length)) => {
                    let target_at = place_of(parsed, request.path.unwrap_or_default().as_bytes());
                    Ok(Self {
                        method: request.method.unwrap_or_default().to_owned(),
                        target: shown(&raw[target_at.clone()]),
                        target_at,
                        minor_version: request.version.unwrap_or_default(),
                        headers: Headers::new(&parsed[..length], request.headers)
                            .of(&raw[..length]),
                    })
                }
                Ok(httparse::Status::Partial) => {
                    let length = raw.len();
                    Err(ParseFailure::Head(HeadError::Incomplete { length }))
                }
                Err(httparse::Error::TooManyHeaders) => Err(ParseFailure::TooFewPlaces),
                Err(why) => {
                    let refuses = |prefix: &[u8]| {
                        let mut fields = vec![httparse::EMPTY_HEADER; places];
                        httparse::Request::new(&mut fields).parse(prefix).is_err()
                    };
                    let line = first_malformed_line(parsed, refuses);
                    Err(ParseFailure::Head(HeadError::Malformed { line, why }))
                }
            }
        })
    }

    /// The bytes of the head, from the request line up to and with the empty line.
    pub fn raw(&self) -> &[u8] {
        self.headers.raw()
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The method, in the case in which it was written.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The version: `HTTP/1.0` or `HTTP/1.1`.
    pub const fn version(&self) -> &'static str {
        match self.minor_version {
            0 => "HTTP/1.0",
            _ => "HTTP/1.1",
        }
    }

    /// The request target as it was written; a byte that is no UTF-8 is a U+001A in it, so that places
    /// are the same.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Where the target is in the head's bytes.
    pub fn target_at(&self) -> Range<usize> {
        self.target_at.clone()
    }

    /// The target's path, percent-encoded as it was written.
    pub fn path(&self) -> &str {
        &self.target[path_and_query(&self.target).0]
    }

    /// Where the path is in the head's bytes.
    pub fn path_at(&self) -> Range<usize> {
        let path = path_and_query(&self.target).0;
        self.target_at.start + path.start..self.target_at.start + path.end
    }

    /// The target's query, percent-encoded as it was written; `None` without a `?`.
    pub fn query(&self) -> Option<&str> {
        path_and_query(&self.target).1.map(|at| &self.target[at])
    }

    /// The pairs of the query, in order, with duplicates.
    pub fn query_pairs(&self) -> Vec<QueryPair<'_>> {
        let Some(query_at) = path_and_query(&self.target).1 else {
            return Vec::new();
        };
        let query = &self.target[query_at.clone()];
        let base = self.target_at.start + query_at.start;
        pairs(query)
            .into_iter()
            .map(|(name, value)| QueryPair {
                name: decoded(&query[name]),
                value: decoded(&query[value.clone()]),
                value_at: base + value.start..base + value.end,
            })
            .collect()
    }

    /// The first value of that query parameter, percent-decoded.
    pub fn query_value(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query_pairs()
            .into_iter()
            .find(|pair| pair.name == name)
            .map(|pair| pair.value)
    }

    /// The cookies, in order, with duplicates (RFC 6265, section 4.2).
    pub fn cookies(&self) -> impl Iterator<Item = Cookie<'_>> {
        self.headers
            .all("Cookie")
            .flat_map(|field| split(&field, b';'))
            .filter_map(|part| {
                let (name, value, value_at) = split_cookie(&part)?;
                Some(Cookie {
                    name,
                    value,
                    value_at,
                })
            })
    }

    /// The subprotocols that the client offers, in order.
    pub fn subprotocols(&self) -> impl Iterator<Item = Header<'_>> {
        self.headers.elements("Sec-WebSocket-Protocol")
    }

    /// Whether it asks for a WebSocket connection (RFC 6455, sections 4.1 and 4.2.1): `GET`,
    /// HTTP/1.1, `Upgrade` holds `websocket` and `Connection` holds `Upgrade`, in any case and among
    /// other tokens. Whether key and version are right is the server's to judge.
    pub fn is_websocket_upgrade(&self) -> bool {
        self.method == "GET"
            && self.minor_version >= 1
            && self.headers.has_token("Upgrade", "websocket")
            && self.headers.has_token("Connection", "upgrade")
    }
}

/// What stands for a byte of a target that is no UTF-8. No legal target has it.
const STRAY: char = '\u{1A}';

/// The head, parsable where its target holds bytes that are no UTF-8: clients send Latin-1, servers
/// take it, and a proxy that refuses it is not transparent. Only the target is looked at; a method is
/// a token (RFC 9110, section 9.1), and values of fields are bytes anyway.
fn with_ascii_for_stray_bytes(raw: &[u8]) -> Cow<'_, [u8]> {
    let start = raw
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(raw.len());
    let line = raw[start..].iter().position(|byte| *byte == b'\n');
    let end = line.map_or(raw.len(), |length| start + length);
    if std::str::from_utf8(&raw[start..end]).is_ok() {
        return Cow::Borrowed(raw);
    }
    let mut parsable = raw.to_vec();
    let mut at = start;
    for chunk in raw[start..end].utf8_chunks() {
        at += chunk.valid().len();
        let stray = at..at + chunk.invalid().len();
        parsable[stray.clone()].fill(b'!');
        at = stray.end;
    }
    Cow::Owned(parsable)
}

/// A target for reading, of the same length.
fn shown(target: &[u8]) -> String {
    let mut shown = String::with_capacity(target.len());
    for chunk in target.utf8_chunks() {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|_| STRAY));
    }
    shown
}

fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains(['%', '+']) {
        Cow::Owned(String::from_utf8_lossy(&percent_decode(text)).into_owned())
    } else {
        Cow::Borrowed(text)
    }
}
