//! Violations, unless they rest on an order that nobody knows.
//!
//! The clocks of two recordings may disagree by a tolerance ([`Cx::skew`]). What they show closer to
//! each other than that may have happened the other way round:
//!
//! ```text
//!   a.db   ----- completed ----------------------        closer than the tolerance: whether `thinking`
//!   b.db   ---------- thinking ------------------        came after `completed` is not known
//! ```
//!
//! A kind whose judgement rests on the order of events tells this of each of them, with the slot that
//! it belongs to (a holder and a key: what the kind keeps one state for). A slot in which two events
//! crossed is in doubt, whatever was found in it; of every other slot the order is the true one.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::breaches::Breaches;
use super::event::Event;
use super::state::{Cx, Holder};
use super::time::in_words;
use crate::finding::{Doubt, Place, Subject, Violation};
use crate::verdict::Reason;

/// What a kind keeps one state for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// Whose; `None`: the key is the same to all.
    pub holder: Option<Holder>,
    /// The id; empty where there is none.
    pub key: String,
}

/// Violations of one rule, and the slots that are in doubt.
#[derive(Debug, Default)]
pub struct Crossings {
    /// Of rules over recordings of one clock, and of what rests on no order.
    certain: Breaches,
    /// Of several clocks: by slot, until it is known that nothing crossed there.
    held: BTreeMap<Slot, Breaches>,
    recent: HashMap<Slot, Vec<Recent>>,
    crossed: BTreeMap<Slot, Crossed>,
}

/// An event of a slot that another one may still cross.
#[derive(Debug)]
struct Recent {
    part: u64,
    place: Place,
    at: i64,
}

/// Two places whose order, or whose distance to a limit, is not known.
#[derive(Debug, Clone, Copy)]
struct Crossed {
    places: [Place; 2],
    why: Why,
}

#[derive(Debug, Clone, Copy)]
enum Why {
    Order,
    Limit,
}

impl Slot {
    /// A holder's own.
    pub fn of(holder: Holder, key: &str) -> Self {
        Self {
            holder: Some(holder),
            key: key.to_owned(),
        }
    }

    /// The same to all.
    pub fn shared(key: &str) -> Self {
        Self {
            holder: None,
            key: key.to_owned(),
        }
    }
}

impl Crossings {
    /// An event of a slot. `part` says what it is there: two events of the same part mean the same in
    /// either order.
    pub fn see(&mut self, cx: &Cx<'_>, event: &Event<'_>, slot: impl FnOnce() -> Slot, part: u64) {
        if !cx.has_several_clocks() {
            return;
        }
        let slot = slot();
        let recent = self.recent.entry(slot.clone()).or_default();
        recent.retain(|one| event.at.saturating_sub(one.at) <= cx.tolerance());
        let crossed = recent
            .iter()
            .find(|one| one.part != part && cx.skew(one.place, event.place) > 0);
        if let Some(one) = crossed {
            self.crossed.entry(slot).or_insert(Crossed {
                places: [one.place, event.place],
                why: Why::Order,
            });
        }
        recent.push(Recent {
            part,
            place: event.place,
            at: event.at,
        });
    }

    /// A time of `took` from `start` to an event was held against `limit`: whether it was longer is not
    /// known where two clocks measured it, and it is that close.
    pub fn measure(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        slot: impl FnOnce() -> Slot,
        (start, took, limit): (Place, i64, i64),
    ) {
        let times = (took, limit);
        self.measure_between(cx, [start, event.place], slot, times);
    }

    /// The same of two places, once both are known.
    pub fn measure_between(
        &mut self,
        cx: &Cx<'_>,
        places: [Place; 2],
        slot: impl FnOnce() -> Slot,
        (took, limit): (i64, i64),
    ) {
        let skew = cx.skew(places[0], places[1]);
        if skew > 0 && took.saturating_sub(limit).abs() <= skew {
            self.crossed.entry(slot()).or_insert(Crossed {
                places,
                why: Why::Limit,
            });
        }
    }

