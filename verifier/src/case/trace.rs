//! The history that a case writes down: declarations and timed lines.

mod http;
mod payload;
mod state;

use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_wire::{Direction, Opcode};

use self::state::{Life, Named};
use super::error::Problem;
use super::line::Statement;
use super::word::{self, Words};
use crate::history::{
    Anomaly, Connection, Gap, GapCause, MemoryMessage, MemorySource, Moment, Outline, Tag, Unclean,
};
use crate::rules::read::nearest;

/// When traces begin: 2026-01-01T00:00:00Z, in nanoseconds since the Unix epoch.
const START: i64 = 1_767_225_600_000_000_000;

/// Where the ids of a case's tags are said to have been read.
pub(crate) const TAG_SOURCE: &str = "trace";

/// Words that begin a line, or stand where a connection's name could.
const RESERVED: [&str; 8] = [
    "end", "unclean", "gap", "expect", "todo", "survives", "fact", "rules",
];

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Trace {
    connections: Vec<Named>,
    /// HTTP exchanges, in the order of their requests.
    exchanges: Vec<Connection>,
    /// Who has asked and waits for the answer, with the exchange; the first one first.
    asked: Vec<(usize, usize)>,
    opened: u64,
    messages: Vec<MemoryMessage>,
    gaps: Vec<Gap>,
    anomalies: Vec<Anomaly>,
    /// The time of the last line, and as it is written.
    now: i64,
    now_text: String,
    end: Option<u32>,
    unclean: Option<Unclean>,
    /// The last line on which something happened.
    latest: Option<u64>,
}

impl Trace {
    /// Whether anything was said of a history.
    pub(super) fn is_used(&self) -> bool {
        !self.connections.is_empty() || !self.now_text.is_empty()
    }

    /// `NAME = session s-1, user u-1, device LAPTOP_BROWSER`
    pub(super) fn declare(&mut self, line: u32, name: &str, tags: &str) -> Result<(), Problem> {
        if let Some(known) = self.connections.iter().find(|known| known.name == name) {
            return Err(Problem::DeclaredTwice {
                name: name.to_owned(),
                first: known.line,
            });
        }
        let is_plain =
            |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
        if !name.starts_with(char::is_alphabetic)
            || !name.chars().all(is_plain)
            || RESERVED.contains(&name)
        {
            return Err(Problem::BadName(name.to_owned()));
        }
        // Declared even where its tags are wrong: the lines that use it are right.
        self.connections.push(Named::new(name, line));
        let declared = self.connections.len() - 1;
        self.connections[declared].declared = read_tags(tags)?;
        Ok(())
    }

