//! A message of a socket: for whom it is, and what each pack makes of it.

use std::borrow::Cow;

use wsaudit_wire::Direction;

use super::Pass;
use super::payload::{decode, whole};
use super::waiting::Waiting;
use crate::decode::{DecodeError, ReadAhead, Strings, Values, may_be_batch, records, utf8};
use crate::engine::event::{Carried, Event, EventSet, Excuse};
use crate::engine::lanes::{self, Lane, Line};
use crate::engine::program::PackProgram;
use crate::engine::run::room::Look;
use crate::engine::state::{ConnectionIx, SessionIx, UserIx};
use crate::engine::tally::{NameIx, Tally};
use crate::finding::Place;
use crate::history::{SourceMessage, SourcePayload};
use crate::rules::Codec;
use crate::rules::read::Carrier;

impl Pass<'_, '_, '_> {
    /// `ahead`: what was read of it, where anything was. As far as that is all that rules look at, they are
    /// shown it later.
    pub(super) fn message<'b>(
        &mut self,
        recording: u16,
        connection: ConnectionIx,
        message: &SourceMessage<'b>,
        ahead: Option<&'b ReadAhead>,
        waiting: &mut Waiting<'b>,
    ) {
        self.cx.carry(connection, message.moment);
        if let Some(exchange) = &self.cx.connection(connection).info.http {
            waiting.show(self.rooms, self.look, self.cx);
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
        let mut decoded = None;
        let lane = if self.cx.may_be_shared(connection) {
            let json = decode(&mut self.extractor, Codec::Json, message, ahead);
            let values = json.values(&self.extractor).ok();
            let session = values.and_then(|values| lanes::named(values, self.naming));
            let lane = self.cx.lane(connection, session, place.seq);
            decoded = Some(json);
            lane
        } else {
            Lane::Only
        };
        let line = Line { connection, lane };
        let (session, user) = self.cx.speaker(line);
        let strings = self.with_strings && message.direction == Direction::ServerToClient;
        if strings {
            self.strings.clear();
            if let SourcePayload::Whole(bytes) = message.payload {
                // What does not decode was counted in the first pass.
                let _ = self.strings.read(bytes);
            }
        }
        let mut seen = Seen {
            place,
            line,
            session,
            user,
            named: None,
            is: EventSet::default(),
        };
        for pack in 0..self.rooms.len() {
            if !self.rooms[pack].reads(connection) {
                continue;
            }
            if let Some(records) = apart(&self.rooms[pack].program, message) {
                decoded = None;
                waiting.show(self.rooms, self.look, self.cx);
                let read =
                    records.and_then(|records| self.records(pack, &records, message, &mut seen));
                let is_nothing = self.rooms[pack].program.ignores(message.payload);
                if let (Err(error), false) = (read, is_nothing) {
                    self.tally.undecodable(pack, connection, place, &error);
                    self.cx.fail_to_decode(connection, place.seq);
                }
                continue;
            }
            let program = &mut self.rooms[pack].program;
            let decoded = match &mut decoded {
                Some(decoded) if decoded.codec().decodes_like(program.codec) => decoded,
                other => other.insert(decode(&mut self.extractor, program.codec, message, ahead)),
            };
            let values = match decoded.values(&self.extractor) {
                Ok(values) => values,
                Err(_) if program.ignores(message.payload) => continue,
                Err(error) => {
                    self.tally.undecodable(pack, connection, place, error);
                    // What came before it was seen without it.
                    waiting.show(self.rooms, self.look, self.cx);
                    self.cx.fail_to_decode(connection, place.seq);
                    continue;
                }
            };
            match decoded.kept() {
                Some(values) if !strings => {
                    let event = seen.by(program, message, values, self.tally);
                    self.tally.matched(pack, &event.is);
                    waiting.push(pack, event);
                }
                _ => {
                    let event = Event {
                        strings: strings.then_some(&self.strings),
                        ..seen.by(program, message, values, self.tally)
                    };
                    self.tally.matched(pack, &event.is);
                    waiting.show(self.rooms, self.look, self.cx);
                    self.rooms[pack].observe(self.look, self.cx, &[event]);
                }
            }
        }
        if message.direction == Direction::ServerToClient {
            self.cx.receive(connection);
        }
        self.tally.message(session, message, seen.named, &seen.is);
    }

    /// Shows each of the values that a message holds, up to the first that cannot be read.
    fn records(
        &mut self,
        pack: usize,
        records: &[Cow<'_, str>],
        message: &SourceMessage<'_>,
        seen: &mut Seen,
    ) -> Result<(), DecodeError> {
        let with_strings = self.with_strings && message.direction == Direction::ServerToClient;
        let mut strings = Strings::default();
        let apart = self.rooms[pack].program.apart(records);
        for record in apart.as_deref().unwrap_or(records) {
            self.extractor.read(Codec::Json, record.as_bytes())?;
            if with_strings {
                strings.read(record.as_bytes())?;
            }
            let room = &mut self.rooms[pack];
            let values = self.extractor.values();
            let event = Event {
                strings: with_strings.then_some(&strings),
                ..seen.by(&mut room.program, message, values, self.tally)
            };
            self.tally.matched(pack, &event.is);
            room.observe(self.look, self.cx, &[event]);
        }
        Ok(())
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

/// The JSON values that a message holds, where each is an event of its own: within a framing, or in a batch.
#[inline]
fn apart<'m>(
    program: &PackProgram,
    message: &SourceMessage<'m>,
) -> Option<Result<Vec<Cow<'m, str>>, DecodeError>> {
    let codec = program.codec;
    if codec.is_framed() {
        let text = whole(message).and_then(utf8);
        return Some(text.and_then(|text| records(codec, text)));
    }
    match message.payload {
        SourcePayload::Whole(bytes) if codec.is_json() && may_be_batch(bytes) => {
            program.batch(utf8(bytes).ok()?).map(Ok)
        }
        _ => None,
    }
}

/// What is known of a message, whatever pack looks at it.
struct Seen {
    place: Place,
    line: Line,
    session: Option<SessionIx>,
    user: Option<UserIx>,
    /// Its name, by the first pack that finds one.
    named: Option<NameIx>,
    /// What it is to the last pack to which it is anything.
    is: EventSet,
}

impl Seen {
    /// As a pack sees it.
    fn by<'v>(
        &mut self,
        program: &mut PackProgram,
        message: &SourceMessage<'v>,
        values: &'v Values,
        tally: &mut Tally,
    ) -> Event<'v> {
        let name = match program.codec {
            Codec::Text => whole_text(message),
            Codec::Auto
            | Codec::Json
            | Codec::SocketIo
            | Codec::SignalR
            | Codec::SockJs
            | Codec::Stomp
            | Codec::NdJson => program.name(values),
        };
        let number = |name: &str| tally.name(name);
        let (is, named) = program.classify_and_number(message.direction, name, values, number);
        self.named = self.named.or(named);
        if !is.is_empty() {
            self.is = is;
        }
        Event {
            place: self.place,
            at: message.moment.at,
            connection: self.line.connection,
            lane: self.line.lane,
            direction: Some(message.direction),
            carrier: Carrier::Socket,
            session: self.session,
            user: self.user,
            name,
            named,
            is,
            excuse: Excuse::default(),
            values: Some(values),
            strings: None,
            is_text: false,
            is_unread: false,
            met: None,
        }
    }
}

/// A message that has no structure: it is its own name.
fn whole_text<'m>(message: &SourceMessage<'m>) -> Option<&'m str> {
    match message.payload {
        SourcePayload::Whole(bytes) => std::str::from_utf8(bytes).ok(),
        SourcePayload::Truncated { .. }
        | SourcePayload::Beginning { .. }
        | SourcePayload::Undecodable(_)
        | SourcePayload::Withheld(_) => None,
    }
}
