//! Logins over plain HTTP: sessions that the server issues.

use tokio::io::AsyncWriteExt;
use wsaudit_recording::{HowExchangeEnded, Provenance, TagKind};

use super::ask;
use crate::harness::{Rig, SWITCH, UPGRADE, expect};

#[tokio::test]
async fn a_login_makes_the_session_that_it_sets_an_issued_one() {
    for source in ["cookie:sid", "set-cookie:sid"] {
        let rig = Rig::start_with(|config| {
            config.record_http = Vec::new();
            config.tags.session = vec![source.parse().unwrap()];
        })
        .await;
        let mut client = rig.client().await;
        let login = b"POST /login HTTP/1.1\r\nContent-Length: 4\r\n\r\nuser";
        client.write_all(login).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, login).await;
        let answer =
            b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=abc; HttpOnly\r\nContent-Length: 2\r\n\r\nhi";
        server.write_all(answer).await.unwrap();
        expect(&mut client, answer).await;
        // It sets it again and again: once is enough.
        ask(
            &mut client,
            &mut server,
            b"GET /me HTTP/1.1\r\nCookie: sid=abc\r\n\r\n",
            answer,
        )
        .await;
        for sid in ["abc", "made-up"] {
            let mut client = rig.client().await;
            let upgrade = format!(
                "{}Cookie: theme=dark; sid={sid}\r\n\r\n",
                std::str::from_utf8(&UPGRADE[..UPGRADE.len() - 2]).unwrap()
            );
            client.write_all(upgrade.as_bytes()).await.unwrap();
            let mut server = rig.accept().await;
            expect(&mut server, upgrade.as_bytes()).await;
            server.write_all(SWITCH).await.unwrap();
            expect(&mut client, SWITCH).await;
            drop((client, server));
        }
        drop((client, server));
        let left = rig.stop().await;
        let exchange = left.exchange();
        assert_eq!(exchange.opened.target, "/login");
        assert_eq!(exchange.ended.unwrap().how, HowExchangeEnded::Answered);
        assert_eq!(left.messages(), [], "its bodies were not chosen");
        let connections = left.reader.connections().unwrap();
        let [known, made_up] = [connections[0].id.0, connections[1].id.0];
        let mut expected = vec![
            (exchange.id.0, Provenance::Issued),
            (known, Provenance::Issued),
        ];
        if source == "cookie:sid" {
            expected.push((made_up, Provenance::Presented));
        }
        assert_eq!(left.provenances(TagKind::Session), expected, "{source}");
    }
}

/// A handshake whose request and answer have these fields besides the usual ones.
async fn handshake(rig: &Rig, request_field: &str, answer_field: &str) {
    let with =
        |head: &[u8], field: &str| [&head[..head.len() - 2], field.as_bytes(), b"\r\n"].concat();
    let (request, answer) = (with(UPGRADE, request_field), with(SWITCH, answer_field));
    let mut client = rig.client().await;
    client.write_all(&request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &request).await;
    server.write_all(&answer).await.unwrap();
    expect(&mut client, &answer).await;
}

#[tokio::test]
async fn a_session_that_a_101_sets_is_issued_where_it_is_presented_later() {
    for source in ["cookie:sid", "set-cookie:sid"] {
        let rig = Rig::start_with(|config| {
            config.tags.session = vec![source.parse().unwrap()];
        })
        .await;
        handshake(&rig, "", "Set-Cookie: sid=abc; HttpOnly\r\n").await;
        handshake(&rig, "Cookie: sid=abc\r\n", "").await;
        let left = rig.stop().await;
        let connections = left.reader.connections().unwrap();
        let mut expected = vec![(connections[1].id.0, Provenance::Issued)];
        if source == "set-cookie:sid" {
            expected.insert(0, (connections[0].id.0, Provenance::Issued));
        }
        assert_eq!(left.provenances(TagKind::Session), expected, "{source}");
    }
}

#[tokio::test]
async fn ignored_paths_and_other_logins_leave_nothing() {
    let rig = Rig::start_with(|config| {
        config.ignore_paths = vec!["/dev".parse().unwrap()];
        config.record_http = vec!["/dev/*".parse().unwrap(), "/api".parse().unwrap()];
        config.tags.session = vec!["cookie:sid".parse().unwrap()];
    })
    .await;
    let mut client = rig.client().await;
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\n\r\n").into_bytes();
    client.write_all(&request("/dev/x")).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &request("/dev/x")).await;
    let answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: theme=dark\r\nContent-Length: 0\r\n\r\n";
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    ask(&mut client, &mut server, &request("/login"), answer).await;
    drop((client, server));
    let left = rig.stop().await;
    assert_eq!(left.reader.exchanges().unwrap(), []);
    assert_eq!(left.summary.exchanges, 0);
}

#[tokio::test]
async fn the_summary_says_that_a_cookie_is_renewed() {
    let rig = Rig::start_with(|config| config.record_http = Vec::new()).await;
    let mut client = rig.client().await;
    let request = b"GET /me HTTP/1.1\r\nCookie: sid=a\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    let answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=b\r\nContent-Length: 0\r\n\r\n";
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    drop((client, server));
    handshake(&rig, "Cookie: sid=b\r\n", "").await;
    let left = rig.stop().await;
    let told = left.summary.candidates.iter();
    let told: Vec<_> = told.map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "cookie:sid on 1 of 1 connection, 1 value, renewed once by answers to its own holder: \
             --session cookie:sid"
        ]
    );
}
