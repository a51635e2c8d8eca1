//! `--format markdown`: for a step summary, a comment, a wiki: the verdict, a table of the rules, and
//! the violations with their evidence.
//!
//! Whatever comes from a recording is escaped: it makes no table, link, mention or markup of its own.

use std::fmt::Write as _;

use super::Audit;
use super::closing::{closing, plural};
use super::excerpt::printable;
use super::model::{Evidence, Report, Rule, Violation};
use super::standing::{Baseline, BaselineEntry};
use super::text::argument;

/// So many violations of a history are told with their evidence.
const MOST_TOLD: usize = 25;
/// So many doubts of a history are told.
const MOST_DOUBTS: usize = 50;

/// What a run tells, as GitHub-flavoured Markdown.
pub fn markdown(audit: &Audit) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## wsaudit: {}\n", headline(audit));
    if let Some(remark) = &audit.remark {
        let _ = writeln!(out, "> {}\n", escaped(remark));
    }
    if !audit.is_one() {
        overview(audit, &mut out);
    }
    for report in &audit.histories {
        if !audit.is_one() {
            let _ = writeln!(out, "### {}\n", escaped(&report.name()));
        }
        history(report, &mut out);
    }
    if let Some(baseline) = &audit.baseline {
        of_baseline(baseline, &mut out);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn headline(audit: &Audit) -> String {
    let (fresh, known) = audit.violations();
    let mut details = Vec::new();
    if !audit.is_one() {
        details.push(match audit.histories.len() {
            1 => "1 history".to_owned(),
            count => format!("{count} histories"),
        });
    }
    if fresh > 0 {
        details.push(plural(fresh, "violation"));
    }
    if known > 0 {
        details.push(plural(known, "known violation"));
    }
    let doubts: usize = audit.histories.iter().map(|it| it.reasons.len()).sum();
    if doubts > 0 {
        details.push(plural(doubts, "doubt"));
    }
    if audit.is_incomplete() {
        details.push("not all could be read".to_owned());
    }
    if details.is_empty() {
        audit.verdict.to_owned()
    } else {
        format!("{} ({})", audit.verdict, details.join(", "))
    }
}

fn overview(audit: &Audit, out: &mut String) {
    out.push_str("| history | verdict | rules | violations | doubts |\n|---|---|--:|--:|--:|\n");
    for report in &audit.histories {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            escaped(&report.name()),
            verdict(report),
            report.rules.len(),
            report.violations.len(),
            report.reasons.len()
        );
    }
    out.push('\n');
}

fn verdict(report: &Report) -> String {
    if report.unread.is_empty() {
        report.verdict.to_owned()
    } else {
        format!("{}, not all could be read", report.verdict)
    }
}

fn history(report: &Report, out: &mut String) {
    for unread in &report.unread {
        let _ = writeln!(out, "- **cannot be read**: {}", escaped(&unread.told()));
    }
    if !report.unread.is_empty() {
        out.push('\n');
    }
    table(report, out);
    for violation in report.violations.iter().take(MOST_TOLD) {
        tell(report, violation, out);
    }
    if let Some(more @ 1..) = report.violations.len().checked_sub(MOST_TOLD) {
        let _ = writeln!(out, "... and {}\n", plural(more, "more violation"));
    }
    for reason in report.reasons.iter().take(MOST_DOUBTS) {
        let _ = writeln!(
            out,
            "- **{}**: {} (to settle it: {})",
            reason.reason,
            escaped(&reason.message),
            escaped(&reason.settle)
        );
    }
    if let Some(more @ 1..) = report.reasons.len().checked_sub(MOST_DOUBTS) {
        let _ = writeln!(out, "- ... and {}", plural(more, "more doubt"));
    }
    if !report.reasons.is_empty() {
        out.push('\n');
    }
    for line in closing(report) {
        let _ = writeln!(out, "{}  ", escaped(&line));
    }
    out.push('\n');
}

