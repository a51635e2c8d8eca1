//! One client connection, from its first byte to its end.
//!
//! It has an upstream connection of its own, opened for its first request: what a client would see
//! of a server that it talks to directly, it sees through the proxy.

mod request;
mod switch;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsStream};
use wsaudit_wire::Endpoint;

use crate::blind::Blind;
use crate::counters::Event;
use crate::http::exchange::{self, NoRequest};
use crate::http::own_answer::OwnAnswer;
use crate::leg::{self, Leg};
use crate::phase::PhaseWatch;
use crate::relay::{RelayEnd, relay};
use crate::shared::Shared;
use crate::side::Side;

/// Serves a client until its connection ends.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    socket: TcpStream,
    client_addr: SocketAddr,
    mut phase: PhaseWatch,
) {
    shared.counters.event(Event::Connection);
    if let Err(error) = leg::prepare(&socket) {
        tracing::debug!(%client_addr, %error, "the client was gone before it was served");
        return;
    }
    let leg = match tls {
        None => Leg::Plain(socket),
        Some(tls) => {
            let accepting = timeout(shared.config.limits.handshake, tls.accept(socket));
            match phase.or_ending(accepting).await {
                Some(Ok(Ok(stream))) => Leg::Tls(Box::new(TlsStream::Server(stream))),
                Some(Ok(Err(error))) => {
                    tracing::warn!(%client_addr, %error, "a client's TLS handshake failed");
                    return;
                }
                Some(Err(_)) => {
                    tracing::warn!(%client_addr, "a client's TLS handshake took too long");
                    return;
                }
                None => return,
            }
        }
    };
    let client = Side::new(leg);
    Conversation {
        shared,
        client,
        client_addr,
        server: None,
        phase,
    }
    .run()
    .await;
}

struct Conversation {
    shared: Arc<Shared>,
    client: Side,
    client_addr: SocketAddr,
    server: Option<Side>,
    phase: PhaseWatch,
}

/// Why there is no further exchange, and what is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// An endpoint reset the connection: the other one gets the reset too.
    Reset(Endpoint),
    /// Nothing more is understood: bytes pass until both sides have ended.
    Tunnel,
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
        match end {
            End::Close => {}
            End::Answer(answer) => {
                // The upstream connection goes first: nothing more is asked of it.
                self.server = None;
                answer.send(&mut self.client).await;
            }
            End::Reset(by) => self.reset(by),
            End::Tunnel => {
                let Some(server) = &mut self.server else {
                    return;
                };
                let mut blind = Blind;
                let tunnel = relay(&mut self.client, server, &mut blind);
                if let Some(RelayEnd::Reset { by }) = self.phase.or_ending(tunnel).await {
                    self.reset(by);
                }
            }
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
            NoRequest::Reset(by) => End::Reset(by),
            NoRequest::TooLong => {
                tracing::warn!(client = %self.client_addr, limit = limits.head, "a request's head is too long");
                End::Answer(OwnAnswer::HeadTooLarge)
            }
            NoRequest::TooSlow => End::Answer(OwnAnswer::RequestTimeout),
        })
    }
}
