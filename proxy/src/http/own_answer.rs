//! The only bytes that originate at the proxy: answers about a failure of its own.

use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::timeout;

use crate::leg::ReadEnd;
use crate::side::Side;

/// How long a client may take to receive an answer and to end its side.
const PATIENCE: Duration = Duration::from_secs(1);

/// An answer of the proxy's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnAnswer {
    /// The request is ambiguous or no HTTP/1.1.
    BadRequest,
    /// The head took too long.
    RequestTimeout,
    /// The head is too long.
    HeadTooLarge,
    /// The upstream cannot be reached.
    BadGateway,
    /// The upstream's certificate is not accepted.
    UpstreamNotTrusted,
    /// The upstream did not answer in time.
    GatewayTimeout,
    /// Too many clients are connected.
    TooManyConnections,
    /// The recorder has failed, and the configuration wants no unrecorded traffic.
    RecorderFailed,
}

impl OwnAnswer {
    const fn status(self) -> &'static str {
        match self {
            Self::BadRequest => "400 Bad Request",
            Self::RequestTimeout => "408 Request Timeout",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::BadGateway | Self::UpstreamNotTrusted => "502 Bad Gateway",
            Self::GatewayTimeout => "504 Gateway Timeout",
            Self::TooManyConnections | Self::RecorderFailed => "503 Service Unavailable",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "wsaudit: this is no unambiguous HTTP/1.1 request\n",
            Self::RequestTimeout => "wsaudit: the request's head took too long\n",
            Self::HeadTooLarge => "wsaudit: the request's head is too long\n",
            Self::BadGateway => "wsaudit: the upstream cannot be reached\n",
            Self::UpstreamNotTrusted => {
                "wsaudit: the upstream's certificate is not accepted; the proxy's log says why, and what to do\n"
            }
            Self::GatewayTimeout => "wsaudit: the upstream did not answer in time\n",
            Self::TooManyConnections => {
                "wsaudit: as many clients are connected as --max-connections allows\n"
            }
            Self::RecorderFailed => "wsaudit: traffic cannot be recorded, so it is refused\n",
        }
    }

    /// The whole answer.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let text = self.text();
        format!(
            "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            self.status(),
            text.len(),
        )
        .into_bytes()
    }

    /// Writes the answer and FIN, and reads until the client has ended, so that no RST overtakes the
    /// answer.
    pub(crate) async fn send(self, client: &mut Side) {
        let bytes = self.bytes();
        let mut written = 0;
        let sending = poll_fn(|cx| {
            while written < bytes.len() {
                match ready!(client.leg.poll_write(cx, &bytes[written..])) {
                    Ok(count) if count > 0 => written += count,
                    Ok(_) | Err(_) => return Poll::Ready(()),
                }
            }
            if ready!(client.leg.poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            loop {
                client.held.clear();
                match ready!(client.poll_fill(cx)) {
                    Ok(ReadEnd::Bytes(_)) => {}
                    Ok(ReadEnd::Fin) | Err(_) => return Poll::Ready(()),
                }
            }
        });
        // A client that does not read has no answer; there is nobody else to tell.
        let _ = timeout(PATIENCE, sending).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_long_it_is() {
        let answer = String::from_utf8(OwnAnswer::BadGateway.bytes()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
