//! Violations that are known and may stay for a while, so that a team can begin with a system that
//! leaks already: what is new fails, what is known does not, and what is gone can be deleted.
//!
//! A baseline is a TOML file. Each entry has a reason and a last day; `--write-baseline` writes the
//! start of one, whose reasons somebody has to fill in.
//!
//! ```toml
//! format = 1
//!
//! [[known]]
//! fingerprint = "5f0c2a7b9d1e4836"
//! rule        = "agent-platform/foreign-thread"
//! what        = "session s-2 was given thread thr_9c of session s-1"   # as it was seen first
//! reason      = "the search index is shared until the move, WEB-123"
//! added       = 2026-11-25
//! expires     = 2027-02-23
//! ```

mod read;
mod write;

pub use write::start;

use std::collections::{BTreeMap, BTreeSet};

use crate::date::Date;
use crate::report::{self, Audit, Standing, Violation};
use crate::rules::RuleErrors;
use crate::verdict::State;

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The file, as the user named it.
    pub file: String,
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

/// A violation that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its fingerprint: 16 hexadecimal digits.
    pub fingerprint: String,
    /// Its rule, as `pack/rule`.
    pub rule: String,
    /// Why it may stay for a while.
    pub reason: String,
    /// When it was added.
    pub added: Date,
    /// The last day on which it counts.
    pub expires: Date,
    /// Its line in the file.
    pub line: u32,
}

impl Baseline {
    /// Reads a baseline. `file` is how it is called in messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, RuleErrors> {
        read::read(file, text)
    }

    /// Says of each violation whether it is known today, and what has become of the entries.
    pub fn apply(&self, today: Date, audit: &mut Audit) {
        let known: BTreeMap<_, _> = self
            .entries
            .iter()
            .map(|entry| (entry.fingerprint.as_str(), entry))
            .collect();
        let mut found = BTreeSet::new();
        let mut told = report::Baseline {
            file: self.file.clone(),
            today: today.to_string(),
            new: 0,
            known: 0,
            expired: 0,
            gone: Vec::new(),
            unsettled: Vec::new(),
        };
        let judge = |violation: &mut Violation| {
            let entry = known.get(violation.fingerprint.as_str());
            let outcome = match entry {
                None => Standing::NEW,
                Some(entry) if entry.expires < today => Standing::EXPIRED,
                Some(_) => Standing::KNOWN,
            };
            violation.standing = Some(Standing {
                outcome,
                entry: entry.map(|entry| entry.told()),
            });
            outcome
        };
        for history in &mut audit.histories {
            for violation in &mut history.violations {
                match judge(violation) {
                    Standing::NEW => told.new += 1,
                    Standing::KNOWN => told.known += 1,
                    _ => told.expired += 1,
                }
                found.insert(violation.fingerprint.clone());
            }
            // Users have their own copies.
            for violation in history.users.iter_mut().flat_map(|it| &mut it.violations) {
                judge(violation);
            }
        }
        for entry in &self.entries {
            if found.contains(&entry.fingerprint) {
                continue;
            }
            let list = if settled(audit, &entry.rule) {
                &mut told.gone
            } else {
                &mut told.unsettled
            };
            list.push(entry.told());
        }
        audit.set_baseline(told);
    }
}

/// Whether a rule was exercised and decided, so that what it did not find is not there.
fn settled(audit: &Audit, rule: &str) -> bool {
    let own = audit.histories.iter().flat_map(|history| {
        let own = history.rules.iter();
        own.filter(|it| rule.split_once('/') == Some((&it.pack, &it.id)))
    });
    let mut exercised = false;
    for rule in own {
        if rule.state == State::Undecided.as_str() {
            return false;
        }
        exercised |= rule.state != State::NotExercised.as_str();
    }
    exercised && !audit.is_incomplete()
}

impl Entry {
    fn told(&self) -> report::BaselineEntry {
        report::BaselineEntry {
            fingerprint: self.fingerprint.clone(),
            rule: self.rule.clone(),
            reason: self.reason.clone(),
            added: self.added.to_string(),
            expires: self.expires.to_string(),
            line: self.line,
        }
    }
}
