//! What clients asked for, and how: an answer without a name is known by the request that it answers.
//!
//! Of each connection the last requests are kept. One that is answered again and again (a subscription) stays.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::ledger::ResourceIx;
use crate::engine::{Called, ConnectionIx, Event, Ids, Names};
use crate::finding::{Place, Severity};

/// The name of a request, by its number in [`Requests`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RequestName(u32);

/// The requests of one rule, by the id that their answers repeat.
#[derive(Debug)]
pub(super) struct Requests {
    /// Where that id is; `None`: nothing in the rule says.
    key: Option<Ids>,
    hasher: DefaultHashBuilder,
    names: Names,
    /// The name that was numbered last: often the next one, too.
    last_name: Option<u32>,
    of_connection: HashMap<ConnectionIx, Last>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) place: Place,
    pub(super) name: RequestName,
    /// Whether it changes what it names.
    pub(super) asks: Severity,
    /// What it names first.
    pub(super) resource: Option<ResourceIx>,
    /// And besides.
    pub(super) others: Option<Box<[ResourceIx]>>,
}

impl Request {
    pub(super) fn names(&self, resource: ResourceIx) -> bool {
        let mut others = self.others.iter().flatten();
        self.resource == Some(resource) || others.any(|other| *other == resource)
    }
}

/// The last requests of a connection, each with the hash of its id: ids are many, and none is kept. The place behind the
/// last one is where the next one goes.
#[derive(Debug, Default)]
struct Last {
    ring: Vec<(u64, Request)>,
    next: usize,
}

impl Last {
    /// Nearly all are answered before so many others are asked.
    const MOST: usize = 32;

    fn ask(&mut self, key: u64, request: Request) {
        match self.ring.get_mut(self.next) {
            Some(oldest) => *oldest = (key, request),
            None => self.ring.push((key, request)),
        }
        self.next = (self.next + 1) % Self::MOST;
    }

    fn answered(&mut self, key: u64) -> Option<&Request> {
        let (newer, older) = self.ring.split_at(self.next);
        let from_last = newer.iter().rev().chain(older.iter().rev());
        let age = from_last
            .map(|(other, _)| *other)
            .position(|other| other == key)?;
        let count = self.ring.len();
        let at = (self.next + count - 1 - age) % count;
        if age < Self::MOST / 2 {
            return Some(&self.ring[at].1);
        }
        // One that is answered again and again does not grow old.
        let request = self.ring[at].1.clone();
        let here = self.next;
        self.ask(key, request);
        Some(&self.ring[here].1)
    }
}

impl Requests {
    /// How many names are told apart; a client that makes up names does not fill the memory.
    const MOST_NAMES: usize = 10_000;
    const OTHERS: &str = "(others)";

    pub(super) fn new(key: Option<Ids>) -> Self {
        Self {
            key,
            hasher: DefaultHashBuilder::default(),
            names: Names::default(),
            last_name: None,
            of_connection: HashMap::new(),
        }
    }

    /// Where the id is that a request and its answer share.
    pub(super) const fn key(&self) -> Option<&Ids> {
        self.key.as_ref()
    }

    /// Forgets what was asked.
    pub(super) fn rewind(&mut self) {
        self.of_connection.clear();
    }

    /// Nothing more is answered on a connection, or exchange.
    pub(super) fn disconnect(&mut self, connection: ConnectionIx) {
        self.of_connection.remove(&connection);
    }

    /// The id that a message shares with a request, or with its answer.
    pub(super) fn key_of<'e>(&self, event: &Event<'e>) -> Option<&'e str> {
        event.id(self.key.as_ref()?)
    }

    /// A client asks, under an id.
    pub(super) fn ask(&mut self, connection: ConnectionIx, key: &str, request: Request) {
        let key = self.hasher.hash_one(key);
        let last = self.of_connection.entry(connection).or_default();
        last.ask(key, request);
    }

    /// What was asked on a connection under an id, the last time.
    pub(super) fn answered(&mut self, connection: ConnectionIx, key: &str) -> Option<&Request> {
        let key = self.hasher.hash_one(key);
        self.of_connection.get_mut(&connection)?.answered(key)
    }

    /// The number of a request's name.
    pub(super) fn number(&mut self, called: Called<'_>) -> RequestName {
        let written;
        let name = if let Called::Name(name) = called {
            name
        } else {
            written = called.to_string();
            &written
        };
        if let Some(last) = self.last_name.filter(|last| self.names.name(*last) == name) {
            return RequestName(last);
        }
        let names = &mut self.names;
        let number = names.number_within(Self::MOST_NAMES, name, Self::OTHERS);
        self.last_name = Some(number);
        RequestName(number)
    }

    /// The name of that number.
    pub(super) fn name(&self, RequestName(number): RequestName) -> &str {
        self.names.name(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u64) -> Request {
        Request {
            place: Place {
                recording: 0,
                seq: number,
            },
            name: RequestName(0),
            asks: Severity::Read,
            resource: None,
            others: None,
        }
    }

    fn place(last: &mut Last, key: u64) -> Option<u64> {
        last.answered(key).map(|request| request.place.seq)
    }

    #[test]
    fn the_last_request_of_an_id_is_answered() {
        let mut last = Last::default();
        for number in 0..200 {
            last.ask(number % 7, request(number));
            for back in 0..7.min(number + 1) {
                assert_eq!(place(&mut last, (number - back) % 7), Some(number - back));
            }
        }
    }

    #[test]
    fn a_subscription_is_known_however_many_others_ask_and_what_nobody_answers_is_forgotten() {
        let (subscription, unanswered) = (1_000, 1_001);
        let mut last = Last::default();
        last.ask(subscription, request(7));
        last.ask(unanswered, request(8));
        for number in 0..10 * Last::MOST as u64 {
            last.ask(number, request(number));
            assert_eq!(place(&mut last, subscription), Some(7));
        }
        assert!(last.answered(unanswered).is_none());
        assert!(last.ring.len() <= Last::MOST);
    }

    #[test]
    fn names_that_a_client_makes_up_are_one_from_some_number_on() {
        let mut requests = Requests::new(None);
        for number in 0..2 * Requests::MOST_NAMES {
            requests.number(Called::Name(&number.to_string()));
        }
        let [first, last] = ["0", "19999"].map(|name| requests.number(Called::Name(name)));
        assert_eq!([first, last].map(|it| requests.name(it)), ["0", "(others)"]);
    }
}
