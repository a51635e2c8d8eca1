//! Real WebSocket endpoints on both sides.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{accept_async, client_async};
use wsaudit_recording::HowEnded;
use wsaudit_wire::{Direction, Endpoint};

use crate::harness::{Rig, within};

#[tokio::test]
async fn real_endpoints_talk_close_and_are_recorded() {
    const CLIENTS: usize = 8;
    const MESSAGES: usize = 50;
    let rig = Rig::start().await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let addr = rig.addr;
            tokio::spawn(async move {
                let socket = tokio::net::TcpStream::connect(addr).await.unwrap();
                let url = format!("ws://{addr}/ws?n={number}");
                let (mut client, _) = client_async(url, socket).await.unwrap();
                for index in 0..MESSAGES {
                    let text = format!("{number}:{index}");
                    client.send(Message::text(text.clone())).await.unwrap();
                    assert_eq!(client.next().await.unwrap().unwrap(), Message::text(text));
                }
                let close = CloseFrame {
                    code: CloseCode::Normal,
                    reason: "done".into(),
                };
                client.close(Some(close)).await.unwrap();
                while let Some(Ok(_)) = client.next().await {}
            })
        })
        .collect();
    for _ in 0..CLIENTS {
        let mut server = accept_async(rig.accept().await).await.unwrap();
        tokio::spawn(async move {
            while let Some(Ok(message)) = server.next().await {
                if message.is_text() {
                    server.send(message).await.unwrap();
                }
            }
        });
    }
    for client in clients {
        within(client).await.unwrap();
    }
    let left = rig.stop().await;
    assert_eq!(left.anomaly_codes(), Vec::<String>::new());
    let connections = left.reader.connections().unwrap();
    assert_eq!(connections.len(), CLIENTS);
    for connection in connections {
        let frames = left.frames(connection.id, Direction::ClientToServer);
        assert_eq!(frames.len(), MESSAGES + 1);
        assert_eq!(
            left.frames(connection.id, Direction::ServerToClient).len(),
            MESSAGES + 1
        );
        let closed = connection.closed.unwrap();
        assert_eq!(
            (closed.how, closed.closed_by),
            (HowEnded::Fin, Some(Endpoint::Client))
        );
        assert_eq!(
            (closed.close_code, closed.close_reason.as_deref()),
            (Some(1000), Some("done"))
        );
    }
}
