//! The record of an opening handshake, up to its answer or its failure.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use tokio::time::timeout;
use wsaudit_recording::{
    AnomalyRecord, ClientTls, ConnectionAnswered, ConnectionClosed, ConnectionId, ConnectionOpened,
    Credit, HowEnded, Nanos, Payloads, Record, Seq, ServerTls, TagRecord,
};
use wsaudit_tagging::{Tag, Tagger, credentials, redact_request_head, redact_response_head};
use wsaudit_wire::{
    Direction, Endpoint, Extensions, RequestHead, ResponseHead, handshake_anomalies,
};

use super::commit::Commit;
use super::gap::Stall;
use super::lane::Lane;
use super::redaction::Redaction;
use super::{Pace, Tap, Withheld, anomaly_record, cost};
use crate::config::{Durability, OnRecorderFailure};
use crate::leg::Leg;
use crate::relay::RelayEnd;
use crate::shared::Shared;
use crate::side::RestOfMessage;
use crate::upstream::Upstream;

/// What [`Handshake::opaque`] notes: the connection's bytes are no WebSocket frames, and are not
/// recorded.
const OPAQUE: &str = "opaque-tunnel";

/// An opening handshake that was read.
pub(crate) struct Handshake {
    shared: Arc<Shared>,
    id: ConnectionId,
    request: RequestHead,
    credentials: Vec<Tag>,
    tagger: Tagger,
    credit: Credit,
    /// What TLS has settled with the upstream; `None` where there is none, or no upstream yet.
    upstream_tls: Option<ServerTls>,
    /// Where its newest record stands.
    seq: Seq,
    at: Nanos,
}

/// A client, and the way it came.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) client_addr: SocketAddr,
    pub(crate) upstream: Upstream,
    /// What its TLS handshake has settled; `None` where it speaks no TLS.
    pub(crate) tls: Option<ClientTls>,
}

/// The recorder stalls, and the configuration wants no unrecorded traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// A request that was read, and is not recorded yet.
pub(crate) struct Opening {
    shared: Arc<Shared>,
    credit: Credit,
    seq: Seq,
    at: Nanos,
}

impl Opening {
    /// Fixes order and time.
    pub(crate) fn begin(shared: &Arc<Shared>) -> Self {
        let run = shared.sender.run();
        Self {
            at: run.now(),
            seq: run.next_seq(1),
            credit: shared.sender.credit(shared.config.limits.connection_credit),
            shared: Arc::clone(shared),
        }
    }

    /// Awaits a recorder that stalls as long as a read would.
    pub(crate) async fn room(&self) -> Result<(), NoRoom> {
        let config = &self.shared.config;
        let room = poll_fn(|cx| self.credit.poll_ready(cx));
        match (
            timeout(config.max_stall, room).await,
            config.on_recorder_failure,
        ) {
            (Ok(()), _) | (Err(_), OnRecorderFailure::Continue) => Ok(()),
            (Err(_), OnRecorderFailure::Close) => Err(NoRoom),
        }
    }

    /// Records the request; nothing was dialed for it yet.
    pub(crate) async fn open(self, arrival: &Arrival, request: &RequestHead) -> Handshake {
        let Self {
            shared,
            credit,
            seq,
            at,
        } = self;
        let config = &shared.config;
        let mut tagger = Tagger::new(Arc::clone(&shared.tags));
        let redactor = &config.redactor;
        let mut tags = tagger.on_request_knowing(request, redactor, &shared.issued());
        let credentials = credentials(request, redactor);
        tags.extend(credentials.iter().cloned());
        let id = shared.sender.run().next_connection();
        tracing::debug!(connection = id.0, client = %arrival.client_addr, "an opening handshake");
        let opened = ConnectionOpened {
            id,
            seq,
            at,
            client_addr: arrival.client_addr.to_string(),
            upstream: arrival.upstream.url().to_owned(),
            http_version: request.version().to_owned(),
            tls: arrival.tls.clone(),
            request_head: redact_request_head(request, &shared.tags, redactor),
            payloads: if config.redact.is_empty() {
                Payloads::WireExact
            } else {
                Payloads::Redacted
            },
        };
        shared.counters.event(crate::counters::Event::Handshake);
        let request = request.clone();
        let handshake = Handshake {
            shared,
            id,
            request,
            credentials,
            tagger,
            credit,
            upstream_tls: None,
            seq,
            at,
        };
        let mut records = vec![Record::Opened(opened)];
        records.extend(handshake.tags(tags));
        handshake.commit(records).await;
        handshake
    }
}

impl Handshake {
    /// The connection.
    pub(crate) const fn id(&self) -> ConnectionId {
        self.id
    }

    /// It goes to this upstream.
    pub(crate) fn dialed(&mut self, server: &Leg) {
        self.upstream_tls = server.settled_with_upstream();
    }

    /// Records the answer's head, before it is passed on.
    pub(crate) async fn answered(&mut self, answer: &ResponseHead) {
        self.step();
        let redactor = &self.shared.config.redactor;
        // Who presents on a later connection what is set here speaks of an id that was issued.
        self.shared
            .issued()
            .note(answer, &self.shared.tags, redactor);
        let tags = self.tagger.on_response(answer, redactor);
        let head = redact_response_head(answer, &self.request, &self.shared.tags, redactor);
        // From the redacted head: tokens are smuggled in subprotocols.
        let redacted = ResponseHead::parse(&head).ok();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let extensions: Vec<_> = answer
            .headers()
            .all("Sec-WebSocket-Extensions")
            .map(|field| text(field.value))
            .collect();
        let mut records = vec![Record::Answered(ConnectionAnswered {
            id: self.id,
            seq: self.seq,
            at: self.at,
            status: Some(answer.status()),
            subprotocol: redacted
                .as_ref()
                .and_then(|head| head.subprotocol().map(text)),
            extensions: (!extensions.is_empty()).then(|| extensions.join(", ")),
            tls: self.upstream_tls.clone(),
            response_head: head,
        })];
        records.extend(self.tags(tags));
        self.commit(records).await;
    }

