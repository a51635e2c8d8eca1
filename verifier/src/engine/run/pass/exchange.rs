//! A request or an answer over plain HTTP.

use wsaudit_wire::Direction;

use super::Pass;
use super::payload::read;
use crate::decode::{DecodeError, Extractor};
use crate::engine::event::{Event, EventSet, Excuse};
use crate::engine::lanes::Lane;
use crate::engine::state::ConnectionIx;
use crate::finding::Place;
use crate::history::{Exchange, SourceMessage, SourcePayload};
use crate::rules::Codec;
use crate::rules::read::Carrier;

impl<'h> Pass<'_, 'h, '_> {
    /// Its name is the method and the path; its body is looked into where it says that it is JSON.
    pub(super) fn http_message(
        &mut self,
        recording: u16,
        connection: ConnectionIx,
        exchange: &'h Exchange,
        message: &SourceMessage<'_>,
    ) {
        let place = Place {
            recording,
            seq: message.moment.seq,
        };
        let state = self.cx.connection(connection);
        let (session, user, info) = (state.session, state.user, state.info);
        let status = match message.direction {
            Direction::ServerToClient => info.status,
            Direction::ClientToServer => None,
        };
        let key = match recording {
            0 => info.number.to_string(),
            recording => format!("{}-of-{recording}", info.number),
        };
        let media_type = info.media_type(message.direction);
        let with_strings = self.with_strings && message.direction == Direction::ServerToClient;
        let name = without_ids(&exchange.name);
        let named = self.tally.name(&name);
        let mut events = EventSet::default();
        let mut shown = false;
        for (pack, room) in self.rooms.iter_mut().enumerate() {
            if !room.reads(connection) {
                continue;
            }
            let body = read_body(&mut self.extractor, media_type.as_deref(), message);
            self.strings.clear();
            match (body, message.payload) {
                (Ok(Body::Json), SourcePayload::Whole(bytes)) if with_strings => {
                    // What does not decode was counted in the first pass.
                    let _ = self.strings.read(bytes);
                }
                (Ok(_), _) => {}
                (Err(error), _) => {
                    self.tally.undecodable(pack, connection, place, &error);
                    self.cx.fail_to_decode(connection, place.seq);
                    continue;
                }
            }
            let (direction, extractor) = (message.direction, &mut self.extractor);
            let is = room
                .program
                .classify_http(direction, exchange, status, &key, extractor);
            self.tally.matched(pack, &is);
            if !is.is_empty() {
                events = is;
            }
            shown = true;
            let event = Event {
                place,
                at: message.moment.at,
                connection,
                lane: Lane::Only,
                direction: Some(direction),
                carrier: Carrier::Http,
                session,
                user,
                name: Some(&name),
                named: Some(named),
                is,
                values: Some(self.extractor.values()),
                strings: with_strings.then_some(&self.strings),
                excuse: Excuse::default(),
            };
            room.observe(self.look, self.cx, &[event]);
        }
        if shown {
            self.tally.http_message(message.direction, named, &events);
        }
    }
}

/// `GET /api/threads/*`: segments that look like ids would make names without end.
fn without_ids(name: &str) -> String {
    let segments = name.split('/').map(|segment| {
        let digits = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        if digits || crate::survey::looks_like_an_id(segment) {
            "*"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// What a body is, as far as it is looked into.
enum Body {
    Json,
    /// Nothing, or something else: it has no values.
    Other,
}

fn read_body(
    extractor: &mut Extractor,
    media_type: Option<&str>,
    message: &SourceMessage<'_>,
) -> Result<Body, DecodeError> {
    extractor.read_nothing();
    let is_json = match (media_type, message.payload) {
        (_, SourcePayload::Whole([])) => false,
        (Some(media_type), _) => {
            matches!(media_type, "application/json" | "text/json") || media_type.ends_with("+json")
        }
        (None, SourcePayload::Whole(bytes)) => {
            matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
        }
        (None, _) => true,
    };
    if !is_json {
        return Ok(Body::Other);
    }
    read(extractor, Codec::Json, message).map(|()| Body::Json)
}
