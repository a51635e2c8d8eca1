//! What is told at the end of a recording.

mod identified;
mod text;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use wsaudit_proxy::{BothWays, Summary};
use wsaudit_recording::{PartNames, RunId};
use wsaudit_tagging::{Candidate, TagKind, TagRules};

use identified::Identified;

/// A summary, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    recording: String,
    /// The files of this run: one, or its parts in order.
    files: Vec<String>,
    closed_cleanly: bool,
    /// Clients that connected, whatever they spoke.
    clients: u64,
    connections: Connections,
    exchanges: Exchanges,
    sessions: u64,
    users: u64,
    frames: Ways,
    bytes: Ways,
    anomalies: BTreeMap<String, u64>,
    /// Messages that were not kept, since `--redact` could not look at them.
    withheld_messages: u64,
    gaps: u64,
    lost_frames: u64,
    /// From reading a frame's last byte to its commit; `None` where the recording was not closed.
    lag_seconds: Option<Lag>,
    /// `None` where the recording was not closed.
    seconds: Option<f64>,
    unidentified: Unidentified,
    candidates: Vec<Offer>,
    #[serde(skip)]
    single_file: bool,
    /// The parts of the recording, as a shell names them; `None` where it is one file.
    #[serde(skip)]
    pattern: Option<String>,
}

/// Opening handshakes.
#[derive(Debug, Serialize)]
struct Connections {
    recorded: u64,
    established: u64,
    refused: u64,
    upstream_failures: u64,
    /// Of these, those that got a 502.
    bad_gateway: u64,
    /// Of these, those that got a 504.
    gateway_timeout: u64,
    ignored: u64,
    opaque: u64,
}

/// Plain HTTP exchanges.
#[derive(Debug, Serialize)]
struct Exchanges {
    recorded: u64,
    /// Bodies of which only the beginning was recorded.
    truncated_bodies: u64,
    /// Bodies that were not kept, since `--redact` could not look at them.
    withheld_bodies: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Ways {
    client_to_server: u64,
    server_to_client: u64,
}

#[derive(Debug, Serialize)]
struct Lag {
    mean: f64,
    max: f64,
}

/// How many established connections of the run have no tag of a kind.
#[derive(Debug, Default, Serialize)]
struct Unidentified {
    session: u64,
    user: u64,
    device: u64,
}

/// A source that would have yielded ids.
#[derive(Debug, Serialize)]
struct Offer {
    flag: String,
    connections: u64,
    of: u64,
    values: usize,
    /// How often answers set another value for whoever presented one.
    renewed: u64,
    /// The same in words.
    #[serde(skip)]
    renewals: Option<String>,
}

impl Report {
    /// `first` is the file that the run began with, `tags` are the sources that were configured.
    pub(super) fn new(
        summary: &Summary,
        first: &Path,
        parts: Option<&PartNames>,
        run: RunId,
        tags: &TagRules,
    ) -> Self {
        let closed = summary.recording.as_ref().ok();
        let identified = match closed {
            Some(closed) => Identified::read(&closed.files, run).unwrap_or_default(),
            None => Identified::default(),
        };
        let unidentified = Unidentified {
            session: identified.lacking(TagKind::Session),
            user: identified.lacking(TagKind::User),
            device: identified.lacking(TagKind::Device),
        };
        let candidates = summary
            .candidates
            .iter()
            .filter(|candidate| is_offered(candidate, &identified, tags))
            .map(|candidate| Offer {
                flag: candidate.flag(),
                connections: candidate.connections,
                of: candidate.of,
                values: candidate.distinct,
                renewed: candidate.renewed,
                renewals: candidate.renewals(),
            })
            .collect();
        let name = |path: &Path| path.display().to_string();
        let files: Vec<_> = match closed {
            Some(closed) => closed.files.iter().map(|file| name(file)).collect(),
            None => vec![name(first)],
        };
        Self {
            recording: match (files.as_slice(), closed) {
                ([first, .., last], _) => format!("{first} to {last} ({} parts)", files.len()),
                (_, None) if parts.is_some() => format!("{} and on", name(first)),
                _ => name(first),
            },
            files,
            pattern: parts.map(|parts| name(&parts.pattern())),
            closed_cleanly: closed.is_some(),
            clients: summary.connections,
            connections: Connections {
                recorded: summary.handshakes,
                established: summary.established,
                refused: summary.refused,
                upstream_failures: summary.upstream_failures.sum(),
                bad_gateway: summary.upstream_failures.bad_gateway,
                gateway_timeout: summary.upstream_failures.gateway_timeout,
                ignored: summary.ignored,
                opaque: summary.opaque,
            },
            exchanges: Exchanges {
                recorded: summary.exchanges,
                truncated_bodies: summary.truncated_bodies,
                withheld_bodies: summary.withheld_bodies,
            },
            sessions: summary.sessions,
            users: summary.users,
            frames: summary.frames.into(),
            bytes: summary.bytes.into(),
            anomalies: summary.anomalies.clone(),
            withheld_messages: summary.withheld,
            gaps: summary.gaps,
            lost_frames: summary.lost_frames,
            lag_seconds: closed.map(|closed| Lag {
                mean: seconds(closed.stats.lag_mean),
                max: seconds(closed.stats.lag_max),
            }),
            seconds: closed.map(|closed| seconds(closed.duration)),
            unidentified,
            candidates,
            single_file: closed.is_none_or(|closed| closed.single_file),
        }
    }

    /// As one JSON object in one line.
    pub(super) fn write_json(&self, out: &mut impl Write) -> anyhow::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        writeln!(out)?;
        Ok(())
    }
}

/// A source is offered for what was not found on every connection, unless it is used already.
fn is_offered(candidate: &Candidate, identified: &Identified, tags: &TagRules) -> bool {
    let used = tags
        .sources(candidate.kind)
        .iter()
        .any(|source| source.to_string().eq_ignore_ascii_case(&candidate.source));
    identified.lacking(candidate.kind) > 0 && !used
}

/// Rounded to microseconds.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

impl From<BothWays> for Ways {
    fn from(ways: BothWays) -> Self {
        Self {
            client_to_server: ways.client_to_server,
            server_to_client: ways.server_to_client,
        }
    }
}

impl Ways {
    const fn sum(self) -> u64 {
        self.client_to_server + self.server_to_client
    }
}