    /// The answer was no 101, and was passed on.
    pub(crate) fn refused(mut self) {
        self.close(HowEnded::Refused, Some(Endpoint::Server));
    }

    /// The upstream could not be reached, or gave no answer that is one.
    pub(crate) fn upstream_failed(mut self) {
        self.step();
        self.send(vec![Record::Answered(ConnectionAnswered {
            id: self.id,
            seq: self.seq,
            at: self.at,
            response_head: Vec::new(),
            status: None,
            subprotocol: None,
            extensions: None,
            tls: self.upstream_tls.clone(),
        })]);
        self.close(HowEnded::UpstreamFailed, None);
    }

    /// An endpoint has reset the connection before it was open.
    pub(crate) fn reset(mut self, by: Endpoint) {
        self.close(HowEnded::Reset, Some(by));
    }

    /// The proxy has ended the connection.
    pub(crate) fn stopped(mut self) {
        self.close(HowEnded::Stopped, None);
    }

    /// The connection is open: its frames follow, the client's after the `rest` of its request.
    pub(crate) fn established(self, answer: &ResponseHead, rest: Option<RestOfMessage>) -> Tap {
        let shared = &self.shared;
        shared
            .candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&self.request, Some(answer), &self.credentials);
        let anomalies = handshake_anomalies(&self.request, answer);
        for anomaly in &anomalies {
            self.shared.counters.anomaly(anomaly.kind.code());
        }
        let direction = Direction::ServerToClient;
        self.send(
            anomalies
                .into_iter()
                .map(|anomaly| anomaly_record(self.id, direction, self.seq, self.at, anomaly))
                .collect(),
        );
        // The same breaches again, which were recorded above.
        let extensions = answer.extensions(&mut Vec::new());
        let limits = self.shared.config.limits;
        let redaction = Redaction::of(&self.shared);
        let lane = |direction, extensions: &Extensions| {
            Lane::new(self.id, direction, extensions, &limits, redaction.clone())
        };
        Tap {
            to_server: lane(Direction::ClientToServer, &extensions),
            to_client: lane(Direction::ServerToClient, &extensions),
            shared: self.shared,
            id: self.id,
            tagger: self.tagger,
            credit: self.credit,
            stall: Stall::default(),
            close: None,
            rest: rest.map(Box::new),
            commit: None,
            withheld: Withheld::None,
            pace: Pace::Short,
        }
    }

    /// Notes that the server has switched to something that is no WebSocket.
    pub(crate) fn opaque(&self) {
        self.shared.counters.anomaly(OPAQUE);
        self.send(vec![Record::Anomaly(AnomalyRecord {
            connection: self.id,
            direction: Direction::ServerToClient,
            seq: self.seq,
            at: self.at,
            code: OPAQUE.to_owned(),
            detail: "the answer opens no WebSocket; the bytes after it were not recorded"
                .to_owned(),
        })]);
    }

    /// A connection that opened no WebSocket has ended.
    pub(crate) fn ended(mut self, end: RelayEnd) {
        let (how, closed_by) = end.recorded();
        self.close(how, closed_by);
    }

    /// Takes a place in the order, and the time.
    fn step(&mut self) {
        let run = self.shared.sender.run();
        (self.seq, self.at) = (run.next_seq(1), run.now());
    }

    fn tags(&self, tags: Vec<Tag>) -> Vec<Record> {
        tags.into_iter()
            .map(|tag| {
                self.shared.counters.tag(&tag);
                Record::Tag(tag_record(self.id, self.seq, tag))
            })
            .collect()
    }

    fn close(&mut self, how: HowEnded, closed_by: Option<Endpoint>) {
        self.step();
        self.send(vec![Record::Closed(ConnectionClosed {
            id: self.id,
            seq: self.seq,
            at: self.at,
            how,
            closed_by,
            close_code: None,
            close_reason: None,
        })]);
    }

    fn send(&self, records: Vec<Record>) {
        if !records.is_empty() {
            let guard = self.credit.take(cost_of(&records));
            self.shared.sender.send(records, Some(guard));
        }
    }

    /// Sends, and waits for the disk where that comes first.
    async fn commit(&self, records: Vec<Record>) {
        match self.shared.config.durability {
            Durability::Batch => self.send(records),
            Durability::Strict => {
                let guard = self.credit.take(cost_of(&records));
                let mut commit = Commit::send(&self.shared.sender, records, Some(guard));
                // A failure is seen, and said, by whoever watches the recorder.
                let _ = poll_fn(|cx| commit.poll(cx)).await;
            }
        }
    }
}

/// The bytes that records of a handshake take in the queue.
fn cost_of(records: &[Record]) -> u64 {
    records
        .iter()
        .map(|record| {
            cost::ROW
                + match record {
                    Record::Opened(opened) => opened.request_head.len() as u64,
                    Record::Answered(answered) => answered.response_head.len() as u64,
                    _ => 0,
                }
        })
        .sum()
}

pub(super) fn tag_record(connection: ConnectionId, from: Seq, tag: Tag) -> TagRecord {
    TagRecord {
        connection,
        from,
        kind: tag.kind,
        value: tag.value,
        source: tag.source,
        provenance: tag.provenance,
    }
}
