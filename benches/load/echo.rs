//! An echo server.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::frames::{self, Frame};
use super::socket::{ACCEPT, Socket};

/// Serves for `seconds` at the most; prints where.
pub(crate) async fn serve(seconds: Duration) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let serving = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(async move {
                        // Proxies look whether their upstream lives, and end connections as they please.
                        let _ = echo(stream).await;
                    });
                }
                Err(error) => return error,
            }
        }
    };
    match tokio::time::timeout(seconds, serving).await {
        Ok(error) => Err(error),
        Err(_elapsed) => Ok(()),
    }
}

async fn echo(stream: TcpStream) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let mut socket = Socket::new(stream).map_err(failed)?;
    socket.head().await.map_err(failed)?;
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    socket.write(head.as_bytes()).await.map_err(failed)?;
    let mut out = Vec::new();
    let mut closing = false;
    while !closing {
        let used = frames::each(&mut socket.held, |frame| {
            closing |= matches!(frame, Frame::Close);
            frames::append_echo(&frame, &mut out)
        })?;
        socket.used(used);
        if out.is_empty() {
            socket.read().await.map_err(failed)?;
        } else {
            socket.write(&out).await.map_err(failed)?;
            out.clear();
        }
    }
    Ok(())
}
