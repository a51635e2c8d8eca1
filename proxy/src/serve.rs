//! One client connection, from its first byte to its end.
//!
//! It has an upstream connection of its own, opened for its first request: what a client would see
//! of a server that it talks to directly, it sees through the proxy.

mod plain;
mod request;
mod switch;
mod unread;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;
use wsaudit_recording::ClientTls;
use wsaudit_wire::Endpoint;

use crate::blind::Blind;
use crate::counters::Event;
use crate::http::exchange::{self, NoRequest};
use crate::http::own_answer::OwnAnswer;
use crate::leg::{self, Leg};
use crate::phase::PhaseWatch;
use crate::relay::{RelayEnd, relay};
use crate::route::OpenRoute;
use crate::shared::{Client, Shared};
use crate::side::Side;
use crate::tap::Arrival;
use crate::tls;
use plain::Plain;
use unread::{Beginning, Unread};

/// Serves a client until its connection ends.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    route: Arc<OpenRoute>,
    socket: TcpStream,
    client_addr: SocketAddr,
    mut phase: PhaseWatch,
) {
    let _client = Client::came(&shared);
    let Some((leg, settled)) = greet(&shared, &route, socket, client_addr, &mut phase).await else {
        return;
    };
    let client = Side::client(leg);
    Conversation {
        begun: Beginning::now(shared.sender.run()),
        shared,
        client,
        client_addr,
        arrival: Arrival {
            client_addr,
            upstream: route.upstream.clone(),
            tls: settled,
        },
        route,
        server: None,
        phase,
        plain: None,
    }
    .run()
    .await;
}

/// Tells a client that there are too many.
pub(crate) async fn turn_away(
    shared: Arc<Shared>,
    route: Arc<OpenRoute>,
    socket: TcpStream,
    client_addr: SocketAddr,
    mut phase: PhaseWatch,
) {
    let _client = Client::came(&shared);
    shared.counters.event(Event::TurnedAway);
    // Without a TLS handshake, a client would see no answer but a fault of TLS.
    if let Some((leg, _)) = greet(&shared, &route, socket, client_addr, &mut phase).await {
        OwnAnswer::TooManyConnections
            .send(&mut Side::client(leg))
            .await;
    }
}

/// The client's leg, after its TLS handshake; `None` where it failed.
async fn greet(
    shared: &Shared,
    route: &OpenRoute,
    socket: TcpStream,
    client_addr: SocketAddr,
    phase: &mut PhaseWatch,
) -> Option<(Leg, Option<ClientTls>)> {
    if let Err(error) = leg::prepare(&socket) {
        tracing::debug!(client = %client_addr, %error, "the client was gone before it was served");
        return None;
    }
    let Some(acceptor) = route.acceptor() else {
        return Some((Leg::Plain(socket), None));
    };
    let limit = shared.config.limits.handshake;
    // As on a listener without TLS: an idle client is not waited for in the drain, no handshake fails
    // where none was begun, and its time goes from its first byte.
    let spoke = tokio::select! {
        biased;
        spoke = timeout(limit, speaks(&socket)) => spoke,
        () = phase.draining() => return None,
    };
    match spoke {
        Ok(true) => {}
        Ok(false) => {
            tracing::debug!(client = %client_addr, "the client was gone before it said anything");
            return None;
        }
        Err(_) => {
            tracing::debug!(client = %client_addr, ?limit, "the client said nothing: it was closed");
            return None;
        }
    }
    match phase
        .or_ending(timeout(limit, acceptor.accept(socket)))
        .await?
    {
        Ok(Ok(stream)) => {
            let settled = tls::settled(stream.get_ref().1);
            Some((Leg::Tls(Box::new(TlsStream::Server(stream))), Some(settled)))
        }
        Ok(Err(error)) => {
            tracing::warn!(client = %client_addr, %error, "a client's TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::warn!(client = %client_addr, ?limit, "a client's TLS handshake took too long: it was closed");
            None
        }
    }
}

/// Waits for a client's first byte; false where it ends before, as health checks of a port do.
async fn speaks(socket: &TcpStream) -> bool {
    matches!(socket.peek(&mut [0]).await, Ok(1..))
}

struct Conversation {
    shared: Arc<Shared>,
    client: Side,
    client_addr: SocketAddr,
    arrival: Arrival,
    route: Arc<OpenRoute>,
    server: Option<Side>,
    phase: PhaseWatch,
    begun: Beginning,
    /// The credit of the plain exchanges on it; `None` where none was recorded yet.
    plain: Option<Plain>,
}

/// Why there is no further exchange, and what is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// An endpoint reset the connection: the other one gets the reset too.
    Reset(Endpoint),
    /// A side has sent FIN, so that there is no further exchange: bytes pass until both have ended.
    Tunnel,
    /// Bytes pass until both have ended, and nobody looks at them: the configuration says so.
    Ignored,
    /// Nothing more is understood: the same, and it is recorded that nothing is.
    Unread(Unread),
    /// The proxy answers for itself.
    Answer(OwnAnswer),
    /// Both legs are closed.
    Close,
}

