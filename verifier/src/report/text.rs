//! The report for people: what is wrong and why, what the rules came to, what is in doubt, and the
//! verdict on the last line.

pub(super) mod argument;
mod coverage;
mod fold;
mod many;
mod misses;
mod palette;
mod standing;
mod story;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

pub use many::many;
pub use palette::Palette;
pub use story::story_text;

use fold::folded;

use super::Report;
use super::closing::{closing, plural};
use super::excerpt::printable;
use super::github::disarm;
use super::model::{Reason, Violation};
use crate::engine::Coverage;
use crate::survey::Survey;

/// How the text should be.
#[derive(Debug, Clone, Copy)]
pub struct TextOptions<'t> {
    /// Its colours.
    pub palette: &'t Palette,
    /// How many columns the terminal has; `None`: it goes somewhere else, and lines are as long as they
    /// are.
    pub width: Option<usize>,
    /// How many violations of each rule are told in full.
    pub shown: Shown,
    /// With these, what the rules met, and what they do not speak of.
    pub coverage: Option<&'t Coverage>,
    /// Likewise, the id-like fields that no rule mentions.
    pub survey: Option<&'t Survey>,
    /// With these, a verdict that is not clean names the events and pointers of the rules that met
    /// nothing.
    pub misses: Option<&'t Coverage>,
    /// Said before the last lines: what the reader should know of what was asked.
    pub remark: Option<&'t str>,
}

/// How many violations of each rule are told in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The worst ones; the rest is counted.
    First(usize),
    /// All of them.
    All,
}

impl Shown {
    /// What is told unless asked otherwise.
    pub const DEFAULT: Self = Self::First(10);

    fn most(self) -> usize {
        match self {
            Self::First(most) => most,
            Self::All => usize::MAX,
        }
    }
}

/// The report as text, with a newline at its end. No line of it is a command to the runner of a CI
/// job, whatever the recorded messages say.
pub fn text(report: &Report, options: &TextOptions<'_>) -> String {
    let mut out = String::new();
    let palette = options.palette;
    violations(report, options, &mut out);
    table::write(report, palette, &mut out);
    doubts(report, options, &mut out);
    notes(report, options, &mut out);
    // Where nothing could be read, nothing was met.
    let is_read = |_: &&Coverage| !report.recordings.is_empty();
    let coverage = options.coverage.filter(is_read);
    let misses = options.misses.filter(is_read);
    if let Some(coverage) = coverage {
        coverage::write(coverage, options.survey, palette, &mut out);
    }
    if let Some(coverage) = misses {
        misses::write(coverage, palette, &mut out);
    }
    if let Some(coverage) = coverage.or(misses) {
        misses::sources(coverage, palette, &mut out);
    }
    if let Some(baseline) = &report.baseline {
        standing::write(baseline, palette, &mut out);
    }
    if let Some(remark) = options.remark {
        let _ = writeln!(out, "{}\n", printable(remark));
    }
    let lines = closing(report);
    let (verdict, lines) = lines
        .split_last()
        .map_or(("", &[][..]), |(last, rest)| (last, rest));
    for line in lines {
        line_of(&mut out, line);
    }
    let style = palette.verdict(report.verdict);
    let _ = writeln!(out, "{style}{verdict}{style:#}");
    disarm(&out)
}

fn violations(report: &Report, options: &TextOptions<'_>, out: &mut String) {
    let most = options.shown.most();
    for rule in report.rules.iter().filter(|rule| rule.violations > 0) {
        let own = report
            .violations
            .iter()
            .filter(|violation| violation.rule == rule.id && violation.pack == rule.pack);
        let (known, fresh): (Vec<_>, Vec<_>) = own.partition(|violation| violation.is_known());
        for violation in chosen(&fresh, most) {
            argument::write(report, violation, options.palette, options.width, out);
            out.push('\n');
        }
        for violation in known.iter().take(most) {
            standing::known(violation, options.palette, out);
        }
        if !known.is_empty() {
            out.push('\n');
        }
        let left = |of: &[&Violation]| of.len().saturating_sub(most);
        if let Some(more @ 1..) = Some(left(&fresh) + left(&known)) {
            let dim = options.palette.dim;
            let _ = writeln!(
                out,
                "{dim}... and {} of {}: `wsaudit verify --all` shows them, and so does --format json{dim:#}\n",
                plural(more, "more violation"),
                rule.id
            );
        }
    }
}

