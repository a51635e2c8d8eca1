//! Connections of which nothing more is understood: their bytes pass, and that they are not recorded
//! is.

use wsaudit_recording::{ConnectionId, GapRecord, Nanos, Record, Run, Seq, Unread as Why};
use wsaudit_wire::Direction;

use super::Conversation;
use crate::blind::Blind;
use crate::http::lookout::FirstLine;
use crate::relay::{RelayEnd, relay};
use crate::shared::Shared;

/// Why a connection passes unread, and which recorded one it was, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) connection: Option<ConnectionId>,
    pub(super) why: Why,
    pub(super) asked: Asked,
    /// Where what was not recorded begins.
    pub(super) from: Beginning,
}

/// Whether the client may have asked for a WebSocket before its connection passed unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// In a request of its own, or in a body.
    Before,
    /// Not where the proxy saw it, nor in a body.
    NotYet,
}

/// The beginning of what was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    seq: Seq,
    at: Nanos,
}

impl Beginning {
    pub(super) fn now(run: &Run) -> Self {
        Self {
            at: run.now(),
            seq: run.peek_seq(),
        }
    }
}

impl Unread {
    /// Whether a WebSocket may have been among what has passed: where none was asked for before, the
    /// client has to ask first.
    const fn may_hide_one(&self, passed: &Blind) -> bool {
        matches!(self.asked, Asked::Before) || passed.passed(Direction::ClientToServer) > 0
    }

    /// Writes the gap.
    pub(super) fn tell(&self, shared: &Shared) {
        shared.counters.gap();
        let gap = GapRecord {
            connection: self.connection,
            from: self.from.seq,
            to: shared.sender.run().next_seq(1),
            at: self.from.at,
            // Nobody looked for frames in it.
            frames: None,
            why: self.why.why().to_owned(),
        };
        shared.sender.send(vec![Record::Gap(gap)], None);
    }
}

impl Conversation {
    /// What passes from here on, because of that, is not read.
    pub(super) fn unread(&self, connection: Option<ConnectionId>, why: Why) -> Unread {
        let asked = connection.is_some() || self.client.lookout.has_seen();
        Unread {
            connection,
            why,
            asked: if asked { Asked::Before } else { Asked::NotYet },
            from: match why {
                // What they are about may have passed in a body before.
                Why::HiddenRequest | Why::UnaskedSwitch => self.begun,
                _ => Beginning::now(self.shared.sender.run()),
            },
        }
    }

    /// A 101 came, to a request that the proxy has not seen.
    pub(super) fn unasked(&self) -> Unread {
        tracing::warn!(client = %self.client_addr, "{}", Why::UnaskedSwitch.why());
        Unread {
            asked: Asked::Before,
            ..self.unread(None, Why::UnaskedSwitch)
        }
    }

    /// Passes what is left where a side has sent FIN. No answer is due: a 101 would be one to a request
    /// that the proxy has not seen.
    pub(super) async fn pass_rest(mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        let mut passed = Blind::on(server.look_anew(FirstLine::Switch));
        let tunnel = relay(&mut self.client, server, &mut passed);
        let ended = self.phase.or_ending(tunnel).await;
        if passed.has_seen() {
            self.unasked().tell(&self.shared);
        }
        if let Some(RelayEnd::Reset { by }) = ended {
            self.reset(by);
        }
    }

    /// Passes bytes until both sides have ended.
    pub(super) async fn pass_unread(mut self, unread: Unread) {
        let Some(server) = &mut self.server else {
            return;
        };
        let mut passed = Blind::default();
        let tunnel = relay(&mut self.client, server, &mut passed);
        let ended = self.phase.or_ending(tunnel).await;
        if unread.may_hide_one(&passed) {
            unread.tell(&self.shared);
        }
        if let Some(RelayEnd::Reset { by }) = ended {
            self.reset(by);
        }
    }
}
