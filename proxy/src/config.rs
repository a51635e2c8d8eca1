//! What can be chosen.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use wsaudit_tagging::{HmacRedactor, PayloadRules, TagRules};
use wsaudit_wire::PathPattern;

use crate::route::Route;

/// What a proxy does.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Where clients connect, and where that leads; at least one.
    pub routes: Vec<Route>,
    /// The sources of sessions, users and devices.
    pub tags: TagRules,
    /// Replaces secrets before they are written; its key's id belongs into
    /// [`WriterOptions`](wsaudit_recording::WriterOptions::key_id).
    pub redactor: HmacRedactor,
    /// What is replaced in payloads before they are written; where there is anything, connections
    /// are recorded as not wire-exact.
    pub redact: PayloadRules,
    /// Paths that are proxied and not recorded.
    pub ignore_paths: Vec<PathPattern>,
    /// Paths of which plain HTTP exchanges are recorded; ignored ones are not.
    pub record_http: Vec<PathPattern>,
    /// What comes first, the peer or the disk.
    pub durability: Durability,
    /// What happens to traffic that cannot be recorded.
    pub on_recorder_failure: OnRecorderFailure,
    /// How long a read waits for the recorder before the recording gets a gap.
    pub max_stall: Duration,
    /// How long connections may go on after the shutdown; zero ends them at once.
    pub drain: Duration,
    /// Where `/metrics` and `/healthz` are served; a loopback address. `None`: nowhere.
    pub admin: Option<SocketAddr>,
    /// So many threads serve connections, each with an event loop of its own; `None`: the runtime that
    /// runs the proxy serves them.
    pub threads: Option<NonZeroUsize>,
    /// Sizes and times.
    pub limits: Limits,
}

/// What comes first, the peer or the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Bytes go to the peer at once, and are committed in batches.
    #[default]
    Batch,
    /// No handshake, no frame, and no head or end of a recorded exchange is complete at its peer
    /// before it is committed and synced; about one disk sync of latency each way.
    Strict,
}

/// What happens to traffic while the recorder has failed, or stalls for longer than
/// [`ProxyConfig::max_stall`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRecorderFailure {
    /// It goes on unrecorded, and the recording has a gap.
    #[default]
    Continue,
    /// It ends.
    Close,
}

/// Sizes and times. None of them disturbs traffic after a 101.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many clients are served at once; further ones get a 503.
    pub connections: usize,
    /// The longest head, in bytes. RFC 9110 sets none; servers take 8 to 64 KiB.
    pub head: usize,
    /// How long a client may take for its TLS handshake and for the head of a request, each from the
    /// first byte on, for the first byte of TLS, and the upstream for its connection and its answer to
    /// an opening handshake.
    pub handshake: Duration,
    /// How many bytes of a connection may wait for the recorder before its next read waits.
    pub connection_credit: u64,
    /// Payloads above this many bytes are recorded in chunks of this many.
    pub chunk: usize,
    /// How many bytes of a frame's payload, and of a joined or inflated message, are recorded; `None`
    /// for all. They are forwarded whatever this says.
    pub recorded_payload: Option<u64>,
    /// How many bytes of a joined or inflated message are kept.
    pub message: usize,
    /// The length of the recording's write-ahead log, in bytes, from which on it is told of. Usually it
    /// is moved into the file at 32 MiB.
    pub log: u64,
    /// How many bytes of a body of a recorded HTTP exchange are recorded; it is forwarded whole.
    pub recorded_body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            recorded_payload: None,
            head: 64 * 1024,
            handshake: Duration::from_secs(30),
            connection_credit: 1024 * 1024,
            chunk: 1024 * 1024,
            message: 64 * 1024 * 1024,
            log: 256 * 1024 * 1024,
            recorded_body: 1024 * 1024,
        }
    }
}

impl ProxyConfig {
    /// A proxy with these routes, and every other choice at its default.
    pub fn new(routes: Vec<Route>, tags: TagRules, redactor: HmacRedactor) -> Self {
        Self {
            routes,
            tags,
            redactor,
            redact: PayloadRules::default(),
            ignore_paths: Vec::new(),
            record_http: Vec::new(),
            durability: Durability::default(),
            on_recorder_failure: OnRecorderFailure::default(),
            max_stall: Duration::from_secs(5),
            drain: Duration::from_secs(10),
            admin: None,
            threads: None,
            limits: Limits::default(),
        }
    }
}
