//! The rules and what they came to.

use std::fmt::Write as _;

use super::palette::Palette;
use crate::report::closing::{counted, opportunities, plural};
use crate::report::excerpt::printable;
use crate::report::model::{Report, Rule};

/// Writes the rules of each pack, one a line.
pub(super) fn write(report: &Report, palette: &Palette, out: &mut String) {
    let width = report
        .rules
        .iter()
        .map(|rule| rule.id.chars().count())
        .max()
        .unwrap_or(0);
    let mut pack = None;
    for rule in &report.rules {
        if pack != Some(&rule.pack) {
            let _ = writeln!(out, "rules of {}", printable(&rule.pack));
            pack = Some(&rule.pack);
        }
        let style = palette.verdict(rule.state);
        let id = &rule.id;
        let facts = facts(rule);
        let _ = writeln!(
            out,
            "  {style}{:<13}{style:#}  {id:<width$}  {facts}",
            rule.state
        );
        for accepted in &rule.accepted {
            let message = printable(&accepted.message);
            let _ = writeln!(
                out,
                "                 accepted: {}: {message} ({})",
                accepted.reason,
                printable(&accepted.why)
            );
        }
        for excepted in &rule.excepted {
            let _ = writeln!(
                out,
                "                 excepted: {} times: {}",
                excepted.count,
                printable(&excepted.why)
            );
        }
    }
    if !report.rules.is_empty() {
        out.push('\n');
    }
}

fn facts(rule: &Rule) -> String {
    let mut facts = Vec::new();
    if rule.violations > 0 {
        let known = match rule.known {
            0 => String::new(),
            known => format!(" ({known} known)"),
        };
        facts.push(format!("{}{known}", plural(rule.violations, "violation")));
    }
    facts.push(opportunities(rule.matched));
    if rule.examined != rule.matched {
        facts.push(format!("{} examined", counted(rule.examined, "event")));
    }
    if rule.notes > 0 {
        facts.push(plural(rule.notes, "note"));
    }
    facts.join(", ")
}
