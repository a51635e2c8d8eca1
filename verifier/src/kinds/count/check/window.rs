//! How many came within a time: surely, and as far as clocks that disagree leave it open.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};

use crate::engine::{Cx, Event, grown};
use crate::finding::Place;

/// The last events of one number.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// By clock. Of one, never more than what came within the time before the last one, and the tolerance.
    clocks: Vec<VecDeque<Came>>,
}

#[derive(Debug)]
struct Came {
    at: i64,
    place: Place,
    /// Where ids are told apart.
    id: Option<Box<str>>,
}

impl Window {
    /// Adds an event; what none that follows can be near to is forgotten. Times are in nanoseconds.
    pub(super) fn add(&mut self, cx: &Cx<'_>, event: &Event<'_>, id: Option<&str>, within: i64) {
        let clock = clock(cx, event);
        let widest = cx.widest(within);
        for came in &mut self.clocks {
            while came
                .front()
                .is_some_and(|first| event.at - first.at > widest)
            {
                came.pop_front();
            }
        }
        let own = grown(&mut self.clocks, clock);
        if id.is_some() {
            // By the same clock, the last one of an id is as near as an earlier one to whatever follows.
            let mut near = (0..own.len())
                .rev()
                .take_while(|number| event.at - own[*number].at <= within);
            if let Some(same) = near.find(|number| own[*number].id.as_deref() == id) {
                own.remove(same);
            }
        }
        own.push_back(Came {
            at: event.at,
            place: event.place,
            id: id.map(Into::into),
        });
    }

    /// Those that came within the time before the last event, which is this one, whatever the clocks are:
    /// those of its own clock, or all that not even the tolerance makes too far apart.
    pub(super) fn surely(&self, cx: &Cx<'_>, event: &Event<'_>, within: i64) -> Vec<Place> {
        let own = near(&self.clocks[clock(cx, event)], event, within);
        let mut own: Vec<_> = own.map(|came| came.place).collect();
        own.reverse();
        if !cx.has_several_clocks() {
            return own;
        }
        let narrowest = within.saturating_sub(cx.tolerance());
        let clocks = self.clocks.iter();
        let mut all: Vec<_> = clocks
            .flat_map(|came| near(came, event, narrowest))
            .collect();
        all.sort_unstable_by_key(|came| (came.at, came.place));
        let mut ids = HashSet::new();
        all.retain(|came| came.id.as_deref().is_none_or(|id| ids.insert(id)));
        if all.len() > own.len() {
            all.into_iter().map(|came| came.place).collect()
        } else {
            own
        }
    }

    /// The most that may have come within the time, the last event, which is this one, among them; and the
    /// first of those that it may have come near to. `None`: what surely came is all that may have.
    pub(super) fn perhaps(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        within: i64,
    ) -> Option<(usize, Place)> {
        if !cx.has_several_clocks() {
            return None;
        }
        let own = clock(cx, event);
        let mut all: Vec<_> = near(&self.clocks[own], event, within).collect();
        let own_ids: HashSet<_> = all.iter().filter_map(|came| came.id.as_deref()).collect();
        let mut most = all.len();
        for (clock, came) in self.clocks.iter().enumerate() {
            if clock != own {
                let others: Vec<_> = near(came, event, cx.widest(within)).collect();
                most += most_in_a_stretch(&others, within, &own_ids);
                all.extend(others);
            }
        }
        let ids = all.iter().map(|came| came.id.as_deref());
        if let Some(ids) = ids.collect::<Option<HashSet<_>>>() {
            // Two clocks may show the same one.
            most = most.min(ids.len());
        }
        let first = all.iter().map(|came| (came.at, came.place)).min();
        first.map(|(_, place)| (most, place))
    }
}

/// By what an event was measured.
fn clock(cx: &Cx<'_>, event: &Event<'_>) -> usize {
    if cx.has_several_clocks() {
        usize::from(event.place.recording)
    } else {
        0
    }
}

/// Those that one clock shows within so many nanoseconds before an event, the last one first.
fn near<'w>(
    came: &'w VecDeque<Came>,
    event: &Event<'_>,
    nanoseconds: i64,
) -> impl Iterator<Item = &'w Came> + use<'w> {
    let at = event.at;
    let newest = came.iter().rev();
    newest.take_while(move |came| at - came.at <= nanoseconds)
}

/// Of what one clock shows, the last one first: the most that fit into a stretch of the time, ids that are
/// known already left aside.
fn most_in_a_stretch(came: &[&Came], within: i64, known: &HashSet<&str>) -> usize {
    let (mut most, mut last, mut plain) = (0, 0, 0);
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for first in came {
        match first.id.as_deref() {
            None => plain += 1,
            Some(id) if known.contains(id) => {}
            Some(id) => *ids.entry(id).or_default() += 1,
        }
        while came[last].at - first.at > within {
            match came[last].id.as_deref() {
                None => plain -= 1,
                Some(id) => {
                    if let Some(count) = ids.get_mut(id) {
                        *count -= 1;
                        if *count == 0 {
                            ids.remove(id);
                        }
                    }
                }
            }
            last += 1;
        }
        most = most.max(plain + ids.len());
    }
    most
}
