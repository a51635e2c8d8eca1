//! Plain HTTP exchanges of a trace.
//!
//! ```text
//! 0.1  A  http  POST /api/threads {"title":"x"}
//! 0.2  A  http  201 {"id":"t1"}
//! ```

use wsaudit_wire::{Direction, Opcode};

use super::super::error::Problem;
use super::super::word::{self, Words};
use super::state::Headers;
use super::{Trace, payload, state};
use crate::history::{Connection, Exchange, MemoryMessage, Moment};

const JSON: (&str, &str) = ("Content-Type", "application/json");

impl Trace {
    /// `http METHOD TARGET [BODY]`, a request; `http STATUS [BODY]`, the answer to the first one of the
    /// same party that has none. Headers may follow on lines below the body.
    pub(super) fn http(
        &mut self,
        index: usize,
        moment: Moment,
        words: &mut Words<'_>,
    ) -> Result<(), Problem> {
        let first = words.expect("a method and a target, or a status code")?;
        if first.starts_with(|first: char| first.is_ascii_digit()) {
            let status = word::number(first, "status code")?;
            return self.http_answer(index, moment, status, words);
        }
        let target = words.expect("the request's target, such as /api/threads")?;
        if !target.starts_with('/') {
            return Err(Problem::Missing(
                "the request's target, which begins with /",
            ));
        }
        let (body, headers) = body(words)?;
        self.opened += 1;
        let number = self.opened;
        let party = &mut self.connections[index];
        party.speaks_http = true;
        let from = moment.seq;
        let tags = party.tags().into_iter();
        self.exchanges.push(Connection {
            request_head: state::head(&format!("{first} {target} HTTP/1.1"), headers.iter()),
            tags: tags
                .map(|tag| crate::history::Tag { from, ..tag })
                .collect(),
            http: Some(Exchange::new(first, target)),
            ..Connection::new(number, moment)
        });
        self.asked.push((index, self.exchanges.len() - 1));
        self.say(number, moment, Direction::ClientToServer, body);
        Ok(())
    }

    fn http_answer(
        &mut self,
        index: usize,
        moment: Moment,
        status: u16,
        words: &mut Words<'_>,
    ) -> Result<(), Problem> {
        let asked = self.asked.iter().position(|(party, _)| *party == index);
        let Some(asked) = asked else {
            return Err(Problem::WrongState {
                name: self.connections[index].name.clone(),
                state: "has no request without an answer",
                hint: "write `http METHOD TARGET` on a line before",
            });
        };
        let (body, headers) = body(words)?;
        let (_, exchange) = self.asked.remove(asked);
        let exchange = &mut self.exchanges[exchange];
        exchange.status = Some(status);
        exchange.answered = Some(moment);
        exchange.closed = Some(moment);
        exchange.response_head = state::head(&format!("HTTP/1.1 {status} "), headers.iter());
        let number = exchange.number;
        self.say(number, moment, Direction::ServerToClient, body);
        Ok(())
    }

    fn say(&mut self, connection: u64, moment: Moment, direction: Direction, payload: Vec<u8>) {
        self.messages.push(MemoryMessage {
            moment,
            connection,
            direction,
            opcode: Opcode::TEXT,
            payload,
        });
    }
}

/// The body, if there is one, and the headers below it; JSON says that it is.
fn body<'t>(words: &mut Words<'t>) -> Result<(Vec<u8>, Headers<'t>), Problem> {
    let (body, is_json) = match words.peek() {
        None => (Vec::new(), false),
        Some(first) => {
            let is_json = first != "text" && !first.starts_with("hex:");
            let (opcode, body) = payload::read(words)?;
            if opcode.is_control() {
                return Err(Problem::Missing(
                    "a body: JSON, `text \"...\"` or `hex:...`",
                ));
            }
            (body, is_json)
        }
    };
    let mut headers = state::headers(words)?;
    let named = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(JSON.0));
    if is_json && !named {
        headers.push(JSON);
    }
    Ok((body, headers))
}
