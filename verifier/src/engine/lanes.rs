//! Several sessions on one connection, where its messages name them: which sessions a connection has
//! besides its own ([`Lanes`]), and for which of them a message is ([`Lane`]).
//!
//! ```text
//!   connection 1, of session s-1     {"session":"s-1"}  ->  s-1
//!                                    {"session":"s-2"}  ->  s-2, which has a lane on it
//!                                    {"thread":"t-1"}   ->  s-1: it names nobody
//!                                    {"session":"s-9"}  ->  s-1: s-9 has no lane here
//! ```
//!
//! A name in a message is not proof that the message is for whom it names: a leak could carry the
//! label of its victim, and a client can claim any session. So a session has a lane on a connection
//! only from the place on where the server itself opened it there, or where the client named it and
//! nothing that the server issued says otherwise.

mod believed;
mod line;

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_wire::Direction;

use super::crossings::ONE_CLOCK;
use super::event::EventSet;
use super::nanoseconds;
use super::program::{Compiler, PackProgram, Way, is_one_of};
use super::run::Input;
use super::state::{ConnectionIx, Cx, Holder};
use crate::decode::{Extractor, ExtractorBuilder, SlotId, Value, Values};
use crate::finding::{Note, Outcome, Place, Subject};
use crate::history::{Connection, Gaps, Outline, SourceError, SourceMessage, SourcePayload, Tag};
use crate::rules::read::Carrier;
use crate::rules::{Codec, EventRef, Pointer};

use self::believed::{Believed, ByName, NamedFirst, believed};
pub use line::{Lane, Line};

/// Reads which session a message names.
#[derive(Debug)]
pub struct NameReader {
    extractor: Extractor,
    slots: Vec<SlotId>,
}

impl NameReader {
    /// Messages name it there; the first pointer that yields wins.
    pub fn new(naming: &[Pointer]) -> Self {
        let mut builder = ExtractorBuilder::default();
        let slots = slots(naming, &mut builder);
        Self {
            extractor: builder.build(),
            slots,
        }
    }

    /// The session that a message names, if it names one.
    pub fn read(&mut self, payload: SourcePayload<'_>) -> Option<&str> {
        let SourcePayload::Whole(bytes) = payload else {
            return None;
        };
        // What does not decode is counted when rules read it.
        self.extractor.read(Codec::Json, bytes).ok()?;
        named(self.extractor.values(), &self.slots)
    }
}

/// Where messages name their session, as slots.
pub(super) fn slots(naming: &[Pointer], builder: &mut ExtractorBuilder) -> Vec<SlotId> {
    let pointers = naming.iter();
    pointers.map(|pointer| builder.slot(pointer)).collect()
}

/// The one session that a message names. One that names several, or one of them twice over in
/// different ways, names nobody.
pub(super) fn named<'v>(values: &'v Values, slots: &[SlotId]) -> Option<&'v str> {
    let slot = slots.iter().find(|slot| values.has(**slot))?;
    let mut ids = values.of(*slot).map(Value::as_id);
    let first = ids.next()??;
    ids.all(|id| id == Some(first)).then_some(first)
}

/// The sessions that connections have besides their own, and what was not believed.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// By connection: whom a message of it may name, and from where on, in order.
    pub(super) by_connection: Vec<Vec<Tag>>,
    /// By connection: from where on something that would give a lane may be missing, or was not decoded.
    pub(super) blind_from: Vec<Option<u64>>,
    /// Whether messages name sessions at all.
    named: bool,
    /// Names in messages that count for nothing, in order.
    pub(super) unbelieved: Vec<Unbelieved>,
    /// Sessions that another user may have named first.
    doubtful: BTreeMap<String, NamedFirst>,
}

/// A session that messages of a connection name, and that has no lane there.
#[derive(Debug)]
pub(super) struct Unbelieved {
    pub(super) connection: ConnectionIx,
    pub(super) session: String,
    /// Who names it.
    pub(super) by: Direction,
    /// The first message that does.
    pub(super) place: Place,
    pub(super) count: u64,
}

