//! What a rule finds, as data. Prose is made of it last, in `report`.

use std::collections::BTreeMap;

use crate::engine::{ConnectionIx, SessionIx, UserIx};
use crate::verdict::Reason;

/// A place in the history: a recording, and the `seq` in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which of the recordings, from 0.
    pub recording: u16,
    /// The place in its order.
    pub seq: u64,
}

/// What one rule comes to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many events the rule looked at.
    pub examined: u64,
    /// How many of them could have broken it: with another session connected, where that matters.
    pub opportunities: u64,
    /// What breaks it, in the order of the offending places.
    pub violations: Vec<Violation>,
    /// What keeps it from being decided.
    pub doubts: Vec<Doubt>,
    /// What is worth saying though nothing is wrong: an attempt that was denied.
    pub notes: Vec<Note>,
    /// What exceptions hid: why, and how often.
    pub excepted: BTreeMap<String, u64>,
    /// What was measured, per session: a count, or seconds.
    pub measured: BTreeMap<SessionIx, Measure>,
}

impl Outcome {
    /// Leaves a doubt in place of each violation of which `why` says why it may be none, and what settles that. It may be
    /// about anybody.
    pub fn doubt<'w>(&mut self, why: impl Fn(&Violation) -> Option<(String, &'w str)>) {
        let Self {
            violations, doubts, ..
        } = self;
        violations.retain(|violation| {
            let Some((why, settle)) = why(violation) else {
                return true;
            };
            doubts.push(Doubt {
                reason: Reason::Undecided,
                message: format!("{}, and {why}", violation.message),
                settle: settle.to_owned(),
                place: Some(violation.offending),
                subject: Subject::default(),
            });
            false
        });
    }
}

/// A number that a rule measured for one session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// So many.
    Count(u64),
    /// The longest time, in nanoseconds.
    Nanoseconds(i64),
}

/// A breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What happened, in one line: `session s-2 was given thread thr_9c of session s-1`.
    pub message: String,
    /// The roles in it, free of ids and times: equal in every recording of the same fault. The
    /// fingerprint is made of the rule and this.
    pub roles: String,
    /// Who it is about: the one who received or did what it must not.
    pub subject: Subject,
    /// Whose it was; empty where that means nothing.
    pub owner: Subject,
    /// The id of the resource, or of the key.
    pub resource: Option<String>,
    /// The frame that breaks the rule.
    pub offending: Place,
    /// The argument, line by line, each naming a frame; in the order in which it is best told.
    pub evidence: Vec<Evidence>,
    /// What should have happened, and why this is final.
    pub expected: String,
    /// How bad it is among violations of its rule: writes before reads.
    pub severity: Severity,
}

impl Violation {
    /// A breach by `subject` at `offending`; what else is known of it is added by field.
    pub fn new(subject: Subject, offending: Place, message: String) -> Self {
        Self {
            message,
            roles: String::new(),
            subject,
            owner: Subject::default(),
            resource: None,
            offending,
            evidence: Vec::new(),
            expected: String::new(),
            severity: Severity::default(),
        }
    }
}

/// How bad a violation is, among those of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Severity {
    /// Something foreign was changed.
    Write,
    /// Something foreign was seen, or anything else is wrong.
    #[default]
    Read,
}

/// Whom a violation is about, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Subject {
    /// The session.
    pub session: Option<SessionIx>,
    /// Its user.
    pub user: Option<UserIx>,
    /// The connection.
    pub connection: Option<ConnectionIx>,
}

/// One line of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What the frame shows: `session s-1 created thread thr_9c`.
    pub text: String,
    /// The frame; `None` for a fact, which stands in no recording.
    pub place: Option<Place>,
    /// The value to point at in its payload; `None`: the whole.
    pub value: Option<String>,
}

impl Evidence {
    /// What the frame at `place` shows.
    pub fn at(place: Place, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            place: Some(place),
            value: None,
        }
    }

    /// The same, pointing at a value in the frame.
    #[must_use]
    pub fn pointing_at(self, value: impl Into<String>) -> Self {
        Self {
            value: Some(value.into()),
            ..self
        }
    }
}

/// What keeps a rule from being decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The kind.
    pub reason: Reason,
    /// What is in doubt: `thread thr_9c was seen by two sessions, and nothing says whose it is`.
    pub message: String,
    /// What would settle it: `record from the start, or give ownership facts`.
    pub settle: String,
    /// Where it shows; `None`: nowhere in particular.
    pub place: Option<Place>,
    /// Whom it is about.
    pub subject: Subject,
}

/// Something worth saying though nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub message: String,
    /// Where.
    pub place: Place,
    /// Whom it is about.
    pub subject: Subject,
}
