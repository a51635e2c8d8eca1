//! The summary for people.

use std::io::Write;

use super::{Connections, Report, Ways};
use crate::numbers::{bytes, counted, grouped};
use crate::shell::{program, quoted};

impl Report {
    /// A line for each figure, then what to do next.
    pub(in super::super) fn write_text(&self, out: &mut impl Write) -> anyhow::Result<()> {
        writeln!(out, "{}", self.recording)?;
        let connections = &self.connections;
        let mut parts = vec![format!("{} established", grouped(connections.established))];
        for (number, what) in [
            (connections.refused, "refused"),
            (connections.ignored, "ignored for their path"),
            (connections.opaque, "opaque, with no WebSocket in them"),
        ] {
            if number > 0 {
                parts.push(format!("{} {what}", grouped(number)));
            }
        }
        let recorded = grouped(connections.recorded);
        figure(
            out,
            "connections",
            &format!("{recorded} ({})", parts.join(", ")),
        )?;
        if self.exchanges.recorded > 0 {
            let mut line = format!("{} recorded", counted(self.exchanges.recorded, "exchange"));
            if self.exchanges.truncated_bodies > 0 {
                let bodies = grouped(self.exchanges.truncated_bodies);
                line = format!("{line}, of {bodies} bodies only the beginning");
            }
            figure(out, "plain HTTP", &line)?;
        }
        if connections.upstream_failures > 0 {
            figure(out, "unanswered", &connections.unanswered_line())?;
        }
        figure(out, "sessions", &self.sessions_line())?;
        figure(out, "users", &grouped(self.users))?;
        figure(out, "frames", &ways(self.frames, grouped))?;
        figure(out, "bytes", &ways(self.bytes, bytes))?;
        figure(out, "anomalies", &self.anomalies_line())?;
        let bodies = self.exchanges.withheld_bodies;
        if self.withheld_messages + bodies > 0 {
            let mut what = Vec::new();
            if self.withheld_messages > 0 {
                what.push(counted(self.withheld_messages, "message"));
            }
            match bodies {
                0 => {}
                1 => what.push("1 body".to_owned()),
                bodies => what.push(format!("{} bodies", grouped(bodies))),
            }
            let line = format!(
                "{}, which --redact could not look at: no verdict over them",
                what.join(" and ")
            );
            figure(out, "withheld", &line)?;
        }
        let gaps = match self.gaps {
            0 if !self.closed_cleanly => {
                "not known: the recorder failed, and what came later was not recorded".to_owned()
            }
            0 => "none".to_owned(),
            gaps => format!(
                "{} ({} not recorded): no verdict on this recording can be clean",
                grouped(gaps),
                counted(self.lost_frames, "frame")
            ),
        };
        figure(out, "gaps", &gaps)?;
        if let Some(lag) = &self.lag_seconds {
            let (mean, max) = (lag.mean * 1e3, lag.max * 1e3);
            let lag = format!("mean {mean:.1} ms, longest {max:.1} ms from reading to committing");
            figure(out, "lag", &lag)?;
        }
        if !self.candidates.is_empty() {
            writeln!(
                out,
                "ids that were not looked for; what would have found them:"
            )?;
            let width = self.candidates.iter().map(|offer| offer.flag.len()).max();
            for offer in &self.candidates {
                let connections = counted(offer.of, "connection");
                let values = counted(offer.values as u64, "value");
                let width = width.unwrap_or_default();
                write!(
                    out,
                    "  {:width$}  on {} of {connections}, {values}",
                    offer.flag, offer.connections
                )?;
                match &offer.renewals {
                    Some(renewals) => {
                        writeln!(out, ", {renewals}: its values are no stable sessions")?;
                    }
                    None => writeln!(out)?,
                }
            }
        }
        self.write_next(out)
    }

    fn sessions_line(&self) -> String {
        let sessions = grouped(self.sessions);
        match self.unidentified.session {
            0 => sessions,
            lacking => {
                let lacking = counted(lacking, "connection");
                format!("{sessions} (of {lacking} it is not known whose they are)")
            }
        }
    }

    fn anomalies_line(&self) -> String {
        if self.anomalies.is_empty() {
            return "none".to_owned();
        }
        let codes: Vec<_> = self
            .anomalies
            .iter()
            .map(|(code, count)| format!("{code} {}", grouped(*count)))
            .collect();
        let sum = self.anomalies.values().sum();
        format!("{} ({})", grouped(sum), codes.join(", "))
    }

