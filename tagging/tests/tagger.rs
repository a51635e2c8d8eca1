//! Ids out of heads and messages: the first source that yields wins, and changes are told.

use std::sync::Arc;

use wsaudit_tagging::{
    AlreadyRedacted, HmacRedactor, Issued, Provenance, Redactor as _, Tag, TagKind, TagRules,
    Tagger, credentials, redact_request_head,
};
use wsaudit_wire::Direction::{ClientToServer, ServerToClient};
use wsaudit_wire::{RequestHead, ResponseHead};

fn redactor() -> HmacRedactor {
    HmacRedactor::new(&[9; 32])
}

fn rules(session: &[&str], user: &[&str], device: &[&str]) -> TagRules {
    let parse = |sources: &[&str]| {
        let sources = sources.iter().map(|text| text.parse());
        sources
            .collect::<Result<_, _>>()
            .expect("the test's sources are valid")
    };
    TagRules {
        session: parse(session),
        user: parse(user),
        device: parse(device),
    }
}

fn sessions(sources: &[&str]) -> Tagger {
    Tagger::new(Arc::new(rules(sources, &[], &[])))
}

fn request(lines: &str) -> RequestHead {
    RequestHead::parse(format!("{lines}\r\n\r\n").as_bytes()).expect("the test's head is valid")
}

fn told(tags: &[Tag]) -> Vec<(&str, &str)> {
    tags.iter()
        .map(|tag| (tag.source.as_str(), tag.value.as_str()))
        .collect()
}

/// `{"sub":"u1","realm":{"device":"d1"}}`, not signed.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsInJlYWxtIjp7ImRldmljZSI6ImQxIn19.c2ln";

#[test]
fn the_first_source_that_yields_wins_whatever_the_order_in_the_head() {
    let head = request("GET /ws/room-1?session_id=q HTTP/1.1\r\nX-Session-ID: h");
    for (sources, expected) in [
        (
            &["header:x-session-id", "query:session_id"][..],
            ("header:x-session-id", "h"),
        ),
        (
            &["query:session_id", "header:x-session-id"],
            ("query:session_id", "q"),
        ),
        (
            &["header:absent", "path:^/ws/([^/]+)"],
            ("path:^/ws/([^/]+)", "room-1"),
        ),
    ] {
        let tags = sessions(sources).on_request(&head, &redactor());
        assert_eq!(told(&tags), [expected]);
        assert_eq!(tags[0].kind, TagKind::Session);
        assert_eq!(tags[0].provenance, Provenance::Presented);
    }
}

#[test]
fn each_kind_has_its_own_tag() {
    let head = request(&format!(
        "GET /ws?session_id=s-1 HTTP/1.1\r\nAuthorization: Bearer {JWT}"
    ));
    let rules = rules(&["query:session_id"], &["jwt:sub"], &["jwt:/realm/device"]);
    let tags = Tagger::new(Arc::new(rules)).on_request(&head, &redactor());
    let expected = [
        ("query:session_id", "s-1"),
        ("jwt:sub", "u1"),
        ("jwt:/realm/device", "d1"),
    ];
    assert_eq!(told(&tags), expected);
    assert_eq!(tags[1].kind, TagKind::User);
    assert_eq!(tags[1].provenance, Provenance::Issued);
}

#[test]
fn a_jwt_is_found_wherever_it_is_presented() {
    for lines in [
        format!("GET / HTTP/1.1\r\nAuthorization: Bearer {JWT}"),
        format!("GET / HTTP/1.1\r\nCookie: a=b; t={JWT}"),
        format!("GET /?a=b&t={JWT} HTTP/1.1"),
        format!("GET / HTTP/1.1\r\nSec-WebSocket-Protocol: chat, bearer.{JWT}"),
    ] {
        let tags = sessions(&["jwt:sub"]).on_request(&request(&lines), &redactor());
        assert_eq!(told(&tags), [("jwt:sub", "u1")], "{lines}");
    }
}

