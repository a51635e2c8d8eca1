//! Opening-handshake heads: kept as bytes, read as values.

use proptest::prelude::*;
use wsaudit_wire::{
    AnomalyKind, HeadEnd, HeadError, RequestHead, ResponseHead, accept_value, handshake_anomalies,
};

fn request(raw: &str) -> RequestHead {
    RequestHead::parse(raw.as_bytes()).expect("the test's head is well-formed")
}

fn response(raw: &str) -> ResponseHead {
    ResponseHead::parse(raw.as_bytes()).expect("the test's head is well-formed")
}

const REQUEST: &str = "GET /chat/r%201?session_id=s-1&token=a%2Bb&x&session_id=s-2 HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    uPGRADE: WebSocket\r\n\
    Connection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Cookie: sid=abc; theme=\"dark\";empty=; broken\r\n\
    X-Odd:\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Protocol: third\r\n\
    Cookie: late=1\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    upgrade: websocket\r\n\
    connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Set-Cookie: sid=xyz; Path=/; HttpOnly\r\n\
    Sec-WebSocket-Protocol: superchat\r\n\r\n";

#[test]
fn a_request_is_read_and_its_bytes_are_kept() {
    let raw = [REQUEST.as_bytes(), b"\x81\x00"].concat();
    let head = RequestHead::parse(&raw).unwrap();
    assert_eq!(head.raw(), REQUEST.as_bytes());
    assert_eq!(head.method(), "GET");
    assert_eq!(head.version(), "HTTP/1.1");
    assert_eq!(head.path(), "/chat/r%201");
    assert_eq!(&head.raw()[head.target_at()], head.target().as_bytes());
    assert_eq!(&head.raw()[head.path_at()], head.path().as_bytes());
    assert_eq!(head.query_value("session_id").as_deref(), Some("s-1"));
    assert_eq!(head.query_value("token").as_deref(), Some("a+b"));
    let values: Vec<_> = head
        .query_pairs()
        .iter()
        .map(|pair| String::from_utf8_lossy(&raw[pair.value_at.clone()]).into_owned())
        .collect();
    assert_eq!(values, ["s-1", "a%2Bb", "", "s-2"]);
    assert!(head.is_websocket_upgrade());
}

#[test]
fn fields_keep_their_order_case_and_duplicates() {
    let head = request(REQUEST);
    let names: Vec<_> = head.headers().iter().map(|field| field.name).collect();
    assert_eq!(names[..3], ["Host", "uPGRADE", "Connection"]);
    assert_eq!(names.len(), 10);
    assert_eq!(head.headers().get("x-odd"), Some(&b""[..]));
    assert_eq!(head.headers().get("absent"), None);
    for field in head.headers().iter() {
        assert_eq!(&head.raw()[field.value_at.clone()], field.value);
    }
    let offered: Vec<_> = head.subprotocols().map(|offer| offer.value).collect();
    assert_eq!(offered, [&b"chat"[..], b"superchat", b"third"]);
    for offer in head.subprotocols() {
        assert_eq!(&head.raw()[offer.value_at.clone()], offer.value);
    }
}

#[test]
fn an_empty_value_has_its_place_after_the_colon() {
    let head = request("GET / HTTP/1.1\r\nA:\r\nB: \r\n\r\n");
    let places: Vec<_> = head.headers().iter().map(|field| field.value_at).collect();
    assert!(places.iter().all(std::ops::Range::is_empty));
    assert_eq!(head.raw()[places[0].start - 1], b':');
}

#[test]
fn cookies_come_in_order_with_their_places() {
    let head = request(REQUEST);
    let cookies: Vec<_> = head.cookies().collect();
    let pairs: Vec<_> = cookies.iter().map(|c| (c.name, c.value)).collect();
    assert_eq!(
        pairs,
        [
            (&b"sid"[..], &b"abc"[..]),
            (b"theme", b"dark"),
            (b"empty", b""),
            (b"late", b"1"),
        ]
    );
    for cookie in cookies {
        assert_eq!(&head.raw()[cookie.value_at], cookie.value);
    }
}

