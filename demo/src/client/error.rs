//! What can go wrong for a client.

use hyper::http::StatusCode;
use std::time::Duration;
use tokio_tungstenite::tungstenite;

/// A client could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The base URL is not `http://host:port`.
    #[error("{0:?} is no base URL; give http://HOST:PORT")]
    BaseUrl(String),
    /// The server could not be reached, or the connection broke.
    #[error("connection to {to} failed")]
    Connection {
        /// Host and port.
        to: String,
        /// What the socket said.
        source: std::io::Error,
    },
    /// Plain HTTP failed.
    #[error("{path} failed")]
    Http {
        /// The path that was asked for.
        path: &'static str,
        /// What hyper said.
        source: hyper::Error,
    },
    /// Plain HTTP was answered, but not with what was expected.
    #[error("{path} was answered with {status} and {body:?}")]
    Answer {
        /// The path that was asked for.
        path: &'static str,
        /// The status of the answer.
        status: StatusCode,
        /// The answer's body, as far as it is text.
        body: String,
    },
    /// The opening handshake was answered with something else than 101.
    #[error("the opening handshake was refused with {status}")]
    Refused {
        /// The status of the answer.
        status: StatusCode,
    },
    /// The opening handshake failed.
    #[error("the opening handshake failed")]
    Handshake(#[source] Box<tungstenite::Error>),
    /// The connection had ended before the awaited message came.
    #[error("the connection has ended")]
    Ended,
    /// The awaited message did not come in time.
    #[error("{what} did not come within {patience:?}")]
    NothingReceived {
        /// What was awaited.
        what: &'static str,
        /// How long.
        patience: Duration,
    },
}
