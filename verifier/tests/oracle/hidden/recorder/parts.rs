//! A run that was cut into three parts, of which one is missing.
//!
//! Each part has here all that connections which go on had said of themselves so far. A recorder repeats only what holds:
//! what a connection said in a part that is missing, and then said otherwise there, is gone, and what came before it is
//! taken to be of the one whom it names first. That a verdict may rest on this is not asked. Nor is what rests on a gap
//! that goes on from one part into the next: here, each tells its own piece; a recorder tells the gap where it ends.

use std::rc::Rc;

use wsaudit_verifier::history::{Connection, Gap, Moment, Part, Source, join};

use crate::told::Told;

impl Told {
    /// One of the three parts that end before these places is missing: the verifier says of the others what it
    /// then knows.
    pub(super) fn miss_part(&mut self, cuts: [u64; 2], missing: usize) {
        let ends = [cuts[0], cuts[1], u64::MAX / 4];
        let begins = [0, cuts[0], cuts[1]];
        let part = |which: usize| self.part(which, begins[which], ends[which]);
        let left: Vec<_> = (0..3).filter(|which| *which != missing).map(part).collect();
        let files: Vec<_> = left
            .iter()
            .map(|told| Rc::new(told.clone()) as Rc<dyn Source>)
            .collect();
        let joined = join(&files).expect("each part is there once");
        self.outline = joined[0].outline().clone();
        self.messages = left.into_iter().flat_map(|told| told.messages).collect();
        if missing == 2 {
            self.end = Some(self.end.map_or(cuts[1], |end| end.min(cuts[1])));
        }
    }

    /// What was recorded from one place to another.
    fn part(&self, which: usize, begin: u64, end: u64) -> Self {
        let is_here = |seq: u64| (begin..end).contains(&seq);
        let outline = &self.outline;
        let mut part = self.clone();
        part.messages.retain(|message| is_here(message.0.seq));
        let connections = outline.connections.iter();
        part.outline.connections = connections
            .filter_map(|one| of_part(one, begin, end))
            .collect();
        let gaps = outline.gaps.iter();
        let gaps = gaps.filter(|gap| gap.from < end && gap.to >= begin);
        let gaps = gaps.map(|gap| Gap {
            from: gap.from.max(begin),
            to: gap.to.min(end - 1),
            ..gap.clone()
        });
        part.outline.gaps = gaps.collect();
        part.outline
            .anomalies
            .retain(|anomaly| is_here(anomaly.moment.seq));
        if which < 2 {
            part.outline.unclean = None;
        }
        part.outline.name = format!("{}-{which}", outline.name);
        part.outline.ended_at = self.ends_at(end);
        part.outline.parts = vec![Part {
            run: outline.name.clone(),
            number: u32::try_from(which).expect("one of three") + 1,
            continued: which < 2,
            first_seq: begin,
            last_seq: end - 1,
            file: part.outline.name.clone(),
        }];
        part
    }

    /// When the last thing before a place was; of what goes on, when the next one is.
    fn ends_at(&self, end: u64) -> i64 {
        let mut next = self.messages.iter().filter(|message| message.0.seq >= end);
        let next = next.next().map(|message| message.0.at);
        next.unwrap_or(self.outline.ended_at)
    }
}

/// A connection, as far as it was known at the end of a part; `None`: it was not there yet, or no more.
fn of_part(whole: &Connection, begin: u64, end: u64) -> Option<Connection> {
    let is_known = |moment: &Moment| moment.seq < end;
    let is_over = whole.closed.is_some_and(|closed| closed.seq < begin);
    if is_over || !is_known(&whole.opened) {
        return None;
    }
    let mut one = whole.clone();
    one.closed = one.closed.filter(is_known);
    one.answered = one.answered.filter(is_known);
    if one.answered.is_none() {
        (one.status, one.subprotocol) = (None, None);
    }
    one.tags.retain(|tag| tag.from < end);
    Some(one)
}
