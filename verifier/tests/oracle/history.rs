//! Random histories, as a list of what happened.

use proptest::prelude::*;
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Connection, MemoryMessage, MemorySource, Moment, Outline, Source, Tag,
};
use wsaudit_verifier::rules::Pack;
use wsaudit_wire::{Direction, Opcode};

/// A connection that is there all the time, of a session that does nothing: everything is an
/// opportunity to break a rule.
const LISTENER: u64 = 9;

/// What happened, at which time (in ms), on which connection.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) at: i64,
    pub(crate) on: usize,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// The connection speaks for that session (and its user) from here on.
    Login(usize),
    /// A client's message.
    Asks(&'static str, Fields),
    /// A server's message.
    Says(&'static str, Fields),
}

/// What a message names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    pub(crate) doc: Option<usize>,
    pub(crate) request: Option<usize>,
    /// A session: the owner, or whom something is shared with.
    pub(crate) party: Option<usize>,
    /// A document, in a field that no rule knows.
    pub(crate) see: Option<usize>,
}

/// So many histories; `PROPTEST_CASES` says how many others.
pub(crate) fn cases() -> ProptestConfig {
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default().cases,
        None => 400,
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

pub(crate) const CONNECTIONS: usize = 4;
const SESSIONS: usize = 3;

/// The user of a session: the first two sessions are of one user.
pub(crate) fn user(session: usize) -> usize {
    session / 2
}

fn fields() -> impl Strategy<Value = Fields> {
    let some = |most: usize, likely| proptest::option::weighted(likely, 0..most);
    (
        some(3, 0.9),
        some(2, 0.7),
        some(SESSIONS, 0.6),
        some(3, 0.3),
    )
        .prop_map(|(doc, request, party, see)| Fields {
            doc,
            request,
            party,
            see,
        })
}

/// Random histories of messages of these names.
pub(crate) fn histories(
    asks: &'static [&'static str],
    says: &'static [&'static str],
) -> impl Strategy<Value = Vec<Happened>> {
    let what = prop_oneof![
        1 => (0..SESSIONS).prop_map(What::Login),
        4 => (proptest::sample::select(asks), fields()).prop_map(|(name, fields)| What::Asks(name, fields)),
        8 => (proptest::sample::select(says), fields()).prop_map(|(name, fields)| What::Says(name, fields)),
    ];
    let pause = proptest::sample::select(&[0, 10, 400, 3000][..]);
    let logins =
        proptest::collection::vec(proptest::option::weighted(0.8, 0..SESSIONS), CONNECTIONS);
    let rest = proptest::collection::vec((pause, 0..CONNECTIONS, what), 0..30);
    (logins, rest).prop_map(|(logins, rest)| {
        let mut at = 0;
        let logins = logins.into_iter().enumerate();
        let logins = logins.filter_map(|(on, session)| {
            let what = What::Login(session?);
            Some(Happened { at: 0, on, what })
        });
        let rest = rest.into_iter().map(|(pause, on, what)| {
            at += pause;
            Happened { at, on, what }
        });
        logins.chain(rest).collect()
    })
}

/// The name of a session or of its user.
pub(crate) fn called(kind: TagKind, session: usize) -> String {
    match kind {
        TagKind::User => format!("user-{}", user(session)),
        _ => format!("session-{session}"),
    }
}

/// Of which session a connection is before the event of that number takes place, or at it where that
/// is a login.
pub(crate) fn session_at(history: &[Happened], on: usize, number: usize) -> Option<usize> {
    logins(history, on)
        .filter(|(at, _)| *at <= number)
        .last()
        .map(|(_, session)| session)
}

/// The first session of a connection, whenever that becomes known.
pub(crate) fn first_session(history: &[Happened], on: usize) -> Option<usize> {
    logins(history, on).next().map(|(_, session)| session)
}

fn logins(history: &[Happened], on: usize) -> impl Iterator<Item = (usize, usize)> {
    history
        .iter()
        .enumerate()
        .filter_map(move |(number, one)| match one.what {
            What::Login(session) if one.on == on => Some((number, session)),
            What::Login(_) | What::Asks(..) | What::Says(..) => None,
        })
}

fn nanoseconds(milliseconds: i64) -> i64 {
    milliseconds * 1_000_000
}

fn seq(number: usize) -> u64 {
    100 + number as u64
}

/// Reads a pack.
pub(crate) fn pack(text: &str) -> Pack {
    Pack::from_texts(&[("oracle.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Checks the one pack over a history. `party` says what messages call somebody by.
pub(crate) fn check(pack: &Pack, history: &[Happened], party: TagKind) -> Verification {
    let tag = |kind, value, from| Tag {
        from,
        kind,
        value,
        source: "header:X-Session".into(),
        provenance: Provenance::Issued,
    };
    let numbers = (0..CONNECTIONS as u64).chain([LISTENER]);
    let connections = numbers.map(|number| {
        let mut tags = Vec::new();
        if number == LISTENER {
            tags.push(tag(TagKind::Session, "session-listener".to_owned(), 1));
            tags.push(tag(TagKind::User, "user-listener".to_owned(), 1));
        }
        for (at, session) in logins(history, usize::try_from(number).expect("a small number")) {
            for kind in [TagKind::Session, TagKind::User] {
                tags.push(tag(kind, called(kind, session), seq(at)));
            }
        }
        Connection {
            http: None,
            number,
            opened: Moment {
                seq: number * 2 + 1,
                at: 0,
            },
            answered: Some(Moment {
                seq: number * 2 + 2,
                at: 0,
            }),
            status: Some(101),
            closed: None,
            request_head: Vec::new(),
            response_head: Vec::new(),
            subprotocol: None,
            tags,
        }
    });
    let outline = Outline {
        connections: connections.collect(),
        ended_at: nanoseconds(1_000_000),
        ..Outline::default()
    };
    let messages = history.iter().enumerate().filter_map(|(number, one)| {
        let (direction, name, fields) = match &one.what {
            What::Login(_) => return None,
            What::Asks(name, fields) => (Direction::ClientToServer, name, fields),
            What::Says(name, fields) => (Direction::ServerToClient, name, fields),
        };
        Some(MemoryMessage {
            moment: Moment {
                seq: seq(number),
                at: nanoseconds(one.at),
            },
            connection: one.on as u64,
            direction,
            opcode: Opcode::TEXT,
            payload: fields.json(name, party).into_bytes(),
        })
    });
    let source = MemorySource::new(outline, messages.collect());
    let sources: Vec<Box<dyn Source>> = vec![Box::new(source)];
    let input = Input {
        packs: std::slice::from_ref(pack),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).expect("memory can be read")
}

impl Fields {
    fn json(&self, name: &str, kind: TagKind) -> String {
        let members = [
            self.doc.map(|doc| format!(r#","doc":"document-{doc}""#)),
            self.request.map(|key| format!(r#","request":{key}"#)),
            self.party
                .map(|session| format!(r#","party":"{}""#, called(kind, session))),
            self.see.map(|doc| format!(r#","see":["document-{doc}"]"#)),
        ];
        let members: String = members.into_iter().flatten().collect();
        format!(r#"{{"type":"{name}"{members}}}"#)
    }
}
