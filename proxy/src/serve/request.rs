//! One request and its answer.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

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

/// Why a request has no answer.
enum Unanswered {
    /// There is no way to the upstream.
    NoUpstream(DialError),
    /// The upstream took too long; opening handshakes only.
    TooSlow,
    /// The connection cannot go on.
    Broken(Broken),
    /// The proxy is stopped.
    Stopped,
}

/// How the record of an opening handshake without an answer ends.
enum Fate {
    UpstreamFailed,
    Reset(Endpoint),
    Stopped,
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
        // Only an opening handshake has a limit: a long poll may take as long as it likes.
        let patience = handshake
            .as_ref()
            .map(|_| self.shared.config.limits.handshake);
        let mut sending = Sending::new(head_len, framing);
        let answer = self.ask(&mut sending, patience).await;
        if let (Some(handshake), Some(server)) = (&mut handshake, &self.server) {
            handshake.dialed(&server.leg);
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Err(self.no_answer(handshake, &why)),
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

    /// Passes the request on, and reads the answer's head.
    async fn ask(
        &mut self,
        sending: &mut Sending,
        patience: Option<Duration>,
    ) -> Result<Answer, Unanswered> {
        let server = match &mut self.server {
            Some(server) => server,
            none => match self.phase.or_ending(self.route.dialer.dial()).await {
                Some(Ok(leg)) => none.insert(Side::new(leg)),
                Some(Err(error)) => return Err(Unanswered::NoUpstream(error)),
                None => return Err(Unanswered::Stopped),
            },
        };
        let limit = self.shared.config.limits.head;
        let answering = exchange::answer(sending, &mut self.client, server, limit);
        let answering = async {
            match patience {
                Some(patience) => timeout(patience, answering)
                    .await
                    .map_err(|_| Unanswered::TooSlow),
                None => Ok(answering.await),
            }
        };
        match self.phase.or_ending(answering).await {
            Some(answer) => answer?.map_err(Unanswered::Broken),
            None => Err(Unanswered::Stopped),
        }
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

    fn no_answer(&self, handshake: Option<Handshake>, why: &Unanswered) -> End {
        let client = self.client_addr;
        let (fate, end) = match why {
            Unanswered::NoUpstream(error) => {
                let answer = match error {
                    DialError::Timeout { .. } => OwnAnswer::GatewayTimeout,
                    DialError::Certificate { .. } => OwnAnswer::UpstreamNotTrusted,
                    DialError::Connect { .. } | DialError::Tls { .. } => OwnAnswer::BadGateway,
                };
                // The dialer has told of a certificate, once for all requests.
                if answer != OwnAnswer::UpstreamNotTrusted {
                    tracing::warn!(%client, %error, "no upstream");
                }
                (Fate::UpstreamFailed, End::Answer(answer))
            }
            Unanswered::TooSlow => {
                tracing::warn!(%client, "the upstream did not answer an opening handshake in time");
                (Fate::UpstreamFailed, End::Answer(OwnAnswer::GatewayTimeout))
            }
            Unanswered::Broken(Broken::Reset(by @ Endpoint::Client)) => {
                (Fate::Reset(*by), End::Reset(*by))
            }
            Unanswered::Broken(Broken::Reset(by @ Endpoint::Server)) => {
                (Fate::UpstreamFailed, End::Reset(*by))
            }
            Unanswered::Broken(Broken::ServerEnded) => (Fate::UpstreamFailed, End::Tunnel),
            Unanswered::Broken(Broken::NoHttp) => {
                tracing::warn!(%client, "the upstream's answer is no HTTP: the connection passes unread");
                (Fate::UpstreamFailed, End::Tunnel)
            }
            Unanswered::Broken(Broken::Body(why)) => {
                tracing::warn!(%client, %why, "a request's body has no clear end");
                (Fate::Stopped, End::Answer(OwnAnswer::BadRequest))
            }
            Unanswered::Stopped => (Fate::Stopped, End::Close),
        };
        if let Fate::UpstreamFailed = fate {
            self.shared.counters.event(Event::UpstreamFailure);
        }
        if let Some(handshake) = handshake {
            match fate {
                Fate::UpstreamFailed => handshake.upstream_failed(),
                Fate::Reset(by) => handshake.reset(by),
                Fate::Stopped => handshake.stopped(),
            }
        }
        end
    }

    /// Records the opening handshake before anything is dialed.
    pub(super) async fn open(&mut self, request: &RequestHead) -> Result<Handshake, End> {
        let opening = Opening::begin(&self.shared);
        match self.phase.or_ending(opening.room()).await {
            Some(Ok(())) => {}
            Some(Err(NoRoom)) => {
                tracing::error!(client = %self.client_addr, "the recorder stalls: an opening handshake is refused");
                return Err(End::Answer(OwnAnswer::RecorderFailed));
            }
            None => return Err(End::Close),
        }
        // Not to be cancelled: what is opened is also closed.
        Ok(opening.open(&self.arrival, request).await)
    }
}
