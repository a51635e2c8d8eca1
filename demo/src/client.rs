//! A client of the application: signs in, connects, asks, and logs whatever it receives.

mod error;
mod http;
mod socket;

pub use error::ClientError;
pub use http::{SignIn, healthz, sign_in};

use crate::protocol::ClientMessage;
use crate::protocol::ids::{Mint, RequestId, SessionId};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A message from the server, as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// When it was received.
    pub at: Instant,
    /// The JSON of the message; a string where the message was no JSON.
    pub json: Value,
}

impl Received {
    /// Its `type`; empty where it has none.
    pub fn name(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// A member that is a string.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.json.get(member)?.as_str()
    }

    /// The session the message says it is meant for.
    pub fn session_id(&self) -> Option<&str> {
        self.text("session_id")
    }

    /// Whether a member is this string.
    pub fn has(&self, member: &str, value: &str) -> bool {
        self.text(member) == Some(value)
    }
}

/// One open connection. Its methods take `&self`: a client may do several things at once.
#[derive(Debug)]
pub struct Client {
    sign_in: SignIn,
    session: SessionId,
    commands: mpsc::UnboundedSender<socket::Command>,
    log: watch::Receiver<Vec<Received>>,
    requests: Mutex<Mint>,
    socket: JoinHandle<()>,
}

/// As long as a closing handshake may take before the connection is dropped.
const CLOSING_LIMIT: Duration = Duration::from_secs(5);

impl Client {
    /// Opens a connection for the session that `sign_in` is for. `seed` is where its request ids
    /// come from: two clients must not share one.
    pub async fn connect(base: &str, sign_in: &SignIn, seed: u64) -> Result<Self, ClientError> {
        Self::connect_as(base, sign_in, &sign_in.session_id, seed).await
    }

    /// Claims `session`, whatever the token says; a sound server refuses any but the token's own.
    pub async fn connect_as(
        base: &str,
        sign_in: &SignIn,
        session: &SessionId,
        seed: u64,
    ) -> Result<Self, ClientError> {
        let stream = socket::open(base, sign_in, session).await?;
        let (commands, queue) = mpsc::unbounded_channel();
        let (received, log) = watch::channel(Vec::new());
        Ok(Self {
            sign_in: sign_in.clone(),
            session: session.clone(),
            commands,
            log,
            requests: Mutex::new(Mint::new(seed)),
            socket: tokio::spawn(socket::run(stream, queue, received)),
        })
    }

    /// The session this connection claims.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Who signed in, from which device, with which token.
    pub fn holder(&self) -> &SignIn {
        &self.sign_in
    }

    /// Everything received so far, in order.
    pub fn log(&self) -> Vec<Received> {
        self.log.borrow().clone()
    }

    /// Sends a request with a new id, and does not wait.
    pub fn send(
        &self,
        request: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<RequestId, ClientError> {
        let id = self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .id("req-");
        let id = RequestId(id);
        let text = serde_json::to_string(&request(id.clone())).expect("requests are strings");
        self.commands
            .send(socket::Command::Send(text))
            .map_err(|_| ClientError::Ended)?;
        Ok(id)
    }

    /// Sends a request and waits for the reply that repeats its id.
    pub async fn ask(
        &self,
        patience: Duration,
        request: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<Received, ClientError> {
        let id = self.send(request)?;
        self.wait("a reply", patience, |it| it.has("request_id", &id.0))
            .await
    }

    /// Waits until a message like this has been received, and returns the first that was, also
    /// if that was before the call. `what` is for the error.
    pub async fn wait(
        &self,
        what: &'static str,
        patience: Duration,
        like: impl Fn(&Received) -> bool,
    ) -> Result<Received, ClientError> {
        let mut log = self.log.clone();
        let seen = log.wait_for(|log| log.iter().any(&like));
        match timeout(patience, seen).await {
            Ok(Ok(log)) => log
                .iter()
                .find(|it| like(it))
                .cloned()
                .ok_or(ClientError::Ended),
            Ok(Err(_)) => Err(ClientError::Ended),
            Err(_) => Err(ClientError::NothingReceived { what, patience }),
        }
    }

    /// Closes with code 1000, waits for the server's echo, and returns everything received.
    pub async fn close(self) -> Vec<Received> {
        // The task is gone already where the server closed first.
        let _ = self.commands.send(socket::Command::Close);
        let abort = self.socket.abort_handle();
        if timeout(CLOSING_LIMIT, self.socket).await.is_err() {
            abort.abort();
        }
        self.log.borrow().clone()
    }
}
