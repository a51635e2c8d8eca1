//! One run: packs over recordings.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use wsaudit_wire::{Direction, Opcode};

use super::checker::Checker;
use super::event::{Carried, Event, EventSet, Excuse};
use super::lanes::{self, Lane, Lanes, Line};
use super::pipeline::{self, Ahead};
use super::program::{PackProgram, Program, Way};
use super::state::{ConnectionIx, Cx};
use super::tally::Tally;
use super::time::nanoseconds;
use super::timeline::{Item, Mark, Timeline};
use crate::decode::{DecodeError, Extractor, ReadAhead, SlotId, Strings};
use crate::facts::Facts;
use crate::finding::{Outcome, Place};
use crate::history::{
    Exchange, Outline, Reading, Source, SourceError, SourceMessage, SourcePayload,
};
use crate::rules::read::Carrier;
use crate::rules::{Codec, EventRef, Lifecycle, Pack, Pointer, RequiredPlace, Rule};

/// What rules are checked over, and with what.
pub struct Input<'i> {
    /// The rule packs.
    pub packs: &'i [Pack],
    /// Ownership facts.
    pub facts: &'i Facts,
    /// The recordings: one history.
    pub sources: &'i [Box<dyn Source>],
    /// Recordings of the same history that could not be read: what they hold is in doubt.
    pub unread: &'i [SourceError],
    /// By how much the clocks of two of the recordings may disagree.
    pub skew: Duration,
}

/// What the rules of a run came to, before it is judged.
pub(super) struct Finished<'h> {
    /// By pack, by rule.
    pub(super) outcomes: Vec<Vec<RuleOutcome>>,
    pub(super) cx: Cx<'h>,
    pub(super) tally: Tally,
    /// How many values each pointer led to.
    pub(super) yielded: Vec<(Pointer, u64)>,
    /// By pack: which connections it is about.
    pub(super) scopes: Vec<Vec<bool>>,
}

/// A rule's outcome, and what the engine counted beside its checker.
pub(super) struct RuleOutcome {
    pub(super) outcome: Outcome,
    /// How often what `requires` asks for happened; `None` where it asks for nothing.
    pub(super) required: Option<u64>,
}

/// A rule at work.
struct Worker<'p> {
    checker: Box<dyn Checker>,
    rule: &'p Rule,
    excepted_events: Vec<(EventSet, &'p str)>,
    /// Whether the rule has exceptions for somebody, not only for events.
    excepts_somebody: bool,
    excepted: BTreeMap<String, u64>,
    requires: Option<(EventSet, RequiredPlace)>,
    required: u64,
}

/// One pack at work.
struct Room<'p> {
    program: PackProgram,
    workers: Vec<Worker<'p>>,
    /// By connection.
    in_scope: Vec<bool>,
    /// Whether it is shown messages.
    reads_messages: bool,
    /// Whether one of its rules looks at them before any codec does.
    wants_carried: bool,
}

/// Runs all rules over the history. `progress` is told after each message how many there were.
///
/// The outlines are those of the sources, tagged anew where a pack wants it; the lanes are those of
/// their connections.
pub(super) fn run<'h>(
    input: &Input<'h>,
    outlines: Vec<&'h Outline>,
    lanes: &'h Lanes,
    threads: NonZeroUsize,
    progress: &mut dyn FnMut(u64),
) -> Result<Finished<'h>, SourceError> {
    let mut cx = Cx::new(outlines, &lanes.by_connection, nanoseconds(input.skew));
    let program = Program::new(input.packs, input.facts);
    let mut rooms = rooms(input.packs, program.packs, program.checkers, &cx);
    ask(&mut rooms, input.sources);
    let mut tally = Tally::new(input.packs);
    let mut pass = Pass {
        cx: &mut cx,
        extractor: program.extractor,
        strings: Strings::default(),
        naming: &program.naming,
        rooms: &mut rooms,
        tally: &mut tally,
        look: Look::First,
    };
    pass.run(input.sources, threads, progress)?;
    let yielded = pass.extractor.yielded();
    let yielded = yielded
        .map(|(pointer, count)| (pointer.clone(), count))
        .collect();
    let extractor = pass.extractor;
    let mut workers = rooms.iter().flat_map(|room| &room.workers);
    if workers.any(|worker| worker.checker.wants_strings()) {
        // All ids are known now; strings that equal one are looked for from the beginning, with what
        // is known of sessions and access at each place.
        let mut pass = Pass {
            cx: &mut cx.rewound(),
            extractor,
            strings: Strings::default(),
            naming: &program.naming,
            rooms: &mut rooms,
            tally: &mut Tally::new(input.packs),
            look: Look::Again,
        };
        pass.begin_again();
        pass.run(input.sources, threads, &mut |_| {})?;
    }
    let scopes = rooms.iter().map(|room| room.in_scope.clone()).collect();
    let outcomes = rooms
        .into_iter()
        .map(|room| {
            room.workers
                .into_iter()
                .map(|worker| worker.finish(&cx))
                .collect()
        })
        .collect();
    Ok(Finished {
        outcomes,
        cx,
        tally,
        yielded,
        scopes,
    })
}

