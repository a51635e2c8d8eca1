//! What a recorder may fail to write, and what it says then: the recording of a whole history becomes that
//! of a part of it.
//!
//! ```text
//!   100 a  110 b  120 a  130 a   Lost { from: 0, count: 2, of: Own }   ->   110 b  130 a, gap of a 100..120
//! ```
//!
//! When connections begin and end, and for whom they speak, is always written; a recorder that is killed loses that
//! too, and so does whoever loses a part of a run. Exchanges over plain HTTP that it has no room for it does not
//! record at all.

mod parts;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::history::{Gap, GapCause, Moment, Unclean};

use crate::lives::Garble;
use crate::told::{Payload, Told};

/// Something that goes wrong. Messages are counted from 0, those that went wrong before left out; from the
/// last one on, anew.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble {
    /// So many messages from one on are missing.
    Lost { from: usize, count: usize, of: Of },
    /// All messages of the connection that one is on are missing.
    Silent { at: usize },
    /// A message was kept in part, or cannot be inflated, or is withheld.
    Unreadable { at: usize, why: Garble },
    /// The recorder is killed before one is written.
    Killed { at: usize },
    /// So many exchanges over HTTP pass unrecorded, from the one on that a message is of or that comes next.
    Unrecorded { at: usize, count: usize },
    /// The run was cut into three parts, before each of two messages, and the one of these is missing.
    PartMissing { cuts: [usize; 2], which: usize },
}

/// Where the tags of an exchange come from that its answer issues.
pub(super) const COOKIE: &str = "set-cookie:session";

const KILLED: &str = "run 1 was not closed cleanly";

/// Whose frames are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Those of the connection of the first one.
    Own,
    /// All.
    All,
}

pub(super) fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let at = || 0..32_usize;
    let of = select(vec![Of::Own, Of::Own, Of::All]);
    let why = select(vec![
        Garble::Truncated,
        Garble::Undecodable,
        Garble::Withheld,
    ]);
    let trouble = prop_oneof![
        6 => (at(), 1..4_usize, of).prop_map(|(from, count, of)| Trouble::Lost { from, count, of }),
        1 => at().prop_map(|at| Trouble::Silent { at }),
        3 => (at(), why).prop_map(|(at, why)| Trouble::Unreadable { at, why }),
        1 => at().prop_map(|at| Trouble::Killed { at }),
        1 => ([at(), at()], 0..3_usize).prop_map(|(cuts, which)| Trouble::PartMissing { cuts, which }),
        1 => (at(), 1..4_usize).prop_map(|(at, count)| Trouble::Unrecorded { at, count }),
    ];
    proptest::collection::vec(trouble, 1..4)
}

impl Told {
    /// What is left of a recording.
    pub(super) fn after(&self, troubles: &[Trouble]) -> Self {
        let mut told = self.clone();
        for trouble in troubles {
            if !told.messages.is_empty() {
                told.suffer(*trouble);
            }
        }
        told
    }

    /// The recording as it would be, had the recorder been ended where it was killed in `part`; `None`: it was
    /// not.
    pub(super) fn ended_as(&self, part: &Self) -> Option<Self> {
        let mut told = self.clone();
        told.end_before(part.end?);
        told.outline.unclean = None;
        Some(told)
    }

    fn suffer(&mut self, trouble: Trouble) {
        let number = |at: usize| at % self.messages.len();
        match trouble {
            Trouble::Lost { from, count, of } => {
                let from = number(from);
                let on = self.messages[from].1;
                let lost = self.messages.iter().skip(from);
                let lost = lost.filter(|message| of == Of::All || message.1 == on);
                let lost: Vec<_> = lost.take(count).map(|message| message.0.seq).collect();
                self.lose((of == Of::Own).then_some(on), &lost);
            }
            Trouble::Silent { at } => {
                let on = self.messages[number(at)].1;
                let lost = self.messages.iter().filter(|message| message.1 == on);
                let lost: Vec<_> = lost.map(|message| message.0.seq).collect();
                self.lose(Some(on), &lost);
            }
            Trouble::Unreadable { at, why } => {
                let at = number(at);
                self.messages[at].4 = Payload::Not(why);
            }
            Trouble::Killed { at } => self.end_before(self.messages[number(at)].0.seq),
            Trouble::Unrecorded { at, count } => {
                let on = self.messages[number(at)].1;
                self.pass_unrecorded(on, count);
            }
            Trouble::PartMissing { cuts, which } => {
                let mut cuts = cuts.map(|at| self.messages[number(at)].0.seq);
                cuts.sort_unstable();
                self.miss_part(cuts, which);
            }
        }
    }

