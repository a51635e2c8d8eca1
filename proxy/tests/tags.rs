//! Who a connection speaks for, and what of its secrets is left: from the wire to the finished file.

use std::process::Command;

use tokio::io::AsyncWriteExt;
use wsaudit_proxy::ProxyConfig;
use wsaudit_recording::{Provenance, TagKind, TagSpan};
use wsaudit_tagging::{Candidate, HmacRedactor, Redactor, Source};
use wsaudit_wire::Direction;

use crate::harness::{Left, Rig, SWITCH, UPGRADE, expect, masked, unmasked, within};

/// `{"sub":"u-1","sid":"s-jwt","jti":"t-9"}`, signed with nothing anybody knows.
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1LTEiLCJzaWQiOiJzLWp3dCIsImp0aSI6InQtOSJ9.\
    c2lnbmF0dXJlLW9mLW5vYm9keS1rbm93cw";

fn sources(names: &[&str]) -> Vec<Source> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn session(names: &'static [&'static str]) -> impl FnOnce(&mut ProxyConfig) {
    move |config| config.tags.session = sources(names)
}

/// A handshake with these fields and this target, and what it left.
async fn handshake(
    change: impl FnOnce(&mut ProxyConfig),
    target: &str,
    request_fields: &str,
    answer_fields: &str,
    from_client: &[&str],
    from_server: &[&str],
) -> Left {
    let rig = Rig::start_with(change).await;
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         {request_fields}\r\n"
    );
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{answer_fields}\r\n"
    );
    let mut client = rig.client().await;
    client.write_all(request.as_bytes()).await.unwrap();
    let mut server = rig.accept().await;
    // The peers get the secrets; only the recording does not.
    expect(&mut server, request.as_bytes()).await;
    server.write_all(answer.as_bytes()).await.unwrap();
    expect(&mut client, answer.as_bytes()).await;
    for message in from_client {
        client
            .write_all(&masked(0x81, message.as_bytes()))
            .await
            .unwrap();
        expect(&mut server, &masked(0x81, message.as_bytes())).await;
    }
    for message in from_server {
        server
            .write_all(&unmasked(0x81, message.as_bytes()))
            .await
            .unwrap();
        expect(&mut client, &unmasked(0x81, message.as_bytes())).await;
    }
    drop((client, server));
    rig.stop().await
}

fn of_kind(left: &Left, kind: TagKind) -> Vec<TagSpan> {
    let tags = left.reader.tags().unwrap();
    tags.into_iter()
        .filter(|span| span.tag.kind == kind)
        .collect()
}

/// The one session tag, its value, its source and who said it.
fn session_of(left: &Left) -> (String, String, Provenance) {
    let spans = of_kind(left, TagKind::Session);
    assert_eq!(spans.len(), 1, "{spans:?}");
    let tag = spans.into_iter().next().unwrap().tag;
    (tag.value, tag.source, tag.provenance)
}

/// That none of these is anywhere in the file.
fn absent(left: &Left, secrets: &[&str]) {
    let file = std::fs::read(&left.file.path).unwrap();
    assert!(
        file.windows(10).any(|part| part == b"connection"),
        "this is the recording"
    );
    for secret in secrets {
        let found = file
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{secret:?} is in the recording");
    }
    let beside = left.file.path.parent().unwrap().read_dir().unwrap().count();
    assert_eq!(beside, 1, "one file is left");
}

#[tokio::test]
async fn a_header_a_query_parameter_and_a_path_name_a_session() {
    let header = "X-Session-ID: s-1\r\n";
    let left = handshake(
        session(&["header:x-session-id"]),
        "/ws",
        header,
        "",
        &[],
        &[],
    )
    .await;
    let presented = Provenance::Presented;
    assert_eq!(
        session_of(&left),
        ("s-1".into(), "header:x-session-id".into(), presented)
    );
    assert_eq!(left.summary.sessions, 1);

    let target = "/ws?session_id=s%2D2";
    let left = handshake(session(&["query:session_id"]), target, "", "", &[], &[]).await;
    assert_eq!(
        session_of(&left),
        ("s-2".into(), "query:session_id".into(), presented)
    );

    let left = handshake(session(&["path:/s/([^/]+)"]), "/s/s-3/ws", "", "", &[], &[]).await;
    assert_eq!(
        session_of(&left),
        ("s-3".into(), "path:/s/([^/]+)".into(), presented)
    );
}

