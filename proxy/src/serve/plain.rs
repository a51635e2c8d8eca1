//! What is recorded of a request: an opening handshake, a plain exchange, or nothing.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::time::timeout;
use wsaudit_recording::{
    ConnectionId, Credit, GapRecord, HowExchangeEnded, Nanos, Record as Row, Seq,
};
use wsaudit_wire::{Endpoint, RequestHead, ResponseHead};

use super::request::Fate;
use super::{Conversation, End};
use crate::config::OnRecorderFailure;
use crate::http::exchange::{After, Broken};
use crate::http::own_answer::OwnAnswer;
use crate::relay::RelayEnd;
use crate::shared::Shared;
use crate::side::Pump;
use crate::tap::{Choice, Ear, Exchange, Handshake};

/// What is recorded of a request.
pub(super) enum Record {
    /// It opens a WebSocket.
    Handshake(Box<Handshake>),
    /// It does not, and its exchange is recorded, or may be.
    Exchange(Box<Exchange>),
    None,
}

/// What the plain exchanges of a client share.
pub(super) struct Plain {
    credit: Credit,
    patience: Patience,
    lost: Option<Lost>,
}

/// Exchanges that were not recorded.
#[derive(Clone, Copy)]
struct Lost {
    from: Seq,
    exchanges: u64,
    at: Nanos,
}

/// Whether a recorder that stalls is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    There,
    /// It was waited for long enough; until it goes on, exchanges are not recorded.
    Over,
}

impl Record {
    /// The connection whose opening handshake it is.
    pub(super) fn handshake_id(&self) -> Option<ConnectionId> {
        match self {
            Self::Handshake(handshake) => Some(handshake.id()),
            Self::Exchange(_) | Self::None => None,
        }
    }

    pub(super) fn request_ear(&mut self) -> Option<Ear> {
        match self {
            Self::Exchange(exchange) => exchange.request_ear(),
            Self::Handshake(_) | Self::None => None,
        }
    }

    /// The answer's head was read, and is not passed on yet; gives who hears its body.
    pub(super) async fn answered(&mut self, head: &ResponseHead) -> Option<Ear> {
        match self {
            Self::Handshake(handshake) => {
                handshake.answered(head).await;
                None
            }
            Self::Exchange(exchange) => exchange.answered(head),
            Self::None => None,
        }
    }

    /// What follows the answer is no HTTP any more.
    pub(super) fn switched(self, head: &ResponseHead) -> Option<Handshake> {
        match self {
            Self::Handshake(handshake) => Some(*handshake),
            Self::Exchange(mut exchange) => {
                exchange.answered(head);
                exchange.ended(HowExchangeEnded::Answered);
                None
            }
            Self::None => None,
        }
    }

    /// The answer was passed on, or as much as came; `None` where the proxy was stopped.
    pub(super) fn passed(self, outcome: Option<&Result<After, Broken>>, answer: &mut Pump) {
        match (self, outcome) {
            (Self::Handshake(handshake), Some(_)) => handshake.refused(),
            (Self::Handshake(handshake), None) => handshake.stopped(),
            (Self::Exchange(exchange), outcome) => {
                let (how, why) = match outcome {
                    Some(Ok(_)) if answer.is_whole() => (HowExchangeEnded::Answered, ""),
                    Some(Err(Broken::Reset(_))) => {
                        (HowExchangeEnded::Reset, "its connection was reset")
                    }
                    Some(Err(Broken::NoHttp)) => (HowExchangeEnded::Fin, "its chunks are broken"),
                    // The answer was whole; with `Unasked`, the request's body is open still.
                    Some(Err(Broken::Hidden | Broken::Unasked)) => (HowExchangeEnded::Answered, ""),
                    Some(Ok(_) | Err(Broken::ServerEnded)) => {
                        (HowExchangeEnded::Fin, "the server ended too early")
                    }
                    Some(Err(Broken::Body(_) | Broken::HeadTooLong | Broken::Unrecorded))
                    | None => (HowExchangeEnded::Stopped, "the proxy has ended it"),
                };
                // Nothing, where it was whole.
                answer.cut_off(why);
                exchange.ended(how);
            }
            (Self::None, _) => {}
        }
    }

