//! Writing a case: from a history to the text that stands for it.

mod connection;
mod http;
mod payload;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wsaudit_tagging::TagKind;

use self::connection::{Line, lines};
use super::word::MARKER;
use crate::facts::Fact;
use crate::history::{Connection, MemorySource, Source as _};

/// What a case is written of.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'w> {
    /// Its heading.
    pub title: &'w str,
    /// Why it is there.
    pub prose: &'w str,
    /// The pack, as the case names it.
    pub rules: &'w str,
    /// The rule that it is about.
    pub only: &'w str,
    /// The sessions that have the first letters, in this order.
    pub first: &'w [String],
    /// The facts that it needs, by table.
    pub facts: &'w [(String, Fact)],
    /// The history.
    pub source: &'w MemorySource,
}

/// Why a history cannot be written as a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// An id has white space or a comma in it.
    #[error("the {} `{value}` cannot be written in a case: it has white space or a comma in it", kind.as_str())]
    Tag {
        /// Whose id it is.
        kind: TagKind,
        /// The id.
        value: String,
    },
    /// A message that is neither text nor bytes.
    #[error("message {seq} cannot be written in a case: {why}")]
    Message {
        /// Its place.
        seq: u64,
        /// Why.
        why: &'static str,
    },
    /// What was written is read as something else.
    #[error("what was written is no case, which is a bug of wsaudit: {0}")]
    NotRead(String),
    /// What was written does not break the rule any more.
    #[error(
        "written as a case, it does not break the rule any more: what shows it has no words in a case"
    )]
    NotShown,
}

/// A case that expects nothing yet.
#[derive(Debug)]
pub struct Draft<'w> {
    writing: Writing<'w>,
    head: String,
    lines: Vec<Line>,
}

impl<'w> Draft<'w> {
    /// Puts the history into words.
    pub fn of(writing: Writing<'w>) -> Result<Self, Unwritable> {
        let connections = &writing.source.outline().connections;
        let names = names(connections, writing.first);
        let mut all = Vec::new();
        for connection in connections {
            all.extend(lines(
                connection,
                &names[&connection.number],
                writing.source,
            )?);
        }
        // What stands at one place stays in the order of a connection's life.
        all.sort_by_key(|line| line.seq);
        Ok(Self {
            head: head(&writing, connections, &names)?,
            lines: all,
            writing,
        })
    }

    /// The case, with a mark for each violation: `offending` are their lines in the case that
    /// [`Self::unmarked`] gives.
    pub fn marked(&self, offending: &[u64]) -> String {
        let (_, numbers) = self.text(&[], "");
        let mut marks = vec![0; self.lines.len()];
        for line in offending {
            if let Some(at) = numbers.iter().position(|number| number == line) {
                marks[at] += 1;
            }
        }
        self.text(&marks, "").0
    }

    /// A case with the same history, that expects no violation.
    pub fn unmarked(&self) -> String {
        self.text(&[], "\nexpect none\n").0
    }

    /// The text, and the number of each line in it.
    fn text(&self, marks: &[usize], expected: &str) -> (String, Vec<u64>) {
        let outline = self.writing.source.outline();
        let mut out = self.head.clone();
        let mut numbers = Vec::new();
        let mut now = 0;
        for (index, line) in self.lines.iter().enumerate() {
            now = line.at.map_or(now, |at| (at - outline.started_at).max(now));
            numbers.push(1 + out.matches('\n').count() as u64);
            let marks = marks.get(index).copied().unwrap_or_default();
            one_line(&mut out, now, line, &vec![self.writing.only; marks]);
        }
        let end = (outline.ended_at - outline.started_at).max(now);
        let _ = write!(out, "{} end\n{expected}```\n", seconds(end));
        (out, numbers)
    }
}

/// All that stands before the first timed line.
fn head(
    writing: &Writing<'_>,
    connections: &[Connection],
    names: &BTreeMap<u64, String>,
) -> Result<String, Unwritable> {
    let Writing {
        title,
        prose,
        rules,
        only,
        facts,
        ..
    } = writing;
    let mut out =
        format!("# {title}\n\n{prose}\n\n```trace\nrules: {rules}\nrules only: {only}\n\n");
    let mut declared: Vec<_> = connections.iter().collect();
    declared.sort_by_key(|connection| &names[&connection.number]);
    for connection in declared {
        let tags = connection::declared(connection)?;
        let _ = writeln!(out, "{} = {tags}", names[&connection.number]);
    }
    out.push('\n');
    for (table, fact) in *facts {
        let _ = writeln!(out, "fact {table} {} {}", fact.resource, fact.owner);
    }
    if !facts.is_empty() {
        out.push('\n');
    }
    Ok(out)
}

fn one_line(out: &mut String, now: i64, line: &Line, marks: &[&str]) {
    let _ = write!(out, "{} {}", seconds(now), line.text);
    let marks = marks.iter().map(|rule| format!("{MARKER} expect {rule}"));
    if line.below.is_empty() {
        let separator = if marks.len() > 1 { "\n  " } else { "   " };
        for mark in marks {
            let _ = write!(out, "{separator}{mark}");
        }
    } else {
        for below in line.below.iter().cloned().chain(marks) {
            let _ = write!(out, "\n    {below}");
        }
    }
    out.push('\n');
}

/// Nanoseconds as seconds, exactly.
fn seconds(nanoseconds: i64) -> String {
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let text = format!("{seconds}.{rest:09}");
    // Milliseconds are enough where they are exact.
    match text.strip_suffix("000000") {
        Some(short) => short.to_owned(),
        None => text,
    }
}

/// A letter for each session: those that come first, then in the order of opening; its further
/// connections are numbered. Those of nobody are `X`.
fn names<'n>(connections: &'n [Connection], first: &'n [String]) -> BTreeMap<u64, String> {
    let there = |session: &&String| {
        let mut tags = connections.iter().flat_map(|it| &it.tags);
        tags.any(|tag| tag.kind == TagKind::Session && tag.value == **session)
    };
    let mut sessions: Vec<Option<&str>> = Vec::new();
    for session in first.iter().filter(there) {
        if !sessions.contains(&Some(session)) {
            sessions.push(Some(session));
        }
    }
    let mut counts: BTreeMap<Option<&str>, u32> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for connection in connections {
        let mut tags = connection.tags.iter();
        let session = tags.find(|tag| tag.kind == TagKind::Session);
        let session = session.map(|tag| tag.value.as_str());
        if session.is_some() && !sessions.contains(&session) {
            sessions.push(session);
        }
        let at = sessions.iter().position(|known| *known == session);
        let count = counts.entry(session).or_default();
        *count += 1;
        // X is nobody's.
        let letter = match at.map(|at| (at, ('A'..='W').nth(at))) {
            None => "X".to_owned(),
            Some((_, Some(letter))) => letter.to_string(),
            Some((at, None)) => format!("S{}-", at + 1),
        };
        let name = match *count {
            1 => letter,
            count => format!("{letter}{count}"),
        };
        names.insert(connection.number, name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_exactly_and_no_longer_than_needed() {
        assert_eq!(seconds(0), "0.000");
        assert_eq!(seconds(1_500_000_000), "1.500");
        assert_eq!(seconds(12_000_000_001), "12.000000001");
    }
}
