//! `--format json`: the report as one JSON document.

use super::Report;

/// The report as one JSON document, indented, with a newline at its end.
pub fn json(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report)
        .expect("a report has text keys and finite numbers only");
    text.push('\n');
    text
}
