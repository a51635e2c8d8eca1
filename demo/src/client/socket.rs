//! The task that owns a client's WebSocket.

use super::{ClientError, Received, SignIn, http};
use crate::READ_BUFFER;
use crate::protocol::ids::SessionId;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

#[derive(Debug)]
pub(super) enum Command {
    Send(String),
    Close,
}

pub(super) async fn open(
    base: &str,
    sign_in: &SignIn,
    session: &SessionId,
) -> Result<WebSocketStream<TcpStream>, ClientError> {
    let authority = http::authority(base)?;
    let device = sign_in.device.name();
    let url = format!("ws://{authority}/ws?device={device}");
    let mut request = url.into_client_request().map_err(refused)?;
    if !sign_in.token.is_empty() {
        let bearer = header(base, &format!("Bearer {}", sign_in.token))?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
    }
    request
        .headers_mut()
        .insert("X-Session-ID", header(base, &session.0)?);
    request
        .headers_mut()
        .insert("X-Device-Type", HeaderValue::from_static(device));
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let stream = http::dial(authority).await?;
    let (socket, _) = client_async_with_config(request, stream, Some(config))
        .await
        .map_err(refused)?;
    Ok(socket)
}

/// A session id or token comes from the server; one that is no header value is not ours to send.
fn header(base: &str, value: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_str(value).map_err(|_| ClientError::BaseUrl(base.to_owned()))
}

fn refused(error: tungstenite::Error) -> ClientError {
    match error {
        tungstenite::Error::Http(response) => ClientError::Refused {
            status: response.status(),
        },
        error => ClientError::Handshake(Box::new(error)),
    }
}

/// Sends what it is told and logs what it gets, until both sides have closed.
pub(super) async fn run(
    mut socket: WebSocketStream<TcpStream>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    log: watch::Sender<Vec<Received>>,
) {
    let mut closing = false;
    loop {
        tokio::select! {
            command = commands.recv(), if !closing => {
                let sent = match command {
                    Some(Command::Send(text)) => socket.send(Message::text(text)).await,
                    Some(Command::Close) | None => {
                        closing = true;
                        let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                        socket.close(Some(normal)).await
                    }
                };
                if sent.is_err() {
                    return;
                }
            }
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => {
                    let at = Instant::now();
                    let json = serde_json::from_str(&text)
                        .unwrap_or_else(|_| Value::String(text.to_string()));
                    log.send_modify(|log| log.push(Received { at, json }));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        }
    }
}