    /// These are missing, and a gap says so.
    fn lose(&mut self, connection: Option<u64>, lost: &[u64]) {
        let (Some(from), Some(to)) = (lost.first(), lost.last()) else {
            return;
        };
        self.outline.gaps.push(Gap {
            connection,
            from: *from,
            to: *to,
            frames: Some(lost.len() as u64),
            why: "the recorder stalled for 5s".to_owned(),
            cause: GapCause::Recorder,
        });
        self.messages
            .retain(|message| !lost.contains(&message.0.seq));
        // What is wrong with frames is lost with them.
        self.outline.anomalies.retain(|anomaly| {
            let own = connection.is_none_or(|of| of == anomaly.connection);
            !own || !(*from..=*to).contains(&anomaly.moment.seq)
        });
    }

    /// Exchanges are missing as if there were none; that some are, a gap says.
    fn pass_unrecorded(&mut self, from: u64, count: usize) {
        let all = self.outline.connections.iter();
        let exchanges = all.filter(|one| one.http.is_some() && one.number >= from);
        let lost: Vec<_> = exchanges.take(count).cloned().collect();
        let numbers: Vec<_> = lost.iter().map(|one| one.number).collect();
        let Some(first) = lost.first() else { return };
        // The gap ends when the last one has been answered, or nobody waits any more.
        let ends = lost
            .iter()
            .map(|one| one.closed.map_or(u64::MAX / 4, |end| end.seq));
        self.outline.gaps.push(Gap {
            connection: None,
            from: first.opened.seq,
            to: ends.max().unwrap_or(first.opened.seq),
            frames: None,
            why: "the recorder stalled for 5s: plain HTTP exchanges of one client are missing"
                .to_owned(),
            cause: GapCause::Recorder,
        });
        self.messages
            .retain(|message| !numbers.contains(&message.1));
        self.outline
            .connections
            .retain(|one| !numbers.contains(&one.number));
    }

    /// Nothing is there from a place on.
    fn end_before(&mut self, end: u64) {
        self.end = Some(end);
        let outline = &mut self.outline;
        let is_there = |moment: &Moment| moment.seq < end;
        self.messages.retain(|message| is_there(&message.0));
        outline.connections.retain(|one| is_there(&one.opened));
        for one in &mut outline.connections {
            if one.answered.is_some_and(|at| !is_there(&at)) {
                (one.answered, one.status, one.subprotocol) = (None, None, None);
            }
            one.closed = one.closed.filter(is_there);
            // Of an exchange, what an answer says holds from its request on.
            let is_open = one.http.is_some() && one.answered.is_none();
            one.tags
                .retain(|tag| tag.from < end && !(is_open && tag.source == COOKIE));
        }
        outline.anomalies.retain(|one| is_there(&one.moment));
        outline.gaps.retain(|gap| gap.from < end);
        for gap in &mut outline.gaps {
            gap.to = gap.to.min(end - 1);
        }
        outline.unclean = Some(Unclean {
            why: KILLED.to_owned(),
            last: None,
        });
        let steps = outline.connections.iter().flat_map(|one| {
            let later = [one.answered, one.closed].into_iter().flatten();
            later.chain([one.opened])
        });
        let messages = self.messages.iter().map(|message| message.0);
        let all = steps.chain(messages).map(|moment| moment.at);
        outline.ended_at = all.max().unwrap_or(outline.started_at);
    }
}
