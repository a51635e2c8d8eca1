//! No secret of a head survives, and what is left parses to the same names.

use proptest::prelude::*;
use wsaudit_tagging::{
    HmacRedactor, Redactor as _, TagRules, redact_request_head, redact_response_head,
};
use wsaudit_wire::{RequestHead, ResponseHead};

const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSJ9.c2ln";

fn redactor() -> HmacRedactor {
    HmacRedactor::new(&[9; 32])
}

fn hash(secret: &str) -> String {
    redactor().replacement(secret.as_bytes())
}

fn sessions(sources: &[&str]) -> TagRules {
    let session = sources.iter().map(|text| text.parse());
    TagRules {
        session: session
            .collect::<Result<_, _>>()
            .expect("the test's sources are valid"),
        ..TagRules::default()
    }
}

fn redacted(lines: &str, rules: &TagRules) -> String {
    let raw = format!("{lines}\r\n\r\n");
    let head = RequestHead::parse(raw.as_bytes()).expect("the test's head is valid");
    let out = redact_request_head(&head, rules, &redactor());
    let text = String::from_utf8(out).expect("the test's head is UTF-8");
    let lines = text.strip_suffix("\r\n\r\n");
    lines.expect("a head ends with an empty line").to_owned()
}

fn redacted_response(lines: &str, request: &str) -> String {
    let raw = format!("{lines}\r\n\r\n");
    let request = RequestHead::parse(format!("{request}\r\n\r\n").as_bytes());
    let request = request.expect("the test's request is valid");
    let response = ResponseHead::parse(raw.as_bytes()).expect("the test's head is valid");
    let out = redact_response_head(&response, &request, &TagRules::default(), &redactor());
    let text = String::from_utf8(out).expect("the test's head is UTF-8");
    let lines = text.strip_suffix("\r\n\r\n");
    lines.expect("a head ends with an empty line").to_owned()
}

#[test]
fn what_is_no_secret_stays_byte_for_byte() {
    let lines = "GET /ws/room?session_id=s-1&v=2 HTTP/1.1\r\n\
        Host:  h\r\n\
        uPGRADE: websocket\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
        Sec-WebSocket-Protocol: graphql-transport-ws, chat\r\n\
        X-Session-ID: s-1\r\n\
        Origin: https://h:8080\r\n\
        Referer: https://h/p?a=b";
    assert_eq!(redacted(lines, &TagRules::default()), lines);
}

#[test]
fn every_place_of_a_credential() {
    for (before, secret, after) in [
        ("GET / HTTP/1.1\r\nAuthorization: Bearer ", "abc", ""),
        ("GET / HTTP/1.1\r\nAuthorization: ", "abc", ""),
        ("GET / HTTP/1.1\r\nAuthorization: ", "no scheme", ""),
        ("GET / HTTP/1.1\r\nProxy-Authorization: Basic ", "dTpw", ""),
        ("GET / HTTP/1.1\r\nCookie: sid=", "abc", ""),
        ("GET / HTTP/1.1\r\nCookie: ", "abc", ""),
        ("GET / HTTP/1.1\r\nX-Api-Key: ", "abc", "\r\nHost: h"),
        ("GET / HTTP/1.1\r\nX-Auth-Token: ", "abc", ""),
        ("GET / HTTP/1.1\r\nX-Client-Secret: ", "a b", ""),
        ("GET /?access_token=", "abc", "&v=1 HTTP/1.1"),
        ("GET /?v=1&API-KEY=", "abc", " HTTP/1.1"),
        ("GET /?x=", JWT, " HTTP/1.1"),
        ("GET /ws/", JWT, "/x HTTP/1.1"),
        ("GET /ws;password=", "abc", "?v=1 HTTP/1.1"),
        ("GET /?next=%2Fp%3Ftoken%3D", "abc", "&v=1 HTTP/1.1"),
        ("GET ws://", "u:p", "@h/ HTTP/1.1"),
        (
            "GET / HTTP/1.1\r\nReferer: https://h/?token=",
            "abc",
            "&v=1",
        ),
        ("GET / HTTP/1.1\r\nX-Amzn-Oidc-Data: ", JWT, ""),
        (
            "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: chat, ",
            JWT,
            ", b",
        ),
        (
            "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: access_token, ",
            "abc",
            ", chat",
        ),
        (
            "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: bearer.",
            "abc",
            ", chat",
        ),
        (
            "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: ",
            "9f86d081884c7d659a2feaa0c55ad015",
            "",
        ),
    ] {
        let got = redacted(&format!("{before}{secret}{after}"), &TagRules::default());
        assert_eq!(got, format!("{before}{}{after}", hash(secret)));
    }
}

