//! A recording on disk, as the engine reads it.

mod reading;

use std::collections::BTreeMap;
use std::path::Path;

use wsaudit_recording::{
    ConnectionId, MessageContent, Nanos, OpenError, Question, QuestionLimits, ReadError, Reader,
    RunId, Seq,
};

use wsaudit_wire::PathPattern;

use super::{
    Anomaly, Answered, ClockStep, Connection, During, Exchange, Gap, GapCause, Moment, Outline,
    Part, Reading, Source, SourceError, Tag, Unclean,
};

use reading::RecordingReading;

/// A recording on disk; it is never written to.
#[derive(Debug)]
pub struct RecordingSource {
    reader: Reader,
    outline: Outline,
    clock: Clock,
}

/// Why a recording could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is no recording, or cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// By connection: the run that its times are of.
#[derive(Debug)]
struct Clock {
    runs: BTreeMap<ConnectionId, RunId>,
    /// The run of all of them, where there is but one.
    only: Option<RunId>,
}

impl Clock {
    /// A time on a connection's clock, in nanoseconds since the Unix epoch.
    fn at(&self, reader: &Reader, connection: ConnectionId, at: Nanos) -> i64 {
        let run = self.only.unwrap_or_else(|| {
            let run = self.runs.get(&connection).copied();
            run.unwrap_or(RunId(1))
        });
        unix(reader, run, at)
    }
}

fn unix(reader: &Reader, run: RunId, at: Nanos) -> i64 {
    signed(reader.steady_time(run, at).unwrap_or(at.0))
}

/// Times and places that do not fit are at the end of all.
fn signed(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}

impl RecordingSource {
    /// Opens the recording at `path`; reports call it `name`.
    pub fn open(path: &Path, name: &str) -> Result<Self, RecordingError> {
        let reader = Reader::open(path)?;
        let rows = reader.connections()?;
        let sockets = rows.iter().map(|row| (row.id, row.run));
        let exchanges = reader.exchanges()?;
        let exchanges = exchanges.iter().map(|row| (row.id, row.run));
        let clock = Clock {
            runs: sockets.chain(exchanges).collect(),
            only: match reader.runs() {
                [only] if only.id == RunId(1) => Some(only.id),
                _ => None,
            },
        };
        let mut tags: BTreeMap<ConnectionId, Vec<Tag>> = BTreeMap::new();
        for span in reader.tags()? {
            tags.entry(span.tag.connection).or_default().push(Tag {
                from: span.tag.from.0,
                kind: span.tag.kind,
                value: span.tag.value,
                source: span.tag.source,
                provenance: span.tag.provenance,
            });
        }
        let mut connections: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let tags = tags.remove(&row.id).unwrap_or_default();
                connection(&reader, row, tags)
            })
            .collect();
        for row in reader.exchanges()? {
            let tags = tags.remove(&row.id).unwrap_or_default();
            connections.push(exchange(&reader, row, tags));
        }
        connections.sort_by_key(|connection| connection.opened);
        let gaps = reader
            .gaps()?
            .into_iter()
            .map(|(_, gap)| Gap {
                connection: gap.connection.map(|connection| connection.0),
                from: gap.from.0,
                to: gap.to.0,
                frames: gap.frames,
                cause: GapCause::of(&gap.why),
                why: gap.why,
            })
            .collect();
        let anomalies = reader
            .anomalies()?
            .into_iter()
            .map(|anomaly| Anomaly {
                connection: anomaly.connection.0,
                direction: anomaly.direction,
                moment: Moment {
                    seq: anomaly.seq.0,
                    at: clock.at(&reader, anomaly.connection, anomaly.at),
                },
                code: anomaly.code,
                detail: anomaly.detail,
            })
            .collect();
        let parts = parts(&reader, name, &connections)?;
        let outline = Outline {
            name: name.to_owned(),
            started_at: reader
                .runs()
                .first()
                .map_or(0, |run| signed(run.started_at)),
            ended_at: ended_at(&reader, &clock, &connections)?,
            unclean: reader.unclean().map(|it| unclean(&reader, it, &parts)),
            connections,
            gaps,
            anomalies,
            clock_steps: clock_steps(&reader),
            record_http: record_http(&reader),
            parts,
            goes_on: None,
        };
        Ok(Self {
            reader,
            outline,
            clock,
        })
    }

    /// The recording itself.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    fn error(&self, error: &ReadError) -> SourceError {
        SourceError {
            recording: self.outline.name.clone(),
            why: error.finding(),
        }
    }
}

fn connection(reader: &Reader, row: wsaudit_recording::Connection, tags: Vec<Tag>) -> Connection {
    let moment = |seq: Seq, at: Nanos| Moment {
        seq: seq.0,
        at: unix(reader, row.run, at),
    };
    let answered = row.answered.as_ref();
    Connection {
        number: row.id.0,
        opened: moment(row.opened.seq, row.opened.at),
        answered: answered.map(|answered| moment(answered.seq, answered.at)),
        status: answered.and_then(|answered| answered.status),
        closed: row
            .closed
            .as_ref()
            .map(|closed| moment(closed.seq, closed.at)),
        subprotocol: answered.and_then(|answered| answered.subprotocol.clone()),
        response_head: row
            .answered
            .map(|answered| answered.response_head)
            .unwrap_or_default(),
        request_head: row.opened.request_head,
        tags,
        http: None,
    }
}

/// More than a clock that is kept by slewing moves in a minute (500 ppm are 30 ms; RFC 5905), and than
/// the two reads of a busy machine's anchor are apart.
const CLOCK_STEP: u64 = 100_000_000;

