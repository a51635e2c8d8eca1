//! What a proxy has done, as data.

use std::collections::BTreeMap;

use wsaudit_recording::{Closed, WriteError, WriterStats};
use wsaudit_tagging::Candidate;

/// A number for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BothWays {
    /// From clients to the server.
    pub client_to_server: u64,
    /// From the server to clients.
    pub server_to_client: u64,
}

/// Requests that the upstream did not answer, by what their clients got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpstreamFailures {
    /// A 502 of the proxy's own.
    pub bad_gateway: u64,
    /// A 504 of the proxy's own.
    pub gateway_timeout: u64,
    /// Only what the upstream sent: an end, a reset, or what is not understood.
    pub passed_on: u64,
}

impl UpstreamFailures {
    /// All of them.
    pub const fn sum(self) -> u64 {
        self.bad_gateway + self.gateway_timeout + self.passed_on
    }
}

/// What a proxy has done between its start and its end.
#[derive(Debug)]
pub struct Summary {
    /// Clients that connected, whatever they spoke.
    pub connections: u64,
    /// Opening handshakes that were recorded.
    pub handshakes: u64,
    /// Those that were answered with 101.
    pub established: u64,
    /// Those that were answered with something else.
    pub refused: u64,
    /// Requests for which the upstream could not be reached, or gave no answer.
    pub upstream_failures: UpstreamFailures,
    /// WebSocket connections that were not recorded, for their path.
    pub ignored: u64,
    /// Answers with 101 that opened no WebSocket; their bytes were not recorded.
    pub opaque: u64,
    /// Clients that came when there were too many already, and got a 503.
    pub turned_away: u64,
    /// Frames of whose payload only the beginning was recorded.
    pub truncated: u64,
    /// Plain HTTP exchanges that were recorded.
    pub exchanges: u64,
    /// Bodies of which only the beginning was recorded.
    pub truncated_bodies: u64,
    /// Messages that were not kept, since `--redact` could not look at them.
    pub withheld: u64,
    /// Bodies of HTTP exchanges that were not kept for the same reason.
    pub withheld_bodies: u64,
    /// Sessions that were seen.
    pub sessions: u64,
    /// Users that were seen.
    pub users: u64,
    /// Frames that passed on recorded connections.
    pub frames: BothWays,
    /// Bytes that passed on recorded connections after the handshake.
    pub bytes: BothWays,
    /// Breaches of RFC 6455 and RFC 7692 by code.
    pub anomalies: BTreeMap<String, u64>,
    /// Gaps in the recording.
    pub gaps: u64,
    /// Frames that were not recorded.
    pub lost_frames: u64,
    /// Where session ids may be: sources that would have yielded one.
    pub candidates: Vec<Candidate>,
    /// The recorder's figures, the lag between reading and committing among them.
    pub writer: WriterStats,
    /// How the recording ended; an error where it was not closed cleanly.
    pub recording: Result<Closed, WriteError>,
    /// Why the proxy ended.
    pub why: WhyEnded,
}

/// Why a proxy ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyEnded {
    /// It was told to.
    Shutdown,
    /// The recorder failed, and the configuration wants no unrecorded traffic.
    RecorderFailed(WriteError),
}
