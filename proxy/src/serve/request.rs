//! One request and its answer.

use std::fmt::Display;
use std::net::SocketAddr;

use tokio::time::timeout;
use wsaudit_wire::{Endpoint, RequestHead};

use super::{Conversation, End};
use crate::counters::Event;
use crate::dial::DialError;
use crate::http::exchange::{self, After, Answer, Broken, Sending};
use crate::http::own_answer::OwnAnswer;
use crate::http::request::{answer_framing, request_framing};
use crate::side::{Pump, Side};
use crate::tap::{Handshake, NoRoom, Opening};

/// Why an opening handshake was not answered by the server.
enum NoAnswer {
    TooSlow,
}

impl Conversation {
    /// One request and its answer; the request's head is at the front of what the client side holds.
    pub(super) async fn exchange(&mut self, head_len: usize) -> Result<(), End> {
        let bad_request = |client: SocketAddr, why: &dyn Display| {
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
            return Err(self
                .switch(request, ignored, sending, handshake, answer)
                .await);
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
        let failed = match broken {
            Broken::Reset(Endpoint::Server) | Broken::ServerEnded | Broken::NoHttp => true,
            Broken::Reset(Endpoint::Client) | Broken::Body(_) => false,
        };
        if failed {
            self.shared.counters.event(Event::UpstreamFailure);
        }
        match (handshake, broken) {
            (None, _) => {}
            (Some(handshake), _) if failed => handshake.upstream_failed(),
            (Some(handshake), Broken::Reset(by)) => handshake.reset(*by),
            (Some(handshake), Broken::Body(_) | Broken::ServerEnded | Broken::NoHttp) => {
                handshake.stopped();
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
    pub(super) async fn open(&mut self, request: &RequestHead) -> Result<Handshake, End> {
        let opening = Opening::begin(&self.shared);
        match self.phase.or_ending(opening.room()).await {
            Some(Ok(())) => {}
            Some(Err(NoRoom)) => return Err(End::Answer(OwnAnswer::RecorderFailed)),
            None => return Err(End::Close),
        }
        // Not to be cancelled: what is opened is also closed.
        Ok(opening.open(self.client_addr, request).await)
    }
}