    /// There is no answer.
    pub(super) fn unanswered(self, fate: &Fate) {
        match self {
            Self::Handshake(handshake) => match fate {
                Fate::UpstreamFailed => handshake.upstream_failed(),
                Fate::ClientEnded => handshake.ended(RelayEnd::Fin {
                    first: Endpoint::Client,
                }),
                Fate::Reset(by) => handshake.reset(*by),
                Fate::Stopped => handshake.stopped(),
            },
            Self::Exchange(exchange) => exchange.ended(match fate {
                Fate::UpstreamFailed => HowExchangeEnded::UpstreamFailed,
                Fate::ClientEnded => HowExchangeEnded::Fin,
                Fate::Reset(_) => HowExchangeEnded::Reset,
                Fate::Stopped => HowExchangeEnded::Stopped,
            }),
            Self::None => {}
        }
    }
}

impl Conversation {
    /// Begins the record of a plain exchange; `None` where there is to be none.
    pub(super) async fn listen(&mut self, request: &RequestHead) -> Result<Option<Exchange>, End> {
        let config = &self.shared.config;
        let path = request.path().as_bytes();
        let chosen = config
            .record_http
            .iter()
            .any(|pattern| pattern.matches(path));
        let choice = if chosen {
            Choice::Whole
        } else if self.shared.tags.name_cookies() {
            Choice::IfItIssues
        } else {
            return Ok(None);
        };
        if self.plain.is_none() {
            self.plain = Some(Plain {
                credit: self.shared.sender.credit(config.limits.connection_credit),
                patience: Patience::There,
                lost: None,
            });
        }
        if choice == Choice::Whole && !self.room().await? {
            return Ok(None);
        }
        let Some(Plain { credit, .. }) = &self.plain else {
            return Ok(None);
        };
        let credit = credit.clone();
        Ok(Some(Exchange::begin(
            &self.shared,
            credit,
            &self.arrival,
            request,
            choice,
        )))
    }

    /// Awaits a recorder that stalls as long as a read would. `false`: an exchange passes unrecorded.
    async fn room(&mut self) -> Result<bool, End> {
        let shared = Arc::clone(&self.shared);
        let Some(plain) = &mut self.plain else {
            return Ok(false);
        };
        let there = match plain.patience {
            Patience::There => {
                let ready = poll_fn(|cx| plain.credit.poll_ready(cx));
                let waiting = timeout(shared.config.max_stall, ready);
                match self.phase.or_ending(waiting).await {
                    Some(outcome) => outcome.is_ok(),
                    None => return Err(End::Close),
                }
            }
            Patience::Over => plain.credit.try_acquire(0).is_some(),
        };
        if there {
            plain.patience = Patience::There;
            plain.tell_lost(&shared);
            return Ok(true);
        }
        if shared.config.on_recorder_failure == OnRecorderFailure::Close {
            tracing::error!(client = %self.client_addr, "the recorder stalls: a plain request is refused");
            return Err(End::Answer(OwnAnswer::RecorderFailed));
        }
        if plain.patience == Patience::There {
            tracing::error!(client = %self.client_addr, "the recorder stalls: plain requests are not recorded until it goes on");
        }
        plain.patience = Patience::Over;
        let run = shared.sender.run();
        let (at, seq) = (run.now(), run.next_seq(1));
        let lost = plain.lost.get_or_insert(Lost {
            from: seq,
            exchanges: 0,
            at,
        });
        lost.exchanges += 1;
        Ok(false)
    }
}

impl Plain {
    /// Writes the gap, where exchanges are missing.
    pub(super) fn tell_lost(&mut self, shared: &Shared) {
        let Some(lost) = self.lost.take() else {
            return;
        };
        shared.counters.gap();
        // One exchange follows the other: the answer to the last one is over by now, and came after its request.
        let to = shared.sender.run().next_seq(1);
        let gap = GapRecord {
            connection: None,
            from: lost.from,
            to,
            at: lost.at,
            // Of how many messages nobody knows: they passed unread.
            frames: None,
            why: format!(
                "the recorder stalled for {:?}: {} plain HTTP exchanges of one client are missing",
                shared.config.max_stall, lost.exchanges
            ),
        };
        shared.sender.send(vec![Row::Gap(gap)], None);
    }
}
