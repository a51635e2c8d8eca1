//! `-v`: what the rules met, and what they do not speak of: the start of a pack, or of its repair.

use std::fmt::Write as _;

use wsaudit_wire::Direction;

use super::misses;
use super::palette::Palette;
use crate::engine::Coverage;
use crate::report::excerpt::printable;
use crate::survey::Survey;

/// Writes how often events matched and pointers yielded, then what no rule covers.
pub(super) fn write(
    coverage: &Coverage,
    survey: Option<&Survey>,
    palette: &Palette,
    out: &mut String,
) {
    for (pack, events) in &coverage.events {
        if !events.is_empty() {
            let rows = events.iter().map(|(name, count)| (name.clone(), *count));
            section(&format!("events of {pack}"), rows, palette, out);
        }
    }
    let before = out.len();
    misses::unrecorded(coverage, out);
    if out.len() > before {
        out.push('\n');
    }
    let rows = coverage
        .pointers
        .iter()
        .map(|(pointer, count)| (pointer.to_string(), *count));
    section("values at the pointers", rows, palette, out);
    let uncovered = coverage.uncovered.iter().map(|((direction, name), count)| {
        (format!("{name} (from the {})", sender(*direction)), *count)
    });
    section(
        "messages that are none of the rules' events",
        uncovered,
        palette,
        out,
    );
    if let Some(survey) = survey {
        let fields = survey.fields.iter().map(|field| {
            let from = sender(field.direction);
            (
                format!(
                    "{} (from the {from}, such as {})",
                    field.pointer, field.example
                ),
                field.count,
            )
        });
        section("id-like fields that no rule mentions", fields, palette, out);
        if survey.left_out > 0 {
            let _ = writeln!(
                out,
                "  ... and more: {} fields were not counted\n",
                survey.left_out
            );
        }
    }
}

pub(super) fn sender(direction: Direction) -> &'static str {
    match direction {
        Direction::ClientToServer => "client",
        Direction::ServerToClient => "server",
    }
}

fn section(
    title: &str,
    rows: impl Iterator<Item = (String, u64)>,
    palette: &Palette,
    out: &mut String,
) {
    let rows: Vec<_> = rows
        .map(|(name, count)| (printable(&name), count))
        .collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}");
    for (name, count) in rows {
        // Zero is what somebody looks for: a name that is misspelt, a pointer that leads nowhere.
        let style = if count == 0 {
            palette.doubt
        } else {
            palette.dim
        };
        let _ = writeln!(out, "  {style}{count:>8}{style:#}  {name}");
    }
    out.push('\n');
}
