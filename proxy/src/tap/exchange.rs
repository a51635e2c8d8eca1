//! The record of a plain HTTP exchange: its heads, and what an [`Ear`] hears of its bodies.
//!
//! An exchange is recorded where its path was chosen; and, without its bodies, where its answer sets
//! a cookie that says who somebody is: that is how most logins end.

mod ear;

use std::net::SocketAddr;
use std::sync::Arc;

use wsaudit_recording::{
    ConnectionId, Credit, ExchangeAnswered, ExchangeEnded, ExchangeOpened, HowExchangeEnded, Nanos,
    Record, Seq,
};
use wsaudit_tagging::{Tag, Tagger, credentials, redact_request_head, redact_response_head};
use wsaudit_wire::{Direction, RequestHead, ResponseHead, content_codings};

use super::commit::Commit;
use super::cost;
use super::handshake::{Arrival, tag_record};
use crate::config::Durability;
use crate::counters::Event;
use crate::shared::Shared;
use crate::upstream::Upstream;

pub(crate) use ear::{AllHeld, Ear};

/// A plain request that was read, up to the end of its answer.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    credit: Credit,
    client_addr: SocketAddr,
    upstream: Upstream,
    request: RequestHead,
    choice: Choice,
    /// `None` while nothing says that it is to be recorded.
    recorded: Option<Recorded>,
    /// Records whose commit the next ear awaits.
    commit: Option<Commit>,
    seq: Seq,
    at: Nanos,
}

struct Recorded {
    id: ConnectionId,
    tagger: Tagger,
}

/// Why an exchange is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Its path was chosen.
    Whole,
    /// Its answer may set a cookie that tags; if it does not, nothing is recorded.
    IfItIssues,
}

impl Exchange {
    /// Fixes order and time of a request whose head was read.
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        credit: Credit,
        arrival: &Arrival,
        request: &RequestHead,
        choice: Choice,
    ) -> Self {
        let run = shared.sender.run();
        let at = run.now();
        let mut exchange = Self {
            shared: Arc::clone(shared),
            credit,
            client_addr: arrival.client_addr,
            upstream: arrival.upstream.clone(),
            request: request.clone(),
            choice,
            recorded: None,
            commit: None,
            seq: run.next_seq(1),
            at,
        };
        if choice == Choice::Whole {
            let (recorded, records) = exchange.open();
            exchange.recorded = Some(recorded);
            exchange.send(records);
        }
        exchange
    }

    /// The records of the request's head.
    fn open(&self) -> (Recorded, Vec<Record>) {
        let (shared, request) = (&self.shared, &self.request);
        let redactor = &shared.config.redactor;
        let id = shared.sender.run().next_connection();
        let mut tagger = Tagger::new(Arc::clone(&shared.tags));
        let mut tags = tagger.on_request_knowing(request, redactor, &shared.issued());
        tags.extend(credentials(request, redactor));
        let request_head = redact_request_head(request, &shared.tags, redactor);
        let redacted = RequestHead::parse(&request_head);
        // What does not parse any more has lost its query, where secrets are.
        let target = redacted.map_or_else(|_| request.path().into(), |head| head.target().into());
        shared.counters.event(Event::Exchange);
        let mut records = vec![Record::ExchangeOpened(ExchangeOpened {
            id,
            seq: self.seq,
            at: self.at,
            client_addr: self.client_addr.to_string(),
            upstream: self.upstream.url().to_owned(),
            http_version: request.version().to_owned(),
            method: request.method().to_owned(),
            target,
            request_head,
        })];
        self.tag(id, tags, &mut records);
        (Recorded { id, tagger }, records)
    }

    /// Who hears the request's body; nobody where that is not recorded.
    pub(crate) fn request_ear(&mut self) -> Option<Ear> {
        let id = self.recorded.as_ref()?.id;
        let codings = content_codings(self.request.headers());
        Some(self.ear(id, Direction::ClientToServer, codings))
    }

    /// Records the answer's head, before it is passed on; gives who hears its body.
    pub(crate) fn answered(&mut self, answer: &ResponseHead) -> Option<Ear> {
        let shared = Arc::clone(&self.shared);
        let redactor = &shared.config.redactor;
        let issues = shared.issued().note(answer, &shared.tags, redactor);
        let (mut recorded, mut records) = match self.recorded.take() {
            Some(recorded) => (recorded, Vec::new()),
            None if issues => self.open(),
            None => return None,
        };
        let id = recorded.id;
        self.step();
        records.push(Record::ExchangeAnswered(ExchangeAnswered {
            id,
            seq: self.seq,
            at: self.at,
            status: answer.status(),
            response_head: redact_response_head(answer, &self.request, &shared.tags, redactor),
        }));
        let tags = recorded.tagger.on_answer(answer, redactor);
        self.tag(id, tags, &mut records);
        self.send(records);
        self.recorded = Some(recorded);
        Some(match self.choice {
            Choice::Whole => {
                let codings = content_codings(answer.headers());
                self.ear(id, Direction::ServerToClient, codings)
            }
            Choice::IfItIssues => Ear::deaf(&shared, self.commit.take()),
        })
    }

    /// The exchange has ended.
    pub(crate) fn ended(mut self, how: HowExchangeEnded) {
        let Some(Recorded { id, .. }) = self.recorded else {
            return;
        };
        self.step();
        self.send(vec![Record::ExchangeEnded(ExchangeEnded {
            id,
            seq: self.seq,
            at: self.at,
            how,
        })]);
    }

    fn tag(&self, id: ConnectionId, tags: Vec<Tag>, records: &mut Vec<Record>) {
        records.extend(tags.into_iter().map(|tag| {
            self.shared.counters.tag(&tag);
            Record::Tag(tag_record(id, self.seq, tag))
        }));
    }

    fn ear(&mut self, id: ConnectionId, direction: Direction, codings: Vec<String>) -> Ear {
        let (shared, credit) = (&self.shared, self.credit.clone());
        Ear::new(shared, credit, id, direction, codings, self.commit.take())
    }

    /// Takes a place in the order, and the time.
    fn step(&mut self) {
        let run = self.shared.sender.run();
        (self.seq, self.at) = (run.next_seq(1), run.now());
    }

    fn send(&mut self, records: Vec<Record>) {
        let cost = records
            .iter()
            .map(|record| {
                cost::ROW
                    + match record {
                        Record::ExchangeOpened(opened) => opened.request_head.len() as u64,
                        Record::ExchangeAnswered(answered) => answered.response_head.len() as u64,
                        _ => 0,
                    }
            })
            .sum();
        let guard = Some(self.credit.take(cost));
        let sender = &self.shared.sender;
        match self.shared.config.durability {
            Durability::Batch => sender.send(records, guard),
            Durability::Strict => self.commit = Some(Commit::send(sender, records, guard)),
        }
    }
}