/// So many of them, in their order: of each fingerprint the first one, then others.
fn chosen<'v>(all: &[&'v Violation], most: usize) -> Vec<&'v Violation> {
    let mut met = BTreeSet::new();
    let (first, again): (Vec<_>, Vec<_>) = all
        .iter()
        .enumerate()
        .partition(|(_, violation)| met.insert(&violation.fingerprint));
    let mut chosen: Vec<_> = first.into_iter().chain(again).take(most).collect();
    chosen.sort_by_key(|(number, _)| *number);
    chosen
        .into_iter()
        .map(|(_, violation)| *violation)
        .collect()
}

/// What keeps the recording from proving the rest; of one kind and one rule so many.
fn doubts(report: &Report, options: &TextOptions<'_>, out: &mut String) {
    let most = options.shown.most();
    let mut met = BTreeMap::<_, usize>::new();
    for reason in &report.reasons {
        let count = met.entry((reason.reason, &reason.rules)).or_default();
        *count += 1;
        if *count <= most {
            doubt(report, reason, options, out);
        }
    }
    for ((reason, rules), count) in met {
        if let Some(more @ 1..) = count.checked_sub(most) {
            let _ = writeln!(
                out,
                "... and {} ({reason}) about {}: `wsaudit verify --all` shows them",
                plural(more, "more doubt"),
                printable(&rules.join(", "))
            );
        }
    }
    if !report.reasons.is_empty() {
        out.push('\n');
    }
}

fn doubt(report: &Report, reason: &Reason, options: &TextOptions<'_>, out: &mut String) {
    let style = options.palette.doubt;
    let rules = match &reason.rules[..] {
        all if all.len() == report.rules.len() && all.len() > 1 => "every rule".to_owned(),
        rules if rules.len() > 4 => plural(rules.len(), "rule"),
        rules => rules.join(", "),
    };
    let place = match (reason.seq, &reason.recording) {
        (Some(seq), Some(recording)) if report.names_files() => {
            format!(", frame {seq} of {}", printable(recording))
        }
        (Some(seq), _) => format!(", frame {seq}"),
        (None, _) => String::new(),
    };
    let room = options.width.unwrap_or(usize::MAX);
    let message = format!("{} ({rules}{place})", printable(&reason.message));
    let message = folded(&message, reason.reason.len() + 2, "  ", room);
    let _ = writeln!(out, "{style}{}{style:#}: {message}", reason.reason);
    let settle = format!("  to settle it: {}", printable(&reason.settle));
    line_of(out, &folded(&settle, 0, "    ", room));
}

fn notes(report: &Report, options: &TextOptions<'_>, out: &mut String) {
    let most = options.shown.most();
    for note in report.notes.iter().take(most) {
        let style = options.palette.note;
        let place = argument::place(report, Some(&note.recording), note.seq, note.at);
        let message = format!("{} ({}, {place})", printable(&note.message), note.rule);
        let room = options.width.unwrap_or(usize::MAX);
        let message = folded(&message, "noted: ".len(), "  ", room);
        let _ = writeln!(out, "{style}noted{style:#}: {message}");
    }
    if let Some(more) = report
        .notes
        .len()
        .checked_sub(most)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(
            out,
            "... and {}: `wsaudit verify --all` shows them",
            plural(more, "more note")
        );
    }
    if !report.notes.is_empty() {
        out.push('\n');
    }
}

fn line_of(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}