fn table(report: &Report, out: &mut String) {
    if report.rules.is_empty() {
        return;
    }
    out.push_str(
        "| rule | state | violations | opportunities | what holds |\n|---|---|--:|--:|---|\n",
    );
    for rule in &report.rules {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            escaped(&rule.name()),
            state(rule),
            violations(rule),
            rule.matched,
            escaped(&rule.title)
        );
    }
    out.push('\n');
}

fn state(rule: &Rule) -> String {
    match rule.state {
        "violated" if rule.known < rule.violations => "**violated**".to_owned(),
        state if rule.accepted.is_empty() => state.to_owned(),
        state => format!("{state}, accepted"),
    }
}

fn violations(rule: &Rule) -> String {
    match rule.known {
        0 => rule.violations.to_string(),
        known => format!("{} ({known} known)", rule.violations),
    }
}

fn tell(report: &Report, violation: &Violation, out: &mut String) {
    let outcome = violation.standing.as_ref().map_or("", |it| it.outcome);
    let word = match outcome {
        "known" => "known",
        "expired" => "violated, no longer excused",
        _ => "violated",
    };
    let _ = writeln!(
        out,
        "<details><summary><b>{word}</b>: {}: {}</summary>\n",
        html(&violation.rule),
        html(&violation.message)
    );
    for (number, line) in (1..).zip(&violation.evidence) {
        let _ = writeln!(
            out,
            "{number}. {}{}",
            escaped(&line.text),
            place(report, line)
        );
        if let Some(excerpt) = &line.excerpt {
            let _ = writeln!(out, "\n   {}", code(excerpt));
        }
    }
    let _ = writeln!(out, "\nexpected: {}  ", escaped(&violation.expected));
    if let Some(entry) = violation.standing.as_ref().and_then(|it| it.entry.as_ref()) {
        let _ = writeln!(
            out,
            "known since {}, until {}: {}  ",
            entry.added,
            entry.expires,
            escaped(&entry.reason)
        );
    }
    let _ = writeln!(
        out,
        "fingerprint `{}`\n\n</details>\n",
        violation.fingerprint
    );
}

fn place(report: &Report, line: &Evidence) -> String {
    let Some(seq) = line.seq else {
        return String::new();
    };
    let place = argument::place(report, line.recording.as_deref(), seq, line.at);
    let session = line.session.as_ref();
    let session = session.map_or(String::new(), |it| format!(", session {}", escaped(it)));
    format!(" ({}{session})", escaped(&place.replace("  ", ", ")))
}

fn of_baseline(baseline: &Baseline, out: &mut String) {
    let _ = writeln!(
        out,
        "Baseline {}: {} new, {} known, {} expired, {} gone\n",
        escaped(&baseline.file),
        baseline.new,
        baseline.known,
        baseline.expired,
        baseline.gone.len()
    );
    let mut list = |title: &str, entries: &[BaselineEntry]| {
        for entry in entries {
            let _ = writeln!(
                out,
                "- **{title}**: {} `{}`, line {}",
                escaped(&entry.rule),
                entry.fingerprint,
                entry.line
            );
        }
    };
    list("gone, delete it", &baseline.gone);
    list("not found, and not settled", &baseline.unsettled);
}

/// A text of which Markdown makes nothing: one line, with every character escaped that could begin
/// markup; behind `@` stands a character without width, so that nobody is called.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("@&#8203;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(character);
            }
            character => out.push(character),
        }
    }
    if out.starts_with(['-', '+', '=']) {
        out.insert(0, '\\');
    }
    // GitHub makes links of these.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// Likewise, where HTML is written.
fn html(text: &str) -> String {
    let mut out = String::new();
    for character in printable(text).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("@&#8203;"),
            // Markdown is read within inline HTML too.
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | ':' => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out
}

/// A code span whose fence is longer than any in the text.
fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_recording_says_is_no_markup() {
        assert_eq!(
            escaped("a|b `c` <img> [x](http://y) @me\n# z"),
            "a\\|b \\`c\\` &lt;img&gt; \\[x\\](http&#58;//y) @&#8203;me\\\\n\\# z"
        );
        assert_eq!(code("a `` b"), "``` a `` b ```");
        assert_eq!(html("<b>|"), "&lt;b&gt;&#124;");
    }
}
