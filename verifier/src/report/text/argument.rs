//! A violation as an argument: who, what happened in which frames, what was expected.

use std::fmt::Write as _;

use super::fold::folded;
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

/// Before each excerpt, and each place below its line.
const INDENT: &str = "     ";

/// Writes one violation. `width`: how many columns a terminal has; `None`: lines are as long as they are.
pub(in crate::report) fn write(
    report: &Report,
    violation: &Violation,
    palette: &Palette,
    width: Option<usize>,
    out: &mut String,
) {
    let room = width.unwrap_or(usize::MAX);
    let cast = Cast::of(violation);
    let style = palette.violated;
    let message = printable(&cast.rename(&violation.message, "session "));
    let message = format!("{}: {message}", violation.rule);
    let message = folded(&message, "violated: ".len(), "  ", room);
    let _ = writeln!(out, "{style}violated{style:#}: {message}");
    legend(report, &cast, room, out);
    let lines: Vec<_> = violation
        .evidence
        .iter()
        .map(|line| printable(&cast.rename(&line.text, "")))
        .collect();
    let evidence = violation.evidence.iter();
    let places: Vec<_> = evidence.map(|line| frame(report, &cast, line)).collect();
    let longest = |of: &[String]| of.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    let column = longest(&lines).min(64);
    // Where they would not fit beside each other, places stand below.
    let beside = INDENT.len() + column + 2 + longest(&places) <= room;
    for (number, evidence) in violation.evidence.iter().enumerate() {
        let (line, place) = (&lines[number], &places[number]);
        let number = number + 1;
        if beside || place.is_empty() {
            let line = format!("  {number}. {line:<column$}  {place}");
            let _ = writeln!(out, "{}", line.trim_end());
        } else {
            let _ = writeln!(out, "  {number}. {line}\n{INDENT}{place}");
        }
        excerpt(evidence, palette, room, out);
    }
    let expected = printable(&cast.rename(&violation.expected, "session "));
    let expected = folded(&expected, "  expected: ".len(), "    ", room);
    let _ = writeln!(out, "  expected: {expected}");
    super::standing::expired(violation, palette, out);
    let dim = palette.dim;
    let _ = writeln!(out, "  {dim}fingerprint {}{dim:#}", violation.fingerprint);
}

/// `  A = s-7f2 (user u1, LAPTOP_BROWSER)   B = ...`
fn legend(report: &Report, cast: &Cast<'_>, room: usize, out: &mut String) {
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
    if known.is_empty() {
        return;
    }
    let line = format!("  {}", printable(&known.join("   ")));
    if line.chars().count() <= room {
        let _ = writeln!(out, "{line}");
    } else {
        for one in known {
            let _ = writeln!(out, "  {}", printable(&one));
        }
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
        Some(recording) if report.names_files() => format!(" of {}", printable(recording)),
        Some(_) | None => String::new(),
    };
    let at = at.map_or(String::new(), |at| format!("  +{at:.3} s"));
    format!("frame {seq}{of}{at}")
}

fn excerpt(evidence: &Evidence, palette: &Palette, room: usize, out: &mut String) {
    let Some(text) = &evidence.excerpt else {
        return;
    };
    let (text, mark) = cut(text, evidence.mark, room.saturating_sub(INDENT.len()));
    let _ = writeln!(out, "{INDENT}{}", marked(&text, mark, palette));
}

/// So much of a text as fits into a line, with its mark in it.
fn cut(text: &str, mark: Option<(usize, usize)>, room: usize) -> (String, Option<(usize, usize)>) {
    let count = |text: &str| text.chars().count();
    // What is narrower is cut by the terminal.
    if count(text) <= room || room < 24 {
        return (text.to_owned(), mark);
    }
    let (start, end) = mark.unwrap_or_default();
    // The mark, and a little behind it; what is left stands before it.
    let behind = count(&text[end..]).min(room / 8);
    let wanted = count(&text[..end]) + behind;
    let skipped = (wanted + 1).saturating_sub(room).min(count(&text[..start]));
    let begin = text.char_indices().nth(skipped).map_or(0, |(at, _)| at);
    let head = if begin > 0 { "…" } else { "" };
    let mut left = room - head.chars().count();
    let whole = count(&text[begin..]) <= left;
    if !whole {
        left -= 1;
    }
    let stop = text[begin..]
        .char_indices()
        .nth(left)
        .map_or(text.len(), |(at, _)| begin + at);
    let tail = if whole { "" } else { "…" };
    let moved = |at: usize| (at.clamp(begin, stop) + head.len()) - begin;
    let mark = mark.map(|(start, end)| (moved(start), moved(end)));
    (format!("{head}{}{tail}", &text[begin..stop]), mark)
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
    fn an_excerpt_is_cut_around_its_mark() {
        let text =
            "{\"type\":\"thread\",\"ü\":\"é\",\"thread_id\":\"thr_9c\",\"messages\":[1,2,3]}";
        let start = text.find("thr_9c").unwrap();
        let mark = (start, start + 6);
        for room in 24..80 {
            let (shown, (from, to)) = match cut(text, Some(mark), room) {
                (shown, Some(mark)) => (shown, mark),
                (shown, None) => panic!("{shown}"),
            };
            assert_eq!(&shown[from..to], "thr_9c", "{room}: {shown}");
            let length = shown.chars().count();
            assert!(
                length <= room && length + 12 > room.min(60),
                "{room}: {shown}"
            );
            let inner = shown.trim_start_matches('…').trim_end_matches('…');
            assert!(text.contains(inner), "{room}: {shown}");
        }
        let beginning: String = text.chars().take(23).collect();
        assert_eq!(cut(text, None, 24).0, format!("{beginning}…"));
        // A mark that is longer than the line begins with it.
        let long = "x".repeat(50);
        let (shown, mark) = cut(&long, Some((10, 50)), 30);
        assert_eq!(shown.chars().count(), 30, "{shown}");
        assert!(mark.is_some_and(|(from, to)| from < to && to <= shown.len()));
    }

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
