//! What is counted beside the rules: who received what, which events and names were met, what could
//! not be decoded.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use wsaudit_wire::Direction;

use super::event::EventSet;
use super::names::Names;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            ..Self::default()
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
        let name = listed(name);
        if let Some(number) = self.names.known(name) {
            return NameIx(number);
        }
        if self.by_name.len() >= MOST_NAMES && name != OTHERS {
            return self.name(OTHERS);
        }
        self.by_name.push([Met::default(); 2]);
        NameIx(self.names.number(name))
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
