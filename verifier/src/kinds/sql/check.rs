//! How `sql` is checked: the engine asks the recordings, what they answer is told here.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use wsaudit_recording::{Named, Question, QuestionRow};
use wsaudit_tagging::TagKind;

use super::{Files, Sql};
use crate::engine::{Breaches, Checker, Compiler, ConnectionIx, Cx, Event, Interest, Line};
use crate::finding::{Doubt, Evidence, Outcome, Place, Subject, Violation};
use crate::history::{Answered, SourceError};
use crate::rules::Scope;
use crate::verdict::Reason;

impl Sql {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        Check {
            spec: self.clone(),
            scope: compiler.scope().clone(),
            answers: Vec::new(),
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: Sql,
    scope: Scope,
    /// By recording.
    answers: Vec<Result<Answered, SourceError>>,
}

/// The connections that the pack is about, by recording and number. HTTP exchanges have no path that a
/// scope could speak of, and are with them.
type InScope = HashMap<(u16, u64), ConnectionIx>;

impl Checker for Check {
    fn observe(&mut self, _cx: &Cx<'_>, _event: &Event<'_>) {}

    fn question(&self) -> Option<&Question> {
        Some(&self.spec.question)
    }

    fn hear(&mut self, answer: Result<Answered, SourceError>) {
        self.answers.push(answer);
    }

    fn interest(&self) -> Interest {
        Interest::in_steps()
    }

    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let in_scope: InScope = cx
            .connections()
            .filter(|(_, state)| {
                state.info.http.is_some() || self.scope.contains(&state.path, state.info)
            })
            .map(|(connection, state)| ((state.recording, state.info.number), connection))
            .collect();
        let carried = in_scope
            .values()
            .map(|connection| cx.connection(*connection).carried);
        let examined: u64 = carried.sum();
        let mut telling = Telling {
            cx,
            in_scope,
            breaches: Breaches::default(),
            doubts: Vec::new(),
            counted: None,
        };
        let mut files = 0;
        for (recording, answer) in (0_u16..).zip(&self.answers) {
            match answer {
                Ok(answered) => {
                    files += answered.files;
                    telling.answer(recording, answered);
                }
                Err(error) => telling.doubt(
                    Reason::Undecided,
                    format!(
                        "the query has no answer from {}: {}",
                        error.recording, error.why
                    ),
                    "make the query simpler, or the recording smaller",
                    None,
                ),
            }
        }
        if files > 1 && self.spec.files == Files::Together {
            telling.doubt(
                Reason::Undecided,
                format!("the query was asked of each of {files} files by itself"),
                "say `alone = true` in the rule if none of its rows depends on several files, or \
                 verify one recording at a time",
                None,
            );
        }
        Outcome {
            examined,
            opportunities: telling.counted.unwrap_or(examined),
            violations: telling.breaches.into_violations(),
            doubts: telling.doubts,
            ..Outcome::default()
        }
    }
}

/// What is told of the answers.
struct Telling<'t, 'h> {
    cx: &'t Cx<'h>,
    in_scope: InScope,
    breaches: Breaches,
    doubts: Vec<Doubt>,
    /// What the counting query counted; `None`: there is none.
    counted: Option<u64>,
}

impl Telling<'_, '_> {
    fn answer(&mut self, recording: u16, answered: &Answered) {
        if let Some(count) = answered.count {
            *self.counted.get_or_insert(0) += count;
        }
        let mut nothing = BTreeMap::new();
        for row in &answered.rows {
            match &row.named {
                Named::Place(seq, connection) => {
                    if let Some(connection) = self.in_scope.get(&(recording, connection.0)) {
                        let place = Place {
                            recording,
                            seq: seq.0,
                        };
                        self.breaches
                            .add(self.cx, violation(self.cx, *connection, place, row));
                    }
                }
                Named::Nothing(found) => {
                    *nothing.entry(found.as_str()).or_insert(0_u64) += 1;
                }
            }
        }
        let name = self.cx.recording_name(recording).to_owned();
        if let Some((found, _)) = nothing.first_key_value() {
            let rows: u64 = nothing.values().sum();
            let rows = match rows {
                1 => "a row of the query names".to_owned(),
                rows => format!("{rows} rows of the query name"),
            };
            self.doubt(
                Reason::Undecided,
                format!("{rows} nothing in {name}: the column `seq` holds {found}"),
                "let the column `seq` be that of a frame, a message or an opening",
                None,
            );
        }
        if answered.more {
            self.doubt(
                Reason::Undecided,
                format!("the query gives more than {} rows", answered.rows.len()),
                "make the query narrower",
                None,
            );
        }
        self.incomplete(recording, answered);
    }

    fn incomplete(&mut self, recording: u16, answered: &Answered) {
        let mut messages = 0;
        let mut first: Option<u64> = None;
        for lack in &answered.incomplete {
            if self.in_scope.contains_key(&(recording, lack.connection.0)) {
                messages += lack.messages;
                first = Some(first.map_or(lack.first.0, |seq| seq.min(lack.first.0)));
            }
        }
        let Some(seq) = first else { return };
        let told = match messages {
            1 => format!("the query reads payloads, and that of frame {seq} is not whole"),
            many => format!(
                "the query reads payloads, and those of {many} messages are not whole; the first \
                 is frame {seq}"
            ),
        };
        self.doubt(
            Reason::Undecodable,
            told,
            "record without withheld, cut or undecodable messages, or leave their connections out \
             with [scope]",
            Some(Place { recording, seq }),
        );
    }

    fn doubt(&mut self, reason: Reason, message: String, settle: &str, place: Option<Place>) {
        self.doubts.push(Doubt {
            reason,
            message,
            settle: settle.to_owned(),
            place,
            subject: Subject::default(),
        });
    }
}

fn violation(cx: &Cx<'_>, connection: ConnectionIx, place: Place, row: &QuestionRow) -> Violation {
    let text = |column: &str| row.texts.get(column);
    let at = |kind| cx.tag_at(kind, connection, place);
    let session = at(TagKind::Session).and_then(|tag| cx.session_named(&tag.value));
    let user = at(TagKind::User).and_then(|tag| cx.user_named(&tag.value));
    let mut subject = Subject {
        session,
        user,
        connection: Some(connection),
    };
    let mut evidence = Vec::new();
    let message = text("message").map_or("the query finds this frame", String::as_str);
    evidence.push(Evidence::at(place, message));
    if let Some(id) = text("session") {
        match cx.session_named(id) {
            // Somebody else than whom the connection speaks for.
            Some(named) if session != Some(named) => {
                subject = Subject {
                    session: Some(named),
                    user: cx.session_user(named),
                    connection: None,
                };
            }
            Some(_) => {}
            None => evidence.push(unknown(place, "session", id)),
        }
    }
    if let Some(id) = text("user") {
        match cx.user_named(id) {
            Some(named) => subject.user = Some(named),
            None => evidence.push(unknown(place, "user", id)),
        }
    }
    let whose = cx.describe_peer(Line::whole(connection));
    Violation {
        roles: "a row of the query".to_owned(),
        resource: text("resource").cloned(),
        evidence,
        expected: "the query returns no row; the recording is what it is, so this is final"
            .to_owned(),
        ..Violation::new(subject, place, format!("{whose}: {message}"))
    }
}

fn unknown(place: Place, what: &str, id: &str) -> Evidence {
    Evidence::at(
        place,
        format!("the query names the {what} {id}, and no connection speaks for it"),
    )
}