#[test]
fn every_cookie_loses_its_value_and_keeps_its_name() {
    let lines = "GET / HTTP/1.1\r\nCookie: a=1; b=\"2\";c= 3 ; d=\r\nCookie: e=1";
    let expected = format!(
        "GET / HTTP/1.1\r\nCookie: a={}; b=\"{}\";c= {} ; d=\r\nCookie: e={}",
        hash("1"),
        hash("2"),
        hash("3"),
        hash("1"),
    );
    assert_eq!(redacted(lines, &TagRules::default()), expected);
}

#[test]
fn a_quoted_cookie_has_the_hash_of_what_is_between_the_quotes() {
    for (written, shown) in [
        ("\"abc==\"", format!("\"{}\"", hash("abc=="))),
        ("abc==", hash("abc==")),
        ("\"abc==", hash("\"abc==")),
        ("\"a\"b\"", format!("\"{}\"", hash("a\"b"))),
        ("\"", hash("\"")),
    ] {
        let lines = format!("GET / HTTP/1.1\r\nCookie: theme=\"\"; sid={written}; a=");
        let expected = format!("GET / HTTP/1.1\r\nCookie: theme=\"\"; sid={shown}; a=");
        assert_eq!(redacted(&lines, &TagRules::default()), expected);
        let lines = format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid={written}; Path=/");
        let expected = format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid={shown}; Path=/");
        assert_eq!(redacted_response(&lines, "GET / HTTP/1.1"), expected);
    }
    // A semicolon ends a cookie also between quotes; nothing of either part stays.
    let got = redacted(
        "GET / HTTP/1.1\r\nCookie: sid=\"abc;def\"",
        &TagRules::default(),
    );
    assert!(!got.contains("abc") && !got.contains("def"), "{got}");
}

#[test]
fn an_encoded_secret_has_the_hash_of_what_it_encodes() {
    let got = redacted("GET /?token=a%2Bb HTTP/1.1", &TagRules::default());
    assert_eq!(got, format!("GET /?token={} HTTP/1.1", hash("a+b")));
    let encoded = JWT.replace('.', "%2E");
    let got = redacted(&format!("GET /?x={encoded} HTTP/1.1"), &TagRules::default());
    assert_eq!(got, format!("GET /?x={} HTTP/1.1", hash(JWT)));
}

#[test]
fn what_a_source_names_stays_readable_unless_it_is_a_credential() {
    for (source, lines) in [
        ("query:key", "GET /?key=room-1 HTTP/1.1"),
        (
            "header:X-Session-Token",
            "GET / HTTP/1.1\r\nX-Session-Token: s-1",
        ),
        (
            "subprotocol:^sid\\.(.+)",
            "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: sid.9f86d081884c7d659a2feaa0",
        ),
    ] {
        assert_eq!(redacted(lines, &sessions(&[source])), lines);
        assert_ne!(redacted(lines, &TagRules::default()), lines);
    }
    for (source, lines) in [
        ("cookie:sid", "GET / HTTP/1.1\r\nCookie: sid=s-1".to_owned()),
        (
            "header:Authorization",
            "GET / HTTP/1.1\r\nAuthorization: s-1".to_owned(),
        ),
        ("query:id", format!("GET /?id={JWT} HTTP/1.1")),
        ("header:X-Id", format!("GET / HTTP/1.1\r\nX-Id: {JWT}")),
    ] {
        let got = redacted(&lines, &sessions(&[source]));
        assert!(got.contains("redacted-"), "{got}");
        assert!(!got.contains("s-1") && !got.contains(JWT), "{got}");
    }
}

