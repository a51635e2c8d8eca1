//! What the fuzz targets of `fuzz/` check. The bodies live here, beside what they check: they compile
//! with it, and a unit test runs each of them over its corpus.
//!
//! Not part of the public interface.

use wsaudit_wire::fuzzing::{Control, chunks};
use wsaudit_wire::{RequestHead, ResponseHead};

use crate::http::body::{BodyScanner, Framing};
use crate::http::request::{answer_framing, request_framing};

/// The end of a body is the same in any chunking, never beyond the input; a body in chunks ends where
/// whoever wrote it ended it; and a request's framing is never guessed.
pub fn body(data: &[u8]) {
    let mut control = Control::new(data);
    let bits = control.byte();
    let plan = control.part();
    let rest = control.rest();
    match bits & 3 {
        0 => end_of(Framing::Chunked, plan, rest),
        1 => end_of(Framing::Length(u64::from(bits >> 2)), plan, rest),
        2 => written(bits, plan, rest),
        _ => framing(rest),
    }
}

/// How many bytes the body has, and whether it is complete; the error where it is none.
fn scan(framing: Framing, chunks: &[&[u8]]) -> Result<(usize, bool), String> {
    let mut scanner = BodyScanner::new(framing);
    let mut taken = 0;
    for chunk in chunks {
        let part = scanner
            .scan(chunk, |_| {})
            .map_err(|error| error.to_string())?;
        assert!(part <= chunk.len(), "beyond the input");
        assert!(
            part == chunk.len() || scanner.is_done(),
            "it stops before its end"
        );
        taken += part;
    }
    if scanner.is_done() {
        assert_eq!(scanner.scan(b"more", |_| {}), Ok(0), "beyond its end");
    }
    Ok((taken, scanner.is_done()))
}

fn end_of(framing: Framing, plan: &[u8], bytes: &[u8]) {
    let whole = scan(framing, &[bytes]);
    assert_eq!(
        scan(framing, &chunks(plan, bytes)),
        whole,
        "another chunking, another end"
    );
    if let (Framing::Length(length), Ok((taken, done))) = (framing, whole) {
        assert_eq!(done, taken as u64 == length);
        assert!(taken as u64 <= length);
    }
}

/// A body that is written in chunks, and what comes after it.
fn written(bits: u8, plan: &[u8], bytes: &[u8]) {
    let mut body = Vec::new();
    for chunk in chunks(plan, bytes)
        .into_iter()
        .filter(|chunk| !chunk.is_empty())
    {
        let extension = if bits & 4 == 0 { "" } else { ";name=\"value\"" };
        body.extend_from_slice(format!("{:X}{extension}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n");
    if bits & 8 != 0 {
        body.extend_from_slice(b"Trailer: x\r\n");
    }
    body.extend_from_slice(b"\r\n");
    let length = body.len();
    body.extend_from_slice(b"GET / HTTP/1.1\r\n");
    assert_eq!(scan(Framing::Chunked, &[&body]), Ok((length, true)));
    assert_eq!(
        scan(Framing::Chunked, &chunks(plan, &body)),
        Ok((length, true))
    );
}

fn framing(bytes: &[u8]) {
    if let Ok(head) = RequestHead::parse(bytes) {
        let headers = head.headers();
        let has = |name| headers.get(name).is_some();
        match (
            request_framing(&head),
            has("Content-Length"),
            has("Transfer-Encoding"),
        ) {
            (Ok(Framing::Length(length)), true, false) => {
                // All fields say the same.
                for field in headers.all("Content-Length") {
                    let text = std::str::from_utf8(field.value).ok();
                    assert_eq!(text.and_then(|text| text.parse().ok()), Some(length));
                }
            }
            (Ok(Framing::Length(0)), false, false)
            | (Ok(Framing::Chunked), false, true)
            | (Err(_), true, _)
            | (Err(_), _, true) => {}
            (framing, length, coding) => {
                panic!("{framing:?} where Content-Length: {length}, Transfer-Encoding: {coding}")
            }
        }
    }
    if let Ok(head) = ResponseHead::parse(bytes) {
        assert_eq!(answer_framing("HEAD", &head), Framing::Length(0));
        answer_framing("GET", &head);
    }
}

#[cfg(test)]
mod tests {
    wsaudit_wire::replay_corpus!(body);
}
