//! The same histories, some of whose messages are requests and answers over plain HTTP.
//!
//! ```text
//!   100 connection 0 > ask   120 connection 0 < reply   ->   exchange 4: its request at 100, its answer at 120
//! ```
//!
//! An answer belongs to the first request of its connection that has none; one that comes without a request answers
//! one that has no body.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use proptest::sample::subsequence;
use wsaudit_tagging::TagKind;
use wsaudit_verifier::history::{Connection, Exchange, Moment, Tag};
use wsaudit_wire::{Direction, Opcode};

use super::asked::{self, Asked};
use super::is_never_surer;
use super::recorder::{COOKIE, troubles};
use super::recordings::Pair;
use crate::random::{Names, fewer_cases};
use crate::told::{Payload, Told};

/// What goes over HTTP.
#[derive(Debug, Clone)]
struct Http {
    names: Vec<&'static str>,
    /// Whether what was matched by a key is matched by the exchange, where all goes over HTTP.
    by_exchange: bool,
    /// Every so many exchanges, who speaks is what the answer says in a cookie.
    cookies: usize,
}

fn http(names: Names) -> impl Strategy<Value = Http> {
    // The server opens sessions on sockets.
    let all = names.asks.iter().chain(names.says);
    let mut all: Vec<_> = all.copied().filter(|name| *name != "opened").collect();
    all.sort_unstable();
    all.dedup();
    let some = subsequence(all.clone(), 1..=all.len());
    let names = prop_oneof![2 => some, 1 => Just(all)];
    (names, any::<bool>(), 2..5_usize).prop_map(|(names, by_exchange, cookies)| Http {
        names,
        by_exchange,
        cookies,
    })
}

impl Http {
    /// The same rule over HTTP: what an event is, its body says.
    fn text(&self, text: &str) -> String {
        let mut said = String::new();
        let mut all = true;
        for line in text.lines() {
            let event = line
                .split_once("{ from = \"")
                .filter(|_| line.contains(", name = "));
            let name = line.split('"').nth(3).unwrap_or_default();
            if event.is_some() && self.names.contains(&name) {
                let line = line.replace("from = \"client\"", "from = \"http-request\"");
                let line = line.replace("from = \"server\"", "from = \"http-response\"");
                let line = line.replace(", name = ", ", where = { \"/type\" = ");
                said += &line.replace(" }", " } }");
            } else {
                all &= event.is_none();
                said += line;
            }
            said.push('\n');
        }
        if all && self.by_exchange {
            said = said.replace("match = \"request\"", "match = \"@exchange\"");
            said = said.replace("match   = \"request\"", "match = \"@exchange\"");
        }
        said
    }

    fn over(&self, told: &Told) -> Told {
        let mut making = Making {
            http: self,
            whole: told,
            next: told
                .outline
                .connections
                .iter()
                .map(|one| one.number + 1)
                .max()
                .unwrap_or(0),
            open: BTreeMap::new(),
            exchanges: Vec::new(),
            messages: Vec::new(),
        };
        for message in &told.messages {
            making.take(message);
        }
        making.done()
    }

    /// What a pack that names no event of HTTP is not about stays on sockets; but a query sees all there is.
    fn asked(&self, asked: Asked) -> Asked {
        let text = self.text(&asked.text);
        if !text.contains("from = \"http-") && !text.contains("kind = \"sql\"") {
            return asked;
        }
        Asked {
            text,
            whole: self.over(&asked.whole),
            ..asked
        }
    }
}

type Message = (Moment, u64, Direction, Opcode, Payload);

/// A recording in which messages become exchanges.
struct Making<'m> {
    http: &'m Http,
    whole: &'m Told,
    next: u64,
    /// By connection: the exchanges without an answer, by their places in `exchanges`.
    open: BTreeMap<u64, VecDeque<usize>>,
    /// With the connections that they come from.
    exchanges: Vec<Connection>,
    messages: Vec<Message>,
}