    fn write_next(&self, out: &mut impl Write) -> anyhow::Result<()> {
        if !self.single_file {
            writeln!(
                out,
                "its log is not in it, since another process has it open, or the disk is full: keep {}-wal with it",
                self.files.last().map_or("", String::as_str)
            )?;
        }
        let (wsaudit, first) = (program(), self.files.first());
        let first = first.map_or(String::new(), |first| quoted(first));
        let all = match &self.pattern {
            // In quotes it would be no pattern.
            Some(pattern)
                if quoted(pattern.replace('*', "").as_str()) == pattern.replace('*', "") =>
            {
                pattern.clone()
            }
            _ => {
                let files: Vec<_> = self.files.iter().map(|file| quoted(file)).collect();
                files.join(" ")
            }
        };
        if self.connections.recorded == 0 && self.exchanges.recorded == 0 {
            let came = counted(self.clients, "connection");
            let point = "point the clients at the proxy's address, and record again";
            if self.clients == 0 {
                writeln!(out, "no client came: {point}")?;
            } else if self.connections.upstream_failures > 0 {
                let advice = self.connections.advice();
                writeln!(
                    out,
                    "{came} came, and the server {advice}, and record again"
                )?;
            } else {
                writeln!(out, "{came} came, but no WebSocket: {point}")?;
            }
            return Ok(());
        }
        if self.connections.established == 0 && self.connections.recorded > 0 {
            let why = if self.connections.upstream_failures > 0 {
                format!("the server {}, and record again", self.connections.advice())
            } else {
                "the server refused each; perhaps it checks Origin or Host".to_owned()
            };
            writeln!(out, "no WebSocket was established: {why}")?;
        }
        if !self.closed_cleanly {
            writeln!(
                out,
                "what was committed can be read; no verdict on it can be clean"
            )?;
        }
        writeln!(out, "next:")?;
        let flags = self.best_flags();
        if !flags.is_empty() {
            let flags = flags.join(" ");
            writeln!(
                out,
                "  record again with {flags}, or name them in a rule pack's [session]"
            )?;
        }
        if self.connections.established > 0 || self.exchanges.recorded > 0 {
            writeln!(out, "  {wsaudit} verify {all}")?;
        }
        writeln!(out, "  {wsaudit} show {first}")?;
        Ok(())
    }

    /// Of each kind of id, the first source that would have found it.
    fn best_flags(&self) -> Vec<&str> {
        let mut best: Vec<&str> = Vec::new();
        for offer in &self.candidates {
            let kind = |flag: &str| flag.split(' ').next().unwrap_or_default().to_owned();
            if best.iter().all(|flag| kind(flag) != kind(&offer.flag)) {
                best.push(&offer.flag);
            }
        }
        best
    }
}

impl Connections {
    /// Requests that the upstream did not answer, by what their clients got.
    fn unanswered_line(&self) -> String {
        let own = self.bad_gateway + self.gateway_timeout;
        let got: Vec<_> = [
            (self.bad_gateway, "a 502"),
            (self.gateway_timeout, "a 504"),
            (self.upstream_failures - own, "only what the server sent"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} got {what}", grouped(number)))
        .collect();
        let requests = counted(self.upstream_failures, "request");
        format!("{requests}, upgrades or not: {}", got.join(", "))
    }

    /// What a server did that never answered, and what to do about it: the rest of a sentence.
    fn advice(&self) -> &'static str {
        if self.bad_gateway > 0 {
            "gave no connection that can be used (the log says why): start it, or correct --upstream"
        } else if self.gateway_timeout > 0 {
            "did not answer in time: see whether it is stuck, or a firewall drops what goes to it; correct --upstream, \
             or raise --handshake-timeout"
        } else {
            "ended without an answer that is understood: see its log, or correct --upstream (perhaps it wants https)"
        }
    }
}

fn figure(out: &mut impl Write, name: &str, value: &str) -> anyhow::Result<()> {
    writeln!(out, "  {name:<11}  {value}")?;
    Ok(())
}

fn ways(ways: Ways, show: impl Fn(u64) -> String) -> String {
    format!(
        "{} ({} client to server, {} server to client)",
        show(ways.sum()),
        show(ways.client_to_server),
        show(ways.server_to_client)
    )
}
