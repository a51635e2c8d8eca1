//! What is counted beside the rules: who received what, which events and names were met, what could
//! not be decoded.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use wsaudit_wire::Direction;

use super::event::EventSet;
use super::names::Names;
use super::numbered::grown;
use super::state::{ConnectionIx, SessionIx};
use crate::decode::DecodeError;
use crate::finding::Place;
use crate::history::SourceMessage;
use crate::rules::{EventId, Pack};

/// The counters of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) messages: u64,
    /// By pack, by event: how often it matched.
    pub(super) matched: Vec<Vec<u64>>,
    /// By pack: what could not be decoded.
    pub(super) undecodable: Vec<Undecodable>,
    /// By pack: bodies over HTTP that were not looked into.
    pub(super) unread: Vec<UnreadBodies>,
    names: Names,
    /// By session and name: how many messages of that name it received.
    by_session: HashMap<(SessionIx, u32), u64>,
    /// By name, by direction.
    by_name: Vec<[Met; 2]>,
}

/// Messages of one name and direction.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    count: u64,
    /// How many of them are an event of a pack.
    covered: u64,
}

/// The name of a message, by its place in the order of first appearance. Of thousands of names, the last ones
/// share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameIx(u32);

impl NameIx {
    /// The number, from 0.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Messages of one pack that could not be decoded.
#[derive(Debug, Default)]
pub(super) struct Undecodable {
    pub(super) count: u64,
    pub(super) first: Option<(Place, ConnectionIx, DecodeError)>,
}

/// Bodies over HTTP of which pointers see nothing, and in which a pack's rules may have found something.
#[derive(Debug, Default)]
pub(super) struct UnreadBodies {
    /// Of messages that are events of the pack, or may be.
    pub(super) of_events: Bodies,
    /// These, and those of other answers, which rules about all that a server sends look at.
    pub(super) all: Bodies,
}

/// How many bodies, and of what.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) count: u64,
    pub(super) first: Option<Unread>,
    /// By media type; without one: nothing.
    pub(super) media_types: BTreeMap<Option<String>, u64>,
}

/// A body that was not looked into.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    pub(super) place: Place,
    pub(super) connection: ConnectionIx,
    pub(super) direction: Direction,
    pub(super) media_type: Option<String>,
    /// Why it is not in the recording, where it is not.
    pub(super) missing: Option<DecodeError>,
}

impl Bodies {
    fn add(&mut self, unread: &Unread) {
        self.count += 1;
        self.first.get_or_insert_with(|| unread.clone());
        let media_types = &mut self.media_types;
        // A server that makes them up does not fill the memory.
        let known = media_types.contains_key(&unread.media_type) || media_types.len() < MOST_NAMES;
        let media_type = unread.media_type.clone().filter(|_| known);
        *media_types.entry(media_type).or_default() += 1;
    }
}

/// How a message without a name is listed.
const NAMELESS: &str = "(no name)";

/// How many names are told apart; a server that makes up names does not fill the memory.
const MOST_NAMES: usize = 10_000;
/// Names are listed up to so many bytes: a message without structure is its own name.
const LONGEST_NAME: usize = 100;
const OTHERS: &str = "(others)";

impl Tally {
    pub(super) fn new(packs: &[Pack]) -> Self {
        Self {
            matched: packs
                .iter()
                .map(|pack| vec![0; pack.events.len()])
                .collect(),
            undecodable: packs.iter().map(|_| Undecodable::default()).collect(),
            unread: packs.iter().map(|_| UnreadBodies::default()).collect(),
            ..Self::default()
        }
    }

    /// For another walk over the same history: nothing is counted, and names keep their numbers.
    pub(super) fn rewound(&self, packs: &[Pack]) -> Self {
        Self {
            names: self.names.clone(),
            by_name: vec![<[Met; 2]>::default(); self.by_name.len()],
            ..Self::new(packs)
        }
    }

