//! What clients asked for, and how: an answer without a name is known by the request that it answers.
//!
//! Of each connection the last requests are kept. One that is answered again and again (a subscription) stays.

use hashbrown::HashMap;

use super::ledger::ResourceIx;
use crate::engine::{Called, ConnectionIx, Event, Ids, Names};
use crate::finding::{Place, Severity};

/// The name of a request, by its number in [`Requests`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestName(u32);

/// The requests of one rule, by the id that their answers repeat.
#[derive(Debug)]
pub(super) struct Requests {
    /// Where that id is; `None`: nothing in the rule says.
    key: Option<Ids>,
    names: Names,
    of_connection: HashMap<ConnectionIx, Last>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) place: Place,
    pub(super) name: RequestName,
    /// Whether it changes what it names.
    pub(super) asks: Severity,
    /// What it names.
    pub(super) resources: Vec<ResourceIx>,
}

/// The last requests of a connection.
#[derive(Debug, Default)]
struct Last {
    new: HashMap<String, Request>,
    /// Of these, those that are answered become new ones; the rest are forgotten once there are enough new ones.
    old: HashMap<String, Request>,
}

impl Last {
    /// How many are new; as many are old. Nearly all are answered before so many others are asked.
    const MOST: usize = 64;

    fn ask(&mut self, key: &str, request: Request) {
        if self.new.len() >= Self::MOST {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key.to_owned(), request);
    }

    fn answered(&mut self, key: &str) -> Option<&Request> {
        if !self.new.contains_key(key) {
            let request = self.old.remove(key)?;
            self.ask(key, request);
        }
        self.new.get(key)
    }
}

impl Requests {
    /// How many names are told apart; a client that makes up names does not fill the memory.
    const MOST_NAMES: u32 = 10_000;
    const OTHERS: &str = "(others)";

    pub(super) fn new(key: Option<Ids>) -> Self {
        Self {
            key,
            names: Names::default(),
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
        let last = self.of_connection.entry(connection).or_default();
        last.ask(key, request);
    }

    /// What was asked on a connection under an id, the last time.
    pub(super) fn answered(&mut self, connection: ConnectionIx, key: &str) -> Option<&Request> {
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
        let is_new = self.names.known(name).is_none();
        let is_full = self.names.all().end >= Self::MOST_NAMES;
        let name = if is_new && is_full {
            Self::OTHERS
        } else {
            name
        };
        RequestName(self.names.number(name))
    }

    /// The name of that number.
    pub(super) fn name(&self, RequestName(number): RequestName) -> &str {
        self.names.name(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: usize) -> Request {
        Request {
            place: Place {
                recording: 0,
                seq: number as u64,
            },
            name: RequestName(0),
            asks: Severity::Read,
            resources: Vec::new(),
        }
    }

    #[test]
    fn a_subscription_is_known_however_many_others_ask_and_what_nobody_answers_is_forgotten() {
        let mut last = Last::default();
        last.ask("subscription", request(7));
        last.ask("unanswered", request(8));
        for number in 0..10 * Last::MOST {
            last.ask(&number.to_string(), request(number));
            let place = last
                .answered("subscription")
                .map(|request| request.place.seq);
            assert_eq!(place, Some(7));
        }
        assert!(last.answered("unanswered").is_none());
        assert!(last.new.len() + last.old.len() <= 2 * Last::MOST);
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