/// Asks each recording what rules want to know of it as a whole.
fn ask(rooms: &mut [Room<'_>], sources: &[Box<dyn Source>]) {
    for worker in rooms.iter_mut().flat_map(|room| &mut room.workers) {
        if let Some(question) = worker.checker.question() {
            let answers: Vec<_> = sources.iter().map(|source| source.ask(question)).collect();
            for answer in answers {
                worker.checker.hear(answer);
            }
        }
    }
}

fn rooms<'p>(
    packs: &'p [Pack],
    programs: Vec<PackProgram>,
    checkers: Vec<Vec<Box<dyn Checker>>>,
    cx: &Cx<'_>,
) -> Vec<Room<'p>> {
    let reads_messages = |pack: &Pack| {
        let mut rules = pack.rules.iter();
        rules.any(|rule| rule.spec.reads_messages() || rule.requires.is_some())
    };
    // Where no pack needs messages, the first one reads their names: reports list them.
    let nobody_does = !packs.iter().any(reads_messages);
    packs
        .iter()
        .zip(programs)
        .zip(checkers)
        .enumerate()
        .map(|(number, ((pack, program), checkers))| Room {
            reads_messages: reads_messages(pack) || (nobody_does && number == 0),
            wants_carried: checkers.iter().any(|checker| checker.wants_carried()),
            program,
            workers: pack
                .rules
                .iter()
                .zip(checkers)
                .map(|(rule, checker)| Worker::new(rule, checker))
                .collect(),
            in_scope: cx
                .connections()
                .map(|(_, state)| match state.info.http {
                    None => pack.scope.contains(&state.path, state.info),
                    // A pack without an event of HTTP is about sockets alone.
                    Some(_) => pack.events.iter().any(|event| event.http.is_some()),
                })
                .collect(),
        })
        .collect()
}

impl<'p> Worker<'p> {
    fn new(rule: &'p Rule, checker: Box<dyn Checker>) -> Self {
        let excepted_events = rule
            .except
            .iter()
            .filter_map(|exception| {
                let event = EventRef::Message(exception.event?);
                Some((EventSet::of(&[event]), exception.why.as_str()))
            })
            .collect();
        let requires = rule
            .requires
            .as_ref()
            .map(|requires| (EventSet::of(&requires.events), requires.place));
        Self {
            checker,
            rule,
            excepted_events,
            excepts_somebody: rule
                .except
                .iter()
                .any(|exception| exception.event.is_none()),
            excepted: BTreeMap::new(),
            requires,
            required: 0,
        }
    }

    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if let Some((events, place)) = &self.requires
            && event.is_one_of(events)
            && happens_in(*place, cx, event)
        {
            self.required += 1;
        }
        let hidden = self
            .excepted_events
            .iter()
            .find(|(events, _)| event.is_one_of(events));
        if let Some((_, why)) = hidden {
            *self.excepted.entry((*why).to_owned()).or_default() += 1;
            return;
        }
        self.show(cx, event);
    }

    fn show(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if !self.excepts_somebody {
            self.checker.observe(cx, event);
            return;
        }
        let excuse = super::exceptions::excuse(self.rule, cx, event);
        self.checker.observe(cx, &Event { excuse, ..*event });
    }

    /// The second pass: what is counted beside the checker was counted in the first one.
    fn observe_again(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let hidden = |(events, _): &(EventSet, _)| event.is_one_of(events);
        if self.checker.wants_strings() && !self.excepted_events.iter().any(hidden) {
            self.show(cx, event);
        }
    }

    fn finish(self, cx: &Cx<'_>) -> RuleOutcome {
        let mut outcome = self.checker.finish(cx);
        for (why, count) in self.excepted {
            *outcome.excepted.entry(why).or_default() += count;
        }
        super::exceptions::apply(self.rule, cx, &mut outcome);
        outcome
            .violations
            .sort_by_key(|violation| (violation.severity, violation.offending));
        RuleOutcome {
            outcome,
            required: self.requires.map(|_| self.required),
        }
    }
}