#[tokio::test]
async fn the_first_source_that_yields_wins() {
    let names = session(&[
        "header:X-None",
        "subprotocol:^sid\\.(.+)$",
        "query:session_id",
    ]);
    let field = "Sec-WebSocket-Protocol: chat, sid.s-4\r\n";
    let left = handshake(names, "/ws?session_id=other", field, "", &[], &[]).await;
    let (value, source, _) = session_of(&left);
    assert_eq!(
        (value.as_str(), source.as_str()),
        ("s-4", "subprotocol:^sid\\.(.+)$")
    );
}

#[tokio::test]
async fn a_token_yields_its_claims_and_is_nowhere_in_the_file() {
    let authorization = format!("Authorization: Bearer {JWT}\r\n");
    let change = |config: &mut ProxyConfig| {
        config.tags.session = sources(&["jwt:sid"]);
        config.tags.user = sources(&["jwt:sub"]);
    };
    let left = handshake(change, "/ws", &authorization, "", &[], &[]).await;
    assert_eq!(
        session_of(&left),
        ("s-jwt".into(), "jwt:sid".into(), Provenance::Issued)
    );
    assert_eq!(of_kind(&left, TagKind::User)[0].tag.value, "u-1");
    let claims: Vec<_> = of_kind(&left, TagKind::Claim)
        .into_iter()
        .map(|span| (span.tag.source, span.tag.value))
        .collect();
    assert!(
        claims.contains(&("jwt:jti".into(), "t-9".into())),
        "{claims:?}"
    );
    let hashed = HmacRedactor::new(&[7; 32]).replacement(JWT.as_bytes());
    assert_eq!(of_kind(&left, TagKind::Credential)[0].tag.value, hashed);
    let head = String::from_utf8(left.connection().opened.request_head).unwrap();
    assert!(
        head.contains(&format!("Authorization: Bearer {hashed}\r\n")),
        "{head}"
    );
    let parts: Vec<_> = JWT.split('.').collect();
    absent(&left, &parts);
}

#[tokio::test]
async fn a_cookie_that_names_a_session_is_hashed() {
    let cookie = "Cookie: theme=dark; sid=Zm9vYmFyYmF6\r\n";
    let left = handshake(session(&["cookie:sid"]), "/ws", cookie, "", &[], &[]).await;
    let hashed = HmacRedactor::new(&[7; 32]).replacement(b"Zm9vYmFyYmF6");
    assert_eq!(
        session_of(&left),
        (hashed, "cookie:sid".into(), Provenance::Presented)
    );
    absent(&left, &["Zm9vYmFyYmF6"]);
}

#[tokio::test]
async fn a_cookie_that_the_answer_sets_is_issued_and_hashed() {
    let set = "Set-Cookie: sid=aXNzdWVkLXNlY3JldA; HttpOnly\r\n";
    let left = handshake(session(&["set-cookie:sid"]), "/ws", "", set, &[], &[]).await;
    let hashed = HmacRedactor::new(&[7; 32]).replacement(b"aXNzdWVkLXNlY3JldA");
    assert_eq!(
        session_of(&left),
        (hashed, "set-cookie:sid".into(), Provenance::Issued)
    );
    absent(&left, &["aXNzdWVkLXNlY3JldA"]);
}

#[tokio::test]
async fn secrets_in_urls_and_subprotocols_are_hashed() {
    let target = "/ws?access_token=dXJsLXNlY3JldC0wMDE&x=1";
    let field = format!("Sec-WebSocket-Protocol: bearer, {JWT}\r\n");
    let chosen = format!("Sec-WebSocket-Protocol: {JWT}\r\n");
    let left = handshake(|_| {}, target, &field, &chosen, &[], &[]).await;
    let mut secrets: Vec<_> = JWT.split('.').collect();
    secrets.push("dXJsLXNlY3JldC0wMDE");
    absent(&left, &secrets);
    let subprotocol = left.connection().answered.unwrap().subprotocol.unwrap();
    assert!(subprotocol.starts_with("redacted-"), "{subprotocol}");
}