impl Making<'_> {
    fn take(&mut self, message: &Message) {
        let (moment, on, direction, opcode, payload) = message;
        let is_meant = match payload {
            Payload::Whole(text) => {
                let mut names = self.http.names.iter();
                names.any(|name| text.contains(&format!("\"type\":\"{name}\"")))
            }
            Payload::Not(_) => false,
        };
        if !is_meant {
            self.messages.push(message.clone());
            return;
        }
        let number = match direction {
            Direction::ClientToServer => self.begin(*on, earlier(*moment, 1)),
            Direction::ServerToClient => self.answer(*on, *moment),
        };
        self.messages
            .push((*moment, number, *direction, *opcode, payload.clone()));
    }

    /// Begins an exchange: its head is there.
    fn begin(&mut self, on: u64, opened: Moment) -> u64 {
        let number = self.next;
        self.next += 1;
        self.open
            .entry(on)
            .or_default()
            .push_back(self.exchanges.len());
        let mut connections = self.whole.outline.connections.iter();
        let own = connections
            .find(|one| one.number == on)
            .expect("it is there");
        self.exchanges.push(Connection {
            http: Some(Exchange::new("POST", "/api")),
            closed: own.closed,
            tags: self.tags(own, opened),
            ..Connection::new(number, opened)
        });
        number
    }

    /// Those that hold for a connection at a place, from there on.
    fn tags(&self, own: &Connection, opened: Moment) -> Vec<Tag> {
        let mut last: BTreeMap<TagKind, &Tag> = BTreeMap::new();
        let tags = own.tags.iter().filter(|tag| tag.from <= opened.seq);
        last.extend(tags.map(|tag| (tag.kind, tag)));
        let is_cookie = self.next.is_multiple_of(self.http.cookies as u64);
        let source = |tag: &Tag| {
            if is_cookie {
                COOKIE.to_owned()
            } else {
                tag.source.clone()
            }
        };
        let tags = last.into_values().map(|tag| Tag {
            from: opened.seq,
            source: source(tag),
            ..tag.clone()
        });
        tags.collect()
    }

    /// Ends the first exchange that waits.
    fn answer(&mut self, on: u64, moment: Moment) -> u64 {
        let waits = self.open.entry(on).or_default().pop_front();
        let index = waits.unwrap_or_else(|| {
            let opened = earlier(moment, 3);
            let number = self.begin(on, opened);
            let nothing = Payload::Whole(String::new());
            self.messages.push((
                opened,
                number,
                Direction::ClientToServer,
                Opcode::TEXT,
                nothing,
            ));
            self.open
                .entry(on)
                .or_default()
                .pop_back()
                .expect("it was begun")
        });
        let exchange = &mut self.exchanges[index];
        exchange.answered = Some(earlier(moment, 1));
        exchange.status = Some(200);
        exchange.closed = Some(Moment {
            seq: moment.seq + 1,
            ..moment
        });
        exchange.number
    }

    fn done(self) -> Told {
        let mut told = self.whole.clone();
        told.messages = self.messages;
        told.outline.connections.extend(self.exchanges);
        told.outline.connections.sort_by_key(|one| one.opened);
        told
    }
}

/// The same instant, so many places before.
fn earlier(moment: Moment, places: u64) -> Moment {
    Moment {
        seq: moment.seq - places,
        ..moment
    }
}

/// A rule of a kind, and a history in which messages go over HTTP.
pub(super) fn over_http(
    asked: impl Strategy<Value = Asked>,
    names: Names,
) -> impl Strategy<Value = Asked> {
    (asked, http(names)).prop_map(|(asked, http)| http.asked(asked))
}

/// Tests by kind.
macro_rules! over_http {
    ($(fn $name:ident($asked:expr, $names:expr);)*) => {
        proptest! {
            #![proptest_config(fewer_cases())]

            $(
                #[test]
                fn $name(asked in over_http($asked, $names), troubles in troubles()) {
                    is_never_surer(&asked, &Pair::of_one(&asked.whole, &troubles))?;
                }
            )*
        }
    };
}

over_http! {
    fn addressed_is_never_surer_over_http(asked::addressed(), crate::addressed::NAMES);
    fn owned_is_never_surer_of_what_is_asked_for_over_http(asked::owned(), crate::owned::NAMES);
    fn owned_is_never_surer_over_http_where_sessions_share_connections(asked::owned_where_shared(), crate::owned::NAMES_OF_SHARED);
    fn owned_is_never_surer_of_who_may_see_it_over_http(asked::members(), crate::members::NAMES);
    fn owned_is_never_surer_of_who_may_see_it_over_http_where_sessions_share_connections(asked::members_where_shared(), crate::members::NAMES_OF_SHARED);
    fn sequence_is_never_surer_over_http(asked::sequence(), crate::sequence::NAMES);
    fn response_is_never_surer_over_http(asked::response(), crate::response::NAMES);
    fn never_and_always_are_never_surer_over_http(asked::window(), crate::window::NAMES);
    fn count_is_never_surer_over_http(asked::count(), crate::count::NAMES);
    fn duration_is_never_surer_over_http(asked::duration(), crate::duration::NAMES);
}