impl Room<'_> {
    fn observe(&mut self, look: Look, cx: &Cx<'_>, event: &Event<'_>) {
        for worker in &mut self.workers {
            match look {
                Look::First => worker.observe(cx, event),
                Look::Again => worker.observe_again(cx, event),
            }
        }
    }
}

fn happens_in(place: RequiredPlace, cx: &Cx<'_>, event: &Event<'_>) -> bool {
    match place {
        RequiredPlace::AnySession => true,
        RequiredPlace::OtherSession => event.session.is_some_and(|session| {
            let holder = super::state::Holder::Session(session);
            cx.others_connected(crate::rules::HolderKind::Session, Some(holder))
        }),
    }
}

/// Which walk over the history it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// All rules are shown everything.
    First,
    /// Those that want strings are shown everything once more.
    Again,
}

/// One walk over the history.
struct Pass<'a, 'h, 'p> {
    cx: &'a mut Cx<'h>,
    extractor: Extractor,
    /// Of the message at hand, in the second pass.
    strings: Strings,
    /// Where messages name their session.
    naming: &'a [SlotId],
    rooms: &'a mut [Room<'p>],
    tally: &'a mut Tally,
    look: Look,
}

impl<'h> Pass<'_, 'h, '_> {
    fn begin_again(&mut self) {
        for worker in self.rooms.iter_mut().flat_map(|room| &mut room.workers) {
            if worker.checker.wants_strings() {
                worker.checker.begin_again();
            }
        }
    }

    fn run(
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
        let mut show = |item: &Item<'_>, ahead: Option<&mut ReadAhead>| self.show(item, ahead);
        pipeline::walk(&mut timeline, threads, &ahead, progress, &mut show)
    }

    /// By connection: the codec of the first pack that reads its messages.
    fn codecs(&self) -> Vec<Option<Codec>> {
        let connections = self.cx.connections().map(|(connection, state)| {
            let mut rooms = self
                .rooms
                .iter()
                .filter(|room| room.in_scope[connection.0 as usize] && room.reads_messages);
            let socket = state.info.http.is_none();
            let room = rooms.next().filter(|_| socket);
            // Where several sessions share it, the one that a message names is read first.
            let shared = !state.lanes.is_empty();
            room.map(|room| {
                if shared {
                    Codec::Json
                } else {
                    room.program.codec
                }
            })
        });
        connections.collect()
    }

    fn show(&mut self, item: &Item<'_>, ahead: Option<&mut ReadAhead>) {
        match *item {
            Item::Mark {
                recording,
                moment,
                connection,
                mark,
            } => {
                self.cx.now = self.cx.now.max(moment.at);
                let place = Place {
                    recording,
                    seq: moment.seq,
                };
                if let Some(step) = self.cx.mark(connection, mark) {
                    self.step(place, moment.at, connection, step);
                }
                if mark == Mark::Step(Lifecycle::Closed) {
                    self.cx.close(connection);
                }
            }
            Item::Message {
                recording,
                connection,
                ref message,
            } => {
                self.cx.now = self.cx.now.max(message.moment.at);
                self.message(recording, connection, message, ahead);
            }
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
            is: EventSet::of(&[EventRef::Lifecycle(step)]),
            excuse: Excuse::default(),
            values: None,
            strings: None,
        };
        for room in self
            .rooms
            .iter_mut()
            .filter(|room| room.in_scope[connection.0 as usize])
        {
            room.observe(self.look, self.cx, &event);
        }
    }