#[test]
fn quotes_around_a_cookie_are_none_of_it() {
    for (written, value) in [
        ("abc==", "abc=="),
        ("\"abc==\"", "abc=="),
        (" \"abc==\" ", "abc=="),
        ("\"\"", ""),
        // One alone is a part of the value, as browsers and servers take it.
        ("\"", "\""),
        ("\"abc", "\"abc"),
        ("abc\"", "abc\""),
    ] {
        let head = request(&format!(
            "GET / HTTP/1.1\r\nCookie: a=b; sid={written}\r\n\r\n"
        ));
        let cookie = head.cookies().nth(1).unwrap();
        assert_eq!(cookie.value, value.as_bytes(), "{written}");
        assert_eq!(&head.raw()[cookie.value_at], cookie.value);
        let head = response(&format!(
            "HTTP/1.1 200 OK\r\nSet-Cookie: sid={written}; Path=/\r\n\r\n"
        ));
        let cookie = head.set_cookies().next().unwrap();
        assert_eq!(cookie.value, value.as_bytes(), "{written}");
        assert_eq!(&head.raw()[cookie.value_at], cookie.value);
    }
}

#[test]
fn a_response_is_read() {
    let head = response(RESPONSE);
    assert_eq!(head.status(), 101);
    assert!(head.is_websocket_upgrade());
    assert_eq!(head.subprotocol(), Some(&b"superchat"[..]));
    let cookie = head.set_cookies().next().unwrap();
    assert_eq!((cookie.name, cookie.value), (&b"sid"[..], &b"xyz"[..]));
    assert_eq!(&head.raw()[cookie.value_at], b"xyz");
    assert!(!response("HTTP/1.1 403 Forbidden\r\n\r\n").is_websocket_upgrade());
}

#[test]
fn what_is_no_upgrade() {
    for (from, to) in [
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("WebSocket\r\n", "h2c\r\n"),
        ("keep-alive, Upgrade", "keep-alive"),
    ] {
        let head = request(&REQUEST.replacen(from, to, 1));
        assert!(!head.is_websocket_upgrade(), "{to}");
    }
}

#[test]
fn obs_text_in_a_value_is_kept() {
    let head = RequestHead::parse(b"GET / HTTP/1.1\r\nX: caf\xe9\r\n\r\n").unwrap();
    assert_eq!(head.headers().get("X"), Some(&b"caf\xe9"[..]));
}

#[test]
fn a_target_that_is_no_utf8_is_kept_and_has_its_places() {
    let raw = b"GET /\xFCber?a=\xE4\xF6&b=\xC3\xA4 HTTP/1.1\r\nX: \xFC\r\n\r\n";
    let head = RequestHead::parse(raw).expect("a request");
    assert_eq!(head.raw(), raw);
    assert_eq!(head.path(), "/\u{1A}ber");
    let pairs = head.query_pairs();
    assert_eq!(pairs[0].value, "\u{1A}\u{1A}");
    assert_eq!(&raw[pairs[0].value_at.clone()], b"\xE4\xF6");
    assert_eq!(pairs[1].value, "\u{e4}");
    assert_eq!(&raw[pairs[1].value_at.clone()], b"\xC3\xA4");
    assert_eq!(head.headers().get("X"), Some(&b"\xFC"[..]));
    let method = b"G\xFCT / HTTP/1.1\r\n\r\n";
    RequestHead::parse(method).expect_err("a method is a token");
}

#[test]
fn a_folded_value_of_a_response_is_kept_with_its_fold() {
    let head = response("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nY: c\r\n\r\n");
    assert_eq!(head.headers().get("Y"), Some(&b"c"[..]));
    assert_eq!(head.headers().iter().count(), 2);
}