impl Lanes {
    /// Reads all messages for the sessions that they name, and says which ones count. A connection
    /// that has no session of its own, and on which one counts, speaks for that one: it is tagged.
    pub(super) fn find(
        naming: &[Pointer],
        input: &Input<'_>,
        outlines: &mut [Outline],
    ) -> Result<Self, SourceError> {
        forget_what_messages_named(naming, outlines);
        let (mut met, mut blind_from) = (Vec::new(), Vec::new());
        for (recording, (source, outline)) in (0_u16..).zip(input.sources.iter().zip(&*outlines)) {
            let mut survey = Survey::new(naming, input, recording, outline);
            let mut reading = source.reading()?;
            let mut cursor = reading.begin()?;
            while cursor.advance()?.is_some() {
                survey.message(&cursor.current()?);
            }
            met.extend(survey.met);
            let (unread, gaps) = (&survey.unread, Gaps::new(outline));
            blind_from.extend(outline.connections.iter().map(|connection| {
                let opened = connection.opened.seq;
                let gaps = gaps.of(connection);
                let lost = gaps.filter(|gap| gap.to >= opened).map(|gap| gap.from);
                let unread = unread.get(&connection.number).copied();
                let first = lost.chain(unread).min();
                first.map(|seq| Place { recording, seq })
            }));
        }
        let mut connections: Vec<_> = outlines
            .iter_mut()
            .flat_map(|outline| &mut outline.connections)
            .collect();
        let opens = input
            .packs
            .iter()
            .any(|pack| !pack.naming.joined_by.is_empty());
        let Believed {
            lanes: believed,
            doubtful,
        } = believed(
            naming,
            opens,
            &connections,
            &met,
            &blind_from,
            nanoseconds(input.skew),
        );
        let mut lanes = Self {
            by_connection: vec![Vec::new(); connections.len()],
            blind_from: blind_from.into_iter().map(|from| Some(from?.seq)).collect(),
            named: true,
            unbelieved: Vec::new(),
            doubtful,
        };
        let named: BTreeSet<_> = met
            .iter()
            .map(|met| (met.connection, &met.session))
            .collect();
        for (index, session) in named {
            let connection = &connections[index as usize];
            let lane = match own_sessions(connection).as_slice() {
                // Its only session: it has that already.
                [own] if own.value == *session => None,
                // So it has an earlier or later one of several; but one that is named before it logs in is
                // there from then on, as it is where it never does.
                own => {
                    let own = own.iter().copied().find(|tag| tag.value == *session);
                    let said = believed.get(&(index, session.clone()));
                    own.into_iter()
                        .chain(said)
                        .min_by_key(|tag| tag.from)
                        .cloned()
                }
            };
            lanes.by_connection[index as usize].extend(lane);
        }
        for (connection, lanes) in connections.iter_mut().zip(&mut lanes.by_connection) {
            lanes.sort_by_key(|lane| lane.from);
            if lanes.len() == 1 && own_sessions(connection).is_empty() {
                connection.tags.append(lanes);
                connection.tags.sort_by_key(|tag| tag.from);
            }
        }
        lanes.unbelieved = met
            .iter()
            .filter_map(|met| unbelieved(met, &connections, &believed))
            .collect();
        lanes.unbelieved.sort_by_key(|one| one.place);
        Ok(lanes)
    }

    /// Whether messages name sessions.
    pub(super) const fn are_named(&self) -> bool {
        self.named
    }

    /// What breaks a rule as far as sessions are those of whom they seem to be is in doubt where they may not be; where
    /// that goes by clocks, so is what breaks none.
    pub(super) fn doubt(&self, cx: &Cx<'_>, outcome: &mut Outcome) {
        let known = |id: &str| self.doubtful.get_key_value(id);
        let of = |whom: &Subject| known(cx.session_name(whom.session?));
        outcome.doubt(|violation| {
            // What an `addressed` rule is about is the session that is named.
            let named = violation.resource.as_deref().and_then(known);
            let session = of(&violation.subject).or_else(|| of(&violation.owner));
            let (session, why) = session.or(named)?;
            let other = format!("another user may have named session {session} first");
            Some(match why {
                NamedFirst::Unseen => (
                    format!("{other}, in frames that are missing or cannot be decoded"),
                    cx.settles_missing(),
                ),
                NamedFirst::Crossed(..) => (format!("{other}, by another clock"), ONE_CLOCK),
            })
        });
        for (session, why) in &self.doubtful {
            if let NamedFirst::Crossed(first, second) = why {
                let what = format!("which of them named session {session} first is not known");
                let whose = Subject {
                    session: cx.session_named(session),
                    ..Subject::default()
                };
                let doubt = cx.unknown_order(*first, *second, &what, whose);
                outcome.doubts.push(doubt);
            }
        }
    }