#[test]
fn an_id_from_a_cookie_or_a_credential_is_its_hash() {
    let secret = redactor().replacement(b"abc");
    let cookie = request("GET / HTTP/1.1\r\nCookie: sid=abc");
    let tags = sessions(&["cookie:sid"]).on_request(&cookie, &redactor());
    assert_eq!(told(&tags), [("cookie:sid", secret.as_str())]);

    let bearer = request("GET / HTTP/1.1\r\nAuthorization: Bearer abc");
    let tags = sessions(&["header:Authorization"]).on_request(&bearer, &redactor());
    assert_eq!(told(&tags), [("header:Authorization", secret.as_str())]);

    let raw = b"HTTP/1.1 101 S\r\nSet-Cookie: sid=abc; Path=/\r\n\r\n";
    let response = ResponseHead::parse(raw).expect("the test's head is valid");
    let tags = sessions(&["set-cookie:sid"]).on_response(&response, &redactor());
    assert_eq!(told(&tags), [("set-cookie:sid", secret.as_str())]);
    assert_eq!(tags[0].provenance, Provenance::Issued);
}

#[test]
fn a_cookie_that_a_101_removes_is_no_id() {
    for removed in [
        "sid=deleted; Max-Age=0",
        "sid=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        let raw = format!("HTTP/1.1 101 S\r\nSet-Cookie: {removed}\r\n\r\n");
        let response = ResponseHead::parse(raw.as_bytes()).expect("the test's head is valid");
        let tags = sessions(&["set-cookie:sid"]).on_response(&response, &redactor());
        assert_eq!(told(&tags), [], "{removed}");
    }
}

#[test]
fn a_named_place_that_holds_a_jwt_is_not_shown() {
    let head = request(&format!("GET /?id={JWT} HTTP/1.1"));
    let tags = sessions(&["query:id"]).on_request(&head, &redactor());
    let hash = redactor().replacement(JWT.as_bytes());
    assert_eq!(told(&tags), [("query:id", hash.as_str())]);
}

#[test]
fn tagging_a_redacted_head_anew_gives_the_same_ids() {
    let rules = Arc::new(rules(&["cookie:sid"], &["query:user"], &["header:X-Token"]));
    let head = request("GET /?user=u1&token=t HTTP/1.1\r\nCookie: sid=abc\r\nX-Token: d");
    let first = Tagger::new(Arc::clone(&rules)).on_request(&head, &redactor());
    assert_eq!(first.len(), 3);
    let redacted = redact_request_head(&head, &rules, &redactor());
    let redacted = RequestHead::parse(&redacted).expect("a redacted head is valid");
    let anew = Tagger::new(rules).on_request(&redacted, &AlreadyRedacted);
    assert_eq!(anew, first);
}

#[test]
fn claims_out_of_a_recording_give_what_the_token_gave() {
    let head = request(&format!("GET / HTTP/1.1\r\nAuthorization: Bearer {JWT}"));
    let rules = Arc::new(rules(&["jwt:/sub"], &[], &["jwt:/realm/device"]));
    let first = Tagger::new(Arc::clone(&rules)).on_request(&head, &redactor());
    assert_eq!(first.len(), 2);
    let recorded = credentials(&head, &redactor());
    let claims = recorded.iter().filter(|tag| tag.kind == TagKind::Claim);
    let claims = claims.map(|tag| (tag.source.as_str(), tag.value.as_str()));
    let anew = Tagger::new(rules).on_claims(claims);
    assert_eq!(anew, first);
}

#[test]
fn a_login_in_a_message_is_told_once_and_again_when_it_changes() {
    let mut tagger = sessions(&["message:/login/session"]);
    assert!(tagger.wants_messages(ClientToServer));
    assert!(!tagger.wants_messages(ServerToClient));
    let login = br#"{"type":"login","login":{"session":"s-1"}}"#;
    assert_eq!(tagger.on_message(ServerToClient, login), []);
    assert_eq!(tagger.on_message(ClientToServer, b"hello"), []);
    assert_eq!(tagger.on_message(ClientToServer, b"\xff{"), []);
    let tags = tagger.on_message(ClientToServer, login);
    assert_eq!(told(&tags), [("message:/login/session", "s-1")]);
    assert_eq!(tagger.on_message(ClientToServer, login), []);
    let other = br#"{"login":{"session":42}}"#;
    let tags = tagger.on_message(ClientToServer, other);
    assert_eq!(told(&tags), [("message:/login/session", "42")]);
}

