//! What of the rules met nothing: a name that is misspelt, a pointer that leads nowhere, or something
//! that did not happen, or was not recorded. Where a verdict is not clean, that is often why; where it is clean,
//! it may be for that.

use std::fmt::Write as _;

use super::coverage::sender;
use super::palette::Palette;
use crate::engine::{Coverage, Meant, Unrecorded};
use crate::report::closing::times;
use crate::report::excerpt::printable;

/// More than these are counted.
const MOST_NAMED: usize = 8;

/// Names the events that matched no message, and the pointers that led to no value.
pub(super) fn write(coverage: &Coverage, palette: &Palette, out: &mut String) {
    let packs = coverage.events.iter();
    if packs.clone().all(|(_, events)| events.is_empty()) {
        // Rules about frames and handshakes alone.
        return;
    }
    let none = |(name, count): (String, u64)| (count == 0).then_some(name);
    let events = packs.flat_map(|(_, events)| events.iter().cloned());
    let events: Vec<_> = events.filter_map(none).collect();
    let pointers = coverage.pointers.iter();
    let pointers: Vec<_> = pointers
        .filter_map(|(pointer, count)| none((pointer.to_string(), *count)))
        .collect();
    if events.is_empty() && pointers.is_empty() {
        return;
    }
    let style = palette.doubt;
    for (what, names) in [
        ("events that no message was", events),
        ("pointers that led to no value", pointers),
    ] {
        if !names.is_empty() {
            let names = printable(&some(&names));
            let _ = writeln!(out, "{style}{what}{style:#}: {names}");
        }
    }
    for meant in coverage.meant.iter().take(MOST_NAMED) {
        let _ = writeln!(out, "  {}", printable(&told(meant)));
    }
    unrecorded(coverage, out);
    out.push_str(
        "  did it not happen, or is it spelt otherwise? `wsaudit verify -v` shows what was met\n\n",
    );
}

/// `started` asks for `agent_start`: the server sent `agent_started` 12 times
fn told(meant: &Meant) -> String {
    let Meant {
        event,
        wanted,
        met,
        from,
        count,
    } = meant;
    let from = sender(*from);
    let times = times(*count);
    if wanted == met {
        return format!(
            "`{event}` asks for `{wanted}` of the other side: the {from} sent it {times}"
        );
    }
    format!("`{event}` asks for `{wanted}`: did you mean `{met}`, which the {from} sent {times}?")
}

/// Names what a pack says of sessions to no effect, whatever the verdict: who judged by it would be
/// mistaken about whom.
pub(super) fn sources(coverage: &Coverage, palette: &Palette, out: &mut String) {
    let style = palette.doubt;
    for (key, sources) in &coverage.idle_sources {
        let _ = writeln!(
            out,
            "{style}a source that yielded nothing{style:#}: `{key}` in [session] ({}); the recorder's tags stand, \
             and `wsaudit show` lists candidates\n",
            printable(&some(sources))
        );
    }
}

/// Names the first event that cannot have come, for the recorder was not asked for it.
pub(super) fn unrecorded(coverage: &Coverage, out: &mut String) {
    if let Some(first) = coverage.unrecorded.first() {
        let others = coverage.unrecorded.len() - 1;
        let _ = writeln!(out, "  {}", printable(&never_recorded(first, others)));
    }
}

/// `export` asks for `/export/{note}`, which was not recorded (--record-http was /api/*)
fn never_recorded(unrecorded: &Unrecorded, others: usize) -> String {
    let Unrecorded {
        event,
        path,
        recorded,
    } = unrecorded;
    let asked = if recorded.is_empty() {
        "there was no --record-http".to_owned()
    } else {
        format!("--record-http was {}", some(recorded))
    };
    let others = match others {
        0 => String::new(),
        others => format!(", and so it is with {others} more"),
    };
    format!("`{event}` asks for {path}, which was not recorded ({asked}){others}")
}

fn some(names: &[String]) -> String {
    let named = names.iter().take(MOST_NAMED);
    let named: Vec<_> = named.map(String::as_str).collect();
    match names.len().checked_sub(MOST_NAMED) {
        Some(more @ 1..) => format!("{} and {more} more", named.join(", ")),
        Some(0) | None => named.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_counted() {
        let names: Vec<_> = (0..10).map(|number| format!("e{number}")).collect();
        assert_eq!(some(&names[..2]), "e0, e1");
        assert!(some(&names).ends_with("e6, e7 and 2 more"));
    }
}