#[test]
fn a_response_loses_the_values_of_its_cookies_and_keeps_their_attributes() {
    let lines = "HTTP/1.1 101 S\r\nSet-Cookie: sid=abc; Path=/; HttpOnly\r\nX-Csrf-Token: t";
    let expected = lines
        .replace("abc", &hash("abc"))
        .replace(": t", &format!(": {}", hash("t")));
    assert_eq!(redacted_response(lines, "GET / HTTP/1.1"), expected);
}

#[test]
fn a_token_that_was_chosen_as_subprotocol_is_replaced_in_the_response_too() {
    let request = "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: bearer, abc, chat";
    let answer = |chosen: &str| format!("HTTP/1.1 101 S\r\nSec-WebSocket-Protocol: {chosen}");
    assert_eq!(
        redacted_response(&answer("abc"), request),
        answer(&hash("abc"))
    );
    for kept in ["bearer", "chat"] {
        assert_eq!(redacted_response(&answer(kept), request), answer(kept));
    }
}

/// A secret that occurs nowhere else in a head.
fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9]{4,24}".prop_map(|text| format!("zQ{text}Qz"))
}

/// A place for a secret, as text before and after it.
fn place() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("Authorization: Bearer ", ""),
        ("aUTHORIZATION:   Basic ", "  "),
        ("Authorization: Digest username=\"u\", response=\"", "\""),
        ("Proxy-Authorization: ", ""),
        ("Cookie: a=b; sid=", "; c=d"),
        ("Cookie: ", ""),
        ("Cookie: =", ";;"),
        ("cookie2: x=", ""),
        ("X-Api-Key: ", ""),
        ("x-goog-iap-jwt-assertion: ", ""),
        ("X-Access-Token: a ", " b"),
        ("X-Amz-Security-Token: ", ""),
        ("Client-Secret: ", ""),
        ("Referer: https://h/?code=", "&x=y"),
        ("Referer: https://h/cb#access_token=", "&x=y"),
        (
            "Referer: https://h/?u=https%3A%2F%2Fx%2F%3Fsig%3D",
            "%26y%3Dz",
        ),
        ("Link: <https://h/?key=", ">; rel=next"),
        ("Origin: https://user:", "@h"),
        ("Sec-WebSocket-Protocol: chat, bearer, ", ", x"),
        ("Sec-WebSocket-Protocol: ACCESS_TOKEN.", ""),
        ("X-Anything: eyJhbGciOiJub25lIn0.eyJhIjoi.", ""),
    ])
}

/// A query with a secret in it, likewise.
fn query() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("token=", "&a=b"),
        ("a=b&Access_Token=", ""),
        ("%74oken=", ""),
        ("apiKey=x%20", ""),
        ("a=1;ticket=", ";b"),
        ("next=%2F%3Fpassword%3D", ""),
        ("x=eyJhbGciOiJub25lIn0.eyJhIjoi.", "&y"),
        ("x=eyJhbGciOiJub25lIn0%2EeyJhIjoi%2E", "&y"),
        ("signature[]=", ""),
        ("a=b#id_token=", ""),
    ])
}

