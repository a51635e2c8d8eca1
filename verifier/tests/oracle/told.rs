//! A history as the verifier reads it, and what it must say of it.

use std::collections::BTreeSet;
use std::fmt;

use proptest::prelude::*;
use wsaudit_recording::{ConnectionId, Incomplete, Question, Seq};
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::finding::{Outcome, Subject};
use wsaudit_verifier::history::{
    Answered, Connection, Cursor, Gap, GapCause, MemoryMessage, MemorySource, Moment, Outline,
    Reading, Source, SourceError, SourceMessage, SourcePayload, Tag, Unclean,
};
use wsaudit_verifier::rules::{HolderKind, Pack};
use wsaudit_verifier::verdict::{Reason, State};
use wsaudit_wire::{Direction, Opcode};

use super::lives::{Event, Fields, Garble, History, Says, User, What, Who, user};
use super::shared::Whose;

/// How every pack begins.
const HEAD: &str = r#"
[pack]
name   = "oracle"
format = 1
[message]
name = "/type"
"#;

/// Reads a pack, all but its head.
pub(crate) fn pack(text: &str) -> Pack {
    let text = format!("{HEAD}{text}");
    Pack::from_texts(&[("oracle.toml", &text)]).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

/// Checks one pack over a history.
pub(crate) fn check(pack: &Pack, history: &History, facts: &Facts) -> Verification {
    check_payloads(pack, history, facts, &|event| {
        let fields = event.fields.map(Fields::json).unwrap_or_default();
        format!(r#"{{"type":"{}"{fields}}}"#, event.name)
    })
}

/// Likewise, with other payloads.
pub(crate) fn check_payloads(
    pack: &Pack,
    history: &History,
    facts: &Facts,
    payload: &dyn Fn(&Event<'_>) -> String,
) -> Verification {
    check_recording(pack, &Told::new(history, payload), facts)
}

/// Likewise, over a recording that may have been changed.
pub(crate) fn check_recording(pack: &Pack, told: &Told, facts: &Facts) -> Verification {
    let sources: Vec<Box<dyn Source>> = vec![Box::new(told.clone())];
    let input = Input {
        packs: std::slice::from_ref(pack),
        facts,
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).expect("it can be read")
}

/// The name of a session.
pub(crate) fn session_name(session: usize) -> String {
    format!("session-{session}")
}

/// The name of a user.
pub(crate) fn user_name(user: usize) -> String {
    format!("user-{user}")
}

impl Fields {
    pub(crate) fn json(&self) -> String {
        let members = [
            self.doc.map(|doc| format!(r#","doc":"document-{doc}""#)),
            self.request.map(|key| format!(r#","request":{key}"#)),
            self.party.map(|session| {
                let (name, user) = (session_name(session), user_name(user(session)));
                format!(r#","party":"{name}","party_user":"{user}""#)
            }),
            self.see.map(|doc| format!(r#","see":["document-{doc}"]"#)),
            self.session
                .map(|session| format!(r#","session":"{}""#, session_name(session))),
        ];
        members.into_iter().flatten().collect()
    }
}

/// Places are ten apart, so that a gap has a place of its own.
pub(crate) fn seq(number: usize) -> u64 {
    100 + 10 * number as u64
}

fn number(seq: u64) -> usize {
    usize::try_from((seq - 100) / 10).expect("a small number")
}

fn moment(history: &History, number: usize) -> Moment {
    Moment {
        seq: seq(number),
        at: history.happened[number].at * 1_000_000,
    }
}

/// A recording in memory. Unlike the library's own, it may hold messages that are not whole.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) outline: Outline,
    pub(crate) messages: Vec<(Moment, u64, Direction, Opcode, Payload)>,
    /// Where the recorder was killed; `None`: it was not, or nobody knows.
    pub(crate) end: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Whole(String),
    Not(Garble),
}

/// One line for each connection, tag, message and gap.
impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outline = &self.outline;
        writeln!(f, "recording {}", outline.name)?;
        for one in &outline.connections {
            let what = if one.http.is_some() {
                "exchange"
            } else {
                "connection"
            };
            let [answered, closed] = [one.answered, one.closed].map(|it| it.map(|it| it.seq));
            let (number, opened) = (one.number, one.opened.seq);
            writeln!(
                f,
                "{what} {number}: {opened}, {:?} {answered:?}, {closed:?}",
                one.status
            )?;
            for tag in &one.tags {
                let Tag {
                    from,
                    kind,
                    value,
                    source,
                    provenance,
                } = tag;
                writeln!(f, "    {from} {kind:?} {value}, {provenance:?} by {source}")?;
            }
        }
        for (moment, number, direction, opcode, payload) in &self.messages {
            let way = match direction {
                Direction::ClientToServer => '>',
                Direction::ServerToClient => '<',
            };
            let what = if *opcode == Opcode::PING { "ping" } else { "" };
            let at = moment.at as f64 / 1e6;
            writeln!(
                f,
                "{} {at} ms  {number} {way} {what} {payload:?}",
                moment.seq
            )?;
        }
        for Gap {
            connection,
            from,
            to,
            ..
        } in &outline.gaps
        {
            writeln!(f, "gap of {connection:?}: {from} to {to}")?;
        }
        let ends = [
            outline.unclean.as_ref().map(|it| &it.why),
            outline.goes_on.as_ref(),
        ];
        let end: Vec<_> = ends.into_iter().flatten().collect();
        writeln!(f, "end at {} ms {end:?}", outline.ended_at as f64 / 1e6)
    }
}

impl Told {
    pub(crate) fn new(history: &History, payload: &dyn Fn(&Event<'_>) -> String) -> Self {
        let connections = (0..history.connections()).map(|on| connection(history, on));
        let gaps = history.gaps.iter().map(|(on, number)| Gap {
            connection: on.map(|on| on as u64),
            from: seq(*number) + 3,
            to: seq(*number) + 5,
            frames: None,
            why: "the recorder stalled".to_owned(),
            cause: GapCause::Recorder,
        });
        let outline = Outline {
            connections: connections.collect(),
            gaps: gaps.collect(),
            unclean: history.unclean.then(|| Unclean {
                why: "killed".to_owned(),
                last: None,
            }),
            ended_at: history.ended_at * 1_000_000,
            ..Outline::default()
        };
        let events = history.events();
        let mut events = events.iter().filter(|event| event.from.is_some());
        let happened = history.happened.iter().enumerate();
        let messages = happened.filter_map(|(number, one)| {
            let (direction, opcode, payload) = match &one.what {
                What::Says(direction, ..) => {
                    let event = events.next().expect("a message is an event");
                    (*direction, Opcode::TEXT, Payload::Whole(payload(event)))
                }
                What::Garbled(direction, why) => (*direction, Opcode::TEXT, Payload::Not(*why)),
                What::Ping => {
                    let nothing = Payload::Whole(String::new());
                    (Direction::ClientToServer, Opcode::PING, nothing)
                }
                What::Open | What::Accepted | What::Refused | What::Closed | What::Login(..) => {
                    return None;
                }
            };
            let moment = moment(history, number);
            Some((moment, one.on as u64, direction, opcode, payload))
        });
        Self {
            outline,
            messages: messages.collect(),
            end: None,
        }
    }
}

impl From<&MemorySource> for Told {
    fn from(source: &MemorySource) -> Self {
        let messages = source.messages().iter().map(|message| {
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            (
                message.moment,
                message.connection,
                message.direction,
                message.opcode,
                Payload::Whole(text),
            )
        });
        Self {
            outline: source.outline().clone(),
            messages: messages.collect(),
            end: None,
        }
    }
}

fn connection(history: &History, on: usize) -> Connection {
    let step = |name| Some(moment(history, history.step(on, name)?.number));
    let (says, mut tags) = (history.says(on), Vec::new());
    for (number, one) in history.happened.iter().enumerate() {
        let What::Login(session, said) = one.what else {
            continue;
        };
        if one.on != on {
            continue;
        }
        let mut tag = |kind, value| {
            tags.push(Tag {
                from: seq(number),
                kind,
                value,
                source: "header:X-Session".into(),
                provenance: match says {
                    Says::Presented => Provenance::Presented,
                    Says::Issued | Says::UserAlone => Provenance::Issued,
                },
            });
        };
        if says != Says::UserAlone {
            tag(TagKind::Session, session_name(session));
        }
        if said == User::Said {
            tag(TagKind::User, user_name(user(session)));
        }
    }
    let opened = step("@open").expect("every connection is opened");
    let (accepted, refused) = (step("@accepted"), step("@refused"));
    Connection {
        answered: accepted.or(refused),
        status: accepted.map(|_| 101).or(refused.map(|_| 403)),
        closed: step("@closed"),
        tags,
        ..Connection::new(on as u64, opened)
    }
}

impl Source for Told {
    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        Ok(Box::new(self))
    }

    fn payload(&self, _seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(None)
    }

    /// Of a message that is not whole, a query that reads payloads sees nothing.
    fn ask(&self, question: &Question) -> Result<Answered, SourceError> {
        let (mut whole, mut incomplete) = (Vec::new(), Vec::new());
        for (moment, connection, direction, opcode, payload) in &self.messages {
            match payload {
                Payload::Whole(text) => whole.push(MemoryMessage {
                    moment: *moment,
                    connection: *connection,
                    direction: *direction,
                    opcode: *opcode,
                    payload: text.clone().into_bytes(),
                }),
                Payload::Not(_) => incomplete.push(Incomplete {
                    connection: ConnectionId(*connection),
                    messages: 1,
                    first: Seq(moment.seq),
                }),
            }
        }
        let answered = MemorySource::new(self.outline.clone(), whole).ask(question)?;
        Ok(Answered {
            incomplete,
            files: self.outline.parts.len().max(1),
            ..answered
        })
    }
}

impl Reading for &Told {
    fn begin(&mut self) -> Result<Box<dyn Cursor + '_>, SourceError> {
        Ok(Box::new(ToldCursor {
            told: self,
            next: 0,
        }))
    }
}

struct ToldCursor<'t> {
    told: &'t Told,
    next: usize,
}

impl Cursor for ToldCursor<'_> {
    fn advance(&mut self) -> Result<Option<Moment>, SourceError> {
        self.next += 1;
        let message = self.told.messages.get(self.next - 1);
        Ok(message.map(|(moment, ..)| *moment))
    }

    fn current(&self) -> Result<SourceMessage<'_>, SourceError> {
        let (moment, connection, direction, opcode, payload) = &self.told.messages[self.next - 1];
        Ok(SourceMessage {
            moment: *moment,
            connection: *connection,
            direction: *direction,
            opcode: *opcode,
            payload: match payload {
                Payload::Whole(text) => SourcePayload::Whole(text.as_bytes()),
                Payload::Not(Garble::NotJson) => SourcePayload::Whole(b"{oops"),
                Payload::Not(Garble::Truncated) => SourcePayload::Truncated {
                    kept: 0,
                    full_length: 9,
                },
                Payload::Not(Garble::Undecodable) => SourcePayload::Undecodable("inflate failed"),
                Payload::Not(Garble::Withheld) => SourcePayload::Withheld("a form not followed"),
            },
        })
    }
}

/// A breach: where, whose, and of which id.
pub(crate) type Breach = (usize, Option<Who>, Option<String>);

/// What a rule must come to.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) violated: BTreeSet<Breach>,
    pub(crate) exercised: bool,
    pub(crate) doubts: bool,
    pub(crate) repeats: Repeats,
}

/// Whether `violated` names what is told once only the first time, or each time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Repeats {
    #[default]
    AreLeftOut,
    AreOne,
}

impl Expected {
    /// What breaks the rule, of the one to whom it happens and the one against whom: in doubt where one of them may be
    /// another one.
    pub(crate) fn violate(
        &mut self,
        (whose, kind): (&Whose<'_>, HolderKind),
        breach: Breach,
        owner: Option<Who>,
    ) {
        if [breach.1, owner]
            .into_iter()
            .any(|who| whose.is_another_users(kind, who))
        {
            self.doubts = true;
        } else {
            self.violated.insert(breach);
        }
    }

    fn state(&self) -> State {
        match (self.violated.is_empty(), self.exercised, self.doubts) {
            (false, ..) => State::Violated,
            (true, false, _) => State::NotExercised,
            (true, true, true) => State::Undecided,
            (true, true, false) => State::Holds,
        }
    }

    /// Compares it with what the only rule came to. Its subjects are compared as of that kind.
    pub(crate) fn agree(self, found: &Verification, kind: HolderKind) -> Result<(), TestCaseError> {
        let rule = &found.rules[0];
        let violations = rule.outcome.violations.iter();
        let violated: BTreeSet<_> = violations
            .map(|violation| {
                let place = number(violation.offending.seq);
                let who = who(found, kind, violation.subject);
                (place, who, violation.resource.clone())
            })
            .collect();
        // What breaks a rule again in the same way is told with the first time.
        let mut violated = violated;
        if self.repeats == Repeats::AreOne {
            let again = |(place, who, id): &&Breach| {
                let mut found = violated.iter();
                found.any(|(first, of, what)| first < place && of == who && what == id)
            };
            let again: Vec<_> = self.violated.iter().filter(again).cloned().collect();
            violated.extend(again);
        }
        let doubts = rule.outcome.doubts.iter();
        let doubts = doubts
            .filter(|doubt| doubt.reason != Reason::NotExercised)
            .count();
        let told = format!(
            "{self:?}
{}",
            summary(&rule.outcome)
        );
        prop_assert_eq!(&violated, &self.violated, "{}", told);
        prop_assert_eq!(rule.state, self.state(), "{}", told);
        prop_assert_eq!(doubts > 0, self.doubts, "{}", told);
        Ok(())
    }
}

/// Whom a finding is about, as a kind of holder.
pub(crate) fn who(found: &Verification, kind: HolderKind, subject: Subject) -> Option<Who> {
    let last = |name: &str| name.rsplit('-').next().and_then(|id| id.parse().ok());
    match kind {
        HolderKind::Session => {
            let session = subject.session?;
            last(&found.sessions[session.0 as usize].id).map(Who::Session)
        }
        HolderKind::User => last(&found.users[subject.user?.0 as usize]).map(Who::User),
        HolderKind::Connection => Some(Who::Connection(subject.connection?.0 as usize)),
    }
}

/// What a rule found, for whoever looks into a difference.
pub(crate) fn summary(outcome: &Outcome) -> String {
    let mut lines = format!("opportunities: {}\n", outcome.opportunities);
    for violation in &outcome.violations {
        let (place, message) = (number(violation.offending.seq), &violation.message);
        lines += &format!("violated at {place}: {message} ({})\n", violation.roles);
    }
    for doubt in &outcome.doubts {
        lines += &format!("doubt: {}: {}\n", doubt.reason, doubt.message);
    }
    lines
}