    /// Two events whose order is not known, of whatever slot; `None`: there are none.
    pub fn first_out_of_order(&self) -> Option<[Place; 2]> {
        let crossed = self.crossed.values();
        let mut orders = crossed.filter(|crossed| matches!(crossed.why, Why::Order));
        orders.next().map(|crossed| crossed.places)
    }

    /// The keys of the slots that are in doubt.
    pub fn keys_in_doubt(&self) -> impl Iterator<Item = &str> {
        self.crossed.keys().map(|slot| slot.key.as_str())
    }

    /// What breaks the rule, if the order in its slot is what it seems.
    pub fn add(&mut self, cx: &Cx<'_>, slot: impl FnOnce() -> Slot, violation: Violation) {
        if cx.has_several_clocks() {
            self.held.entry(slot()).or_default().add(cx, violation);
        } else {
            self.certain.add(cx, violation);
        }
    }

    /// What breaks the rule in whatever order things happened.
    pub fn add_certain(&mut self, cx: &Cx<'_>, violation: Violation) {
        self.certain.add(cx, violation);
    }

    /// What is sure to break the rule, and what is in doubt.
    pub fn settle(self, cx: &Cx<'_>) -> (Vec<Violation>, Vec<Doubt>) {
        let Self {
            mut certain,
            held,
            crossed,
            ..
        } = self;
        let mut sure: Vec<_> = held
            .into_iter()
            .filter(|(slot, _)| !crossed.contains_key(slot))
            .flat_map(|(_, breaches)| breaches.into_violations())
            .collect();
        sure.sort_by_key(|violation| violation.offending);
        for violation in sure {
            certain.add(cx, violation);
        }
        let doubts = crossed.iter().map(|(slot, crossed)| crossed.tell(cx, slot));
        (certain.into_violations(), doubts.collect())
    }
}

impl Crossed {
    fn tell(&self, cx: &Cx<'_>, slot: &Slot) -> Doubt {
        let [first, second] = self.places;
        let of = match slot.key.as_str() {
            "" => String::new(),
            key => format!(", of {key}"),
        };
        let what = match self.why {
            Why::Order => "which of the two came first is not known",
            Why::Limit => "whether the time between them is within the limit is not known",
        };
        // Whatever was found in the slot is in doubt, whoever of it the two are about.
        let whose = slot.holder.map(|holder| cx.subject(holder));
        let what = format!("{what}{of}");
        cx.unknown_order(first, second, &what, whose.unwrap_or_default())
    }
}

/// What settles it that the clocks of two recordings may disagree.
pub(super) const ONE_CLOCK: &str =
    "record through one proxy, or synchronise the clocks and lower --skew";

impl Cx<'_> {
    /// By how much the clocks of two recordings may disagree, in nanoseconds.
    pub fn tolerance(&self) -> i64 {
        self.tolerance
    }

    /// Whether there are recordings whose clocks may disagree.
    pub fn has_several_clocks(&self) -> bool {
        self.tolerance > 0 && self.outlines.len() > 1
    }

    /// By how much the times of two places may be wrong against each other, in nanoseconds: not at all
    /// within one recording.
    pub fn skew(&self, one: Place, other: Place) -> i64 {
        if one.recording == other.recording {
            0
        } else {
            self.tolerance
        }
    }

    /// A time, in nanoseconds, with what clocks may add to it whatever recordings measured it.
    pub fn widest(&self, time: i64) -> i64 {
        if self.has_several_clocks() {
            time.saturating_add(self.tolerance)
        } else {
            time
        }
    }

    /// The doubt that two places of different recordings leave; `what` says what is not known.
    pub fn unknown_order(
        &self,
        first: Place,
        second: Place,
        what: &str,
        subject: Subject,
    ) -> Doubt {
        let name = |place: Place| {
            let outline = self.outlines[usize::from(place.recording)];
            format!("frame {} of {}", place.seq, outline.name)
        };
        Doubt {
            reason: Reason::Undecided,
            message: format!(
                "{} and {}: the clocks of two recordings may be {} apart, and {what}",
                name(first),
                name(second),
                in_words(self.tolerance)
            ),
            settle: ONE_CLOCK.to_owned(),
            place: Some(second),
            subject,
        }
    }
}