    /// What is worth knowing though nothing is wrong: names that count for nothing.
    pub(super) fn notes(&self, cx: &Cx<'_>) -> Vec<Note> {
        let note = |one: &Unbelieved| {
            let connection = cx.describe_connection(one.connection);
            let who = match one.by {
                Direction::ClientToServer => "the client",
                Direction::ServerToClient => "the server",
            };
            let times = match one.count {
                1 => String::new(),
                count => format!(" (in {count} messages)"),
            };
            Note {
                message: format!(
                    "{who} names session {} on {connection}{times}, and nothing says that it is there: \
                     that counts as said to whoever has the connection",
                    one.session
                ),
                place: one.place,
                subject: cx.subject(Holder::Connection(one.connection)),
            }
        };
        self.unbelieved.iter().map(note).collect()
    }
}

/// Takes away the tags that came from where messages name their session: whether a client is that session is not theirs to
/// say, as it is no other name's.
fn forget_what_messages_named(naming: &[Pointer], outlines: &mut [Outline]) {
    let sources: Vec<_> = naming
        .iter()
        .map(|pointer| format!("message:{}", pointer.as_str()))
        .collect();
    let connections = outlines.iter_mut();
    for connection in connections.flat_map(|outline| &mut outline.connections) {
        connection
            .tags
            .retain(|tag| tag.kind != TagKind::Session || !sources.contains(&tag.source));
    }
}

/// A session that messages of a connection name.
struct Met {
    connection: u32,
    session: String,
    by: By,
    place: Place,
    /// Nanoseconds since the Unix epoch.
    at: i64,
    count: u64,
}

/// Who names a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum By {
    Client,
    Server,
    /// The server, in an event that opens the session on the connection.
    Opening,
}

/// What one recording's messages name.
struct Survey {
    recording: u16,
    extractor: Extractor,
    slots: Vec<SlotId>,
    /// The packs that say which events open a session.
    opening: Vec<(PackProgram, EventSet)>,
    /// The sockets, by their number: their place in the order of all connections.
    sockets: BTreeMap<u64, u32>,
    numbers: BTreeMap<(u32, By), BTreeMap<String, usize>>,
    met: Vec<Met>,
    /// By the number of a connection: its first message that was not decoded.
    unread: BTreeMap<u64, u64>,
    /// Whole messages that need not be.
    ignored: Vec<String>,
}

impl Survey {
    fn new(naming: &[Pointer], input: &Input<'_>, recording: u16, outline: &Outline) -> Self {
        let mut builder = ExtractorBuilder::default();
        let slots = slots(naming, &mut builder);
        let opening = input
            .packs
            .iter()
            .filter(|pack| !pack.naming.joined_by.is_empty())
            .map(|pack| {
                let mut compiler = Compiler::new(pack, &mut builder, input.facts);
                let events = pack.naming.joined_by.iter();
                let events: Vec<_> = events.map(|event| EventRef::Message(*event)).collect();
                (PackProgram::new(pack, &mut compiler), EventSet::of(&events))
            })
            .collect();
        let before = input.sources[..usize::from(recording)].iter();
        let first: usize = before
            .map(|source| source.outline().connections.len())
            .sum();
        let first = u32::try_from(first).expect("fewer than 2^32 connections");
        let sockets = outline
            .connections
            .iter()
            .zip(first..)
            .filter(|(connection, _)| connection.http.is_none())
            .map(|(connection, index)| (connection.number, index))
            .collect();
        Self {
            recording,
            extractor: builder.build(),
            slots,
            opening,
            sockets,
            numbers: BTreeMap::new(),
            met: Vec::new(),
            unread: BTreeMap::new(),
            ignored: input
                .packs
                .iter()
                .flat_map(|pack| pack.ignore.clone())
                .collect(),
        }
    }