proptest! {
    #[test]
    fn no_secret_survives_and_the_head_parses_to_the_same_names(
        query in query(),
        in_query in secret(),
        fields in prop::collection::vec((place(), secret()), 0..6),
        noise in "[ -~]{0,30}",
    ) {
        let mut raw = format!("GET /ws?{}{in_query}{} HTTP/1.1\r\n", query.0, query.1);
        for ((before, after), secret) in &fields {
            raw.extend([*before, secret.as_str(), after, "\r\nX-Noise: ", noise.as_str(), "\r\n"]);
        }
        raw.push_str("\r\n");
        let head = RequestHead::parse(raw.as_bytes())
            .map_err(|error| TestCaseError::reject(error.to_string()))?;
        let out = redact_request_head(&head, &TagRules::default(), &redactor());
        let text = String::from_utf8(out.clone()).expect("ASCII in, ASCII out");
        for secret in fields.iter().map(|(_, secret)| secret).chain([&in_query]) {
            prop_assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
        let again = RequestHead::parse(&out).expect("a redacted head is valid");
        let names = |head: &RequestHead| -> Vec<String> {
            head.headers().iter().map(|field| field.name.to_owned()).collect()
        };
        prop_assert_eq!(names(&again), names(&head));
        prop_assert_eq!(again.raw().len(), out.len());
        prop_assert_eq!(again.method(), head.method());
        prop_assert_eq!(again.path(), head.path());
        let cookies = |head: &RequestHead| head.cookies().map(|c| c.name.to_vec()).collect::<Vec<_>>();
        let strays = fields.iter().any(|((before, _), _)| *before == "Cookie: ");
        prop_assert!(strays || cookies(&again) == cookies(&head));
    }

    #[test]
    fn no_secret_of_a_response_survives(
        secrets in prop::collection::vec(secret(), 5),
    ) {
        let request = "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: bearer, tok\r\n\r\n";
        let request = RequestHead::parse(request.as_bytes()).expect("the test's head is valid");
        let raw = format!(
            "HTTP/1.1 302 Found\r\nSet-Cookie: sid={}; Path=/\r\nSet-Cookie: {}\r\n\
             Location: https://h/?token={}\r\nX-Auth-Token: {}\r\n\
             Sec-WebSocket-Protocol: bearer.{}\r\n\r\n",
            secrets[0], secrets[1], secrets[2], secrets[3], secrets[4],
        );
        let head = ResponseHead::parse(raw.as_bytes()).expect("the test's head is valid");
        let out = redact_response_head(&head, &request, &TagRules::default(), &redactor());
        let text = String::from_utf8(out.clone()).expect("ASCII in, ASCII out");
        for secret in &secrets {
            prop_assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
        let again = ResponseHead::parse(&out).expect("a redacted head is valid");
        prop_assert_eq!(again.status(), 302);
        prop_assert_eq!(again.headers().iter().count(), head.headers().iter().count());
    }

    #[test]
    fn any_head_that_parses_still_parses(
        parts in prop::collection::vec(
            prop_oneof![
                "[ -~]{0,20}",
                Just("Cookie: ".to_owned()),
                Just("Authorization: ".to_owned()),
                Just("Sec-WebSocket-Protocol: ".to_owned()),
                Just("Referer: http://".to_owned()),
                Just("token=".to_owned()),
                Just(JWT.to_owned()),
                Just("%3D".to_owned()),
                Just("\r\n".to_owned()),
                Just("\u{e9}".to_owned()),
            ],
            0..20,
        ),
        target in "[!-~]{0,40}",
    ) {
        let raw = format!("GET /{target} HTTP/1.1\r\nA: {}\r\n\r\n", parts.concat());
        if let Ok(head) = RequestHead::parse(raw.as_bytes()) {
            let out = redact_request_head(&head, &TagRules::default(), &redactor());
            let again = RequestHead::parse(&out);
            prop_assert!(again.is_ok(), "{:?} of {:?}", again, raw);
            let again = again.expect("just asserted");
            prop_assert!(!again.target().contains(JWT));
            for field in again.headers().iter() {
                let value = String::from_utf8_lossy(field.value);
                prop_assert!(!value.contains(JWT), "{value}");
            }
        }
    }
}