impl Conversation {
    async fn run(mut self) {
        let end = loop {
            let head_len = match self.next_head().await {
                Ok(head_len) => head_len,
                Err(end) => break end,
            };
            if let Err(end) = self.exchange(head_len).await {
                break end;
            }
        };
        self.end(end).await;
    }

    async fn end(mut self, end: End) {
        if let Some(plain) = &mut self.plain {
            plain.tell_lost(&self.shared);
        }
        match end {
            End::Close => {}
            End::Answer(answer) => {
                // The upstream connection goes first: nothing more is asked of it.
                self.server = None;
                answer.send(&mut self.client).await;
            }
            End::Reset(by) => self.reset(by),
            End::Tunnel => {
                self.pass_rest().await;
            }
            End::Ignored => {
                let Some(server) = &mut self.server else {
                    return;
                };
                let mut blind = Blind::default();
                let tunnel = relay(&mut self.client, server, &mut blind);
                if let Some(RelayEnd::Reset { by }) = self.phase.or_ending(tunnel).await {
                    self.reset(by);
                }
            }
            End::Unread(unread) => self.pass_unread(unread).await,
        }
    }

    /// Passes on the reset that `by` sent.
    fn reset(self, by: Endpoint) {
        match (by, self.server) {
            (Endpoint::Client, Some(server)) => server.leg.reset(),
            (Endpoint::Client, None) => {}
            (Endpoint::Server, _) => self.client.leg.reset(),
        }
    }

    async fn next_head(&mut self) -> Result<usize, End> {
        let limits = &self.shared.config.limits;
        let mut draining = self.phase.clone();
        // A client in the middle of a head may finish its request; an idle one may not begin another.
        let idle = self.client.held.is_empty();
        let next = exchange::next_head(
            &mut self.client,
            self.server.as_mut(),
            limits.head,
            limits.handshake,
        );
        let outcome = tokio::select! {
            biased;
            outcome = next => outcome,
            () = draining.draining(), if idle => return Err(End::Close),
            () = self.phase.ending() => return Err(End::Close),
        };
        outcome.map_err(|none| match none {
            NoRequest::ClientEnded | NoRequest::ServerEnded => End::Tunnel,
            NoRequest::Unasked => End::Unread(self.unasked()),
            NoRequest::Reset(by) => End::Reset(by),
            NoRequest::TooLong => {
                tracing::warn!(client = %self.client_addr, limit = limits.head, "a request's head is too long");
                End::Answer(OwnAnswer::HeadTooLarge)
            }
            NoRequest::TooSlow => {
                tracing::warn!(client = %self.client_addr, limit = ?limits.handshake, "a request's head took too long");
                End::Answer(OwnAnswer::RequestTimeout)
            }
        })
    }
}