    fn message(&mut self, message: &SourceMessage<'_>) {
        if !message.is_message() {
            return;
        }
        let Some(connection) = self.sockets.get(&message.connection).copied() else {
            return;
        };
        let read = match message.payload {
            // What does not decode is counted when rules read it.
            SourcePayload::Whole(bytes) => self.extractor.read(Codec::Json, bytes).is_ok(),
            SourcePayload::Truncated { .. }
            | SourcePayload::Beginning { .. }
            | SourcePayload::Undecodable(_)
            | SourcePayload::Withheld(_) => false,
        };
        if !read && is_one_of(&self.ignored, message.payload) {
            return;
        }
        if !read {
            let first = self.unread.entry(message.connection);
            first.or_insert(message.moment.seq);
            return;
        }
        let values = self.extractor.values();
        let Some(session) = named(values, &self.slots) else {
            return;
        };
        let way = Way {
            direction: message.direction,
            carrier: Carrier::Socket,
        };
        let opens = self.opening.iter_mut().any(|(program, events)| {
            let name = program.name(values);
            program.classify(way, name, None, values).meets(events)
        });
        let by = match (message.direction, opens) {
            (Direction::ClientToServer, _) => By::Client,
            (Direction::ServerToClient, true) => By::Opening,
            (Direction::ServerToClient, false) => By::Server,
        };
        let numbers = self.numbers.entry((connection, by)).or_default();
        if let Some(number) = numbers.get(session) {
            self.met[*number].count += 1;
            return;
        }
        numbers.insert(session.to_owned(), self.met.len());
        self.met.push(Met {
            connection,
            session: session.to_owned(),
            by,
            place: Place {
                recording: self.recording,
                seq: message.moment.seq,
            },
            at: message.moment.at,
            count: 1,
        });
    }
}

impl Met {
    /// Whether it may have come after another one that seems to come later: another recording has it, of a clock that
    /// may disagree by `tolerance`.
    fn may_come_after(&self, later: &Self, tolerance: i64) -> bool {
        self.place.recording != later.place.recording
            && later.at.saturating_sub(self.at) <= tolerance
    }

    fn name(&self) -> (u32, String) {
        (self.connection, self.session.clone())
    }

    /// What says that the session is on the connection.
    fn tag(&self, naming: &[Pointer]) -> Tag {
        let at = naming.first().map_or("", Pointer::as_str);
        let (source, provenance) = match self.by {
            By::Client => ("message", Provenance::Presented),
            By::Server | By::Opening => ("server-message", Provenance::Issued),
        };
        Tag {
            from: self.place.seq,
            kind: TagKind::Session,
            value: self.session.clone(),
            source: format!("{source}:{at}"),
            provenance,
        }
    }
}

/// The sessions that a connection speaks for by its own tags, each once, in order.
fn own_sessions(connection: &Connection) -> Vec<&Tag> {
    let mut own: Vec<&Tag> = Vec::new();
    for tag in connection
        .tags
        .iter()
        .filter(|tag| tag.kind == TagKind::Session)
    {
        if own.iter().all(|known| known.value != tag.value) {
            own.push(tag);
        }
    }
    own
}

/// A session that is named where it has nothing to do with the connection, or not yet.
fn unbelieved(met: &Met, connections: &[&mut Connection], believed: &ByName) -> Option<Unbelieved> {
    let by = match met.by {
        By::Client => Direction::ClientToServer,
        By::Server => Direction::ServerToClient,
        By::Opening => return None,
    };
    let connection = &connections[met.connection as usize];
    let own = own_sessions(connection)
        .iter()
        .any(|tag| tag.value == met.session);
    let there = believed
        .get(&met.name())
        .is_some_and(|tag| tag.from <= met.place.seq);
    (!own && !there).then(|| Unbelieved {
        connection: ConnectionIx(met.connection),
        session: met.session.clone(),
        by,
        place: met.place,
        count: met.count,
    })
}
