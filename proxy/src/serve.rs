//! One client connection, from its first byte to its end.
//!
//! It has an upstream connection of its own, opened for its first request: what a client would see
//! of a server that it talks to directly, it sees through the proxy.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsStream};
use wsaudit_wire::{Endpoint, RequestHead};

use crate::blind::Blind;
use crate::counters::Event;
use crate::dial::DialError;
use crate::http::body::Framing;
use crate::http::exchange::{self, After, Answer, Broken, NoRequest, Sending};
use crate::http::own_answer::OwnAnswer;
use crate::http::request::{answer_framing, request_framing};
use crate::leg::{self, Leg};
use crate::phase::PhaseWatch;
use crate::relay::{RelayEnd, relay};
use crate::shared::Shared;
use crate::side::{Pump, PumpEnd, Side};
use crate::tap::{Handshake, NoRoom};

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

    /// One request and its answer; the request's head is at the front of what the client side holds.
    async fn exchange(&mut self, head_len: usize) -> Result<(), End> {
        let bad_request = |client: SocketAddr, why: &dyn std::fmt::Display| {
            tracing::warn!(%client, %why, "a request was refused");
            End::Answer(OwnAnswer::BadRequest)
        };
        let request = RequestHead::parse(&self.client.held[..head_len])
            .map_err(|why| bad_request(self.client_addr, &why))?;
        let framing =
            request_framing(&request).map_err(|why| bad_request(self.client_addr, &why))?;
        let path = request.path().as_bytes();
        let ignored = self
            .shared
            .config
            .ignore_paths
            .iter()
            .any(|ignore| ignore.matches(path));

        let mut handshake = None;
        if request.is_websocket_upgrade() && !ignored {
            handshake = Some(self.open(&request).await?);
        }
        if self.server.is_none() {
            match self.phase.or_ending(self.shared.dialer.dial()).await {
                Some(Ok(leg)) => self.server = Some(Side::new(leg)),
                Some(Err(error)) => {
                    tracing::warn!(client = %self.client_addr, %error, "no upstream");
                    self.shared.counters.event(Event::UpstreamFailure);
                    if let Some(handshake) = handshake {
                        handshake.upstream_failed();
                    }
                    return Err(End::Answer(match error {
                        DialError::Timeout { .. } => OwnAnswer::GatewayTimeout,
                        DialError::Connect { .. }
                        | DialError::Certificate { .. }
                        | DialError::Tls { .. } => OwnAnswer::BadGateway,
                    }));
                }
                None => {
                    if let Some(handshake) = handshake {
                        handshake.stopped();
                    }
                    return Err(End::Close);
                }
            }
        }
        let Some(server) = &mut self.server else {
            return Err(End::Close);
        };

        let limits = &self.shared.config.limits;
        let mut sending = Sending::new(head_len, framing);
        let answering = exchange::answer(&mut sending, &mut self.client, server, limits.head);
        // Only an opening handshake has a limit: a long poll may take as long as it likes.
        let answering = async {
            if handshake.is_some() {
                timeout(limits.handshake, answering)
                    .await
                    .map_err(|_| NoAnswer::TooSlow)
            } else {
                Ok(answering.await)
            }
        };
        let answer = match self.phase.or_ending(answering).await {
            Some(Ok(Ok(answer))) => answer,
            Some(Ok(Err(broken))) => return Err(self.no_answer(handshake, &broken)),
            Some(Err(NoAnswer::TooSlow)) => {
                tracing::warn!(client = %self.client_addr, limit = ?limits.handshake, "the upstream did not answer an opening handshake");
                self.shared.counters.event(Event::UpstreamFailure);
                if let Some(handshake) = handshake {
                    handshake.upstream_failed();
                }
                return Err(End::Answer(OwnAnswer::GatewayTimeout));
            }
            None => {
                if let Some(handshake) = handshake {
                    handshake.stopped();
                }
                return Err(End::Close);
            }
        };
        if answer.head.status() == 101 {
            return Err(self.switch(request, ignored, handshake, answer).await);
        }
        if request.method() == "CONNECT" && matches!(answer.head.status(), 200..=299) {
            tracing::warn!(client = %self.client_addr, "a CONNECT was granted: its tunnel is not recorded");
            return Err(End::Tunnel);
        }
        self.pass_answer(&request, &mut sending, handshake, answer)
            .await
    }

    async fn pass_answer(
        &mut self,
        request: &RequestHead,
        sending: &mut Sending,
        mut handshake: Option<Handshake>,
        answer: Answer,
    ) -> Result<(), End> {
        let Some(server) = &mut self.server else {
            return Err(End::Close);
        };
        if let Some(handshake) = &mut handshake {
            self.shared.counters.event(Event::Refused);
            handshake.answered(&answer.head).await;
        }
        let pump = Pump::new(
            answer.head_len,
            answer_framing(request.method(), &answer.head),
        );
        let passing = exchange::finish(sending, &mut self.client, server, pump);
        let outcome = self.phase.or_ending(passing).await;
        if let Some(handshake) = handshake {
            match outcome {
                Some(_) => handshake.refused(),
                None => handshake.stopped(),
            }
        }
        match outcome {
            Some(Ok(After::NextRequest)) => Ok(()),
            Some(Ok(After::ServerEnded) | Err(Broken::ServerEnded)) => Err(End::Tunnel),
            Some(Err(Broken::Reset(by))) => Err(End::Reset(by)),
            Some(Err(Broken::NoHttp)) => {
                tracing::warn!(client = %self.client_addr, "an answer's chunks are broken: the rest of its connection passes unread");
                Err(End::Tunnel)
            }
            // The answer has begun, so there is no room for one of the proxy's own.
            Some(Err(Broken::Body(_))) | None => Err(End::Close),
        }
    }

    fn no_answer(&self, handshake: Option<Handshake>, broken: &Broken) -> End {
        let client = self.client_addr;
        if let Some(handshake) = handshake {
            match broken {
                Broken::Reset(Endpoint::Client) => handshake.client_gone(),
                Broken::Body(_) => handshake.stopped(),
                Broken::Reset(Endpoint::Server) | Broken::ServerEnded | Broken::NoHttp => {
                    self.shared.counters.event(Event::UpstreamFailure);
                    handshake.upstream_failed();
                }
            }
        }
        match broken {
            Broken::Reset(by) => End::Reset(*by),
            Broken::ServerEnded => End::Tunnel,
            Broken::NoHttp => {
                tracing::warn!(%client, "the upstream's answer is no HTTP: the connection passes unread");
                End::Tunnel
            }
            Broken::Body(why) => {
                tracing::warn!(%client, %why, "a request's body has no clear end");
                End::Answer(OwnAnswer::BadRequest)
            }
        }
    }

    /// Records the opening handshake before anything is dialed.
    async fn open(&mut self, request: &RequestHead) -> Result<Handshake, End> {
        let opening = Handshake::open(&self.shared, self.client_addr, request);
        match self.phase.or_ending(opening).await {
            Some(Ok(handshake)) => Ok(handshake),
            Some(Err(NoRoom)) => Err(End::Answer(OwnAnswer::RecorderFailed)),
            None => Err(End::Close),
        }
    }

    /// The server has switched protocols.
    async fn switch(
        &mut self,
        request: RequestHead,
        ignored: bool,
        handshake: Option<Handshake>,
        answer: Answer,
    ) -> End {
        if ignored {
            self.shared.counters.event(Event::Ignored);
            return End::Tunnel;
        }
        let mut handshake = match handshake {
            Some(handshake) => handshake,
            // The request did not look like an opening handshake, and was taken for one.
            None => match self.open(&request).await {
                Ok(handshake) => handshake,
                Err(end) => return end,
            },
        };
        handshake.answered(&answer.head).await;
        let Some(server) = &mut self.server else {
            return End::Close;
        };
        let mut head = Pump::new(answer.head_len, Framing::Length(0));
        let passing = poll_fn(|cx| head.poll(cx, server, &mut self.client.leg));
        match self.phase.or_ending(passing).await {
            Some(PumpEnd::Whole) => {}
            Some(_) => {
                handshake.client_gone();
                return End::Reset(Endpoint::Client);
            }
            None => {
                handshake.stopped();
                return End::Close;
            }
        }
        let ended = if answer.head.is_websocket_upgrade() {
            self.shared.counters.event(Event::Established);
            let mut tap = handshake.established(&answer.head);
            let ended = self
                .phase
                .or_ending(relay(&mut self.client, server, &mut tap))
                .await;
            match ended {
                Some(end) => tap.finish(end),
                None => tap.stopped(),
            }
            ended
        } else {
            self.shared.counters.event(Event::Opaque);
            tracing::warn!(client = %self.client_addr, "a 101 that opens no WebSocket: its bytes are not recorded");
            let opaque = handshake.opaque();
            let ended = self
                .phase
                .or_ending(relay(&mut self.client, server, &mut Blind))
                .await;
            opaque.finish(ended);
            ended
        };
        match ended {
            Some(RelayEnd::Reset { by }) => End::Reset(by),
            Some(RelayEnd::Fin { .. } | RelayEnd::Refused) | None => End::Close,
        }
    }
}

/// Why an opening handshake was not answered by the server.
enum NoAnswer {
    TooSlow,
}