#[test]
fn a_later_source_does_not_override_an_earlier_one() {
    let head = request("GET /?session_id=q HTTP/1.1");
    let mut tagger = sessions(&["query:session_id", "message:/session"]);
    tagger.on_request(&head, &redactor());
    assert!(!tagger.wants_messages(ClientToServer));
    assert_eq!(tagger.on_message(ClientToServer, br#"{"session":"m"}"#), []);
}

#[test]
fn an_earlier_source_that_yields_late_does_override_a_later_one() {
    let head = request("GET /?session_id=q HTTP/1.1");
    let mut tagger = sessions(&["server-message:/session", "query:session_id"]);
    tagger.on_request(&head, &redactor());
    assert!(tagger.wants_messages(ServerToClient));
    let tags = tagger.on_message(ServerToClient, br#"{"session":"m"}"#);
    assert_eq!(told(&tags), [("server-message:/session", "m")]);
    assert!(tagger.held().eq(&tags));
}

#[test]
fn an_id_that_is_issued_after_it_was_presented_is_told_again() {
    let head = request("GET /?session_id=s HTTP/1.1");
    let mut tagger = sessions(&["server-message:/session", "query:session_id"]);
    tagger.on_request(&head, &redactor());
    let tags = tagger.on_message(ServerToClient, br#"{"session":"s"}"#);
    assert_eq!(tags[0].provenance, Provenance::Issued);
}

#[test]
fn a_name_in_escapes_is_found() {
    let mut tagger = sessions(&["message:/session"]);
    let tags = tagger.on_message(ClientToServer, br#"{"sess\u0069on":"s"}"#);
    assert_eq!(told(&tags), [("message:/session", "s")]);
}

#[test]
fn empty_ids_are_no_ids() {
    let head = request("GET /?session_id= HTTP/1.1\r\nX-Session-ID:\r\nCookie: sid=");
    let sources = [
        "query:session_id",
        "header:X-Session-ID",
        "cookie:sid",
        "message:/s",
    ];
    let mut tagger = sessions(&sources);
    assert_eq!(tagger.on_request(&head, &redactor()), []);
    assert_eq!(tagger.on_message(ClientToServer, br#"{"s":""}"#), []);
}

#[test]
fn a_cookie_that_a_login_sets_is_issued_and_so_is_the_session_that_presents_it() {
    for source in ["cookie:sid", "set-cookie:sid"] {
        let rules = Arc::new(rules(&[source], &[], &[]));
        let login = ResponseHead::parse(b"HTTP/1.1 204 No Content\r\nSet-Cookie: sid=abc\r\n\r\n");
        let login = login.unwrap();
        let mut issued = Issued::default();
        assert!(issued.note(&login, &rules, &redactor()));

        let mut tagger = Tagger::new(Arc::clone(&rules));
        assert_eq!(
            tagger.on_request(&request("POST /login HTTP/1.1"), &redactor()),
            []
        );
        let tags = tagger.on_answer(&login, &redactor());
        assert_eq!(tags[0].value, redactor().replacement(b"abc"), "{source}");
        assert_eq!(tags[0].provenance, Provenance::Issued, "{source}");
        assert_eq!(tags[0].source, "set-cookie:sid");

        let later = request("GET /ws HTTP/1.1\r\nCookie: theme=dark; sid=abc");
        let mut tagger = Tagger::new(Arc::clone(&rules));
        let tags = tagger.on_request_knowing(&later, &redactor(), &issued);
        assert_eq!(tags[0].value, redactor().replacement(b"abc"), "{source}");
        assert_eq!(tags[0].provenance, Provenance::Issued, "{source}");
        assert_eq!(tags[0].source, source);

        let quoted = request("GET /ws HTTP/1.1\r\nCookie: theme=dark; sid=\"abc\"");
        let mut tagger = Tagger::new(Arc::clone(&rules));
        assert_eq!(
            tagger.on_request_knowing(&quoted, &redactor(), &issued),
            tags,
            "{source}"
        );

        let made_up = request("GET /ws HTTP/1.1\r\nCookie: sid=guessed");
        let tags = Tagger::new(rules).on_request_knowing(&made_up, &redactor(), &issued);
        let presented = tags.iter().map(|tag| tag.provenance).collect::<Vec<_>>();
        match source {
            "cookie:sid" => assert_eq!(presented, [Provenance::Presented]),
            _ => assert_eq!(presented, [], "nobody has set it"),
        }
    }
}
