//! Announcements of which nobody knows what they answer, because the clocks of two recordings may disagree
//! (decision 0019).
//!
//! Where nobody waits for it on its own connection, those who wait elsewhere say whose it is that is announced. Whether
//! one of another recording waited by then is not known, if it asked, or was answered, at nearly the same time:
//!
//! ```text
//!   a.db   A asks -------------------      closer than the tolerance: it answers A,
//!   b.db   -------- announced to B --      or nobody had asked, and it is B's
//! ```

use hashbrown::HashMap;

use super::ledger::ResourceIx;
use super::parties::PartyIx;
use crate::engine::{Cx, Event};
use crate::finding::Place;

/// What happened a moment ago to requests for new resources, and what was announced then, by key; and what of that
/// crossed.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    recent: HashMap<String, Vec<Recent>>,
    crossed: Vec<Announced>,
}

#[derive(Debug)]
struct Recent {
    place: Place,
    at: i64,
    what: What,
}

#[derive(Debug)]
enum What {
    /// This one asked, or was answered where it had asked.
    Turned(PartyIx),
    Announced(Announced),
}

/// An announcement for which nobody waited on its own connection.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    pub(super) place: Place,
    pub(super) resources: Vec<ResourceIx>,
    /// Whom it was delivered to.
    pub(super) receiver: PartyIx,
    /// Those who seemed to wait for it elsewhere.
    pub(super) waiting: Vec<PartyIx>,
    /// Those of whom that is not sure, with the place of another recording.
    pub(super) perhaps: Vec<(PartyIx, Place)>,
}

impl Announcements {
    /// Somebody asks for something, or is answered where it asked.
    pub(super) fn turn(&mut self, cx: &Cx<'_>, event: &Event<'_>, key: &str, party: PartyIx) {
        if !cx.has_several_clocks() {
            return;
        }
        let recent = Self::recent(&mut self.recent, &mut self.crossed, cx, event, key);
        for one in recent.iter_mut() {
            if let What::Announced(announced) = &mut one.what
                && cx.skew(one.place, event.place) > 0
            {
                announced.perhaps.push((party, event.place));
            }
        }
        recent.push(Recent {
            place: event.place,
            at: event.at,
            what: What::Turned(party),
        });
    }

    /// Something is announced.
    pub(super) fn announce(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        key: &str,
        mut announced: Announced,
    ) {
        let recent = Self::recent(&mut self.recent, &mut self.crossed, cx, event, key);
        for one in recent.iter() {
            if let What::Turned(party) = one.what
                && cx.skew(one.place, event.place) > 0
            {
                announced.perhaps.push((party, one.place));
            }
        }
        recent.push(Recent {
            place: event.place,
            at: event.at,
            what: What::Announced(announced),
        });
    }

    /// What happened so short a time ago that it may have come after an event.
    fn recent<'r>(
        all: &'r mut HashMap<String, Vec<Recent>>,
        crossed: &mut Vec<Announced>,
        cx: &Cx<'_>,
        event: &Event<'_>,
        key: &str,
    ) -> &'r mut Vec<Recent> {
        let recent = all.entry_ref(key).or_default();
        let past = |one: &mut Recent| event.at.saturating_sub(one.at) > cx.tolerance();
        let past = recent.extract_if(.., past);
        crossed.extend(past.filter_map(Recent::crossed));
        recent
    }

    /// The announcements of which it is not known what they answer, in order.
    pub(super) fn close(mut self) -> Vec<Announced> {
        let rest = self.recent.into_values().flatten();
        self.crossed.extend(rest.filter_map(Recent::crossed));
        self.crossed
            .sort_unstable_by_key(|announced| announced.place);
        self.crossed
    }
}

impl Recent {
    fn crossed(self) -> Option<Announced> {
        match self.what {
            What::Announced(announced) => announced.is_unsure().then_some(announced),
            What::Turned(_) => None,
        }
    }
}

impl Announced {
    /// Whether what it answers is not known. Where its receiver surely waits elsewhere, it is that.
    fn is_unsure(&self) -> bool {
        let mut perhaps = self.perhaps.iter();
        let own_is_sure = self.waiting.contains(&self.receiver)
            && !perhaps.any(|(party, _)| *party == self.receiver);
        !own_is_sure && !self.perhaps.is_empty()
    }

    /// All whom it may answer.
    pub(super) fn may_answer(&self) -> impl Iterator<Item = PartyIx> {
        let perhaps = self.perhaps.iter().map(|(party, _)| *party);
        self.waiting.iter().copied().chain(perhaps)
    }
}
