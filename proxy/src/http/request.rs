//! What a head says of the body after it (RFC 9112, section 6.3).

use thiserror::Error;
use wsaudit_wire::{Headers, RequestHead, ResponseHead};

use super::body::Framing;

/// A request in whose bytes two parsers may see two different requests. It is refused: an opening
/// handshake hidden in what the proxy takes for a body would not be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Ambiguous {
    #[error("both Transfer-Encoding and Content-Length are given")]
    Both,
    #[error("the last transfer coding is not chunked")]
    Coding,
    #[error("Transfer-Encoding is given in HTTP/1.0")]
    Version,
    #[error("Content-Length is no number, or several that differ")]
    Length,
}

/// The framing of a request's body.
pub(crate) fn request_framing(head: &RequestHead) -> Result<Framing, Ambiguous> {
    let headers = head.headers();
    let has_length = headers.get("Content-Length").is_some();
    if headers.get("Transfer-Encoding").is_some() {
        return match (has_length, head.version(), is_chunked(headers)) {
            (true, _, _) => Err(Ambiguous::Both),
            (false, "HTTP/1.0", _) => Err(Ambiguous::Version),
            (false, _, true) => Ok(Framing::Chunked),
            (false, _, false) => Err(Ambiguous::Coding),
        };
    }
    if !has_length {
        return Ok(Framing::Length(0));
    }
    let lengths = headers.all("Content-Length");
    content_length(lengths.map(|field| field.value))
        .map(Framing::Length)
        .ok_or(Ambiguous::Length)
}

/// The framing of an answer's body. What is ambiguous lasts until the connection's end: the client
/// gets the bytes and judges for itself.
pub(crate) fn answer_framing(method: &str, head: &ResponseHead) -> Framing {
    if method == "HEAD" || matches!(head.status(), 100..=199 | 204 | 304) {
        return Framing::Length(0);
    }
    let headers = head.headers();
    if headers.get("Transfer-Encoding").is_some() {
        return if is_chunked(headers) {
            Framing::Chunked
        } else {
            Framing::UntilEnd
        };
    }
    // One length that is written twice, also as a list, is that length (RFC 9110, section 8.6).
    let lengths = headers.elements("Content-Length");
    content_length(lengths.map(|length| length.value)).map_or(Framing::UntilEnd, Framing::Length)
}

/// Whether chunked is the last transfer coding, and is applied once.
fn is_chunked(headers: &Headers) -> bool {
    let mut codings: Vec<_> = headers
        .elements("Transfer-Encoding")
        .map(|coding| coding.value)
        .collect();
    let chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    codings.pop().is_some_and(chunked) && !codings.into_iter().any(chunked)
}

/// The one content length of these; `None` where there is none, or none that is certain.
fn content_length<'h>(mut values: impl Iterator<Item = &'h [u8]>) -> Option<u64> {
    let first = values.next()?;
    let digits = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
    let same = values.all(|value| value == first);
    if !digits || !same {
        return None;
    }
    std::str::from_utf8(first).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &str) -> Result<Framing, Ambiguous> {
        let head = format!("POST / HTTP/1.1\r\n{fields}\r\n");
        request_framing(&RequestHead::parse(head.as_bytes()).unwrap())
    }

    fn answer(method: &str, status: u16, fields: &str) -> Framing {
        let head = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
        answer_framing(method, &ResponseHead::parse(head.as_bytes()).unwrap())
    }

    #[test]
    fn a_request_has_one_framing_or_none() {
        assert_eq!(request(""), Ok(Framing::Length(0)));
        assert_eq!(request("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(
            request("Content-Length: 5\r\ncontent-length: 5\r\n"),
            Ok(Framing::Length(5))
        );
        assert_eq!(
            request("Transfer-Encoding: gzip, Chunked\r\n"),
            Ok(Framing::Chunked)
        );
        for (fields, why) in [
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                Ambiguous::Both,
            ),
            ("Transfer-Encoding: chunked, gzip\r\n", Ambiguous::Coding),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Ambiguous::Coding,
            ),
            (
                "Content-Length: 5\r\nContent-Length: 6\r\n",
                Ambiguous::Length,
            ),
            ("Content-Length: +5\r\n", Ambiguous::Length),
            ("Content-Length: 5, 5\r\n", Ambiguous::Length),
        ] {
            assert_eq!(request(fields), Err(why), "{fields}");
        }
    }

    #[test]
    fn an_answer_is_framed_by_method_status_and_fields() {
        assert_eq!(
            answer("GET", 200, "Content-Length: 5\r\n"),
            Framing::Length(5)
        );
        assert_eq!(
            answer("GET", 200, "Content-Length: 5, 5\r\n"),
            Framing::Length(5)
        );
        assert_eq!(
            answer("GET", 200, "Content-Length: 5, 6\r\n"),
            Framing::UntilEnd
        );
        assert_eq!(
            answer("HEAD", 200, "Content-Length: 5\r\n"),
            Framing::Length(0)
        );
        assert_eq!(
            answer("GET", 304, "Content-Length: 5\r\n"),
            Framing::Length(0)
        );
        assert_eq!(answer("GET", 204, ""), Framing::Length(0));
        assert_eq!(
            answer("GET", 200, "Transfer-Encoding: chunked\r\n"),
            Framing::Chunked
        );
        assert_eq!(
            answer("GET", 200, "Transfer-Encoding: gzip\r\n"),
            Framing::UntilEnd
        );
        assert_eq!(answer("GET", 200, ""), Framing::UntilEnd);
    }
}