#[test]
fn a_malformed_head_names_its_line() {
    for (raw, line) in [
        (
            "GET / HTTP/1.1\r\nHost: a\r\nbad name: b\r\nC: d\r\n\r\n",
            3,
        ),
        ("GET / HTTP/3.7\r\n\r\n", 1),
        ("GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 3),
    ] {
        match RequestHead::parse(raw.as_bytes()) {
            Err(HeadError::Malformed { line: at, .. }) => assert_eq!(at, line, "{raw}"),
            other => panic!("{raw}: {other:?}"),
        }
    }
    assert_eq!(
        RequestHead::parse(b"GET / HTTP/1.1\r\nA"),
        Err(HeadError::Incomplete { length: 17 })
    );
}

#[test]
fn many_fields_are_no_error() {
    use std::fmt::Write as _;
    let mut raw = "GET / HTTP/1.1\r\n".to_owned();
    for i in 0..500 {
        write!(raw, "X-{i}: {i}\r\n").unwrap();
    }
    raw.push_str("\r\n");
    let head = request(&raw);
    assert_eq!(head.headers().iter().count(), 500);
    assert_eq!(head.headers().get("X-499"), Some(&b"499"[..]));
}

#[test]
fn the_accept_value_of_the_rfc() {
    assert_eq!(
        accept_value(b"dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}

#[test]
fn a_sound_handshake_has_no_anomaly_and_each_fault_has_its_own() {
    let kinds = |request_head: &str, response_head: &str| -> Vec<AnomalyKind> {
        handshake_anomalies(&request(request_head), &response(response_head))
            .into_iter()
            .map(|anomaly| anomaly.kind)
            .collect()
    };
    assert_eq!(kinds(REQUEST, RESPONSE), []);
    for (from, to, expected) in [
        ("s3pP", "S3pP", AnomalyKind::WrongAccept),
        ("Sec-WebSocket-Accept", "X-Other", AnomalyKind::WrongAccept),
        ("connection: ", "x-other: ", AnomalyKind::IncompleteSwitch),
        ("upgrade: ", "x-other: ", AnomalyKind::IncompleteSwitch),
        (
            "Protocol: superchat",
            "Protocol: unheard-of",
            AnomalyKind::UnofferedSubprotocol,
        ),
        (
            "Set-Cookie: sid=xyz; Path=/; HttpOnly",
            "Sec-WebSocket-Extensions: permessage-deflate",
            AnomalyKind::UnofferedExtension,
        ),
    ] {
        assert_eq!(kinds(REQUEST, &RESPONSE.replace(from, to)), [expected]);
    }
    let version = REQUEST.replace("Version: 13", "Version: 8");
    assert_eq!(kinds(&version, RESPONSE), [AnomalyKind::WrongVersion]);
    let key = REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=");
    let answer = RESPONSE.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &accept_value(b"c2hvcnQ="));
    assert_eq!(kinds(&key, &answer), [AnomalyKind::InvalidKey]);
}

proptest! {
    #[test]
    fn no_bytes_make_a_head_panic(
        parts in prop::collection::vec(
            prop_oneof![
                Just(b"GET /a?b=c&d HTTP/1.1\r\n".to_vec()),
                Just(b"HTTP/1.1 101 S\r\n".to_vec()),
                Just(b"Cookie: a=b; c\r\n".to_vec()),
                Just(b"Set-Cookie: a=b; c\r\n".to_vec()),
                Just(b"\r\n".to_vec()),
                Just(b": ;,=\" ".to_vec()),
                prop::collection::vec(any::<u8>(), 0..12),
            ],
            0..12,
        ),
    ) {
        let raw = parts.concat();
        if let Ok(head) = RequestHead::parse(&raw) {
            prop_assert!(raw.starts_with(head.raw()));
            for field in head.headers().iter() {
                prop_assert_eq!(&head.raw()[field.value_at], field.value);
            }
            for cookie in head.cookies() {
                prop_assert_eq!(&head.raw()[cookie.value_at], cookie.value);
            }
            for pair in head.query_pairs() {
                prop_assert!(pair.value_at.end <= head.target_at().end);
            }
            // The parser and the search for the end agree on where the head ends.
            prop_assert_eq!(HeadEnd::new(raw.len() + 1).find(&raw), Ok(Some(head.raw().len())));
        }
        if let Ok(head) = ResponseHead::parse(&raw) {
            for field in head.headers().iter() {
                prop_assert_eq!(&head.raw()[field.value_at], field.value);
            }
            for cookie in head.set_cookies() {
                prop_assert_eq!(&head.raw()[cookie.value_at], cookie.value);
            }
        }
    }
}
