//! The passive reader of a connection: a copy of its bytes becomes records.

mod commit;
mod cost;
mod exchange;
mod gap;
mod handshake;
mod lane;
mod redaction;

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use wsaudit_recording::{
    AnomalyRecord, ConnectionClosed, ConnectionId, Credit, GapRecord, HowEnded, MessageContent,
    Nanos, Record, Seq,
};
use wsaudit_tagging::Tagger;
use wsaudit_wire::{Anomaly, ClosePayload, Direction, Endpoint};

use crate::config::{Durability, OnRecorderFailure};
use crate::relay::{Observer, Order, Refusal, RelayEnd};
use crate::shared::Shared;
use crate::side::RestOfMessage;

use commit::Commit;
pub(crate) use exchange::{AllHeld, Choice, Ear, Exchange};
use gap::Stall;
pub(crate) use gap::Stalled;
pub(crate) use handshake::{Arrival, Handshake, NoRoom, Opening};
use lane::{Lane, Seen};

/// Reading these many bytes may take long, since they may be inflated to a thousand times as many, and
/// redacted. Fewer are not worth looking at a clock.
const MAY_TAKE_LONG: usize = 1024;

/// In nanoseconds. A connection that was read for longer lets others have their turn before its next
/// bytes: a bomb would hold up all that share its thread, for as many reads as there are bytes.
const LONG: u64 = 1_000_000;

/// Records one WebSocket connection.
pub(crate) struct Tap {
    shared: Arc<Shared>,
    id: ConnectionId,
    tagger: Tagger,
    credit: Credit,
    stall: Stall,
    to_server: Lane,
    to_client: Lane,
    /// What the client still sends of its request; frames come after it.
    rest: Option<Box<RestOfMessage>>,
    close: Option<(Endpoint, ClosePayload)>,
    commit: Option<Commit>,
    withheld: Withheld,
    pace: Pace,
}

/// How long the last bytes took to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Short,
    Long,
}

/// Whether redaction has withheld a message of a connection: that is said once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Withheld {
    None,
    Told,
}

/// Order and time of some bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    /// The place of the first frame that ends in them; those of the further ones follow.
    first_seq: Seq,
    at: Nanos,
    /// How many bytes at their front belong to no frame.
    skipped: usize,
}

impl Tap {
    fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::ClientToServer => &mut self.to_server,
            Direction::ServerToClient => &mut self.to_client,
        }
    }

    /// How many bytes at the front are none of frames.
    fn skip(&mut self, direction: Direction, bytes: &[u8]) -> usize {
        match (&mut self.rest, direction) {
            (None, _) | (Some(_), Direction::ServerToClient) => 0,
            (Some(rest), Direction::ClientToServer) => {
                let skipped = rest.skip(bytes);
                if rest.is_over() {
                    self.rest = None;
                }
                skipped
            }
        }
    }

    /// Turns what a lane saw into records, and sends them.
    fn take(&mut self, direction: Direction, seen: Vec<Seen>, at: Nanos) {
        let mut records = Vec::with_capacity(seen.len() + 1);
        let mut cost = 0;
        let gap = self.stall.end(&self.credit, self.id, at);
        records.extend(self.gap(gap));
        for what in seen {
            match what {
                Seen::Frame { record, complete } => {
                    self.shared.counters.frame(direction);
                    if self.stall.is_open() || complete == lane::Complete::No {
                        self.shared.counters.lost_frame();
                        self.stall.lose(record.seq, at);
                    } else {
                        cost += cost::ROW + cost::payload(&record.payload);
                        records.push(Record::Frame(record));
                    }
                }
                Seen::Chunk(chunk) => {
                    if self.stall.is_open() {
                        self.lane(direction).lose(chunk.chunks);
                    } else {
                        cost += cost::ROW + chunk.bytes.len() as u64;
                        records.push(Record::Chunk(chunk));
                    }
                }
                Seen::Message(message) => {
                    if let MessageContent::Withheld(why) = &message.content {
                        self.withheld(why);
                    }
                    if !self.stall.is_open() {
                        cost += cost::ROW + cost::content(&message.content);
                        records.push(Record::Message(message));
                    }
                }
                Seen::Tag(tag, from) => {
                    self.shared.counters.tag(&tag);
                    cost += cost::ROW;
                    records.push(Record::Tag(handshake::tag_record(self.id, from, tag)));
                }
                Seen::Anomaly(anomaly, seq) => {
                    self.shared.counters.anomaly(anomaly.kind.code());
                    if !self.stall.is_open() {
                        cost += cost::ROW;
                        records.push(anomaly_record(self.id, direction, seq, at, anomaly));
                    }
                }
                Seen::Truncated => {
                    if self.shared.counters.truncated() == 0 {
                        tracing::warn!(
                            limit = self.shared.config.limits.recorded_payload,
                            "a payload is longer than --max-recorded-payload: its beginning is recorded, \
                             and all of it passes; said once"
                        );
                    }
                }
                Seen::Close(close) => {
                    self.close.get_or_insert((direction.sender(), close));
                }
            }
        }
        self.send(records, cost);
    }

    /// Counts a message that redaction could not look at.
    fn withheld(&mut self, why: &str) {
        self.shared.counters.withheld();
        if self.withheld == Withheld::None {
            self.withheld = Withheld::Told;
            tracing::warn!(
                connection = self.id.0,
                %why,
                "--redact could not look at a message, so it is not kept, and all of it passes; said \
                 once for each connection"
            );
        }
    }

    /// Counts a gap that is to be written.
    fn gap(&self, gap: Option<GapRecord>) -> Option<Record> {
        gap.map(|gap| {
            self.shared.counters.gap();
            Record::Gap(gap)
        })
    }

    fn send(&mut self, records: Vec<Record>, cost: u64) {
        if records.is_empty() {
            return;
        }
        let guard = Some(self.credit.take(cost));
        match self.shared.config.durability {
            Durability::Batch => self.shared.sender.send(records, guard),
            Durability::Strict => {
                // Both directions share one wait: a commit holds all that was sent before.
                self.commit = Some(Commit::send(&self.shared.sender, records, guard));
            }
        }
    }

    /// Writes the end of the connection, and what never became a frame.
    pub(crate) fn finish(mut self, end: RelayEnd) {
        let (how, ended_by) = end.recorded();
        tracing::debug!(
            connection = self.id.0,
            how = how.as_str(),
            "a connection has ended"
        );
        let run = Arc::clone(self.shared.sender.run());
        let at = run.now();
        let seq = run.next_seq(1);
        for direction in Direction::BOTH {
            let (seen, tail) = self.lane(direction).finish(seq, at);
            self.take(direction, seen, at);
            if let Some(tail) = tail
                && !self.stall.is_open()
            {
                let cost = cost::ROW + cost::payload(&tail.payload);
                self.send(vec![Record::Tail(tail)], cost);
            }
        }
        let mut records = Vec::new();
        let gap = self.stall.end_anyway(self.id, at);
        records.extend(self.gap(gap));
        let (close_by, close) = match self.close.take() {
            Some((endpoint, close)) => (Some(endpoint), Some(close)),
            None => (None, None),
        };
        records.push(Record::Closed(ConnectionClosed {
            id: self.id,
            seq,
            at,
            how,
            closed_by: close_by.or(ended_by),
            close_code: close
                .as_ref()
                .and_then(|close| close.code)
                .map(|code| code.0),
            close_reason: close
                .filter(|close| close.code.is_some())
                .map(|close| String::from_utf8_lossy(&close.reason).into_owned()),
        }));
        self.send(records, cost::ROW);
    }
}

