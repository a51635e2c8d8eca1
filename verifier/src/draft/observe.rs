//! One pass over the messages: their names, and where ids are and whose.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wsaudit_tagging::TagKind;
use wsaudit_wire::Direction;

use super::graphql;
use crate::decode::{records, utf8};
use crate::engine::with_users;
use crate::history::{Connection, Source, SourceError, SourcePayload};
use crate::rules::Codec;
use crate::survey::for_each_id;

/// How many values of a field are told apart.
const MOST_VALUES: usize = 10_000;
/// How many fields, and how many names: a server that makes up names does not fill the memory.
const MOST_NAMES: usize = 2_000;

/// A message, as far as an event tells it from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) sender: Direction,
    /// Empty: it has none.
    pub(super) name: String,
    pub(super) about: About,
}

/// What tells messages of one name apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// The name is all that there is.
    Name,
    /// The one field of GraphQL that it brings, under `/payload/data`.
    Field(String),
    /// The name of its operation of GraphQL, at `/payload/operationName`.
    Operation(String),
    /// GraphQL with several fields or none, or an operation without a name: nothing.
    Untold,
}

impl Named {
    /// Whether an event can be made of it that is no other one's.
    pub(super) fn is_told(&self) -> bool {
        !self.name.is_empty() && self.about != About::Untold
    }
}

/// What was counted.
#[derive(Debug)]
pub(super) struct Observed {
    /// As what messages are read.
    pub(super) codec: Codec,
    /// How often a name was found at each of the codec's usual places.
    pub(super) names_at: Vec<u64>,
    /// How many messages have each name.
    pub(super) names: BTreeMap<Named, u64>,
    /// Fields that look like ids, by pointer.
    pub(super) fields: BTreeMap<String, Field>,
    /// Messages that the codec does not read.
    pub(super) others: u64,
    /// Plain HTTP exchanges, by name.
    pub(super) exchanges: BTreeMap<String, u64>,
    /// All sessions and users that connections speak for.
    pub(super) sessions: BTreeSet<String>,
    pub(super) users: BTreeSet<String>,
    /// By session: the users who hold it.
    pub(super) holders: BTreeMap<String, BTreeSet<String>>,
}

/// A field that looks like an id.
#[derive(Debug, Default)]
pub(super) struct Field {
    /// How often it was met in a message of the server.
    pub(super) from_server: u64,
    /// How often that named the session, the user, that it was sent to.
    pub(super) sessions: u64,
    pub(super) users: u64,
    /// In which named messages, and how often.
    pub(super) seen_in: BTreeMap<Named, u64>,
    /// What became of each value.
    pub(super) values: BTreeMap<String, Life>,
}

/// What became of a value.
#[derive(Debug)]
pub(super) struct Life {
    /// The message in which it was seen first.
    pub(super) first: Named,
    /// The session that was sent it.
    pub(super) session: Receiver,
    /// Likewise, the user.
    pub(super) user: Receiver,
}

/// Who was sent a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Receiver {
    /// Nobody yet: only clients have sent it.
    Nobody,
    /// One session, or user.
    One(String),
    /// Several, or somebody of whom nothing is known.
    Several,
}

impl Receiver {
    fn add(&mut self, receiver: Option<&str>) {
        *self = match (&self, receiver) {
            (Self::Nobody, Some(receiver)) => Self::One(receiver.to_owned()),
            (Self::One(one), Some(receiver)) if one == receiver => return,
            _ => Self::Several,
        };
    }
}

