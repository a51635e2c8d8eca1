//! Heads: what a parser says of one is in its bytes.

use super::{Control, chunks};
use crate::{HeadEnd, HeadError, Header, Headers, RequestHead, ResponseHead, handshake_anomalies};

/// Far more than any input has.
const LIMIT: usize = 1 << 20;

/// A head that parses ends where its end is found, in any chunking; every value is where it is said
/// to be; and what is made of two heads never panics.
pub fn heads(data: &[u8]) {
    let mut control = Control::new(data);
    let (plan, other) = (control.part(), control.part());
    let bytes = control.rest();

    let end = HeadEnd::new(LIMIT).find(bytes);
    let mut search = HeadEnd::new(LIMIT);
    let mut seen = 0;
    let mut grown = Ok(None);
    for chunk in chunks(plan, bytes) {
        seen += chunk.len();
        grown = search.find(&bytes[..seen]);
        if grown != Ok(None) {
            break;
        }
    }
    assert_eq!(grown, end, "another chunking, another end");

    let request = RequestHead::parse(bytes);
    match &request {
        Ok(head) => {
            assert_eq!(end, Ok(Some(head.raw().len())), "two ends of one head");
            check_request(head);
        }
        Err(error) => check_error(error, bytes),
    }
    let response = ResponseHead::parse(bytes);
    match &response {
        Ok(head) => {
            assert_eq!(end, Ok(Some(head.raw().len())), "two ends of one head");
            check_response(head);
        }
        Err(error) => check_error(error, bytes),
    }

    let other_response = [b"HTTP/1.1 101 x\r\n", other, b"\r\n\r\n"].concat();
    let pairs = [
        (request, ResponseHead::parse(&other_response)),
        (
            RequestHead::parse(&[b"GET / HTTP/1.1\r\n", other, b"\r\n\r\n"].concat()),
            response,
        ),
    ];
    for pair in pairs {
        if let (Ok(request), Ok(response)) = pair {
            for anomaly in handshake_anomalies(&request, &response) {
                assert!(!anomaly.detail.is_empty());
            }
        }
    }
}

fn check_request(head: &RequestHead) {
    let raw = head.raw();
    assert_eq!(
        RequestHead::parse(raw).as_ref(),
        Ok(head),
        "of its own bytes"
    );
    assert_eq!(head.target_at().len(), head.target().len());
    for (written, shown) in raw[head.target_at()].iter().zip(head.target().bytes()) {
        assert!(shown == *written || (shown == 0x1A && !written.is_ascii()));
    }
    assert!(head.target().contains(head.path()));
    check_headers(head.headers());
    for pair in head.query_pairs() {
        let written = &raw[pair.value_at];
        let utf8 = std::str::from_utf8(written).is_ok();
        let plain = utf8 && !written.contains(&b'%') && !written.contains(&b'+');
        assert!(!plain || written == pair.value.as_bytes());
    }
    for cookie in head.cookies() {
        assert_eq!(&raw[cookie.value_at], cookie.value);
    }
    for offer in head.subprotocols() {
        check_header(raw, &offer);
    }
    head.is_websocket_upgrade();
}

fn check_response(head: &ResponseHead) {
    let raw = head.raw();
    assert_eq!(
        ResponseHead::parse(raw).as_ref(),
        Ok(head),
        "of its own bytes"
    );
    check_headers(head.headers());
    for cookie in head.set_cookies() {
        assert_eq!(&raw[cookie.value_at], cookie.value);
    }
    head.extensions(&mut Vec::new());
    head.is_websocket_upgrade();
}

fn check_headers(headers: &Headers) {
    for field in headers.iter() {
        assert!(!field.name.is_empty());
        check_header(headers.raw(), &field);
        for element in headers.elements(field.name) {
            check_header(headers.raw(), &element);
        }
    }
}

fn check_header(raw: &[u8], header: &Header<'_>) {
    assert_eq!(&raw[header.value_at.clone()], header.value);
}

fn check_error(error: &HeadError, bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    match error {
        HeadError::Malformed { line, .. } => assert!((1..=lines).contains(line)),
        HeadError::Incomplete { length } => assert_eq!(*length, bytes.len()),
        HeadError::TooLong { .. } => panic!("a parser has no limit"),
    }
}
