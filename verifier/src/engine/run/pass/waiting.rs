//! Events of one stretch of a history, in which nothing changes but what messages say.

use crate::engine::event::Event;
use crate::engine::run::room::{Look, Room};
use crate::engine::state::Cx;

/// What rules are to be shown before anything else changes: each rule all of it in turn, so that its code
/// stays in a core's caches. Rules know nothing of each other: it is the same to each as if all were shown
/// one event after the other.
pub(super) struct Waiting<'b> {
    /// By pack, in order.
    events: Vec<Vec<Event<'b>>>,
}

impl<'b> Waiting<'b> {
    /// Nothing, with room for so many events of each pack that reads messages.
    pub(super) fn new(rooms: &[Room<'_>], events: usize) -> Self {
        let events = rooms.iter().map(|room| {
            if room.reads_messages() {
                Vec::with_capacity(events)
            } else {
                Vec::new()
            }
        });
        Self {
            events: events.collect(),
        }
    }

    pub(super) fn push(&mut self, pack: usize, event: Event<'b>) {
        self.events[pack].push(event);
    }

    /// Shows all of it. `cx` stands where it stood for each of them, as far as rules ask.
    pub(super) fn show(&mut self, rooms: &mut [Room<'_>], look: Look, cx: &Cx<'_>) {
        for (room, events) in rooms.iter_mut().zip(&mut self.events) {
            room.observe(look, cx, events);
            events.clear();
        }
    }
}