    /// A line that begins with a time.
    pub(super) fn timed(
        &mut self,
        statement: &Statement,
        words: &mut Words<'_>,
    ) -> Result<(), Problem> {
        let text = words.expect("a time")?;
        let at = word::time(text)?;
        if let Some(end) = self.end {
            return Err(Problem::AfterEnd(end));
        }
        if at < self.now {
            return Err(Problem::TimeGoesBack {
                now: text.to_owned(),
                before: self.now_text.clone(),
            });
        }
        (self.now, self.now_text) = (at, text.to_owned());
        let moment = Moment {
            seq: u64::from(statement.first),
            at: START + at,
        };
        let subject = words.expect("a connection's name, `gap`, `end` or `unclean`")?;
        match subject {
            "end" => self.end = Some(statement.first),
            "unclean" | "unclean:" => {
                let why = words.free().trim_start_matches(':').trim();
                let why = if why.is_empty() {
                    "its end is missing"
                } else {
                    why
                };
                self.unclean = Some(Unclean {
                    why: why.to_owned(),
                    last: self.latest,
                });
                self.end = Some(statement.first);
            }
            "gap" | "gap:" => self.gap(None, moment, subject, words)?,
            name => {
                let connection = self.find(name)?;
                self.act(connection, moment, words)?;
                self.latest = Some(moment.seq);
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<usize, Problem> {
        let found = self.connections.iter().position(|known| known.name == name);
        found.ok_or_else(|| {
            let known: Vec<_> = self
                .connections
                .iter()
                .map(|known| known.name.clone())
                .collect();
            let meant = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
            Problem::UnknownConnection {
                name: name.to_owned(),
                known,
                meant,
            }
        })
    }

    /// What a connection does on a line.
    fn act(&mut self, index: usize, moment: Moment, words: &mut Words<'_>) -> Result<(), Problem> {
        const VERBS: [&str; 11] = [
            ">", "<", "http", "open", "accept", "refuse", "close", "drop", "is", "gap", "anomaly",
        ];
        let verb = words.expect("what the connection does")?;
        match verb {
            "open" => {
                let request = words.free_line();
                let headers = state::headers(words)?;
                self.open(index, moment)?;
                self.connections[index].request(request, &headers)?;
            }
            "accept" => {
                let subprotocol = words.free_line();
                let headers = state::headers(words)?;
                self.connections[index].accept(moment, subprotocol, headers)?;
            }
            "refuse" => {
                let status = words.free_line();
                let headers = state::headers(words)?;
                let status = if status.is_empty() { "401" } else { status };
                let status = word::number(status, "status code")?;
                self.ensure_open(index, moment)?;
                self.connections[index].refuse(moment, status, &headers)?;
            }
            "is" => {
                let tags = read_tags(words.free())?;
                if tags.is_empty() {
                    return Err(Problem::Missing("a tag, such as `session s-2`"));
                }
                self.ensure_open(index, moment)?;
                self.connections[index].tag(moment.seq, tags)?;
            }
            "gap" | "gap:" => {
                self.ensure_open(index, moment)?;
                self.gap(Some(index), moment, verb, words)?;
            }
            "close" => {
                let payload = payload::close(words)?;
                self.close(index, moment, Direction::ClientToServer, payload)?;
            }
            "drop" => {
                self.ensure_open(index, moment)?;
                self.connections[index].close(moment)?;
            }
            "anomaly" => self.anomaly(index, moment, Direction::ClientToServer, words)?,
            "http" => self.http(index, moment, words)?,
            ">" => self.send(index, moment, Direction::ClientToServer, words)?,
            "<" => self.send(index, moment, Direction::ServerToClient, words)?,
            other => return Err(word::unknown(other, &VERBS, &[])),
        }
        Ok(())
    }

    fn send(
        &mut self,
        index: usize,
        moment: Moment,
        direction: Direction,
        words: &mut Words<'_>,
    ) -> Result<(), Problem> {
        match words.peek() {
            Some("close") => {
                words.next();
                let payload = payload::close(words)?;
                return self.close(index, moment, direction, payload);
            }
            Some("anomaly") => {
                words.next();
                return self.anomaly(index, moment, direction, words);
            }
            _ => {}
        }
        let (opcode, payload) = payload::read(words)?;
        self.push(index, moment, direction, (opcode, payload))
    }

    fn push(
        &mut self,
        index: usize,
        moment: Moment,
        direction: Direction,
        (opcode, payload): (Opcode, Vec<u8>),
    ) -> Result<(), Problem> {
        self.ensure_open(index, moment)?;
        let connection = &mut self.connections[index];
        connection.speaks()?;
        let connection = connection.info.number;
        self.messages.push(MemoryMessage {
            moment,
            connection,
            direction,
            opcode,
            payload,
        });
        Ok(())
    }

    fn close(
        &mut self,
        index: usize,
        moment: Moment,
        direction: Direction,
        payload: Vec<u8>,
    ) -> Result<(), Problem> {
        self.push(index, moment, direction, (Opcode::CLOSE, payload))?;
        self.connections[index].close(moment)
    }

    fn anomaly(
        &mut self,
        index: usize,
        moment: Moment,
        direction: Direction,
        words: &mut Words<'_>,
    ) -> Result<(), Problem> {
        let code = words
            .expect("the anomaly's code, such as `unmasked-client-frame`")?
            .to_owned();
        let detail = words.free().to_owned();
        self.ensure_open(index, moment)?;
        let connection = self.connections[index].info.number;
        self.anomalies.push(Anomaly {
            connection,
            direction,
            moment,
            code,
            detail,
        });
        Ok(())
    }

    /// `gap: WHY` or `gap 3 frames: WHY`
    fn gap(
        &mut self,
        index: Option<usize>,
        moment: Moment,
        verb: &str,
        words: &mut Words<'_>,
    ) -> Result<(), Problem> {
        const WHY: &str = "`: ` and why the frames are missing";
        let free = words.free();
        let (frames, why) = match verb {
            "gap:" => ("", free),
            _ => free.split_once(':').ok_or(Problem::Missing(WHY))?,
        };
        if why.trim().is_empty() {
            return Err(Problem::Missing(WHY));
        }
        let frames = match frames.split_whitespace().collect::<Vec<_>>()[..] {
            [] => None,
            [count, "frame" | "frames"] => Some(word::number(count, "number of frames")?),
            [_, other, ..] => return Err(word::unknown(other, &["frames:"], &[])),
            [_] => return Err(Problem::Missing("`frames`")),
        };
        let connection = index.map(|index| self.connections[index].info.number);
        let (from, to) = (moment.seq, moment.seq);
        self.gaps.push(Gap {
            connection,
            from,
            to,
            frames,
            why: why.trim().to_owned(),
            cause: GapCause::of(why.trim()),
        });
        Ok(())
    }

    fn open(&mut self, index: usize, moment: Moment) -> Result<(), Problem> {
        self.opened += 1;
        self.connections[index].open(self.opened, moment)
    }

    /// Opens a connection that was only declared: its first line does.
    fn ensure_open(&mut self, index: usize, moment: Moment) -> Result<(), Problem> {
        if self.connections[index].life == Life::Declared {
            self.open(index, moment)?;
            self.connections[index].request("", &[])?;
        }
        Ok(())
    }

    /// The recording, and what is wrong with it as a whole.
    pub(super) fn finish(self, file: &str) -> (MemorySource, Vec<(u32, Problem)>) {
        let problems = self
            .connections
            .iter()
            .filter(|connection| connection.life == Life::Declared && !connection.speaks_http)
            .map(|connection| {
                let problem = Problem::WrongState {
                    name: connection.name.clone(),
                    state: "never opens",
                    hint: "remove it, or add `0.000 NAME open`",
                };
                (connection.line, problem)
            })
            .collect();
        let sockets = self.connections.into_iter();
        let sockets = sockets.filter(|connection| connection.life != Life::Declared);
        let mut connections: Vec<_> = sockets.map(Named::finish).collect();
        connections.extend(self.exchanges);
        connections.sort_by_key(|connection| connection.number);
        let outline = Outline {
            name: file.to_owned(),
            started_at: START,
            ended_at: START + self.now,
            unclean: self.unclean,
            connections,
            gaps: self.gaps,
            anomalies: self.anomalies,
            ..Outline::default()
        };
        (MemorySource::new(outline, self.messages), problems)
    }
}

/// `session s-1 (presented), user u-1, claim jti=t-1`; they hold from a place that is set later.
fn read_tags(text: &str) -> Result<Vec<Tag>, Problem> {
    let mut tags = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let mut words = part.split_whitespace();
        let word = words.next().unwrap_or_default();
        let kinds = TagKind::ALL.map(TagKind::as_str);
        let kind = TagKind::from_word(word).ok_or_else(|| word::unknown(word, &kinds, &[]))?;
        let value = words.next().ok_or(Problem::Missing("an id"))?;
        let provenance = match words.next() {
            None | Some("(issued)") => Provenance::Issued,
            Some("(presented)") => Provenance::Presented,
            Some(other) => {
                return Err(word::unknown(
                    other,
                    &["(presented)", "(issued)"],
                    &["a comma"],
                ));
            }
        };
        if let Some(word) = words.next() {
            return Err(Problem::LeftOver(word.to_owned()));
        }
        let (source, value) = match (kind, value.split_once('=')) {
            (TagKind::Claim, Some((claim, value))) => (format!("jwt:{claim}"), value),
            (TagKind::Claim, None) => {
                return Err(Problem::Missing("`NAME=VALUE`, such as `jti=t-1`"));
            }
            _ => (TAG_SOURCE.to_owned(), value),
        };
        tags.push(Tag {
            from: 0,
            kind,
            value: value.to_owned(),
            source,
            provenance,
        });
    }
    Ok(tags)
}
