//! A violation as an argument: who, what happened in which frames, what was expected.

use std::fmt::Write as _;

use super::palette::Palette;
use crate::report::excerpt::printable;
use crate::report::model::{Evidence, Report, Violation};

/// Sessions of an argument by letters: the owner first.
pub(super) struct Cast<'r> {
    sessions: Vec<&'r str>,
}

impl<'r> Cast<'r> {
    pub(super) fn of(violation: &'r Violation) -> Self {
        let mut sessions = Vec::new();
        let evidence = violation
            .evidence
            .iter()
            .map(|line| line.session.as_deref());
        let named = [
            violation.owner_session.as_deref(),
            violation.session.as_deref(),
        ];
        for session in named.into_iter().chain(evidence).flatten() {
            if !sessions.contains(&session) && sessions.len() < 26 {
                sessions.push(session);
            }
        }
        Self { sessions }
    }

    fn letter(&self, session: &str) -> Option<char> {
        let at = self.sessions.iter().position(|known| *known == session)?;
        ('A'..='Z').nth(at)
    }

    /// How a session is called: by its letter, or by its id.
    pub(super) fn call(&self, session: &str) -> String {
        match self.letter(session) {
            Some(letter) => letter.to_string(),
            None => printable(session),
        }
    }

    /// `session s-1` becomes `session A` (or `A`).
    fn rename(&self, text: &str, before: &str) -> String {
        let mut text = text.to_owned();
        // The longest first: one id may begin with another.
        let mut sessions = self.sessions.clone();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.len()));
        for session in sessions {
            let Some(letter) = self.letter(session) else {
                continue;
            };
            let long = format!("session {session}");
            let mut renamed = String::new();
            let mut rest = text.as_str();
            while let Some(at) = rest.find(&long) {
                let after = &rest[at + long.len()..];
                let mut next = after.chars();
                let ends = match next.next() {
                    None => true,
                    Some('-' | '_' | '.' | ':') => next
                        .next()
                        .is_none_or(|character| !character.is_alphanumeric()),
                    Some(character) => !character.is_alphanumeric(),
                };
                renamed.push_str(&rest[..at]);
                if ends {
                    renamed.push_str(before);
                    renamed.push(letter);
                } else {
                    renamed.push_str(&long);
                }
                rest = after;
            }
            renamed.push_str(rest);
            text = renamed;
        }
        text
    }
}

/// Writes one violation.
pub(in crate::report) fn write(
    report: &Report,
    violation: &Violation,
    palette: &Palette,
    out: &mut String,
) {
    let cast = Cast::of(violation);
    let style = palette.violated;
    let message = printable(&cast.rename(&violation.message, "session "));
    let _ = writeln!(
        out,
        "{style}violated{style:#}: {}: {message}",
        violation.rule
    );
    legend(report, &cast, out);
    let lines: Vec<_> = violation
        .evidence
        .iter()
        .map(|line| printable(&cast.rename(&line.text, "")))
        .collect();
    let width = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0)
        .min(64);
    for (number, (evidence, line)) in (1..).zip(violation.evidence.iter().zip(&lines)) {
        let told = frame(report, &cast, evidence);
        let line = format!("  {number}. {line:<width$}  {told}");
        let _ = writeln!(out, "{}", line.trim_end());
        excerpt(evidence, palette, out);
    }
    let expected = printable(&cast.rename(&violation.expected, "session "));
    let _ = writeln!(out, "  expected: {expected}");
    super::standing::expired(violation, palette, out);
    let dim = palette.dim;
    let _ = writeln!(out, "  {dim}fingerprint {}{dim:#}", violation.fingerprint);
}

/// `  A = s-7f2 (user u1, LAPTOP_BROWSER)   B = ...`
fn legend(report: &Report, cast: &Cast<'_>, out: &mut String) {
    let known: Vec<_> = cast
        .sessions
        .iter()
        .filter_map(|id| {
            let session = report
                .sessions
                .iter()
                .find(|session| session.session_id == *id)?;
            let user = session.user_id.as_ref().map(|user| format!("user {user}"));
            let traits: Vec<_> = user
                .into_iter()
                .chain(session.session_type.clone())
                .collect();
            let name = format!("{} = {id}", cast.letter(id)?);
            if traits.is_empty() {
                return Some(name);
            }
            Some(format!("{name} ({})", traits.join(", ")))
        })
        .collect();
    if !known.is_empty() {
        let _ = writeln!(out, "  {}", printable(&known.join("   ")));
    }
}

/// `frame 1042  +3.201 s  server -> A`
fn frame(report: &Report, cast: &Cast<'_>, evidence: &Evidence) -> String {
    let Some(seq) = evidence.seq else {
        return String::new();
    };
    let place = place(report, evidence.recording.as_deref(), seq, evidence.at);
    let peer = match (&evidence.session, evidence.connection) {
        (Some(session), _) => cast.call(session),
        (None, Some(connection)) => format!("connection {connection}"),
        (None, None) => return place,
    };
    match evidence.direction {
        Some("client-to-server") => format!("{place}  {peer} -> server"),
        Some(_) => format!("{place}  server -> {peer}"),
        None => format!("{place}  {peer}"),
    }
}

/// `frame 1042 of b.db  +3.201 s`
pub(in crate::report) fn place(
    report: &Report,
    recording: Option<&str>,
    seq: u64,
    at: Option<f64>,
) -> String {
    let of = match recording {
        Some(recording) if report.names_files() => format!(" of {recording}"),
        Some(_) | None => String::new(),
    };
    let at = at.map_or(String::new(), |at| format!("  +{at:.3} s"));
    format!("frame {seq}{of}{at}")
}

fn excerpt(evidence: &Evidence, palette: &Palette, out: &mut String) {
    let Some(text) = &evidence.excerpt else {
        return;
    };
    let _ = writeln!(out, "     {}", marked(text, evidence.mark, palette));
}

/// A text with the value in it that proves something made visible.
pub(super) fn marked(text: &str, mark: Option<(usize, usize)>, palette: &Palette) -> String {
    let Some((start, end)) = mark else {
        return text.to_owned();
    };
    let mark = palette.mark;
    format!(
        "{}{mark}{}{mark:#}{}",
        &text[..start],
        &text[start..end],
        &text[end..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_renamed_as_whole_words() {
        let cast = Cast {
            sessions: vec!["s-1", "s-12"],
        };
        let text = "session s-12 got it of session s-1. session s-1-x did not; s-1 neither";
        assert_eq!(
            cast.rename(text, "session "),
            "session B got it of session A. session s-1-x did not; s-1 neither"
        );
        assert_eq!(cast.rename("session s-1's", ""), "A's");
    }
}
