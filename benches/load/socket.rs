//! A TCP connection, and what was read of it and not yet used.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::ready;

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

/// RFC 6455, section 1.3: the example's key, and its answer.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const HEAD_END: &[u8] = b"\r\n\r\n";

thread_local! {
    /// One buffer for all connections: nearly all are idle at any moment.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

pub(crate) struct Socket {
    stream: TcpStream,
    pub(crate) held: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            held: Vec::new(),
        })
    }

    /// Connects, and opens a WebSocket on `/?c=NUMBER`.
    pub(crate) async fn open(to: SocketAddr, number: usize) -> io::Result<Self> {
        let mut socket = Self::new(TcpStream::connect(to).await?)?;
        let head = format!(
            "GET /?c={number} HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        socket.write(head.as_bytes()).await?;
        let head = socket.head().await?;
        if head.starts_with("HTTP/1.1 101 ") {
            Ok(socket)
        } else {
            let line = head.lines().next().unwrap_or_default();
            Err(io::Error::other(format!("no 101: {line}")))
        }
    }

    /// Reads a head, up to and with its empty line.
    pub(crate) async fn head(&mut self) -> io::Result<String> {
        loop {
            let end = self
                .held
                .windows(HEAD_END.len())
                .position(|it| it == HEAD_END);
            if let Some(end) = end {
                let after = self.held.split_off(end + HEAD_END.len());
                let head = std::mem::replace(&mut self.held, after);
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            self.read().await?;
        }
    }

    /// Reads once, and appends to `held`. An end of the stream is an error: it is asked for only while more must come.
    pub(crate) async fn read(&mut self) -> io::Result<()> {
        let Self { stream, held } = self;
        let count = poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
                held.extend_from_slice(buffer.filled());
                std::task::Poll::Ready(Ok::<_, io::Error>(buffer.filled().len()))
            })
        })
        .await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Forgets the first bytes of what is held.
    pub(crate) fn used(&mut self, count: usize) {
        self.held.drain(..count);
    }
}
