//! A story for people: the argument, who was there, and what happened around it.

use std::fmt::Write as _;

use super::argument::{self, Cast};
use super::palette::Palette;
use crate::report::excerpt::printable;
use crate::report::model::Report;
use crate::report::story::{Happening, Party, Story};

/// The story as text, with a newline at its end; the argument for a terminal of so many columns.
pub fn story_text(
    report: &Report,
    story: &Story<'_>,
    palette: &Palette,
    width: Option<usize>,
) -> String {
    let mut out = String::new();
    let cast = Cast::of(story.violation);
    argument::write(report, story.violation, palette, width, &mut out);
    if story.alike > 1 {
        let _ = writeln!(
            out,
            "  the first of {} with this fingerprint: they differ in ids and times only",
            story.alike
        );
    }
    let rule = story.rule;
    let _ = writeln!(
        out,
        "\nrule {} of the pack {}, of kind {}: {}",
        rule.id,
        rule.pack,
        rule.kind,
        printable(&rule.title)
    );
    if story.connections.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\nwho was there");
    for party in &story.connections {
        let _ = writeln!(out, "  {}", who(report, &cast, party));
    }
    let _ = writeln!(out, "\nwhat happened on {}", these(story.connections.len()));
    let lines: Vec<_> = story
        .happened
        .iter()
        .map(|happening| (place(report, happening), actors(&cast, happening)))
        .collect();
    let longest = |part: fn(&(String, String)) -> &String| {
        let lengths = lines.iter().map(|line| part(line).chars().count());
        lengths.max().unwrap_or_default()
    };
    let (wide, wider) = (longest(|line| &line.0), longest(|line| &line.1));
    for (happening, (place, actors)) in story.happened.iter().zip(&lines) {
        if happening.skipped > 0 {
            let dim = palette.dim;
            let _ = writeln!(out, "      {dim}... {} more{dim:#}", happening.skipped);
        }
        let line = format!(
            "{:>5} {place:<wide$}  {actors:<wider$}  {}",
            proof(happening),
            shown(happening, palette)
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn these(connections: usize) -> &'static str {
    match connections {
        1 => "this connection",
        _ => "these connections",
    }
}

/// `A  connection 3  GET /ws HTTP/1.1  +0.102 s to +9.002 s`
fn who(report: &Report, cast: &Cast<'_>, party: &Party) -> String {
    let name = match &party.session {
        Some(session) => cast.call(session),
        None => "unidentified".to_owned(),
    };
    let of = if report.recordings.len() > 1 {
        format!(" of {}", printable(&party.recording))
    } else {
        String::new()
    };
    let end = match party.closed {
        Some(closed) => format!("+{closed:.3} s"),
        None => "the end of the recording".to_owned(),
    };
    format!(
        "{name}  connection {}{of}  +{:.3} s to {end}  {}",
        party.connection, party.opened, party.request
    )
}

/// `[2]`, of the argument's lines.
fn proof(happening: &Happening) -> String {
    if happening.proves.is_empty() {
        return String::new();
    }
    let numbers: Vec<_> = happening.proves.iter().map(usize::to_string).collect();
    format!("[{}]", numbers.join(","))
}

fn place(report: &Report, happening: &Happening) -> String {
    argument::place(
        report,
        Some(&happening.recording),
        happening.seq,
        Some(happening.at),
    )
}

fn actors(cast: &Cast<'_>, happening: &Happening) -> String {
    let peer = match &happening.session {
        Some(session) => cast.call(session),
        None => format!("connection {}", happening.connection),
    };
    match happening.direction {
        Some("client-to-server") => format!("{peer} -> server"),
        Some(_) => format!("server -> {peer}"),
        None => format!("{peer} {}", happening.what),
    }
}

fn shown(happening: &Happening, palette: &Palette) -> String {
    let text = argument::marked(&happening.excerpt, happening.mark, palette);
    match happening.what.as_str() {
        "text" | "opened" | "answered" => text,
        "ended" => String::new(),
        other => format!("{other} {text}"),
    }
}
