//! The overview for people.

use std::io::Write;

use wsaudit_verifier::report::escaped;

use super::exchanges;
use super::overview::{ConnectionLine, Overview};
use crate::numbers::{bytes, counted, grouped};
use crate::shell::{program, quoted};
use crate::table::{Align, Table};

impl Overview {
    pub(super) fn write_text(
        &self,
        out: &mut impl Write,
        columns: Option<usize>,
    ) -> anyhow::Result<()> {
        writeln!(out, "{}", self.name)?;
        if let Some(why) = &self.unclean {
            writeln!(out, "its end may be missing: {why}")?;
        }
        for run in &self.runs {
            let is_part = run.part > 1 || run.continued;
            let length = match run.seconds {
                // On the clock of the run, which began in its first part.
                Some(seconds) if is_part => format!("to {seconds:+.3} s"),
                Some(seconds) => format!("{seconds:.3} s"),
                None => "not closed cleanly".to_owned(),
            };
            let part = match (is_part, run.continued) {
                (false, _) => String::new(),
                (true, true) => {
                    let next = run.part.saturating_add(1);
                    format!(", part {} (it goes on in part {next})", run.part)
                }
                (true, false) if run.closed_cleanly => {
                    format!(", part {} (the last one)", run.part)
                }
                (true, false) => format!(", part {}", run.part),
            };
            let key = run.key_id.as_deref().unwrap_or("none");
            writeln!(
                out,
                "run {}{part}: {}, {length}, by {}, redaction key {key}",
                run.id, run.started, run.tool_version
            )?;
            if !run.redact.is_empty() {
                let rules: Vec<_> = run.redact.iter().map(|rule| escaped(rule)).collect();
                writeln!(
                    out,
                    "its payloads are redacted, and not those of the wire: {}",
                    rules.join(" ")
                )?;
            }
            if !run.edits.is_empty() {
                let edits: Vec<_> = run.edits.iter().map(|edit| escaped(edit)).collect();
                writeln!(
                    out,
                    "its upstream was sent other heads than clients sent: {}",
                    edits.join(", ")
                )?;
            }
        }
        self.write_sessions(out, columns)?;
        self.write_connections(out, columns)?;
        exchanges::write_text(&self.exchanges, out, columns)?;
        self.write_gaps(out)?;
        self.write_anomalies(out)?;
        self.write_candidates(out, columns)?;
        self.write_next(out)
    }

    fn write_sessions(&self, out: &mut impl Write, columns: Option<usize>) -> anyhow::Result<()> {
        let known = self.sessions.iter().filter(|it| it.session.is_some());
        writeln!(out, "\n{}", counted(known.count() as u64, "session"))?;
        let mut table = Table::new(&[
            ("session", Align::Left),
            ("user", Align::Left),
            ("device", Align::Left),
            ("connections", Align::Right),
            ("frames", Align::Right),
            ("bytes", Align::Right),
            ("first", Align::Right),
            ("last", Align::Right),
        ]);
        for line in &self.sessions {
            let session = line.session.as_deref().unwrap_or("(unidentified)");
            let at = |at: Option<f64>| at.map_or_else(String::new, |at| format!("{at:+.3} s"));
            table.row([
                escaped(session),
                list(&line.users),
                list(&line.devices),
                grouped(line.connections.len() as u64),
                grouped(line.frames),
                bytes(line.bytes),
                at(line.first_at),
                at(line.last_at),
            ]);
        }
        if self.sessions.is_empty() {
            return Ok(());
        }
        table.write(out, columns)
    }

