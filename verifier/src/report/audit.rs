//! What one run tells: a report for each history.

use serde::Serialize;

use super::model::{Reason, Report, Rule, Unread, Violation};
use super::standing::{Baseline, Standing};
use crate::verdict::{Reason as Doubt, State, Verdict};

/// What one run tells, over one history or several that have nothing to do with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// The worst of the histories' verdicts; a rule that one of them does not exercise counts only
    /// where none does.
    pub verdict: &'static str,
    /// Each history's report.
    pub histories: Vec<Report>,
    /// What a baseline makes of all their violations.
    pub baseline: Option<Baseline>,
    /// What nobody may miss who reads the verdict alone; `None`: nothing. It is in every report but the
    /// JSON, whose `rules` say what was checked.
    pub remark: Option<String>,
    asked: Asked,
}

/// What was asked for. It decides the form of the JSON, whatever was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// One history.
    One,
    /// As many histories as there are.
    Many,
}

/// The JSON of several histories.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Histories"))]
pub(super) struct ManyReports<'a> {
    /// The version of this format; 1.
    pub(super) format: u32,
    /// The worst of the histories' verdicts; a rule that one of them does not exercise counts only
    /// where none does. With a baseline: of what that does not know.
    #[cfg_attr(test, schemars(extend("enum" = ["clean", "inconclusive", "violated"])))]
    pub(super) verdict: &'a str,
    /// Each history's report, in the order of their names.
    pub(super) histories: &'a [Report],
    /// What a baseline makes of all their violations; null where none was given.
    pub(super) baseline: Option<&'a Baseline>,
}

impl Audit {
    /// Of one history.
    pub fn of(report: Report) -> Self {
        Self::new(vec![report], Asked::One)
    }

    /// Of several; also where only one was found.
    pub fn of_many(reports: Vec<Report>) -> Self {
        Self::new(reports, Asked::Many)
    }

    fn new(histories: Vec<Report>, asked: Asked) -> Self {
        let mut audit = Self {
            verdict: Verdict::Inconclusive.as_str(),
            histories,
            baseline: None,
            remark: None,
            asked,
        };
        audit.fold();
        audit
    }

    /// Sets what a baseline makes of the violations, once each of them has its standing.
    pub(crate) fn set_baseline(&mut self, baseline: Baseline) {
        for report in &mut self.histories {
            report.settle();
        }
        if let ([report], Asked::One) = (&mut self.histories[..], self.asked) {
            report.baseline = Some(baseline.clone());
        }
        self.baseline = Some(baseline);
        self.fold();
    }

    fn fold(&mut self) {
        let verdicts = self.histories.iter().map(|history| {
            if self.is_settled_elsewhere(history) {
                Verdict::Clean.as_str()
            } else {
                history.verdict
            }
        });
        let verdicts: Vec<_> = verdicts.collect();
        let worst = [Verdict::Violated, Verdict::Inconclusive, Verdict::Clean]
            .into_iter()
            .map(Verdict::as_str)
            .find(|verdict| verdicts.contains(verdict));
        self.verdict = worst.unwrap_or(Verdict::Inconclusive.as_str());
    }

    /// Whether nothing keeps a history from being clean but rules that it does not exercise, and
    /// other histories do: recordings that are kept as fixtures each show a part of what an
    /// application does.
    pub(super) fn is_settled_elsewhere(&self, history: &Report) -> bool {
        history.verdict == Verdict::Inconclusive.as_str()
            && !history.reasons.is_empty()
            && history
                .reasons
                .iter()
                .all(|it| self.is_exercised_elsewhere(it))
    }

    /// Whether a doubt says that rules are not exercised, each of which another history exercises.
    pub(super) fn is_exercised_elsewhere(&self, reason: &Reason) -> bool {
        let decided = [State::Holds, State::Violated].map(State::as_str);
        reason.reason == Doubt::NotExercised.as_str()
            && reason.rules.iter().all(|name| {
                let all = self.histories.iter().flat_map(|history| &history.rules);
                let mut own = all.filter(|rule| rule.name() == *name);
                own.any(|rule| decided.contains(&rule.state))
            })
    }

    /// Whether it is about one history, and not about as many as there are.
    pub(super) fn is_one(&self) -> bool {
        self.asked == Asked::One
    }

    /// The report, where one history was asked for.
    pub(super) fn only(&self) -> Option<&Report> {
        match &self.histories[..] {
            [report] if self.is_one() => Some(report),
            _ => None,
        }
    }

    /// Its JSON, where several histories were asked for.
    pub(super) fn many(&self) -> ManyReports<'_> {
        ManyReports {
            format: 1,
            verdict: self.verdict,
            histories: &self.histories,
            baseline: self.baseline.as_ref(),
        }
    }

    /// Whether something could not be read.
    pub fn is_incomplete(&self) -> bool {
        self.histories.iter().any(|it| !it.unread.is_empty())
    }

    /// The exit code that it asks for: 2 incomplete, 1 violated, 3 inconclusive, 0 clean.
    pub fn exit_code(&self) -> u8 {
        if self.is_incomplete() {
            2
        } else if self.verdict == Verdict::Violated.as_str() {
            1
        } else if self.verdict == Verdict::Inconclusive.as_str() {
            3
        } else {
            0
        }
    }

    /// How many violations of all histories count for the verdict, and how many a baseline knows.
    pub(super) fn violations(&self) -> (usize, usize) {
        let all = self.histories.iter().flat_map(|it| &it.violations);
        let known = all.clone().filter(|violation| violation.is_known()).count();
        (all.count() - known, known)
    }
}

impl Report {
    /// The names of the recordings of the history, those that could not be read too.
    pub fn name(&self) -> String {
        let read = self.recordings.iter().map(|it| it.name.as_str());
        let unread = self.unread.iter().map(|it| it.recording.as_str());
        read.chain(unread).collect::<Vec<_>>().join(", ")
    }

    /// Brings the verdict, and the rules' numbers, in line with what a baseline knows.
    fn settle(&mut self) {
        for rule in &mut self.rules {
            let own = self.violations.iter();
            let own = own.filter(|it| it.rule == rule.id && it.pack == rule.pack);
            rule.known = own.filter(|it| it.is_known()).count();
        }
        let violated = self.verdict == Verdict::Violated.as_str();
        if violated && self.violations.iter().all(Violation::is_known) {
            let rest = if self.reasons.is_empty() {
                Verdict::Clean
            } else {
                Verdict::Inconclusive
            };
            self.verdict = rest.as_str();
        }
    }
}

impl Rule {
    /// `pack/rule`
    pub fn name(&self) -> String {
        format!("{}/{}", self.pack, self.id)
    }
}

impl Unread {
    /// Why it could not be read, with its name.
    pub fn told(&self) -> String {
        if self.why.contains(&self.recording) {
            self.why.clone()
        } else {
            format!("{}: {}", self.recording, self.why)
        }
    }
}

impl Violation {
    /// Whether a baseline knows it, today.
    pub fn is_known(&self) -> bool {
        let standing = self.standing.as_ref();
        standing.is_some_and(|standing| standing.outcome == Standing::KNOWN)
    }
}
