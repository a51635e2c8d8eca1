//! One of the proxy's two sockets of a connection, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;
use wsaudit_recording::ServerTls;

use crate::tls;

/// A dead peer that sends neither FIN nor RST is noticed after about this time without traffic.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// One socket of a connection.
#[derive(Debug)]
pub(crate) enum Leg {
    /// The bytes of the socket.
    Plain(TcpStream),
    /// The bytes inside TLS. Boxed: its state is a kilobyte, and most legs have none.
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// So many bytes, at least one.
    Bytes(usize),
    /// The peer will send no more.
    Fin,
}

/// Sets what every leg has: no coalescing of small writes, and keep-alive probes, the only timeout
/// after a 101.
pub(crate) fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    SockRef::from(socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}

impl Leg {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// What TLS has settled with an upstream; `None` where there is none.
    pub(crate) fn settled_with_upstream(&self) -> Option<ServerTls> {
        match self {
            Self::Tls(stream) => match &**stream {
                TlsStream::Client(stream) => Some(tls::settled_with_upstream(stream.get_ref().1)),
                TlsStream::Server(_) => None,
            },
            Self::Plain(_) => None,
        }
    }

    /// Closes the socket with RST, so that the peer sees the reset that the other leg's peer sent.
    pub(crate) fn reset(self) {
        // It fails only on a socket that is gone already.
        let _ = self.tcp().set_zero_linger();
    }

    /// Reads into `into`, at least a byte; the buffer is shared by all connections of a thread.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<ReadEnd>> {
        let mut buffer = ReadBuf::new(into);
        let read = match self {
            Self::Plain(socket) => ready!(Pin::new(socket).poll_read(cx, &mut buffer)),
            Self::Tls(stream) => ready!(Pin::new(stream).poll_read(cx, &mut buffer)),
        };
        match read {
            Ok(()) if buffer.filled().is_empty() => Poll::Ready(Ok(ReadEnd::Fin)),
            Ok(()) => Poll::Ready(Ok(ReadEnd::Bytes(buffer.filled().len()))),
            // FIN without a `close_notify` before it: common, and on this level just the end. Frames
            // have lengths of their own, so truncation shows.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(ReadEnd::Fin))
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    // TLS 1.3 says only now that it misses a client's certificate.
                    tracing::warn!(%error, peer = ?self.tcp().peer_addr().ok(), "TLS broke off");
                }
                Poll::Ready(Err(error))
            }
        }
    }

    /// Writes some of `bytes`.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Ends when nothing that was written waits in TLS any more.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Sends FIN (after TLS's `close_notify`); reading goes on.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SockRef, prepare};
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_prepared_socket_coalesces_no_writes_and_probes_its_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        prepare(&socket).unwrap();
        assert!(socket.nodelay().unwrap());
        assert!(SockRef::from(&socket).keepalive().unwrap());
    }
}
