//! One walk over the history: each thing in its turn, a stretch of them shown to one rule after the other.

mod exchange;
mod message;
mod payload;
mod waiting;

use std::num::NonZeroUsize;

use self::waiting::Waiting;
use super::room::{Look, Room};
use crate::decode::{Extractor, SlotId, Strings};
use crate::engine::event::{Event, EventSet, Excuse};
use crate::engine::lanes::Lane;
use crate::engine::pipeline::{self, Ahead, Batch};
use crate::engine::state::{ConnectionIx, Cx};
use crate::engine::tally::Tally;
use crate::engine::timeline::{Item, Mark, Marked, Timeline};
use crate::finding::Place;
use crate::history::{Reading, Source, SourceError};
use crate::rules::read::Carrier;
use crate::rules::{Codec, EventRef, Lifecycle};

/// One walk over the history.
pub(super) struct Pass<'a, 'h, 'p> {
    pub(super) cx: &'a mut Cx<'h>,
    pub(super) extractor: Extractor,
    /// Of the message at hand, where rules look at them.
    pub(super) strings: Strings,
    /// Where messages name their session.
    pub(super) naming: &'a [SlotId],
    pub(super) rooms: &'a mut [Room<'p>],
    pub(super) tally: &'a mut Tally,
    pub(super) look: Look,
    /// Whether rules look at the strings of the server's messages.
    pub(super) with_strings: bool,
}

impl<'h> Pass<'_, 'h, '_> {
    /// Walks to the end. `progress` is told after each message how many there were.
    pub(super) fn run(
        &mut self,
        sources: &'h [Box<dyn Source>],
        threads: NonZeroUsize,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), SourceError> {
        let mut readings = readings(sources)?;
        let mut timeline = Timeline::new(self.cx, &mut readings)?;
        let ahead = Ahead {
            reader: self.extractor.ahead(),
            codecs: self.codecs(),
        };
        let mut show = |batch: &Batch| self.show(batch);
        pipeline::walk(&mut timeline, threads, &ahead, progress, &mut show)
    }

    /// By connection: the codec of the first pack that reads its messages.
    fn codecs(&self) -> Vec<Option<Codec>> {
        let connections = self.cx.connections().map(|(connection, state)| {
            if state.info.http.is_some() {
                return None;
            }
            let room = self.rooms.iter().find(|room| room.reads(connection))?;
            // Where several sessions share it, the one that a message names is read first.
            let shared = self.cx.may_be_shared(connection);
            if shared {
                return Some(Codec::Json);
            }
            // Of what a message holds, each is shown by itself.
            Some(room.program.codec).filter(|codec| !codec.is_framed())
        });
        connections.collect()
    }

    fn show(&mut self, batch: &Batch) {
        let mut waiting = Waiting::new(self.rooms, batch.len());
        for (item, ahead) in batch.iter() {
            match item {
                Item::Mark(marked) => {
                    waiting.show(self.rooms, self.look, self.cx);
                    self.mark(marked);
                }
                Item::Message {
                    recording,
                    connection,
                    message,
                } => self.message(recording, connection, &message, ahead, &mut waiting),
            }
        }
        waiting.show(self.rooms, self.look, self.cx);
    }

    fn mark(&mut self, marked: Marked) {
        let Marked {
            recording,
            moment,
            connection,
            mark,
        } = marked;
        let place = Place {
            recording,
            seq: moment.seq,
        };
        if let Some(step) = self.cx.mark(connection, mark, moment) {
            self.step(place, moment.at, connection, step);
        }
        if mark == Mark::Step(Lifecycle::Closed) {
            self.cx.close(connection);
        }
    }

    fn step(&mut self, place: Place, at: i64, connection: ConnectionIx, step: Lifecycle) {
        let (session, user) = self.cx.identity_ahead(connection);
        let event = Event {
            place,
            at,
            connection,
            lane: Lane::Only,
            direction: None,
            carrier: Carrier::Socket,
            session,
            user,
            name: None,
            named: None,
            is: EventSet::of(&[EventRef::Lifecycle(step)]),
            excuse: Excuse::default(),
            values: None,
            strings: None,
            is_text: false,
            is_unread: false,
            met: None,
        };
        for room in &mut *self.rooms {
            if room.is_about(connection) {
                room.observe(self.look, self.cx, &[event]);
            }
        }
    }
}

fn readings(sources: &[Box<dyn Source>]) -> Result<Vec<Box<dyn Reading + '_>>, SourceError> {
    sources.iter().map(|source| source.reading()).collect()
}
