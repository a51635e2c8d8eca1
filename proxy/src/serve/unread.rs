//! Connections of which nothing more is understood: their bytes pass, and that they are not recorded
//! is.

use wsaudit_recording::{ConnectionId, GapRecord, Nanos, Record, Run, Seq};
use wsaudit_wire::Direction;

use super::Conversation;
use crate::blind::Blind;
use crate::relay::{RelayEnd, relay};
use crate::shared::Shared;

/// Why a connection passes unread, and which recorded one it was, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) connection: Option<ConnectionId>,
    pub(super) why: &'static str,
}

/// The beginning of what was not recorded.
#[derive(Clone, Copy)]
pub(super) struct Beginning {
    seq: Seq,
    at: Nanos,
}

impl Beginning {
    pub(super) fn now(run: &Run) -> Self {
        Self {
            at: run.now(),
            seq: run.next_seq(1),
        }
    }
}

impl Unread {
    /// Whether a WebSocket may have been among what has passed: where none was asked for before, the
    /// client has to ask first.
    const fn may_hide_one(&self, passed: &Blind) -> bool {
        self.connection.is_some() || passed.passed(Direction::ClientToServer) > 0
    }

    /// Writes the gap.
    pub(super) fn tell(&self, shared: &Shared, from: Beginning) {
        shared.counters.gap();
        let gap = GapRecord {
            connection: self.connection,
            from: from.seq,
            to: shared.sender.run().next_seq(1),
            at: from.at,
            // Nobody looked for frames in it.
            frames: None,
            why: self.why.to_owned(),
        };
        shared.sender.send(vec![Record::Gap(gap)], None);
    }
}

impl Conversation {
    /// Passes bytes until both sides have ended.
    pub(super) async fn pass_unread(mut self, unread: Unread) {
        let Some(server) = &mut self.server else {
            return;
        };
        let beginning = Beginning::now(self.shared.sender.run());
        let mut passed = Blind::default();
        let tunnel = relay(&mut self.client, server, &mut passed);
        let ended = self.phase.or_ending(tunnel).await;
        if unread.may_hide_one(&passed) {
            unread.tell(&self.shared, beginning);
        }
        if let Some(RelayEnd::Reset { by }) = ended {
            self.reset(by);
        }
    }
}
