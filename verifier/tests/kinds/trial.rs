//! One rule over one history. Lines are known by their times: a finding at `0.3` is about the line
//! that begins so.

use wsaudit_verifier::case::{Case, CaseHistory};
use wsaudit_verifier::engine::{Input, RuleResult, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::finding::{Measure, Place, Violation};
use wsaudit_verifier::history::Source;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::{Reason, State};

const PACK: &str = r#"
[pack]
name   = "trial"
format = 1

[message]
name = "/type"

[fields]
session = "/session"
user    = "/user"
run     = "/run"
request = "/request"
thread  = ["/thread", "/threads/*"]

[events]
ready     = { from = "server", name = "ready" }
ask       = { from = "client", name = "ask" }
reply     = { from = "server", name = "reply" }
refusal   = { from = "server", name = "refusal" }
started   = { from = "server", name = "started" }
thinking  = { from = "server", name = "thinking" }
completed = { from = "server", name = "completed" }
note      = { from = "server", name = "note" }

[[rule]]
id    = "it"
title = "what is tried"
"#;

/// What a rule came to.
#[derive(Debug)]
pub(crate) struct Trial {
    result: RuleResult,
    lines: Vec<String>,
}

/// Runs a rule (all its keys but id and title) over a trace.
pub(crate) fn trial(rule: &str, trace: &str) -> Trial {
    let pack = format!("{PACK}{rule}\n");
    let text = format!("# trial\n\n```trace\nexpect none\n{trace}\n```\n\n```toml\n{pack}```\n");
    let case = Case::parse("trial.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let CaseHistory::Trace(source) = case.history else {
        panic!("the case has a trace");
    };
    let pack =
        Pack::from_texts(&[("trial.toml", &pack)]).unwrap_or_else(|errors| panic!("{errors}"));
    let sources: Vec<Box<dyn Source>> = vec![source];
    let input = Input {
        packs: &[pack],
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    let mut verification = verify(&input, &mut |_| {}).expect("memory can be read");
    Trial {
        result: verification.rules.remove(0),
        lines: text.lines().map(str::to_owned).collect(),
    }
}

impl Trial {
    /// How the rule ends.
    pub(crate) fn state(&self) -> State {
        self.result.state
    }

    /// How often it could have been broken.
    pub(crate) fn opportunities(&self) -> u64 {
        self.result.outcome.opportunities
    }

    /// The lines that break it.
    pub(crate) fn broken_at(&self) -> Vec<&str> {
        let violations = self.result.outcome.violations.iter();
        violations
            .map(|violation| self.time(violation.offending))
            .collect()
    }

    /// The roles of each violation.
    pub(crate) fn roles(&self) -> Vec<&str> {
        let violations = self.result.outcome.violations.iter();
        violations
            .map(|violation| violation.roles.as_str())
            .collect()
    }

    /// The lines that the only violation's evidence goes through.
    pub(crate) fn story(&self) -> Vec<&str> {
        let [violation] = self.result.outcome.violations.as_slice() else {
            panic!("one violation, not {:#?}", self.result.outcome.violations);
        };
        assert!(!violation.expected.is_empty(), "says what was expected");
        let places = violation.evidence.iter().filter_map(|line| line.place);
        places.map(|place| self.time(place)).collect()
    }

    /// What it found.
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.result.outcome.violations
    }

    /// What is in doubt, in words.
    pub(crate) fn told(&self) -> String {
        let doubts = self.result.outcome.doubts.iter();
        doubts.fold(String::new(), |told, doubt| told + &doubt.message + "\n")
    }

    /// What would settle the doubts.
    pub(crate) fn advice(&self) -> Vec<&str> {
        let doubts = self.result.outcome.doubts.iter();
        doubts.map(|doubt| doubt.settle.as_str()).collect()
    }

    /// Why it is not decided.
    pub(crate) fn doubts(&self) -> Vec<Reason> {
        let doubts = self.result.outcome.doubts.iter();
        doubts.map(|doubt| doubt.reason).collect()
    }

    /// What exceptions hid, and why.
    pub(crate) fn excepted(&self) -> Vec<(&str, u64)> {
        let excepted = self.result.outcome.excepted.iter();
        excepted
            .map(|(why, count)| (why.as_str(), *count))
            .collect()
    }

    /// What it notes, in words.
    pub(crate) fn noted(&self) -> Vec<&str> {
        let notes = self.result.outcome.notes.iter();
        notes.map(|note| note.message.as_str()).collect()
    }

    /// What was measured or counted, per session in order of appearance.
    pub(crate) fn measured(&self) -> Vec<Measure> {
        self.result.outcome.measured.values().copied().collect()
    }

    /// Whether it is undecided, with nothing broken.
    pub(crate) fn is_undecided(&self) -> bool {
        self.state() == State::Undecided && !self.doubts().is_empty()
    }

    fn time(&self, place: Place) -> &str {
        let number = usize::try_from(place.seq).expect("a line's number");
        let line = &self.lines[number - 1];
        line.split_whitespace().next().unwrap_or_default()
    }
}