impl Observed {
    /// Nothing yet.
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            names_at: vec![0; codec.usual_names().len()],
            names: BTreeMap::new(),
            fields: BTreeMap::new(),
            others: 0,
            exchanges: BTreeMap::new(),
            sessions: BTreeSet::new(),
            users: BTreeSet::new(),
            holders: BTreeMap::new(),
        }
    }

    pub(super) fn read(&mut self, source: &dyn Source) -> Result<(), SourceError> {
        let connections: BTreeMap<u64, &Connection> = source
            .outline()
            .connections
            .iter()
            .map(|connection| (connection.number, connection))
            .collect();
        let graphql: BTreeSet<u64> = connections
            .values()
            .filter(|connection| graphql::is_spoken(connection))
            .map(|connection| connection.number)
            .collect();
        for connection in connections.values() {
            if let Some(exchange) = &connection.http {
                *self.exchanges.entry(exchange.name.clone()).or_default() += 1;
            }
            for (session, users) in with_users(connection, &[]) {
                let holders = self.holders.entry(session.value.clone()).or_default();
                holders.extend(users.iter().map(|user| user.value.clone()));
            }
            for tag in &connection.tags {
                match tag.kind {
                    TagKind::Session => drop(self.sessions.insert(tag.value.clone())),
                    TagKind::User => drop(self.users.insert(tag.value.clone())),
                    TagKind::Device | TagKind::Credential | TagKind::Claim => {}
                }
            }
        }
        let mut reading = source.reading()?;
        let mut cursor = reading.begin()?;
        while let Some(moment) = cursor.advance()? {
            let message = cursor.current()?;
            let connection = connections.get(&message.connection);
            let connection = connection.filter(|it| it.http.is_none() && message.is_message());
            let Some(connection) = connection else {
                continue;
            };
            if let SourcePayload::Whole(bytes) = message.payload {
                let peer = Peer {
                    session: speaks_for(connection, TagKind::Session, moment.seq),
                    user: speaks_for(connection, TagKind::User, moment.seq),
                    speaks_graphql: graphql.contains(&connection.number),
                };
                self.message(bytes, message.direction, peer);
            }
        }
        Ok(())
    }

    /// Where answers name the request that they are to: the id that clients make up most often, and that
    /// comes back to the one session alone.
    pub(super) fn answers_at(&self) -> Option<&str> {
        let echoed = |field: &Field| {
            let lives = field.values.values();
            lives
                .filter(|life| {
                    life.first.sender == Direction::ClientToServer
                        && matches!(life.session, Receiver::One(_))
                })
                .count()
        };
        let fields = self.fields.iter();
        let counted = fields.map(|(pointer, field)| (echoed(field), pointer));
        let (count, pointer) = counted.max_by_key(|(count, _)| *count)?;
        // One alone may be an accident.
        (count > 1).then_some(pointer)
    }

    fn message(&mut self, bytes: &[u8], direction: Direction, peer: Peer<'_>) {
        let read = utf8(bytes).and_then(|text| records(self.codec, text));
        let Ok(records) = read else {
            self.others += 1;
            return;
        };
        for record in records {
            self.record(&record, direction, peer);
        }
    }

    fn record(&mut self, record: &str, sender: Direction, peer: Peer<'_>) {
        let Ok(value) = serde_json::from_str::<Value>(record) else {
            self.others += 1;
            return;
        };
        let mut at = self.codec.usual_names().iter().enumerate();
        let name = at.find_map(|(index, at)| Some((index, value.pointer(at)?.as_str()?)));
        let name = name.map_or("", |(index, name)| {
            self.names_at[index] += 1;
            name
        });
        let named = Named {
            sender,
            name: name.to_owned(),
            about: if peer.speaks_graphql {
                graphql::about(sender, name, &value)
            } else {
                About::Name
            },
        };
        if self.names.contains_key(&named) || self.names.len() < MOST_NAMES {
            *self.names.entry(named.clone()).or_default() += 1;
        }
        for_each_id(record.as_bytes(), &mut |pointer, value| {
            self.id(&named, peer, pointer, value);
        });
    }

    fn id(&mut self, named: &Named, peer: Peer<'_>, pointer: &str, value: &str) {
        if !self.fields.contains_key(pointer) && self.fields.len() >= MOST_NAMES {
            return;
        }
        let field = self.fields.entry(pointer.to_owned()).or_default();
        *field.seen_in.entry(named.clone()).or_default() += 1;
        let from_server = named.sender == Direction::ServerToClient;
        if from_server {
            field.from_server += 1;
            field.sessions += u64::from(peer.session == Some(value));
            field.users += u64::from(peer.user == Some(value));
        }
        if !field.values.contains_key(value) && field.values.len() >= MOST_VALUES {
            return;
        }
        let life = field.values.entry(value.to_owned()).or_insert(Life {
            first: named.clone(),
            session: Receiver::Nobody,
            user: Receiver::Nobody,
        });
        if from_server {
            life.session.add(peer.session);
            life.user.add(peer.user);
        }
    }
}

/// The other end of a connection at a place: whom it speaks for, and how.
#[derive(Clone, Copy)]
struct Peer<'o> {
    session: Option<&'o str>,
    user: Option<&'o str>,
    speaks_graphql: bool,
}

fn speaks_for(connection: &Connection, kind: TagKind, seq: u64) -> Option<&str> {
    let tags = connection.tags.iter();
    let mut own = tags.filter(|tag| tag.kind == kind);
    Some(&own.rfind(|tag| tag.from <= seq)?.value)
}

impl Field {
    /// The one named message of the server in which nearly all values (19 of 20) were seen first, where
    /// each of them was sent to one session, or one user, only: it may be what gives the value to its owner.
    pub(super) fn claimed_by(&self, receiver: impl Fn(&Life) -> &Receiver) -> Option<&Named> {
        let private = |life: &Life| matches!(receiver(life), Receiver::One(_));
        if self.values.len() < 2 || !self.values.values().all(private) {
            return None;
        }
        let mut firsts: BTreeMap<&Named, usize> = BTreeMap::new();
        for life in self.values.values() {
            *firsts.entry(&life.first).or_default() += 1;
        }
        let (first, count) = firsts.into_iter().max_by_key(|(_, count)| *count)?;
        let can_claim = first.sender == Direction::ServerToClient && first.is_told();
        (can_claim && count * 20 >= self.values.len() * 19).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_name_their_request_where_ids_of_clients_come_back() {
        let mut observed = Observed::new(Codec::Auto);
        assert_eq!(observed.answers_at(), None);
        for (session, call) in [("s-1", "c1"), ("s-1", "c2"), ("s-2", "c3")] {
            let peer = Peer {
                session: Some(session),
                user: None,
                speaks_graphql: false,
            };
            let ask = format!(r#"{{"type":"open","call_id":"{call}","doc_id":"d-{call}"}}"#);
            observed.message(ask.as_bytes(), Direction::ClientToServer, peer);
            let doc = format!(r#"{{"type":"doc","call_id":"{call}","doc_id":"e-{call}"}}"#);
            observed.message(doc.as_bytes(), Direction::ServerToClient, peer);
        }
        assert_eq!(observed.answers_at(), Some("/call_id"));
    }
}
