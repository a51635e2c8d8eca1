//! The figures of a proxy while it runs.

use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::time::Duration;

use wsaudit_recording::WriterState;

use crate::counters::Counted;
use crate::shared::Shared;
use crate::summary::BothWays;

/// Looks at a proxy while it runs.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

/// What a proxy is doing at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Clients that are connected now.
    pub clients: u64,
    /// Clients that connected.
    pub clients_total: u64,
    /// WebSocket connections that were opened.
    pub established: u64,
    /// Sessions that were seen.
    pub sessions: u64,
    /// Frames that passed on recorded connections.
    pub frames: BothWays,
    /// Bytes of payload that were committed.
    pub recorded_bytes: u64,
    /// Gaps in the recording.
    pub gaps: u64,
    /// Frames that were not recorded.
    pub lost_frames: u64,
    /// From reading the newest committed frame to its commit.
    pub lag: Duration,
    /// Whether the recorder records.
    pub recording: bool,
}

impl Live {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// What it is doing now.
    pub fn figures(&self) -> Figures {
        let counted = self.0.counters.counted();
        let writer = self.0.sender.stats();
        Figures {
            clients: counted.open,
            clients_total: counted.connections,
            established: counted.established,
            sessions: counted.sessions,
            frames: counted.frames,
            recorded_bytes: writer.bytes,
            gaps: counted.gaps + writer.gaps,
            lost_frames: counted.lost_frames + writer.lost_frames,
            lag: writer.lag_last,
            recording: self.0.recorder() == WriterState::Running,
        }
    }
}

/// Everything, in Prometheus' text format
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Figures of a dozen names that
/// exist already need no registry.
pub(crate) fn exposition(live: &Live) -> String {
    let counted = live.0.counters.counted();
    let mut out = Exposition(String::new());
    traffic(&mut out, &counted);
    recorder(&mut out, live, &counted);
    out.0
}

fn traffic(out: &mut Exposition, counted: &Counted) {
    out.gauge("clients", "Clients that are connected", counted.open);
    out.counter("clients", "Clients that connected", counted.connections);
    out.counter(
        "clients_turned_away",
        "Clients above --max-connections",
        counted.turned_away,
    );
    out.counter(
        "handshakes",
        "Opening handshakes that were recorded",
        counted.handshakes,
    );
    out.counter(
        "established",
        "Opening handshakes answered with 101",
        counted.established,
    );
    out.counter(
        "refused",
        "Opening handshakes answered with something else",
        counted.refused,
    );
    out.counter(
        "upstream_failures",
        "Requests that the upstream did not answer",
        counted.upstream_failures.sum(),
    );
    out.counter(
        "ignored",
        "WebSocket connections on ignored paths",
        counted.ignored,
    );
    out.counter(
        "opaque",
        "Answers with 101 that opened no WebSocket",
        counted.opaque,
    );
    out.both("frames", "Frames that passed", counted.frames);
    out.both(
        "bytes",
        "Bytes that passed after the handshake",
        counted.bytes,
    );
    out.gauge(
        "sessions",
        "Sessions that were seen, up to a million",
        counted.sessions,
    );
    out.gauge(
        "users",
        "Users that were seen, up to a million",
        counted.users,
    );
    out.family(
        "anomalies_total",
        "Breaches of RFC 6455 and RFC 7692",
        "counter",
    );
    for (code, count) in &counted.anomalies {
        out.sample(
            "anomalies_total",
            &format!("{{code=\"{}\"}}", escaped(code)),
            count,
        );
    }
}

fn recorder(out: &mut Exposition, live: &Live, counted: &Counted) {
    let writer = live.0.sender.stats();
    let recording = live.0.recorder() == WriterState::Running;
    out.counter("gaps", "Gaps in the recording", counted.gaps + writer.gaps);
    out.counter(
        "lost_frames",
        "Frames that were not recorded",
        counted.lost_frames + writer.lost_frames,
    );
    out.counter(
        "truncated_frames",
        "Frames that were recorded in part",
        counted.truncated,
    );
    out.counter(
        "http_exchanges",
        "Plain HTTP exchanges that are recorded",
        counted.exchanges,
    );
    out.counter(
        "truncated_bodies",
        "Bodies of HTTP exchanges that were recorded in part",
        counted.truncated_bodies,
    );
    out.counter(
        "withheld_messages",
        "Messages and control frames that --redact could not look at, and that were not kept",
        counted.withheld,
    );
    out.counter(
        "withheld_bodies",
        "Bodies of HTTP exchanges that --redact could not look at, and that were not kept",
        counted.withheld_bodies,
    );
    out.counter(
        "recorded_frames",
        "Frames that were committed",
        writer.frames,
    );
    out.counter(
        "recorded_bytes",
        "Bytes of payload that were committed",
        writer.bytes,
    );
    out.counter(
        "commits",
        "Transactions that were committed and synced",
        writer.commits,
    );
    out.gauge(
        "recorder_up",
        "Whether the recorder records",
        u8::from(recording),
    );
    out.gauge(
        "recording_rotation_up",
        "Whether the next part of the recording could be begun when it was due",
        u8::from(live.0.sender.rotation_failure().is_none()),
    );
    out.gauge(
        "log_bytes",
        "Length of the write-ahead log beside the recording",
        writer.log_bytes,
    );
    out.gauge(
        "recorder_queue_batches",
        "Batches that wait for the recorder",
        writer.queued,
    );
    out.gauge(
        "recorder_lag_seconds",
        "From reading the newest committed frame to its commit",
        writer.lag_last.as_secs_f64(),
    );
    out.gauge(
        "recorder_lag_max_seconds",
        "The longest such time",
        writer.lag_max.as_secs_f64(),
    );
}

struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string does not fail.
        let _ = write!(
            self.0,
            "# HELP wsaudit_{name} {help}.\n# TYPE wsaudit_{name} {kind}\n"
        );
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "wsaudit_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, help, "gauge");
        self.sample(name, "", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let name = format!("{name}_total");
        self.family(&name, help, "counter");
        self.sample(&name, "", value);
    }

    fn both(&mut self, name: &str, help: &str, values: BothWays) {
        let name = format!("{name}_total");
        self.family(&name, help, "counter");
        for (direction, value) in [
            ("client-to-server", values.client_to_server),
            ("server-to-client", values.server_to_client),
        ] {
            self.sample(&name, &format!("{{direction=\"{direction}\"}}"), value);
        }
    }
}

/// A label's value.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_label_cannot_end_its_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