impl RelayEnd {
    /// The end as the recording has it, and who ended the connection.
    fn recorded(self) -> (HowEnded, Option<Endpoint>) {
        match self {
            Self::Fin { first } => (HowEnded::Fin, Some(first)),
            Self::Reset { by } => (HowEnded::Reset, Some(by)),
            Self::Stopped => (HowEnded::Stopped, None),
        }
    }
}

fn anomaly_record(
    connection: ConnectionId,
    direction: Direction,
    seq: Seq,
    at: Nanos,
    anomaly: Anomaly,
) -> Record {
    Record::Anomaly(AnomalyRecord {
        connection,
        direction,
        seq,
        at,
        code: anomaly.kind.code().to_owned(),
        detail: anomaly.detail,
    })
}

impl Observer for Tap {
    type Stamp = Stamp;

    fn poll_ready(&mut self, cx: &mut Context<'_>, _: Direction) -> Poll<Result<(), Refusal>> {
        if self.stall.is_open() {
            return Poll::Ready(Ok(()));
        }
        if self.credit.poll_ready(cx).is_ready() {
            self.stall.disarm();
            return Poll::Ready(Ok(()));
        }
        let config = &self.shared.config;
        ready!(self.stall.poll_patience(cx, config.max_stall));
        match config.on_recorder_failure {
            OnRecorderFailure::Close => {
                // The other direction is asked once more before the connection ends: one line is enough.
                self.stall.disarm();
                tracing::error!(
                    connection = self.id.0,
                    "the recorder stalls: the connection is ended"
                );
                Poll::Ready(Err(Refusal))
            }
            OnRecorderFailure::Continue => {
                let stalled = self.shared.stalled.join();
                self.stall.open(config.max_stall, stalled);
                Poll::Ready(Ok(()))
            }
        }
    }

    fn stamp(&mut self, direction: Direction, bytes: &[u8]) -> Stamp {
        let skipped = self.skip(direction, bytes);
        let count = self.lane(direction).count_ends(&bytes[skipped..]);
        let run = self.shared.sender.run();
        // The time first: a place in the order is never older than its time says.
        let at = run.now();
        Stamp {
            first_seq: run.next_seq(count),
            at,
            skipped,
        }
    }

    fn observe(&mut self, direction: Direction, bytes: &[u8], stamp: Stamp) {
        let Self {
            shared,
            tagger,
            to_server,
            to_client,
            ..
        } = self;
        shared.counters.bytes(direction, bytes.len() as u64);
        let lane = match direction {
            Direction::ClientToServer => to_server,
            Direction::ServerToClient => to_client,
        };
        let run = shared.sender.run();
        let begun = (bytes.len() >= MAY_TAKE_LONG).then(|| run.now());
        let seen = lane.read(&bytes[stamp.skipped..], stamp, tagger, run);
        if let Some(begun) = begun
            && run.now().0 - begun.0 > LONG
        {
            self.pace = Pace::Long;
        }
        self.take(direction, seen, stamp.at);
    }

    fn needs_a_break(&mut self) -> bool {
        std::mem::replace(&mut self.pace, Pace::Short) == Pace::Long
    }

    fn order(&self) -> Order {
        match self.shared.config.durability {
            Durability::Batch => Order::PeerFirst,
            Durability::Strict => Order::DiskFirst,
        }
    }

    fn poll_durable(&mut self, cx: &mut Context<'_>, _: Direction) -> Poll<Result<(), Refusal>> {
        let Some(commit) = &mut self.commit else {
            return Poll::Ready(Ok(()));
        };
        let outcome = ready!(commit.poll(cx));
        self.commit = None;
        Poll::Ready(match (outcome, self.shared.config.on_recorder_failure) {
            (Err(_), OnRecorderFailure::Close) => Err(Refusal),
            (Ok(()), _) | (Err(_), OnRecorderFailure::Continue) => Ok(()),
        })
    }
}
