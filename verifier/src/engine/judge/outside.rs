//! Doubts that stand outside the rules: what the recordings lack, what is not known of connections, and which
//! rules that touches.

mod connections;
mod messages;
mod recordings;

use super::super::run::Finished;
use crate::finding::Doubt;
use crate::history::SourceError;
use crate::rules::{HolderKind, Pack, Rule};

/// A doubt from outside the rules, and which rules it touches.
pub(super) struct OutsideDoubt {
    pub(super) doubt: Doubt,
    touches: Touches,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Touches {
    Every,
    ThoseThatReadMessages,
    /// They, and those that are about holders, of whom messages tell.
    ThoseThatLearnFromMessages,
    /// Of those that read messages, those that name the events in which they look.
    ThoseThatNameWhatTheyRead,
    /// And those that look at whatever a server sends.
    ThoseThatReadAllAnswers,
    ThoseAbout(HolderKind),
    /// An exchange over HTTP, of which the pack's events say nothing.
    ThoseThatSeeAllExchanges,
}

impl OutsideDoubt {
    /// Whether it keeps a rule from being believed.
    pub(super) fn touches(&self, rule: &Rule) -> bool {
        match self.touches {
            Touches::Every => true,
            Touches::ThoseThatReadMessages => rule.spec.reads_messages(),
            Touches::ThoseThatLearnFromMessages => {
                rule.spec.reads_messages() || rule.spec.needs_holders()
            }
            Touches::ThoseThatNameWhatTheyRead => {
                rule.spec.reads_messages() && !rule.spec.reads_all_answers()
            }
            Touches::ThoseThatReadAllAnswers => rule.spec.reads_all_answers(),
            Touches::ThoseAbout(kind) => rule.spec.holders() == kind,
            Touches::ThoseThatSeeAllExchanges => rule.spec.sees_all_exchanges(),
        }
    }
}

pub(super) struct Judge<'j, 'h> {
    pub(super) packs: &'j [Pack],
    pub(super) unread: &'j [SourceError],
    pub(super) finished: &'j Finished<'h>,
    /// How far the clocks of recordings may be apart, in nanoseconds.
    pub(super) skew: i64,
}

impl Judge<'_, '_> {
    /// The doubts that stand outside a pack's rules.
    pub(super) fn outside(&self, pack: usize) -> Vec<OutsideDoubt> {
        let mut doubts: Vec<_> = self.unread.iter().map(recordings::unread).collect();
        for (recording, outline) in (0_u16..).zip(&self.finished.cx.outlines) {
            doubts.extend(recordings::unclean(recording, outline));
            doubts.extend(recordings::goes_on(outline));
            doubts.extend(self.gaps(pack, recording, outline));
            doubts.extend(self.clock(outline));
        }
        doubts.extend(self.undecodable(pack));
        doubts.extend(self.unread_bodies(pack));
        doubts.extend(self.unidentified(pack));
        doubts.extend(self.pathless(pack));
        doubts
    }
}
