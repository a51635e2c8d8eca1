//! One request and its answer.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;
use wsaudit_recording::Unread as Why;
use wsaudit_wire::{Endpoint, RequestHead};

use super::{Conversation, End};
use crate::counters::Event;
use crate::dial::DialError;
use crate::http::exchange::{self, After, Answer, Broken, Sending};
use crate::http::own_answer::OwnAnswer;
use crate::http::request::{answer_framing, request_framing};
use crate::side::{Pump, Reading, Side};
use crate::tap::{Handshake, NoRoom, Opening};

use super::plain::Record;

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

/// How the record of a request without an answer ends.
pub(super) enum Fate {
    UpstreamFailed,
    /// The client sent FIN, and the server did not answer after that.
    ClientEnded,
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

        let mut record = Record::None;
        if request.is_websocket_upgrade() && !ignored {
            record = Record::Handshake(Box::new(self.open(&request).await?));
        } else if !ignored && let Some(exchange) = self.listen(&request).await? {
            record = Record::Exchange(Box::new(exchange));
        }
        // Only an opening handshake has a limit: a long poll may take as long as it likes.
        let patience = match record {
            Record::Handshake(_) => Some(self.shared.config.limits.handshake),
            Record::Exchange(_) | Record::None => None,
        };
        // Recorded is what the client sent.
        let head_len = self.route.edits.apply(&request, &mut self.client.held);
        let mut sending = Sending::new(head_len, framing, record.request_ear());
        let answer = self.ask(&mut sending, patience).await;
        if let (Record::Handshake(handshake), Some(server)) = (&mut record, &self.server) {
            handshake.dialed(&server.leg);
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Err(self.no_answer(record, &why)),
        };
        if answer.head.status() == 101 {
            let handshake = record.switched(&answer.head);
            return Err(self
                .switch(request, ignored, sending, framing, handshake, answer)
                .await);
        }
        if request.method() == "CONNECT" && matches!(answer.head.status(), 200..=299) {
            tracing::warn!(client = %self.client_addr, "a CONNECT was granted: its tunnel is not recorded");
            record.switched(&answer.head);
            return Err(End::Unread(self.unread(None, Why::Connect)));
        }
        self.pass_answer(&request, &mut sending, record, answer)
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
                Some(Ok(leg)) => none.insert(Side::server(leg)),
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
        mut record: Record,
        answer: Answer,
    ) -> Result<(), End> {
        let Some(server) = &mut self.server else {
            return Err(End::Close);
        };
        if let Record::Handshake(_) = record {
            self.shared.counters.event(Event::Refused);
        }
        self.shared.answered(request, &answer.head);
        let ear = record.answered(&answer.head).await;
        let framing = answer_framing(request.method(), &answer.head);
        let mut pump = Pump::new(answer.head_len, framing).heard_by(ear);
        let passing = exchange::finish(sending, &mut self.client, server, &mut pump);
        let outcome = self.phase.or_ending(passing).await;
        let connection = record.handshake_id();
        record.passed(outcome.as_ref(), &mut pump);
        let unasked = matches!(outcome, Some(Err(Broken::Unasked)));
        if !unasked && exchange::hides_a_switch(&self.client, server) {
            let unread = self.unread(None, Why::HiddenRequest);
            tracing::warn!(client = %self.client_addr, "{}", unread.why.why());
            return Err(match outcome {
                Some(Err(Broken::Reset(by))) => {
                    unread.tell(&self.shared);
                    End::Reset(by)
                }
                Some(Err(Broken::Body(_) | Broken::HeadTooLong | Broken::Unrecorded)) | None => {
                    unread.tell(&self.shared);
                    End::Close
                }
                Some(_) => End::Unread(unread),
            });
        }
        match outcome {
            Some(Ok(After::NextRequest)) => Ok(()),
            Some(Ok(After::ServerEnded) | Err(Broken::ServerEnded)) => Err(End::Tunnel),
            Some(Err(Broken::Reset(by))) => Err(End::Reset(by)),
            Some(Err(Broken::NoHttp)) => {
                let why = Why::BrokenChunks;
                tracing::warn!(client = %self.client_addr, "{}", why.why());
                Err(End::Unread(self.unread(connection, why)))
            }
            Some(Err(Broken::Unasked | Broken::Hidden)) => Err(End::Unread(self.unasked())),
            // The answer has begun, so there is no room for one of the proxy's own, and its head was read.
            Some(Err(Broken::Body(_) | Broken::HeadTooLong | Broken::Unrecorded)) | None => {
                Err(End::Close)
            }
        }
    }

    fn no_answer(&self, record: Record, why: &Unanswered) -> End {
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
            Unanswered::Broken(Broken::ServerEnded) => {
                let fate = match self.client.reading {
                    Reading::Open => Fate::UpstreamFailed,
                    // Whoever does not wait for an answer need not be given one.
                    Reading::Ended => Fate::ClientEnded,
                };
                (fate, End::Tunnel)
            }
            Unanswered::Broken(Broken::NoHttp) => {
                let why = Why::NoHttp;
                tracing::warn!(%client, "{}", why.why());
                let unread = self.unread(record.handshake_id(), why);
                (Fate::UpstreamFailed, End::Unread(unread))
            }
            Unanswered::Broken(Broken::HeadTooLong) => {
                let (why, limit) = (Why::LongHead, self.shared.config.limits.head);
                tracing::warn!(%client, limit, "{}", why.why());
                let unread = self.unread(record.handshake_id(), why);
                (Fate::UpstreamFailed, End::Unread(unread))
            }
            // Only what passes an answer on finds these.
            Unanswered::Broken(Broken::Unasked | Broken::Hidden) => {
                (Fate::Stopped, End::Unread(self.unasked()))
            }
            Unanswered::Broken(Broken::Body(why)) => {
                tracing::warn!(%client, %why, "a request's body has no clear end");
                (Fate::Stopped, End::Answer(OwnAnswer::BadRequest))
            }
            Unanswered::Broken(Broken::Unrecorded) => {
                (Fate::Stopped, End::Answer(OwnAnswer::RecorderFailed))
            }
            Unanswered::Stopped => (Fate::Stopped, End::Close),
        };
        if let Fate::UpstreamFailed = fate {
            self.shared.counters.event(match end {
                End::Answer(OwnAnswer::GatewayTimeout) => Event::GatewayTimeout,
                End::Answer(_) => Event::BadGateway,
                End::Reset(_) | End::Tunnel | End::Ignored | End::Unread(_) | End::Close => {
                    Event::PassedOn
                }
            });
        }
        record.unanswered(&fate);
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
