//! One WebSocket: what is queued for it goes out, what comes in is answered in order.

use super::{Platform, requests};
use crate::READ_BUFFER;
use crate::protocol::ids::SessionId;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Speaks for `session` until either side closes.
pub(super) async fn run<S>(stream: S, session: SessionId, platform: Platform)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let (outgoing, mut queue) = mpsc::unbounded_channel();
    let held_up = platform.state().faults.held_up();
    if let Some(late) = held_up {
        tokio::time::sleep(late).await;
    }
    let Some(caller) = platform.state().connect(&session, outgoing) else {
        return;
    };
    loop {
        tokio::select! {
            // Replies and events first: an effect is sent before the next cause is read.
            biased;
            Some(text) = queue.recv() => {
                if socket.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => {
                    let thought = platform.state().delay();
                    tokio::time::sleep(thought).await;
                    requests::answer(&platform, &caller, &text);
                }
                Some(Ok(Message::Binary(_))) => requests::refuse_binary(&platform, &caller),
                // tungstenite queues the pong itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            }
        }
    }
    // The slot is free before the closing frame is echoed: once a client has seen its close
    // through, nothing of its session is sent to that connection any more.
    platform.state().switchboard.leave(caller.slot);
    finish(&mut socket).await;
}

/// Sends the echo of a closing frame (RFC 6455 section 5.5.1) and waits for the end.
async fn finish<S>(socket: &mut WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Err(Error::ConnectionClosed) = socket.flush().await {
        return;
    }
    while let Some(Ok(_)) = socket.next().await {}
}
