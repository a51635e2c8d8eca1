//! What is changed in the heads of requests, where somebody asks for it. Nothing is by default.

use std::fmt;
use std::str::FromStr;

use bytes::BytesMut;
use thiserror::Error;
use wsaudit_wire::RequestHead;

/// Header fields of requests that the upstream is sent with another value than the client's. The
/// recording has the client's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// The value of `Host`; `None`: the client's.
    pub host: Option<SetHost>,
    /// The value of `Origin`, where the client sends one; `None`: the client's.
    pub origin: Option<SetOrigin>,
}

/// A value for `Host`: `staging.example`, `staging.example:8443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetHost(String);

/// A value for `Origin`: `https://staging.example`, or `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOrigin(String);

/// A text that is no value for `Host` or `Origin`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no {what}: write it as {example}")]
pub struct NoSuchValue {
    text: String,
    what: &'static str,
    example: &'static str,
}

impl Edits {
    /// Changes the head at the front of what a client has sent; gives its new length in bytes.
    pub(crate) fn apply(&self, head: &RequestHead, held: &mut BytesMut) -> usize {
        let old = head.raw();
        let host = self.host.as_ref().map(|SetHost(value)| ("Host", value));
        let origin = self.origin.as_ref();
        let origin = origin.map(|SetOrigin(value)| ("Origin", value));
        let mut changes: Vec<_> = host
            .into_iter()
            .chain(origin)
            .flat_map(|(name, value)| head.headers().all(name).map(move |it| (it.value_at, value)))
            .collect();
        if changes.is_empty() {
            return old.len();
        }
        changes.sort_unstable_by_key(|(at, _)| at.start);
        let mut new = BytesMut::with_capacity(held.len() + 256);
        let mut done = 0;
        for (at, value) in changes {
            new.extend_from_slice(&old[done..at.start]);
            new.extend_from_slice(value.as_bytes());
            done = at.end;
        }
        new.extend_from_slice(&old[done..]);
        let length = new.len();
        new.extend_from_slice(&held[old.len()..]);
        *held = new;
        length
    }
}

impl FromStr for SetHost {
    type Err = NoSuchValue;

    fn from_str(text: &str) -> Result<Self, NoSuchValue> {
        if is_authority(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(NoSuchValue {
            text: text.to_owned(),
            what: "host",
            example: "staging.example or staging.example:8443",
        })
    }
}

impl FromStr for SetOrigin {
    type Err = NoSuchValue;

    fn from_str(text: &str) -> Result<Self, NoSuchValue> {
        let mut schemes = ["http://", "https://"].into_iter();
        let authority = schemes.find_map(|scheme| text.strip_prefix(scheme));
        if text == "null" || authority.is_some_and(is_authority) {
            return Ok(Self(text.to_owned()));
        }
        Err(NoSuchValue {
            text: text.to_owned(),
            what: "origin",
            example: "https://staging.example or https://staging.example:8443, without a path",
        })
    }
}

/// A host and perhaps a port, with nothing in it that could end the field (RFC 9110, section 7.2).
fn is_authority(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[]:%".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

impl fmt::Display for SetHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SetOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(edits: &Edits, sent: &[u8]) -> Vec<u8> {
        let head = RequestHead::parse(sent).unwrap();
        let mut held = BytesMut::from(sent);
        let length = edits.apply(&head, &mut held);
        let rest = sent.len() - head.raw().len();
        assert_eq!(length, held.len() - rest);
        RequestHead::parse(&held[..length]).unwrap();
        held.to_vec()
    }

    #[test]
    fn the_value_alone_is_changed_wherever_the_field_stands() {
        let edits = Edits {
            host: Some("staging.example:8443".parse().unwrap()),
            origin: Some("https://staging.example".parse().unwrap()),
        };
        let sent =
            b"GET / HTTP/1.1\r\norigin:  http://a \r\nX: 1\r\nhOST:b\r\nHost:\r\n\r\n\x81\x80";
        let got = edited(&edits, sent);
        assert_eq!(
            String::from_utf8_lossy(&got),
            String::from_utf8_lossy(
                b"GET / HTTP/1.1\r\norigin:  https://staging.example \r\nX: 1\r\n\
                  hOST:staging.example:8443\r\nHost:staging.example:8443\r\n\r\n\x81\x80"
            )
        );
    }

    #[test]
    fn nothing_is_added_and_nothing_is_changed_unasked() {
        let edits = Edits {
            host: None,
            origin: Some("null".parse().unwrap()),
        };
        let sent = b"GET / HTTP/1.1\r\nHost: b\r\n\r\nrest";
        assert_eq!(edited(&edits, sent), sent);
        assert_eq!(edited(&Edits::default(), sent), sent);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for good in ["a", "a.example:1", "[::1]:9000", "127.0.0.1"] {
            assert_eq!(good.parse::<SetHost>().unwrap().to_string(), good);
        }
        for bad in ["", "https://a", "a/b", "a b", "a\r\nX: 1", "ä", "a@b"] {
            let error = bad.parse::<SetHost>().unwrap_err().to_string();
            assert!(error.contains("staging.example:8443"), "{error}");
        }
        for good in ["null", "http://a", "https://a.example:1"] {
            assert_eq!(good.parse::<SetOrigin>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "a.example",
            "https://",
            "https://a/",
            "ws://a",
            "https://a\r\n",
        ] {
            let error = bad.parse::<SetOrigin>().unwrap_err().to_string();
            assert!(error.contains("https://staging.example"), "{error}");
        }
    }
}
