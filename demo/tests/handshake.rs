//! The port's edge: who is let in, and what becomes of requests that cannot be read.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wsaudit_demo::{
    Backend, BackendConfig, Client, ClientError, ClientMessage, Device, SessionId, UserId, healthz,
    sign_in,
};

/// A safety net: nothing here takes as long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

async fn backend() -> Backend {
    Backend::start(BackendConfig::default())
        .await
        .expect("a free port")
}

fn is_refused(attempt: &Result<Client, ClientError>) -> bool {
    matches!(attempt, Err(ClientError::Refused { status }) if status.as_u16() == 401)
}

#[tokio::test]
async fn only_the_tokens_own_session_is_let_in() {
    let backend = backend().await;
    let base = backend.base_url();
    let ada = sign_in(&base, &UserId("u-ada".into()), Device::LaptopBrowser)
        .await
        .expect("login");
    let ben = sign_in(&base, &UserId("u-ben".into()), Device::LaptopBrowser)
        .await
        .expect("login");
    let unknown = SessionId("s-unknown".into());
    assert!(is_refused(
        &Client::connect_as(&base, &ben, &ada.session_id, 1).await
    ));
    assert!(is_refused(
        &Client::connect_as(&base, &ben, &unknown, 2).await
    ));
    let mut forged = ada.clone();
    forged.token.push('x');
    assert!(is_refused(&Client::connect(&base, &forged, 3).await));
    forged.token = "no-token".into();
    assert!(is_refused(&Client::connect(&base, &forged, 4).await));
    let client = Client::connect(&base, &ada, 5)
        .await
        .expect("the token's own session");
    let ready = client
        .wait("session_ready", PATIENCE, |it| it.name() == "session_ready")
        .await;
    assert!(
        ready
            .expect("a greeting")
            .has("session_id", &ada.session_id.0)
    );
    assert_eq!(client.close().await.len(), 1);
    backend.stop().await;
}

#[tokio::test]
async fn a_share_to_nobody_is_not_found() {
    let backend = backend().await;
    let base = backend.base_url();
    healthz(&base).await.expect("healthy");
    let ada = sign_in(&base, &UserId("u-ada".into()), Device::DesktopApp)
        .await
        .expect("login");
    let client = Client::connect(&base, &ada, 1).await.expect("own session");
    let reply = client
        .ask(PATIENCE, |request_id| ClientMessage::ShareThread {
            request_id,
            thread_id: wsaudit_demo::ThreadId("thr_1".into()),
            to_session: SessionId("s-unknown".into()),
        })
        .await
        .expect("a refusal");
    assert!(reply.has("code", "not_found") && reply.has("thread_id", "thr_1"));
    client.close().await;
    backend.stop().await;
}

/// A client of the library cannot send these.
#[tokio::test]
async fn what_is_no_request_is_a_bad_request_with_its_id_if_it_has_one() {
    let backend = backend().await;
    let base = backend.base_url();
    let ada = sign_in(&base, &UserId("u-ada".into()), Device::DesktopApp)
        .await
        .expect("login");
    let mut request = format!("ws://{}/ws", backend.addr())
        .into_client_request()
        .expect("a URL");
    let bearer = format!("Bearer {}", ada.token)
        .parse()
        .expect("a header value");
    request.headers_mut().insert("Authorization", bearer);
    let session = ada.session_id.0.parse().expect("a header value");
    request.headers_mut().insert("X-Session-ID", session);
    let (mut socket, _) = connect_async(request).await.expect("own session");
    let mut next = async |sent: Option<Message>| {
        if let Some(sent) = sent {
            socket.send(sent).await.expect("an open connection");
        }
        let received = timeout(PATIENCE, socket.next()).await.expect("a reply");
        received.expect("an open connection").expect("a message")
    };
    let ready = next(None).await;
    assert!(
        ready
            .to_text()
            .expect("text")
            .starts_with(r#"{"type":"session_ready""#)
    );
    for (sent, id) in [
        (Message::text("no json"), Value::Null),
        (Message::text(r#"{"type":"rename_thread"}"#), Value::Null),
        (
            Message::text(r#"{"type":"open_thread","request_id":"req-7"}"#),
            "req-7".into(),
        ),
        (Message::binary(vec![0xff]), Value::Null),
    ] {
        let reply = next(Some(sent)).await;
        let reply: Value = serde_json::from_str(reply.to_text().expect("text")).expect("JSON");
        assert_eq!(
            (&reply["code"], &reply["request_id"]),
            (&"bad_request".into(), &id)
        );
    }
    let pong = next(Some(Message::Ping(vec![1, 2].into()))).await;
    assert_eq!(pong, Message::Pong(vec![1, 2].into()));
    let close = CloseFrame {
        code: CloseCode::Normal,
        reason: "bye".into(),
    };
    let echo = next(Some(Message::Close(Some(close.clone())))).await;
    assert_eq!(echo, Message::Close(Some(close)));
    backend.stop().await;
}

#[tokio::test]
async fn a_stopped_backend_ends_its_connections() {
    let backend = backend().await;
    let base = backend.base_url();
    let ada = sign_in(&base, &UserId("u-ada".into()), Device::DesktopApp)
        .await
        .expect("login");
    let client = Client::connect(&base, &ada, 1).await.expect("own session");
    backend.stop().await;
    let ended = client.wait("the end", PATIENCE, |_| false).await;
    assert!(matches!(ended, Err(ClientError::Ended)), "{ended:?}");
    assert!(matches!(
        healthz(&base).await,
        Err(ClientError::Connection { .. })
    ));
}
