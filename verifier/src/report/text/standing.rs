//! What a baseline knows: a line for each, and what has become of its entries.

use std::fmt::Write as _;

use super::palette::Palette;
use crate::report::excerpt::printable;
use crate::report::model::Violation;
use crate::report::standing::{Baseline, BaselineEntry, Standing};

/// A violation that is known, in one line and its reason.
pub(super) fn known(violation: &Violation, palette: &Palette, out: &mut String) {
    let style = palette.doubt;
    let _ = writeln!(
        out,
        "{style}known{style:#}: {}: {}",
        violation.rule,
        printable(&violation.message)
    );
    if let Some(entry) = violation.standing.as_ref().and_then(|it| it.entry.as_ref()) {
        let dim = palette.dim;
        let _ = writeln!(
            out,
            "  until {}: {}  {dim}fingerprint {}{dim:#}",
            entry.expires,
            printable(&entry.reason),
            entry.fingerprint
        );
    }
}

/// Of a violation that was known until a day that has passed.
pub(super) fn expired(violation: &Violation, palette: &Palette, out: &mut String) {
    let standing = violation.standing.as_ref();
    let standing = standing.filter(|standing| standing.outcome == Standing::EXPIRED);
    if let Some(entry) = standing.and_then(|standing| standing.entry.as_ref()) {
        let style = palette.violated;
        let _ = writeln!(
            out,
            "  {style}no longer excused{style:#}: the baseline knew it until {} ({}): mend it, or give it another day",
            entry.expires,
            printable(&entry.reason)
        );
    }
}

/// What has become of the entries.
pub(super) fn write(baseline: &Baseline, palette: &Palette, out: &mut String) {
    let file = printable(&baseline.file);
    let mut entries = |word: &str, all: &[BaselineEntry], advice: &str| {
        let style = palette.note;
        for entry in all {
            let _ = writeln!(
                out,
                "{style}{word}{style:#}: {} {}, {file} line {}: {advice}",
                printable(&entry.rule),
                entry.fingerprint,
                entry.line
            );
        }
    };
    entries(
        "gone",
        &baseline.gone,
        "the rule was exercised, and did not find it: delete the entry",
    );
    entries(
        "not found",
        &baseline.unsettled,
        "its rule was not run, not exercised or undecided, so that this tells nothing",
    );
    let _ = writeln!(
        out,
        "baseline {file} on {}: {} new, {} known, {} expired, {} gone\n",
        baseline.today,
        baseline.new,
        baseline.known,
        baseline.expired,
        baseline.gone.len()
    );
}
