//! Where in a repository a finding is shown: formats for code review want a file and a line.

use super::model::{Report, Rule};

/// A file and a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor<'r> {
    /// As the user named it.
    pub(super) file: &'r str,
    pub(super) line: u32,
    /// In characters; the first one is 1.
    pub(super) column: u32,
}

/// The line of the rule that a finding is about. The files of a shipped pack are not among the
/// user's: there, the recording stands for the place, else whatever is known of the history.
pub(super) fn anchor<'r>(
    report: &'r Report,
    rule: &'r Rule,
    recording: Option<&'r str>,
) -> Anchor<'r> {
    let location = &rule.location;
    if !location.shipped {
        return Anchor {
            file: &location.file,
            line: location.line,
            column: location.column,
        };
    }
    let read = report.recordings.iter();
    let read = read.map(|it| it.files.first().unwrap_or(&it.name).as_str());
    let unread = report.unread.iter().map(|it| it.recording.as_str());
    let file = recording.or_else(|| read.chain(unread).next());
    Anchor {
        file: file.unwrap_or(&location.file),
        line: 1,
        column: 1,
    }
}

impl Report {
    /// The rule of that pack and id.
    pub(super) fn rule(&self, pack: &str, id: &str) -> Option<&Rule> {
        self.rules
            .iter()
            .find(|rule| rule.pack == pack && rule.id == id)
    }

    /// The doubts about a rule.
    pub(super) fn doubts<'r>(
        &'r self,
        rule: &Rule,
    ) -> impl Iterator<Item = &'r super::model::Reason> {
        let name = rule.name();
        self.reasons
            .iter()
            .filter(move |reason| reason.rules.contains(&name))
    }
}