#[tokio::test]
async fn a_login_in_a_message_tags_from_its_frame_on() {
    let left = handshake(
        session(&["message:/login/session"]),
        "/ws",
        "",
        "",
        &[
            "{\"hello\":1}",
            "{\"login\":{\"session\":\"s-5\"}}",
            "{\"after\":1}",
        ],
        &[],
    )
    .await;
    assert_eq!(session_of(&left).0, "s-5");
    let frames = left.frames(left.connection().id, Direction::ClientToServer);
    let span = &of_kind(&left, TagKind::Session)[0];
    assert!(!span.holds_at(frames[0].seq));
    assert!(span.holds_at(frames[1].seq) && span.holds_at(frames[2].seq));
}

#[tokio::test]
async fn a_session_that_the_server_issues_and_changes() {
    let left = handshake(
        session(&["server-message:/session_id"]),
        "/ws",
        "",
        "",
        &["{\"session_id\":\"claimed\"}"],
        &[
            "{\"session_id\":\"s-6\"}",
            "{\"session_id\":\"s-6\"}",
            "{\"session_id\":\"s-7\"}",
        ],
    )
    .await;
    let spans = of_kind(&left, TagKind::Session);
    let values: Vec<_> = spans.iter().map(|span| span.tag.value.as_str()).collect();
    assert_eq!(values, ["s-6", "s-7"]);
    assert!(
        spans
            .iter()
            .all(|span| span.tag.provenance == Provenance::Issued)
    );
    let frames = left.frames(left.connection().id, Direction::ServerToClient);
    let at = |index: usize| -> Vec<bool> {
        spans
            .iter()
            .map(|span| span.holds_at(frames[index].seq))
            .collect()
    };
    assert_eq!(
        (at(0), at(1), at(2)),
        (vec![true, false], vec![true, false], vec![false, true])
    );
    assert_eq!(left.summary.sessions, 2);
}

#[tokio::test]
async fn secrets_are_in_no_file_while_it_is_written() {
    let rig = Rig::start_with(|_| {}).await;
    let fields = format!("Authorization: Bearer {JWT}\r\nCookie: sid=Zm9vYmFyYmF6\r\n\r\n");
    let request = [&UPGRADE[..UPGRADE.len() - 2], fields.as_bytes()].concat();
    let mut client = rig.client().await;
    client.write_all(&request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &request).await;
    server.write_all(SWITCH).await.unwrap();
    expect(&mut client, SWITCH).await;
    client.write_all(&masked(0x81, b"marker")).await.unwrap();
    let sender = rig.sender();
    within(async {
        while sender.stats().frames == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // By another process: this one would give up SQLite's locks when it closes the files.
    let mut files = Vec::new();
    for entry in rig.directory().read_dir().unwrap() {
        let shown = Command::new("cat")
            .arg(entry.unwrap().path())
            .output()
            .unwrap();
        files.extend(shown.stdout);
    }
    let holds = |text: &str| {
        files
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(
        holds("marker") && holds("redacted-"),
        "these are the recording's files"
    );
    for secret in JWT.split('.').chain(["Zm9vYmFyYmF6"]) {
        assert!(!holds(secret), "{secret}");
    }
    drop((client, server));
    rig.stop().await;
}

#[tokio::test]
async fn the_summary_names_sources_that_would_have_worked() {
    let left = handshake(|_| {}, "/ws?session_id=s-8", "", "", &[], &[]).await;
    let flags: Vec<_> = left
        .summary
        .candidates
        .iter()
        .map(Candidate::flag)
        .collect();
    assert_eq!(flags, ["--session query:session_id"]);
    assert_eq!(left.summary.sessions, 0);
}
