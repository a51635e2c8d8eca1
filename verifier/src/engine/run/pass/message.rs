//! A message of a socket: for whom it is, and what each pack makes of it.

use wsaudit_wire::Direction;

use super::Pass;
use super::payload::read_or_take;
use crate::decode::ReadAhead;
use crate::engine::event::{Carried, Event, EventSet, Excuse};
use crate::engine::lanes::{self, Lane, Line};
use crate::engine::program::Way;
use crate::engine::run::room::Look;
use crate::engine::state::ConnectionIx;
use crate::finding::Place;
use crate::history::{SourceMessage, SourcePayload};
use crate::rules::Codec;
use crate::rules::read::Carrier;

impl Pass<'_, '_, '_> {
    pub(super) fn message(
        &mut self,
        recording: u16,
        connection: ConnectionIx,
        message: &SourceMessage<'_>,
        mut ahead: Option<&mut ReadAhead>,
    ) {
        self.cx.carry(connection);
        if let Some(exchange) = &self.cx.connection(connection).info.http {
            self.http_message(recording, connection, exchange, message);
            return;
        }
        if !message.is_message() {
            return;
        }
        let place = Place {
            recording,
            seq: message.moment.seq,
        };
        if self.look == Look::First {
            self.carry(place, connection, message);
        }
        let (mut named, mut decoded) = (None, None);
        let shared = self.cx.may_be_shared(connection);
        let lane = if shared {
            let read = read_or_take(&mut self.extractor, Codec::Json, message, &mut ahead);
            let session = read
                .is_ok()
                .then(|| lanes::named(self.extractor.values(), self.naming));
            let lane = self.cx.lane(connection, session.flatten(), place.seq);
            decoded = Some((Codec::Json, read));
            lane
        } else {
            Lane::Only
        };
        let (session, user) = self.cx.speaker(Line { connection, lane });
        let strings = self.look == Look::Again && message.direction == Direction::ServerToClient;
        if strings {
            self.strings.clear();
            if let SourcePayload::Whole(bytes) = message.payload {
                // What does not decode was counted in the first pass.
                let _ = self.strings.read(bytes);
            }
        }
        let mut events = EventSet::default();
        for (pack, room) in self.rooms.iter_mut().enumerate() {
            if !room.reads(connection) {
                continue;
            }
            if decoded
                .as_ref()
                .is_none_or(|(codec, _): &(Codec, _)| !codec.decodes_like(room.program.codec))
            {
                let codec = room.program.codec;
                let read = read_or_take(&mut self.extractor, codec, message, &mut ahead);
                decoded = Some((room.program.codec, read));
            }
            let values = self.extractor.values();
            let name = match &decoded {
                Some((Codec::Text, Ok(()))) => whole_text(message),
                Some((Codec::Auto | Codec::Json, Ok(()))) => room.program.name(values),
                Some((_, Err(error))) => {
                    self.tally.undecodable(pack, connection, place, error);
                    self.cx.fail_to_decode(connection, place.seq);
                    continue;
                }
                None => None,
            };
            named = named.or_else(|| name.map(|name| self.tally.name(name)));
            let way = Way {
                direction: message.direction,
                carrier: Carrier::Socket,
            };
            let is = room.program.classify(way, name, None, values);
            self.tally.matched(pack, &is);
            if !is.is_empty() {
                events = is;
            }
            let event = Event {
                place,
                at: message.moment.at,
                connection,
                lane,
                direction: Some(message.direction),
                carrier: Carrier::Socket,
                session,
                user,
                name,
                is,
                excuse: Excuse::default(),
                values: Some(values),
                strings: strings.then_some(&self.strings),
            };
            room.observe(self.look, self.cx, &event);
        }
        if message.direction == Direction::ServerToClient {
            self.cx.receive(connection);
        }
        self.tally.message(session, message, named, &events);
    }

    /// Shows it to those that look at it before any codec does.
    fn carry(&mut self, place: Place, connection: ConnectionIx, message: &SourceMessage<'_>) {
        let carried = Carried {
            place,
            at: message.moment.at,
            connection,
            direction: message.direction,
            opcode: message.opcode,
            payload: message.payload,
        };
        for room in &mut *self.rooms {
            room.carry(self.cx, &carried);
        }
    }
}

/// A message that has no structure: it is its own name.
fn whole_text<'m>(message: &SourceMessage<'m>) -> Option<&'m str> {
    match message.payload {
        SourcePayload::Whole(bytes) => std::str::from_utf8(bytes).ok(),
        SourcePayload::Truncated { .. }
        | SourcePayload::Undecodable(_)
        | SourcePayload::Withheld(_) => None,
    }
}
