//! Several histories: of each that is not clean the whole report, of the others a line.

use std::fmt::Write as _;

use super::{TextOptions, standing, text};
use crate::report::Audit;
use crate::report::closing::{closing, plural};
use crate::report::excerpt::printable;
use crate::report::github::disarm;
use crate::verdict::Verdict;

/// What a run tells, as text. `options` are those of each history; `whole` says whether a clean one is
/// told whole, too.
pub fn many<'t>(
    audit: &Audit,
    options: &dyn Fn(usize) -> TextOptions<'t>,
    whole: bool,
    remark: Option<&str>,
) -> String {
    let mut out = String::new();
    let base = options(0);
    for (number, report) in audit.histories.iter().enumerate() {
        let options = options(number);
        let style = options.palette.verdict(report.verdict);
        let name = printable(&report.name());
        let plain = report.violations.is_empty() && report.unread.is_empty();
        if report.verdict == Verdict::Clean.as_str() && plain && !whole {
            let lines = closing(report);
            let verdict = lines.last().map_or("", String::as_str);
            let verdict = verdict.trim_start_matches("verdict: ");
            let _ = writeln!(out, "{name}: {style}{verdict}{style:#}");
            continue;
        }
        if audit.is_settled_elsewhere(report) && plain && !whole {
            let rules: usize = report.reasons.iter().map(|it| it.rules.len()).sum();
            let _ = writeln!(
                out,
                "{name}: {style}{}{style:#} ({} not exercised here, but in another history)",
                report.verdict,
                plural(rules, "rule")
            );
            continue;
        }
        if !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
        let _ = writeln!(out, "=== {name}");
        for unread in &report.unread {
            let doubt = options.palette.doubt;
            let _ = writeln!(
                out,
                "{doubt}cannot be read{doubt:#}: {}",
                printable(&unread.told())
            );
        }
        if !report.recordings.is_empty() {
            out.push_str(&text(report, &options));
        }
        out.push('\n');
    }
    if let Some(baseline) = &audit.baseline {
        standing::write(baseline, base.palette, &mut out);
    }
    if let Some(remark) = remark {
        let _ = writeln!(out, "{}\n", printable(remark));
    }
    let style = base.palette.verdict(audit.verdict);
    let _ = writeln!(out, "{style}{}{style:#}", verdict(audit));
    disarm(&out)
}

/// `verdict: violated (12 histories: 10 clean, 1 inconclusive, 1 violated; 3 violations)`
fn verdict(audit: &Audit) -> String {
    let count = |verdict: Verdict| {
        let of = |it: &&crate::report::Report| it.verdict == verdict.as_str();
        audit.histories.iter().filter(of).count()
    };
    let each = [Verdict::Clean, Verdict::Inconclusive, Verdict::Violated]
        .into_iter()
        .map(|verdict| (verdict, count(verdict)))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {verdict}"));
    let mut line = format!(
        "verdict: {} ({}: {}",
        audit.verdict,
        match audit.histories.len() {
            1 => "1 history".to_owned(),
            count => format!("{count} histories"),
        },
        each.collect::<Vec<_>>().join(", ")
    );
    let (fresh, known) = audit.violations();
    if fresh > 0 {
        let _ = write!(line, "; {}", plural(fresh, "violation"));
    }
    if known > 0 {
        let _ = write!(line, "; {}", plural(known, "known violation"));
    }
    let unread: usize = audit.histories.iter().map(|it| it.unread.len()).sum();
    if unread > 0 {
        let _ = write!(line, "; {} could not be read", plural(unread, "recording"));
    }
    line.push(')');
    line
}
