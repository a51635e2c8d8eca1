//! What is counted while the proxy runs.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wsaudit_tagging::{Tag, TagKind};
use wsaudit_wire::Direction;

use crate::summary::{BothWays, UpstreamFailures};

/// Counters of all connections.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: AtomicU64,
    ended: AtomicU64,
    handshakes: AtomicU64,
    established: AtomicU64,
    refused: AtomicU64,
    bad_gateway: AtomicU64,
    gateway_timeout: AtomicU64,
    passed_on: AtomicU64,
    ignored: AtomicU64,
    opaque: AtomicU64,
    turned_away: AtomicU64,
    truncated: AtomicU64,
    exchanges: AtomicU64,
    truncated_bodies: AtomicU64,
    withheld: AtomicU64,
    withheld_bodies: AtomicU64,
    gaps: AtomicU64,
    lost_frames: AtomicU64,
    frames: [AtomicU64; 2],
    bytes: [AtomicU64; 2],
    named: Mutex<Named>,
}

/// What is counted by name; touched rarely.
#[derive(Debug, Default)]
struct Named {
    sessions: Distinct,
    users: Distinct,
    anomalies: BTreeMap<String, u64>,
}

/// Distinct ids are counted up to here: they are the clients' to choose, and memory must not be.
const MOST_DISTINCT: usize = 1_000_000;

/// How many ids were seen; of each, its hash. That two of a million have the same one is a chance of one
/// to forty million.
#[derive(Debug, Default)]
struct Distinct(HashSet<u64>);

impl Distinct {
    fn note(&mut self, id: &str) {
        if self.0.len() < MOST_DISTINCT {
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            self.0.insert(hasher.finish());
        }
    }

    fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

/// What happened to a connection, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A client connected.
    Connection,
    /// A client's connection has ended.
    Ended,
    /// An opening handshake was read, and is recorded.
    Handshake,
    /// It was answered with 101.
    Established,
    /// It was answered with something else.
    Refused,
    /// The upstream could not be reached: the client got a 502.
    BadGateway,
    /// It took too long: the client got a 504.
    GatewayTimeout,
    /// It gave no answer, and the client got what it sent instead.
    PassedOn,
    /// A 101 on an ignored path.
    Ignored,
    /// A 101 that is no WebSocket.
    Opaque,
    /// A client came when there were too many.
    TurnedAway,
    /// A plain HTTP exchange is recorded.
    Exchange,
}

/// The numbers at one moment.
pub(crate) struct Counted {
    pub(crate) connections: u64,
    /// Clients that are connected now.
    pub(crate) open: u64,
    pub(crate) handshakes: u64,
    pub(crate) established: u64,
    pub(crate) refused: u64,
    pub(crate) upstream_failures: UpstreamFailures,
    pub(crate) ignored: u64,
    pub(crate) opaque: u64,
    pub(crate) turned_away: u64,
    pub(crate) truncated: u64,
    pub(crate) exchanges: u64,
    pub(crate) truncated_bodies: u64,
    pub(crate) withheld: u64,
    pub(crate) withheld_bodies: u64,
    pub(crate) gaps: u64,
    pub(crate) lost_frames: u64,
    pub(crate) frames: BothWays,
    pub(crate) bytes: BothWays,
    pub(crate) sessions: u64,
    pub(crate) users: u64,
    pub(crate) anomalies: BTreeMap<String, u64>,
}

const fn index(direction: Direction) -> usize {
    match direction {
        Direction::ClientToServer => 0,
        Direction::ServerToClient => 1,
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    fn named(&self) -> MutexGuard<'_, Named> {
        // Each change is one call on a map: a panic elsewhere leaves nothing half done.
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn event(&self, event: Event) {
        add(
            match event {
                Event::Connection => &self.connections,
                Event::Ended => &self.ended,
                Event::Handshake => &self.handshakes,
                Event::Established => &self.established,
                Event::Refused => &self.refused,
                Event::BadGateway => &self.bad_gateway,
                Event::GatewayTimeout => &self.gateway_timeout,
                Event::PassedOn => &self.passed_on,
                Event::Ignored => &self.ignored,
                Event::Opaque => &self.opaque,
                Event::TurnedAway => &self.turned_away,
                Event::Exchange => &self.exchanges,
            },
            1,
        );
    }

    pub(crate) fn frame(&self, direction: Direction) {
        add(&self.frames[index(direction)], 1);
    }

    pub(crate) fn bytes(&self, direction: Direction, count: u64) {
        add(&self.bytes[index(direction)], count);
    }

    /// Counts a payload that was recorded in part; gives how many there were before.
    pub(crate) fn truncated(&self) -> u64 {
        self.truncated.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a body that was recorded in part; gives how many there were before.
    pub(crate) fn truncated_body(&self) -> u64 {
        self.truncated_bodies.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a message that redaction could not look at.
    pub(crate) fn withheld(&self) {
        add(&self.withheld, 1);
    }

    /// Counts a body that redaction could not look at; gives how many there were before.
    pub(crate) fn withheld_body(&self) -> u64 {
        self.withheld_bodies.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn gap(&self) {
        add(&self.gaps, 1);
    }

    pub(crate) fn lost_frame(&self) {
        add(&self.lost_frames, 1);
    }

    pub(crate) fn tag(&self, tag: &Tag) {
        let mut named = self.named();
        match tag.kind {
            TagKind::Session => named.sessions.note(&tag.value),
            TagKind::User => named.users.note(&tag.value),
            TagKind::Device | TagKind::Credential | TagKind::Claim => {}
        }
    }

    pub(crate) fn anomaly(&self, code: &str) {
        let mut named = self.named();
        match named.anomalies.get_mut(code) {
            Some(count) => *count += 1,
            None => {
                named.anomalies.insert(code.to_owned(), 1);
            }
        }
    }

    pub(crate) fn counted(&self) -> Counted {
        let both = |counters: &[AtomicU64; 2]| BothWays {
            client_to_server: read(&counters[0]),
            server_to_client: read(&counters[1]),
        };
        let named = self.named();
        Counted {
            // In this order: an end that comes between must not make it negative.
            open: {
                let ended = read(&self.ended);
                read(&self.connections).saturating_sub(ended)
            },
            connections: read(&self.connections),
            handshakes: read(&self.handshakes),
            established: read(&self.established),
            refused: read(&self.refused),
            upstream_failures: UpstreamFailures {
                bad_gateway: read(&self.bad_gateway),
                gateway_timeout: read(&self.gateway_timeout),
                passed_on: read(&self.passed_on),
            },
            ignored: read(&self.ignored),
            opaque: read(&self.opaque),
            turned_away: read(&self.turned_away),
            truncated: read(&self.truncated),
            exchanges: read(&self.exchanges),
            truncated_bodies: read(&self.truncated_bodies),
            withheld: read(&self.withheld),
            withheld_bodies: read(&self.withheld_bodies),
            gaps: read(&self.gaps),
            lost_frames: read(&self.lost_frames),
            frames: both(&self.frames),
            bytes: both(&self.bytes),
            sessions: named.sessions.count(),
            users: named.users.count(),
            anomalies: named.anomalies.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Distinct, MOST_DISTINCT};

    #[test]
    fn ids_are_counted_once_each_and_up_to_a_limit() {
        let mut seen = Distinct::default();
        for _ in 0..2 {
            for id in ["s-1", "s-2"] {
                seen.note(id);
            }
        }
        assert_eq!(seen.count(), 2);
        for number in 0..=MOST_DISTINCT {
            seen.note(&number.to_string());
        }
        assert_eq!(seen.count(), MOST_DISTINCT as u64);
    }
}
