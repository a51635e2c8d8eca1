//! The port's edge: who is let in, and what becomes of requests that cannot be read.

use std::time::Duration;
use wsaudit_demo::{
    Backend, BackendConfig, Client, ClientError, ClientMessage, Device, SessionId, UserId, healthz,
    sign_in,
};

const PATIENCE: Duration = Duration::from_secs(20);

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
async fn what_is_no_right_request_is_refused_with_its_id() {
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
