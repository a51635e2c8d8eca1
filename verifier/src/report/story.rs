//! One violation with what was around it: on the connections concerned, the frames before and after
//! those that prove something.

mod window;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wsaudit_wire::Direction;

use self::window::Window;
use super::excerpt::{Excerpt, excerpt, excerpt_of};
use super::frames::Sessions;
use super::model::{Report, Rule, Violation};
use crate::engine::Verification;
use crate::history::{Connection, Moment, Source, SourceError, SourceMessage, SourcePayload};

/// How much of a payload that proves something is shown, in characters.
const LONGEST: usize = 4000;

/// A violation, and what happened around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story<'r> {
    /// The violation; of several with one fingerprint the first.
    pub violation: &'r Violation,
    /// How many violations have its fingerprint.
    pub alike: usize,
    /// The rule that it breaks.
    pub rule: &'r Rule,
    /// The connections concerned.
    pub connections: Vec<Party>,
    /// What happened on them, in order.
    pub happened: Vec<Happening>,
}

/// A connection of a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Party {
    /// Its recording.
    pub recording: String,
    /// Its number there.
    pub connection: u64,
    /// Its session, by its last tag.
    pub session: Option<String>,
    /// The first line of its request; empty where it is not known.
    pub request: String,
    /// When it was opened, in seconds from the start of the history.
    pub opened: f64,
    /// When it ended; `None`: it was open when the recording ended.
    pub closed: Option<f64>,
}

/// A message, a control frame, or a step in a connection's life.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happening {
    /// Its recording.
    pub recording: String,
    /// Its place there.
    pub seq: u64,
    /// In seconds from the start of the history.
    pub at: f64,
    /// The connection's number.
    pub connection: u64,
    /// The connection's session there.
    pub session: Option<String>,
    /// `client-to-server` or `server-to-client`; `None` for a step.
    pub direction: Option<&'static str>,
    /// `text`, `ping`, `opened`, `answered`, `ended`.
    pub what: String,
    /// The lines of the argument that it proves, the first one is 1; empty: it only stands around.
    pub proves: Vec<usize>,
    /// How many more there are on these connections between the one before and this one.
    pub skipped: u64,
    /// The payload, or what lies around the value that proves something; control characters are
    /// escaped.
    pub excerpt: String,
    /// Where that value is in the excerpt: the first byte, and the one after the last.
    pub mark: Option<(usize, usize)>,
}

/// Why there is no story.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// Nothing is violated.
    #[error("no rule is violated here, so there is no fingerprint to look for")]
    NothingViolated,
    /// No violation has that fingerprint.
    #[error("no violation has the fingerprint {wanted}; there are {}", known.join(", "))]
    NotThere {
        /// As it was given.
        wanted: String,
        /// Those that there are, with their rules.
        known: Vec<String>,
    },
    /// It is the beginning of several.
    #[error("{wanted} is the beginning of several fingerprints: {}", known.join(", "))]
    Ambiguous {
        /// As it was given.
        wanted: String,
        /// Those that begin with it, with their rules.
        known: Vec<String>,
    },
}

/// The first violation whose fingerprint is `wanted`, or begins with it; and how many have the same.
pub fn find<'r>(report: &'r Report, wanted: &str) -> Result<(&'r Violation, usize), Unknown> {
    let named = |violation: &Violation| format!("{} ({})", violation.fingerprint, violation.rule);
    let all: BTreeSet<_> = report.violations.iter().map(named).collect();
    if all.is_empty() {
        return Err(Unknown::NothingViolated);
    }
    let begins =
        |violation: &&Violation| !wanted.is_empty() && violation.fingerprint.starts_with(wanted);
    let found: Vec<_> = report.violations.iter().filter(begins).collect();
    let different: BTreeSet<_> = found.iter().map(|violation| named(violation)).collect();
    let wanted = wanted.to_owned();
    match (found.first(), different.len()) {
        (Some(first), 1) => Ok((first, found.len())),
        (Some(_), _) => Err(Unknown::Ambiguous {
            wanted,
            known: different.into_iter().collect(),
        }),
        (None, _) => Err(Unknown::NotThere {
            wanted,
            known: all.into_iter().collect(),
        }),
    }
}

/// Tells a violation of `report`, with so many frames `around` each that proves something.
pub fn story<'r>(
    report: &'r Report,
    (violation, alike): (&'r Violation, usize),
    verification: &Verification,
    sources: &[Box<dyn Source>],
    around: usize,
) -> Result<Story<'r>, SourceError> {
    let rule = report
        .rules
        .iter()
        .find(|rule| rule.id == violation.rule && rule.pack == violation.pack)
        .expect("a violation is of one of the report's rules");
    let starts = sources.iter().map(|source| source.outline().started_at);
    let start = starts.min().unwrap_or_default();
    let mut connections = Vec::new();
    let mut happened = Vec::new();
    for (recording, source) in (0_u16..).zip(sources) {
        let name = &source.outline().name;
        let mut scene = Scene {
            name,
            start,
            sessions: Sessions::of(verification, recording),
            concerned: concerned(violation, source.as_ref()),
            proofs: proofs(violation, source.as_ref()),
        };
        for connection in &source.outline().connections {
            if scene.concerned.contains(&connection.number) {
                connections.push(scene.party(connection));
            }
        }
        happened.extend(scene.play(source.as_ref(), around)?);
    }
    happened.sort_by(|one, other| one.at.total_cmp(&other.at));
    Ok(Story {
        violation,
        alike,
        rule,
        connections,
        happened,
    })
}

