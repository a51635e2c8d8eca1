//! What follows a 101.

use wsaudit_wire::{Direction, RequestHead, opens_websocket};

use super::unread::{Beginning, Unread};
use super::{Conversation, End};
use crate::blind::Blind;
use crate::counters::Event;
use crate::http::body::Framing;
use crate::http::exchange::{self, Answer, Broken, Sending};
use crate::relay::{RelayEnd, relay};
use crate::side::Pump;
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
        mut sending: Sending,
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
        let Some(server) = &mut self.server else {
            return End::Close;
        };
        handshake.dialed(&server.leg);
        handshake.answered(&answer.head).await;
        // The 101 may overtake the request's body: frames begin after both.
        let mut head = Pump::new(answer.head_len, Framing::Length(0));
        let passing = exchange::finish(&mut sending, &mut self.client, server, &mut head);
        match self.phase.or_ending(passing).await {
            Some(Ok(_) | Err(Broken::ServerEnded)) => {}
            Some(Err(Broken::Reset(by))) => {
                handshake.reset(by);
                return End::Reset(by);
            }
            Some(Err(Broken::NoHttp | Broken::Body(_) | Broken::Unrecorded)) | None => {
                handshake.stopped();
                return End::Close;
            }
        }
        let observed = if opens_websocket(&request, &answer.head) {
            self.shared.counters.event(Event::Established);
            Observed::WebSocket(Box::new(handshake.established(&answer.head)))
        } else {
            self.shared.counters.event(Event::Opaque);
            tracing::warn!(client = %self.client_addr, "a 101 that opens no WebSocket: its bytes are not recorded");
            handshake.opaque();
            Observed::Opaque(Box::new(handshake))
        };
        // Connections may last for days: what is only about their beginning goes.
        drop((request, answer, sending));
        self.pass_on(observed).await
    }

    async fn pass_on(&mut self, mut observed: Observed) -> End {
        let Some(server) = &mut self.server else {
            return End::Close;
        };
        let client = &mut self.client;
        let ended = match &mut observed {
            Observed::WebSocket(tap) => {
                self.phase
                    .or_ending(relay(client, server, &mut **tap))
                    .await
            }
            Observed::Opaque(handshake) => {
                let beginning = Beginning::now(self.shared.sender.run());
                let mut passed = Blind::default();
                let ended = self
                    .phase
                    .or_ending(relay(client, server, &mut passed))
                    .await;
                if Direction::BOTH
                    .into_iter()
                    .any(|way| passed.passed(way) > 0)
                {
                    let unread = Unread {
                        connection: Some(handshake.id()),
                        why: "a 101 that opens no WebSocket: what follows it passes unread",
                    };
                    unread.tell(&self.shared, beginning);
                }
                ended
            }
        };
        let ended = ended.unwrap_or(RelayEnd::Stopped);
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