    fn write_connections(
        &self,
        out: &mut impl Write,
        columns: Option<usize>,
    ) -> anyhow::Result<()> {
        writeln!(
            out,
            "\n{}",
            counted(self.connections.len() as u64, "connection")
        )?;
        if self.connections.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&[
            ("id", Align::Right),
            ("opened", Align::Right),
            ("session", Align::Left),
            ("target", Align::Left),
            ("status", Align::Right),
            ("frames", Align::Right),
            ("ended", Align::Left),
        ]);
        for line in &self.connections {
            let status = line
                .status
                .map_or_else(|| "-".to_owned(), |it| it.to_string());
            table.row([
                line.id.to_string(),
                format!("{:+.3} s", line.opened_at),
                list(&line.sessions),
                escaped(&line.target),
                status,
                grouped(line.frames),
                ended(line),
            ]);
        }
        table.write(out, columns)
    }

    fn write_gaps(&self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.gaps.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", counted(self.gaps.len() as u64, "gap"))?;
        for gap in &self.gaps {
            let whose = gap.connection.map_or_else(
                || "all connections".to_owned(),
                |connection| format!("connection {connection}"),
            );
            let frames = gap
                .frames
                .map_or_else(|| "frames".to_owned(), |frames| counted(frames, "frame"));
            let why = escaped(&gap.why);
            writeln!(
                out,
                "  {whose}, from {} to {}: {frames} missing, {why}",
                gap.from, gap.to
            )?;
        }
        Ok(())
    }

    fn write_anomalies(&self, out: &mut impl Write) -> anyhow::Result<()> {
        if self.anomalies.is_empty() {
            return Ok(());
        }
        let sum = self.anomalies.iter().map(|line| line.count).sum();
        let what = if sum == 1 { "anomaly" } else { "anomalies" };
        writeln!(out, "\n{} {what}", grouped(sum))?;
        for line in &self.anomalies {
            writeln!(
                out,
                "  {} times {}, first at {} of connection {}: {}",
                grouped(line.count),
                line.code,
                line.seq,
                line.connection,
                escaped(&line.detail)
            )?;
        }
        Ok(())
    }

    fn write_candidates(&self, out: &mut impl Write, columns: Option<usize>) -> anyhow::Result<()> {
        if self.candidates.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\nwhere ids may be found, as flags of `wsaudit record`"
        )?;
        let mut table = Table::new(&[
            ("flag", Align::Left),
            ("connections", Align::Left),
            ("values", Align::Right),
        ]);
        for line in &self.candidates {
            table.row([
                line.flag.clone(),
                format!("{} of {}", grouped(line.connections), grouped(line.of)),
                grouped(line.values as u64),
            ]);
        }
        table.write(out, columns)?;
        for line in &self.candidates {
            if let Some(renewals) = &line.renewals {
                let source = line.flag.rsplit(' ').next().unwrap_or_default();
                writeln!(
                    out,
                    "{source} was {renewals}: its values are no stable sessions"
                )?;
            }
        }
        Ok(())
    }

    fn write_next(&self, out: &mut impl Write) -> anyhow::Result<()> {
        writeln!(out)?;
        if self.unidentified > 0 {
            let count = counted(self.unidentified as u64, "accepted connection");
            writeln!(out, "of {count} it is not known whose they are")?;
        }
        let some = self
            .sessions
            .iter()
            .find_map(|line| line.session.as_deref());
        if let Some(session) = some {
            let (name, session) = (quoted(&self.name), quoted(&escaped(session)));
            writeln!(out, "next: {} show {name} --session {session}", program())?;
        } else if let Some(line) = self.connections.first() {
            let name = quoted(&self.name);
            writeln!(
                out,
                "next: {} show {name} --connection {}",
                program(),
                line.id
            )?;
        }
        Ok(())
    }
}

fn ended(line: &ConnectionLine) -> String {
    let Some(how) = line.how_ended else {
        return "still open at the end".to_owned();
    };
    match line.close_code {
        Some(code) => format!("{how}, close code {code}"),
        None => how.to_owned(),
    }
}

pub(super) fn list(values: &[String]) -> String {
    if values.is_empty() {
        return "-".to_owned();
    }
    let values: Vec<_> = values.iter().map(|value| escaped(value)).collect();
    values.join(", ")
}
