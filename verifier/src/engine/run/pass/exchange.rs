//! A request or an answer over plain HTTP.

use std::borrow::Cow;

use wsaudit_wire::Direction;

use super::Pass;
use super::payload::{missing, read};
use crate::decode::{Body, DecodeError, is_json, utf8};
use crate::engine::event::{Event, EventSet, Excuse};
use crate::engine::lanes::Lane;
use crate::engine::program::PackProgram;
use crate::engine::run::room::Look;
use crate::engine::state::ConnectionIx;
use crate::engine::tally::Unread;
use crate::finding::Place;
use crate::history::{Exchange, Rest, SourceMessage, SourcePayload};
use crate::rules::Codec;
use crate::rules::read::Carrier;

impl<'h> Pass<'_, 'h, '_> {
    /// Its name is the method and the path; its body is looked into as far as it can be, and what a rule may have
    /// found in the rest leaves a doubt (decision 0027).
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
        let direction = message.direction;
        let media_type = info.media_type(direction);
        let body = Content::of(media_type.as_deref(), message);
        let strings = direction == Direction::ServerToClient && self.gather(&body, message);
        let name = without_ids(&exchange.name);
        let named = self.tally.name(&name);
        let mut events = EventSet::default();
        let mut shown = false;
        for (pack, room) in self.rooms.iter_mut().enumerate() {
            if !room.reads(connection) {
                continue;
            }
            let read = match (body.apart(&room.program, message), &body.inside) {
                (Some(documents), _) => self.extractor.read_each(&documents),
                (None, Inside::Each(documents)) => self.extractor.read_each(documents),
                (None, Inside::Json) => read(&mut self.extractor, Codec::Json, message),
            };
            if let Err(error) = read {
                self.tally.undecodable(pack, connection, place, &error);
                self.cx.fail_to_decode(connection, place.seq);
                continue;
            }
            let mut is_unread = false;
            if let Some(hides) = body.hides {
                is_unread = room.program.asks_of_body(direction, exchange, status);
                let unread = Unread {
                    place,
                    connection,
                    direction,
                    media_type: media_type.clone(),
                    missing: body.missing.clone(),
                };
                if is_unread {
                    self.tally.unread_event(pack, &unread);
                    self.cx.fail_to_decode(connection, place.seq);
                    if hides == Hides::Everything && body.documents().is_empty() {
                        continue;
                    }
                } else if hides == Hides::Everything
                    && direction == Direction::ServerToClient
                    && !media_type.as_deref().is_some_and(is_furniture)
                {
                    self.tally.unread_answer(pack, &unread);
                }
            }
            let extractor = &mut self.extractor;
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
                strings: strings.then_some(&self.strings),
                is_text: direction == Direction::ServerToClient && !body.text.is_empty(),
                is_unread,
                met: None,
                excuse: Excuse::default(),
            };
            room.observe(self.look, self.cx, &[event]);
        }
        if shown {
            self.tally.http_message(direction, named, &events);
        }
    }

    /// In the second pass: the strings and the words of a body. Returns whether there may be any.
    fn gather(&mut self, body: &Content<'_>, message: &SourceMessage<'_>) -> bool {
        self.strings.clear();
        if self.look == Look::First {
            return false;
        }
        // What does not decode was counted in the first pass.
        if self.with_strings {
            for document in body.documents() {
                let _ = self.strings.add(document.as_bytes());
            }
            if let (Inside::Json, SourcePayload::Whole(bytes)) = (&body.inside, message.payload) {
                let _ = self.strings.add(bytes);
            }
        }
        self.strings.add_words(body.text);
        true
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

/// What a body is to whoever looks into it.
struct Content<'b> {
    inside: Inside<'b>,
    /// What of it is no JSON, where it is text.
    text: &'b str,
    /// What rules cannot see of it.
    hides: Option<Hides>,
    /// Why some of it is not there, where that is so.
    missing: Option<DecodeError>,
}

/// What pointers lead into.
enum Inside<'b> {
    /// Each of these; often none.
    Each(Vec<Cow<'b, str>>),
    /// The one document that the message is, or an error.
    Json,
}

/// What rules cannot see of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hides {
    /// What its words are there for.
    Meaning,
    /// The words, too.
    Everything,
}

impl<'b> Content<'b> {
    fn of(media_type: Option<&str>, message: &SourceMessage<'b>) -> Self {
        let payload = message.payload;
        let known = match payload {
            SourcePayload::Whole(bytes) => Body::of(media_type, bytes),
            SourcePayload::Beginning { kept, .. } if !media_type.is_none_or(is_json) => {
                Body::of_beginning(media_type, kept)
            }
            SourcePayload::Beginning { .. }
            | SourcePayload::Truncated { .. }
            | SourcePayload::Undecodable(_)
            | SourcePayload::Withheld(_) => match media_type {
                Some(other) if !is_json(other) => Body::Binary,
                _ => Body::Json,
            },
        };
        // What never came cannot be missed, unless something was to be read as a whole.
        let is_all = matches!(
            payload,
            SourcePayload::Beginning {
                rest: Rest::NeverCame,
                ..
            }
        );
        let missing = missing(payload).filter(|_| !is_all);
        let hides = match (&known, &missing) {
            (Body::Json, _) | (Body::Documents { .. }, None) => None,
            (Body::Text(_), None) => Some(Hides::Meaning),
            (Body::Binary, _) | (_, Some(_)) => Some(Hides::Everything),
        };
        let (inside, text) = match known {
            Body::Json => (Inside::Json, ""),
            Body::Documents { documents, text } => (Inside::Each(documents), text),
            Body::Text(text) => (Inside::Each(Vec::new()), text),
            Body::Binary => (Inside::Each(Vec::new()), ""),
        };
        Self {
            inside,
            text,
            hides,
            missing,
        }
    }

    /// What pointers of a pack lead into, where the body has a batch: each of its elements.
    fn apart<'d>(
        &'d self,
        program: &PackProgram,
        message: &SourceMessage<'d>,
    ) -> Option<Vec<Cow<'d, str>>> {
        match (&self.inside, message.payload) {
            (Inside::Each(documents), _) => program.apart(documents),
            (Inside::Json, SourcePayload::Whole(bytes)) => program.batch(utf8(bytes).ok()?),
            (Inside::Json, _) => None,
        }
    }

    fn documents(&self) -> &[Cow<'b, str>] {
        match &self.inside {
            Inside::Each(documents) => documents,
            Inside::Json => &[],
        }
    }
}

/// Whether bytes of that media type belong to a page's looks and code: no application keeps its data there.
fn is_furniture(media_type: &str) -> bool {
    let (kind, of_it) = media_type.split_once('/').unwrap_or_default();
    match kind {
        "image" | "font" | "audio" | "video" => true,
        "text" => matches!(of_it, "css" | "javascript"),
        "application" => {
            matches!(of_it, "javascript" | "x-javascript" | "wasm") || of_it.contains("font")
        }
        _ => false,
    }
}