fn concerned(violation: &Violation, source: &dyn Source) -> BTreeSet<u64> {
    let lines = violation.evidence.iter();
    let lines = lines.filter(|line| line.is_of(source));
    let of_evidence = lines.filter_map(|line| line.connection);
    let subject = violation.connection.iter();
    let subject = subject.filter(|it| it.recording == source.outline().name);
    of_evidence
        .chain(subject.map(|connection| connection.number))
        .collect()
}

/// By place: the lines of the argument that it proves, and the value that each points at.
type Proofs = BTreeMap<u64, (Vec<usize>, Option<String>)>;

fn proofs(violation: &Violation, source: &dyn Source) -> Proofs {
    let mut proofs = Proofs::new();
    for (number, line) in (1..).zip(&violation.evidence) {
        let Some(seq) = line.seq else { continue };
        if line.is_of(source) {
            let (numbers, value) = proofs.entry(seq).or_default();
            numbers.push(number);
            let marked = line.excerpt.as_ref().zip(line.mark);
            let marked = marked.map(|(text, (start, end))| text[start..end].to_owned());
            *value = value.take().or(marked);
        }
    }
    proofs
}

/// One recording, as far as it is told.
struct Scene<'s> {
    name: &'s str,
    start: i64,
    sessions: Sessions<'s>,
    concerned: BTreeSet<u64>,
    proofs: Proofs,
}

impl Scene<'_> {
    fn seconds(&self, moment: Moment) -> f64 {
        (moment.at - self.start) as f64 / 1e9
    }

    fn party(&self, connection: &Connection) -> Party {
        let line = connection.request_head.split(|byte| *byte == b'\r').next();
        Party {
            recording: self.name.to_owned(),
            connection: connection.number,
            session: self.sessions.at(connection.number, u64::MAX),
            request: excerpt(line.unwrap_or_default(), None).text,
            opened: self.seconds(connection.opened),
            closed: connection.closed.map(|moment| self.seconds(moment)),
        }
    }

    fn play(&mut self, source: &dyn Source, around: usize) -> Result<Vec<Happening>, SourceError> {
        if self.concerned.is_empty() {
            return Ok(Vec::new());
        }
        let mut steps = Vec::new();
        for connection in &source.outline().connections {
            if self.concerned.contains(&connection.number) {
                self.steps(connection, &mut steps);
            }
        }
        steps.sort_by_key(|step| step.seq);
        let mut steps = steps.into_iter().peekable();
        let mut window = Window::new(around);
        let mut reading = source.reading()?;
        let mut cursor = reading.begin()?;
        while let Some(moment) = cursor.advance()? {
            let message = cursor.current()?;
            if !self.concerned.contains(&message.connection) {
                continue;
            }
            while let Some(step) = steps.next_if(|step| step.seq <= moment.seq) {
                window.push(step);
            }
            window.push(self.message(&message));
        }
        steps.for_each(|step| window.push(step));
        Ok(window.close())
    }

    fn steps(&self, connection: &Connection, steps: &mut Vec<Happening>) {
        let first_line = |head: &[u8]| {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            excerpt(line, None)
        };
        let opened = Some((
            connection.opened,
            "opened",
            first_line(&connection.request_head),
        ));
        let answered = connection
            .answered
            .map(|moment| (moment, "answered", first_line(&connection.response_head)));
        let nothing = excerpt(&[], None);
        let closed = connection.closed.map(|moment| (moment, "ended", nothing));
        for (moment, what, shown) in [opened, answered, closed].into_iter().flatten() {
            steps.push(self.happening(moment, connection.number, None, what.to_owned(), shown));
        }
    }

    fn message(&mut self, message: &SourceMessage<'_>) -> Happening {
        let session = self.sessions.of_message(message);
        let proof = self.proofs.get(&message.moment.seq);
        let shown = match message.payload {
            SourcePayload::Whole(bytes) | SourcePayload::Beginning { kept: bytes, .. } => {
                match proof {
                    Some((_, value)) => excerpt_of(bytes, value.as_deref(), LONGEST),
                    None => excerpt(bytes, None),
                }
            }
            SourcePayload::Truncated { kept, full_length } => excerpt(
                format!("{kept} of {full_length} bytes were recorded").as_bytes(),
                None,
            ),
            SourcePayload::Undecodable(why) | SourcePayload::Withheld(why) => {
                excerpt(why.as_bytes(), None)
            }
        };
        let happening = self.happening(
            message.moment,
            message.connection,
            Some(message.direction),
            message.opcode.to_string(),
            shown,
        );
        Happening {
            session,
            ..happening
        }
    }

    fn happening(
        &self,
        moment: Moment,
        connection: u64,
        direction: Option<Direction>,
        what: String,
        Excerpt { text, mark }: Excerpt,
    ) -> Happening {
        let proofs = self.proofs.get(&moment.seq);
        Happening {
            recording: self.name.to_owned(),
            seq: moment.seq,
            at: self.seconds(moment),
            connection,
            session: self.sessions.at(connection, moment.seq),
            direction: direction.map(Direction::as_str),
            what,
            proves: proofs
                .map(|(numbers, _)| numbers.clone())
                .unwrap_or_default(),
            skipped: 0,
            excerpt: text,
            mark: mark.map(|mark| (mark.start, mark.end)),
        }
    }
}