/// What each of its runs was asked to record, all together.
fn record_http(reader: &Reader) -> Option<Vec<PathPattern>> {
    #[derive(serde::Deserialize)]
    struct Settings {
        record_http: Vec<String>,
    }
    let mut all = Vec::new();
    for run in reader.runs() {
        let Settings { record_http } = serde_json::from_str(&run.config).ok()?;
        for pattern in record_http {
            all.push(pattern.parse().ok()?);
        }
    }
    Some(all)
}

/// Where the clock was set, while runs went on and between them.
fn clock_steps(reader: &Reader) -> Vec<ClockStep> {
    let mut steps: Vec<_> = reader
        .clock_steps(CLOCK_STEP)
        .into_iter()
        .map(|step| ClockStep {
            at: unix(reader, step.run, step.at),
            by: step.by,
            during: During::ARun,
        })
        .collect();
    for pair in reader.runs().windows(2) {
        // One that was killed has no end: that it began is known.
        let ended = unix(reader, pair[0].id, pair[0].ended_at.unwrap_or(Nanos(0)));
        let began = unix(reader, pair[1].id, Nanos(0));
        if began < ended {
            steps.push(ClockStep {
                at: began,
                by: began - ended,
                during: During::ThePause,
            });
        }
    }
    steps.sort_unstable();
    steps
}

/// The runs, each with its places.
fn parts(reader: &Reader, file: &str, connections: &[Connection]) -> Result<Vec<Part>, ReadError> {
    let steps = connections.iter().flat_map(|connection| {
        let moments = [connection.answered, connection.closed];
        let later = moments.into_iter().flatten();
        later
            .map(|moment| moment.seq)
            .chain([connection.opened.seq])
    });
    let newest = reader.frame_range()?.map_or(0, |(_, newest)| newest.0);
    let last = steps.fold(newest, u64::max);
    let runs = reader.runs();
    Ok(runs
        .iter()
        .enumerate()
        .map(|(index, run)| Part {
            run: run.uuid.clone(),
            number: run.part,
            continued: run.continued,
            first_seq: run.first_seq.0,
            last_seq: runs
                .get(index + 1)
                .map_or(last, |next| next.first_seq.0.saturating_sub(1)),
            file: file.to_owned(),
        })
        .collect())
}

/// The last run that lacks its end, with the last place of it; `parts` are the runs.
fn unclean(reader: &Reader, unclean: &wsaudit_recording::Unclean, parts: &[Part]) -> Unclean {
    let mut runs = reader.runs().iter().zip(parts).rev();
    let run = runs.find(|(run, _)| unclean.runs.contains(&run.id));
    let last = run.map(|(_, part)| (part.first_seq, part.last_seq));
    Unclean {
        why: unclean.to_string(),
        last: last.and_then(|(first, last)| (first <= last).then_some(last)),
    }
}

fn exchange(reader: &Reader, row: wsaudit_recording::Exchange, tags: Vec<Tag>) -> Connection {
    let moment = |seq: Seq, at: Nanos| Moment {
        seq: seq.0,
        at: unix(reader, row.run, at),
    };
    let answered = row.answered.as_ref();
    let mut connection = Connection {
        number: row.id.0,
        opened: moment(row.opened.seq, row.opened.at),
        answered: answered.map(|answered| moment(answered.seq, answered.at)),
        status: answered.map(|answered| answered.status),
        closed: row.ended.as_ref().map(|ended| moment(ended.seq, ended.at)),
        subprotocol: None,
        http: Some(Exchange::new(&row.opened.method, &row.opened.target)),
        response_head: row
            .answered
            .map(|answered| answered.response_head)
            .unwrap_or_default(),
        request_head: row.opened.request_head,
        tags,
    };
    connection.speak_from_the_beginning();
    connection
}

/// When the last thing was observed: the end of the last run, where that was written.
fn ended_at(reader: &Reader, clock: &Clock, connections: &[Connection]) -> Result<i64, ReadError> {
    let mut last = 0;
    for run in reader.runs() {
        let end = run.ended_at.unwrap_or(Nanos(0));
        last = last.max(unix(reader, run.id, end));
    }
    for connection in connections {
        let moments = [
            Some(connection.opened),
            connection.answered,
            connection.closed,
        ];
        last = moments
            .into_iter()
            .flatten()
            .map(|moment| moment.at)
            .fold(last, i64::max);
    }
    if let Some((_, newest)) = reader.frame_range()?
        && let Some(frame) = reader.frame(newest)?
    {
        last = last.max(clock.at(reader, frame.connection, frame.last_at));
    }
    Ok(last)
}

impl Source for RecordingSource {
    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        Ok(Box::new(RecordingReading::of(self)?))
    }

    fn ask(&self, question: &Question) -> Result<Answered, SourceError> {
        let answer = self.reader.ask(question, QuestionLimits::default());
        answer.map(Answered::of).map_err(|error| SourceError {
            recording: self.outline.name.clone(),
            why: error.to_string(),
        })
    }

    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let message = self
            .reader
            .message(Seq(seq))
            .map_err(|error| self.error(&error))?;
        if message.is_none() {
            let message = self
                .reader
                .http_message(Seq(seq))
                .map_err(|error| self.error(&error))?;
            return Ok(message.map(|message| message.body.bytes().to_vec()));
        }
        Ok(message.and_then(|message| match message.content {
            MessageContent::Whole(bytes) | MessageContent::Truncated { kept: bytes, .. } => {
                Some(bytes)
            }
            MessageContent::Undecodable(_) | MessageContent::Withheld(_) => None,
        }))
    }
}