    /// Shows a message to those that look at it before any codec does.
    fn carry(&mut self, place: Place, connection: ConnectionIx, message: &SourceMessage<'_>) {
        let carried = Carried {
            place,
            at: message.moment.at,
            connection,
            direction: message.direction,
            opcode: message.opcode,
            payload: message.payload,
        };
        for room in self.rooms.iter_mut() {
            if room.wants_carried && room.in_scope[connection.0 as usize] {
                let workers = room.workers.iter_mut();
                for worker in workers.filter(|worker| worker.checker.wants_carried()) {
                    worker.checker.carried(self.cx, &carried);
                }
            }
        }
    }

    fn message(
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
        if !matches!(message.opcode, Opcode::TEXT | Opcode::BINARY) {
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
        let shared = !self.cx.connection(connection).lanes.is_empty();
        let lane = if shared {
            let read = read_or_take(&mut self.extractor, Codec::Json, message, &mut ahead);
            let session = read
                .is_ok()
                .then(|| lanes::named(self.extractor.values(), self.naming));
            let lane = self.cx.lane(connection, session.flatten());
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
            if !room.in_scope[connection.0 as usize] || !room.reads_messages {
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

    /// A request or an answer over plain HTTP. Its name is the method and the path; its body is looked
    /// into where it says that it is JSON.
    fn http_message(
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
        let looks_again =
            self.look == Look::Again && message.direction == Direction::ServerToClient;
        let mut events = EventSet::default();
        let mut shown = false;
        for (pack, room) in self.rooms.iter_mut().enumerate() {
            if !room.in_scope[connection.0 as usize] || !room.reads_messages {
                continue;
            }
            let body = read_body(&mut self.extractor, media_type.as_deref(), message);
            self.strings.clear();
            match (body, message.payload) {
                (Ok(Body::Json), SourcePayload::Whole(bytes)) if looks_again => {
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
                name: Some(&exchange.name),
                is,
                values: Some(self.extractor.values()),
                strings: looks_again.then_some(&self.strings),
                excuse: Excuse::default(),
            };
            room.observe(self.look, self.cx, &event);
        }
        if shown {
            self.tally
                .http_message(message.direction, exchange, &events);
        }
    }
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

fn readings(sources: &[Box<dyn Source>]) -> Result<Vec<Box<dyn Reading + '_>>, SourceError> {
    sources.iter().map(|source| source.reading()).collect()
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

/// Reads a message, or takes what was read ahead in the same way.
fn read_or_take(
    extractor: &mut Extractor,
    codec: Codec,
    message: &SourceMessage<'_>,
    ahead: &mut Option<&mut ReadAhead>,
) -> Result<(), DecodeError> {
    match ahead.take() {
        Some(ahead) if ahead.codec().decodes_like(codec) => extractor.take(ahead),
        _ => read(extractor, codec, message),
    }
}

fn read(
    extractor: &mut Extractor,
    codec: Codec,
    message: &SourceMessage<'_>,
) -> Result<(), DecodeError> {
    match message.payload {
        SourcePayload::Whole(bytes) => extractor.read(codec, bytes),
        SourcePayload::Truncated { kept, full_length } => {
            Err(DecodeError::Truncated { kept, full_length })
        }
        SourcePayload::Undecodable(why) => Err(DecodeError::Undecodable {
            why: why.to_owned(),
        }),
        SourcePayload::Withheld(why) => Err(DecodeError::Withheld {
            why: why.to_owned(),
        }),
    }
}

impl Cx<'_> {
    /// Goes on to a mark. A step of the connection's life is handed back, to be shown to rules; the
    /// end takes effect once they have seen it.
    fn mark(&mut self, connection: ConnectionIx, mark: Mark) -> Option<Lifecycle> {
        match mark {
            Mark::Step(step) => {
                if step == Lifecycle::Accepted {
                    self.accept(connection);
                }
                Some(step)
            }
            Mark::Present => {
                self.accept(connection);
                None
            }
            Mark::Gone => {
                self.close(connection);
                None
            }
            Mark::Tag(number) => {
                let tag = &self.connection(connection).info.tags[number];
                self.tag(connection, tag.from, tag.kind, &tag.value);
                None
            }
            Mark::Lane(number) => {
                self.share(connection, number);
                None
            }
        }
    }
}
