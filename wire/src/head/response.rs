//! The head of a response.

use super::headers::{Headers, ParseFailure, split, split_cookie, with_enough_places};
use super::request::Cookie;
use super::{HeadError, first_malformed_line};
use crate::{Anomaly, Extensions};

/// The head of a response, as the bytes that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    headers: Headers,
    status: u16,
    minor_version: u8,
}

/// What servers send and browsers accept, though RFC 9112 forbids it.
fn lenient() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true);
    config
}

impl ResponseHead {
    /// Parses the head at the front of `raw`; what comes after it is left out.
    pub fn parse(raw: &[u8]) -> Result<Self, HeadError> {
        with_enough_places(|places| {
            let mut fields = vec![httparse::EMPTY_HEADER; places];
            let mut response = httparse::Response::new(&mut fields);
            match lenient().parse_response(&mut response, raw) {
                Ok(httparse::Status::Complete(length)) => Ok(Self {
                    status: response.code.unwrap_or_default(),
                    minor_version: response.version.unwrap_or_default(),
                    headers: Headers::new(&raw[..length], response.headers),
                }),
                Ok(httparse::Status::Partial) => {
                    let length = raw.len();
                    Err(ParseFailure::Head(HeadError::Incomplete { length }))
                }
                Err(httparse::Error::TooManyHeaders) => Err(ParseFailure::TooFewPlaces),
                Err(why) => {
                    let refuses = |prefix: &[u8]| {
                        let mut fields = vec![httparse::EMPTY_HEADER; places];
                        let mut response = httparse::Response::new(&mut fields);
                        lenient().parse_response(&mut response, prefix).is_err()
                    };
                    let line = first_malformed_line(raw, refuses);
                    Err(ParseFailure::Head(HeadError::Malformed { line, why }))
                }
            }
        })
    }

    /// The bytes of the head, from the status line up to and with the empty line.
    pub fn raw(&self) -> &[u8] {
        self.headers.raw()
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The status code.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The version: `HTTP/1.0` or `HTTP/1.1`.
    pub const fn version(&self) -> &'static str {
        match self.minor_version {
            0 => "HTTP/1.0",
            _ => "HTTP/1.1",
        }
    }

    /// The name and value of each `Set-Cookie`, in order.
    pub fn set_cookies(&self) -> impl Iterator<Item = Cookie<'_>> {
        self.headers.all("Set-Cookie").filter_map(|field| {
            let (name, value, value_at) = split_cookie(split(&field, b';').first()?)?;
            Some(Cookie {
                name,
                value,
                value_at,
            })
        })
    }

    /// The subprotocol that the server chose; `None` without the field, which is not the same as an
    /// empty one.
    pub fn subprotocol(&self) -> Option<&[u8]> {
        self.headers.get("Sec-WebSocket-Protocol")
    }

    /// What the server agreed to.
    pub fn extensions(&self, anomalies: &mut Vec<Anomaly>) -> Extensions {
        let values = self.headers.all("Sec-WebSocket-Extensions");
        Extensions::from_response(values.map(|field| field.value), anomalies)
    }

    /// Whether it opens a WebSocket connection (RFC 6455, section 4.1): status 101, `Upgrade` holds
    /// `websocket` and `Connection` holds `Upgrade`, in any case and among other tokens.
    pub fn is_websocket_upgrade(&self) -> bool {
        self.status == 101
            && self.headers.has_token("Upgrade", "websocket")
            && self.headers.has_token("Connection", "upgrade")
    }
}