    pub(super) fn message(
        &mut self,
        session: Option<SessionIx>,
        message: &SourceMessage<'_>,
        name: Option<NameIx>,
        events: &EventSet,
    ) {
        self.messages += 1;
        let NameIx(name) = name.unwrap_or_else(|| self.name(NAMELESS));
        let met = &mut self.by_name[name as usize][way(message.direction)];
        met.count += 1;
        met.covered += u64::from(!events.is_empty());
        if message.direction == Direction::ServerToClient
            && let Some(session) = session
        {
            *self.by_session.entry((session, name)).or_default() += 1;
        }
    }

    /// Counts a message over plain HTTP. It is none that a session received as an event of a socket.
    pub(super) fn http_message(
        &mut self,
        direction: Direction,
        NameIx(name): NameIx,
        events: &EventSet,
    ) {
        self.messages += 1;
        let met = &mut self.by_name[name as usize][way(direction)];
        met.count += 1;
        met.covered += u64::from(!events.is_empty());
    }

    pub(super) fn matched(&mut self, pack: usize, is: &EventSet) {
        if is.is_empty() {
            return;
        }
        let matched = &mut self.matched[pack];
        for EventId(id) in is.messages() {
            matched[usize::from(id)] += 1;
        }
    }

    pub(super) fn undecodable(
        &mut self,
        pack: usize,
        connection: ConnectionIx,
        place: Place,
        error: &DecodeError,
    ) {
        let undecodable = &mut self.undecodable[pack];
        undecodable.count += 1;
        undecodable
            .first
            .get_or_insert_with(|| (place, connection, error.clone()));
    }

    /// Counts a body in which an event of the pack may have something to say.
    pub(super) fn unread_event(&mut self, pack: usize, unread: &Unread) {
        let bodies = &mut self.unread[pack];
        bodies.of_events.add(unread);
        bodies.all.add(unread);
    }

    /// Counts a body of an answer that is no event of the pack, or asks nothing of it.
    pub(super) fn unread_answer(&mut self, pack: usize, unread: &Unread) {
        self.unread[pack].all.add(unread);
    }

    /// By session: the names of the messages that it received, and how many of each. A session that
    /// received nothing is not in it.
    pub(super) fn received_by_session(&self) -> BTreeMap<SessionIx, BTreeMap<String, u64>> {
        let mut received: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for ((session, name), count) in &self.by_session {
            let name = self.names.name(*name).to_owned();
            received.entry(*session).or_default().insert(name, *count);
        }
        received
    }

    /// The names of messages that are no event of any pack, by direction.
    pub(super) fn uncovered(&self) -> BTreeMap<(Direction, String), u64> {
        self.met(|met| met.covered == 0)
    }

    /// All names that were met, by direction.
    pub(super) fn names(&self) -> BTreeMap<(Direction, String), u64> {
        self.met(|_| true)
    }

    fn met(&self, wanted: impl Fn(Met) -> bool) -> BTreeMap<(Direction, String), u64> {
        let mut names = BTreeMap::new();
        for (name, met) in self.names.all().zip(&self.by_name) {
            for direction in Direction::BOTH {
                let met = met[way(direction)];
                if met.count > 0 && wanted(met) {
                    names.insert((direction, self.names.name(name).to_owned()), met.count);
                }
            }
        }
        names
    }

    /// The number of a message's name.
    pub(super) fn name(&mut self, name: &str) -> NameIx {
        let names = &mut self.names;
        let number = names.number_within(MOST_NAMES, listed(name), OTHERS);
        grown(&mut self.by_name, number as usize);
        NameIx(number)
    }
}

/// A name, as far as it is listed.
fn listed(name: &str) -> &str {
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let mut ends = (0..=LONGEST_NAME).rev();
    let end = ends.find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    &name[..end]
}

fn way(direction: Direction) -> usize {
    match direction {
        Direction::ClientToServer => 0,
        Direction::ServerToClient => 1,
    }
}
