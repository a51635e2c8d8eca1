//! What follows a 101.

use wsaudit_recording::Unread as Why;
use wsaudit_wire::{Direction, RequestHead, opens_websocket};

use super::unread::{Beginning, Unread};
use super::{Conversation, End};
use crate::blind::Blind;
use crate::counters::Event;
use crate::http::body::Framing;
use crate::http::exchange::{self, Answer, Broken, Sending};
use crate::relay::{RelayEnd, relay};
use crate::tap::{Handshake, Tap};

/// A connection after its 101, as far as it is recorded.
enum Observed {
    WebSocket(Box<Tap>),
    /// Something else: its bytes are not understood, and not recorded.
    Opaque(Box<Handshake>),
}

impl Conversation {
    /// The server has switched protocols.
    pub(super) async fn switch(
        &mut self,
        request: RequestHead,
        ignored: bool,
        sending: Sending,
        framing: Framing,
        handshake: Option<Handshake>,
        answer: Answer,
    ) -> End {
        if ignored {
            self.shared.counters.event(Event::Ignored);
            return if self.client.lookout.has_seen() {
                End::Unread(self.unread(None, Why::HiddenRequest))
            } else {
                End::Ignored
            };
        }
        let mut handshake = match handshake {
            Some(handshake) => handshake,
            // The request did not look like an opening handshake, and was taken for one.
            None => match self.open(&request).await {
                Ok(handshake) => handshake,
                Err(end) => return end,
            },
        };
        let Some(server) = &mut self.server else {
            return End::Close;
        };
        handshake.dialed(&server.leg);
        handshake.answered(&answer.head).await;
        // The 101 may overtake the request's body: the client's frames begin after both.
        let passing = exchange::switch(sending, &mut self.client, server, answer.head_len);
        let rest = match self.phase.or_ending(passing).await {
            Some(Ok(rest)) => rest,
            Some(Err(Broken::ServerEnded)) => None,
            Some(Err(Broken::Reset(by))) => {
                handshake.reset(by);
                return End::Reset(by);
            }
            Some(Err(
                Broken::NoHttp
                | Broken::HeadTooLong
                | Broken::Unasked
                | Broken::Hidden
                | Broken::Body(_)
                | Broken::Unrecorded,
            ))
            | None => {
                handshake.stopped();
                return End::Close;
            }
        };
        let id = handshake.id();
        let (observed, why) = if opens_websocket(&request, &answer.head) {
            self.shared.counters.event(Event::Established);
            let tap = handshake.established(&answer.head, rest);
            (
                Observed::WebSocket(Box::new(tap)),
                self.doubt_about(framing),
            )
        } else {
            self.shared.counters.event(Event::Opaque);
            tracing::warn!(client = %self.client_addr, "a 101 that opens no WebSocket: its bytes are not recorded");
            handshake.opaque();
            (
                Observed::Opaque(Box::new(handshake)),
                Some(Why::OtherProtocol),
            )
        };
        let unread = why.map(|why| Unread {
            // Of this connection: what its client sent before is no part of it.
            from: Beginning::now(self.shared.sender.run()),
            ..self.unread(Some(id), why)
        });
        // Connections may last for days: what is only about their beginning goes.
        drop((request, answer));
        self.pass_on(observed, unread).await
    }

    /// Why what a client sends on its WebSocket may not be what the server reads there.
    fn doubt_about(&self, framing: Framing) -> Option<Why> {
        let why = match framing {
            Framing::Length(0) if self.client.lookout.has_seen() => Why::HiddenRequest,
            Framing::Length(0) => return None,
            Framing::Length(_) | Framing::Chunked | Framing::UntilEnd => Why::HandshakeBody,
        };
        tracing::warn!(client = %self.client_addr, "{}", why.why());
        Some(why)
    }

    async fn pass_on(&mut self, mut observed: Observed, unread: Option<Unread>) -> End {
        let Some(server) = &mut self.server else {
            return End::Close;
        };
        let client = &mut self.client;
        let mut passed = Blind::default();
        let ended = match &mut observed {
            Observed::WebSocket(tap) => {
                self.phase
                    .or_ending(relay(client, server, &mut **tap))
                    .await
            }
            Observed::Opaque(_) => {
                self.phase
                    .or_ending(relay(client, server, &mut passed))
                    .await
            }
        };
        let ended = ended.unwrap_or(RelayEnd::Stopped);
        let anything = match &observed {
            // In doubt from its beginning.
            Observed::WebSocket(_) => true,
            Observed::Opaque(_) => Direction::BOTH.iter().any(|way| passed.passed(*way) > 0),
        };
        if let Some(unread) = unread
            && anything
        {
            unread.tell(&self.shared);
        }
        match observed {
            Observed::WebSocket(tap) => tap.finish(ended),
            Observed::Opaque(handshake) => handshake.ended(ended),
        }
        match ended {
            RelayEnd::Reset { by } => End::Reset(by),
            RelayEnd::Fin { .. } | RelayEnd::Stopped => End::Close,
        }
    }
}
