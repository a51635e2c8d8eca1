//! What the rules met, and what they did not.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::TagKind;
use wsaudit_wire::Direction;

use super::{Coverage, Finished, Meant, Unrecorded};
use crate::rules::read::nearest;
use crate::rules::{EventDef, EventId, Literal, Matcher, Pack, example};

pub(super) fn coverage(packs: &[Pack], finished: &Finished<'_>) -> Coverage {
    let events = (0..)
        .zip(packs)
        .map(|(number, pack): (usize, &Pack)| {
            let events = (0_u16..)
                .map(EventId)
                .zip(&finished.tally.matched[number])
                .map(|(id, count)| (pack.event(id).id.clone(), *count))
                .collect();
            (pack.name.clone(), events)
        })
        .collect();
    // Of several places for a name, one that yields nothing is not amiss.
    let alternatives: BTreeSet<_> = packs
        .iter()
        .filter(|pack| pack.name_at.len() > 1)
        .flat_map(|pack| &pack.name_at)
        .collect();
    let pointers = finished
        .yielded
        .iter()
        .filter(|(pointer, count)| *count > 0 || !alternatives.contains(pointer))
        .cloned()
        .collect();
    Coverage {
        events,
        pointers,
        uncovered: finished.tally.uncovered(),
        idle_sources: idle_sources(packs, finished),
        meant: meant(packs, finished),
        unrecorded: unrecorded(packs, finished),
        names: finished.tally.names(),
    }
}

/// Of `[session]`, the keys none of whose sources yielded anything, if there was a connection at all.
fn idle_sources(packs: &[Pack], finished: &Finished<'_>) -> Vec<(&'static str, Vec<String>)> {
    const KEYS: [(&str, TagKind); 3] = [
        ("id", TagKind::Session),
        ("user", TagKind::User),
        ("device", TagKind::Device),
    ];
    let outlines = finished.cx.outlines.iter();
    let connections: Vec<_> = outlines.flat_map(|it| &it.connections).collect();
    let yielded = |kind: TagKind, source: &str| {
        let mut tags = connections.iter().flat_map(|it| &it.tags);
        // A cookie that the server was seen to set is tagged as issued.
        let is_it = |own: &str| own == source || own.strip_prefix("set-") == Some(source);
        tags.any(|tag| tag.kind == kind && is_it(&tag.source))
    };
    let mut idle = Vec::new();
    for (key, kind) in KEYS {
        // Packs that say anything here say the same.
        let sources = packs.iter().map(|pack| pack.session.sources(kind));
        let sources = sources.max_by_key(|sources| sources.len());
        let sources: Vec<_> = sources
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect();
        let any = sources.iter().any(|source| yielded(kind, source));
        if !sources.is_empty() && !any && !connections.is_empty() {
            idle.push((key, sources));
        }
    }
    idle
}

/// For each event that no message was: the nearest name of those that came from whom it says, else the
/// same name from the other side.
fn meant(packs: &[Pack], finished: &Finished<'_>) -> Vec<Meant> {
    let met = finished.tally.names();
    let mut all = Vec::new();
    for (number, pack) in packs.iter().enumerate() {
        let matched = &finished.tally.matched[number];
        let unmatched = pack.events.iter().zip(matched);
        let unmatched = unmatched.filter(|(event, count)| **count == 0 && event.http.is_none());
        for (event, _) in unmatched {
            let Some(Matcher::AnyOf(wanted)) = &event.name else {
                continue;
            };
            for wanted in wanted {
                if let Literal::Text(wanted) = wanted {
                    all.extend(instead(event, wanted, &met));
                }
            }
        }
    }
    all
}

/// For each event of plain HTTP that no message was, and whose paths the recorder was not asked for: the first of
/// them. Nothing where that is not known of every recording.
fn unrecorded(packs: &[Pack], finished: &Finished<'_>) -> Vec<Unrecorded> {
    let outlines = finished.cx.outlines.iter();
    let recorded: Option<Vec<_>> = outlines.map(|it| it.record_http.as_ref()).collect();
    let Some(recorded) = recorded else {
        return Vec::new();
    };
    let recorded: Vec<_> = recorded.into_iter().flatten().collect();
    let is_recorded = |path: &String| {
        let path = example(path);
        recorded.iter().any(|it| it.matches(path.as_bytes()))
    };
    let names: BTreeSet<_> = recorded.iter().map(ToString::to_string).collect();
    let mut all = Vec::new();
    for (pack, matched) in packs.iter().zip(&finished.tally.matched) {
        for (event, count) in pack.events.iter().zip(matched) {
            let written = paths(event);
            let first = written.first().filter(|_| *count == 0);
            if let Some(first) = first.filter(|_| !written.iter().any(is_recorded)) {
                all.push(Unrecorded {
                    event: event.id.clone(),
                    path: first.clone(),
                    recorded: names.iter().cloned().collect(),
                });
            }
        }
    }
    all
}

/// The paths of which an event is, as they are written, where that says which they are.
fn paths(event: &EventDef) -> Vec<String> {
    let Some(http) = &event.http else {
        return Vec::new();
    };
    match (&http.path, &event.name) {
        (Some(path), _) => path.written.clone(),
        (None, Some(Matcher::AnyOf(names))) => {
            let path = |name: &Literal| match name {
                Literal::Text(name) => Some(name.split_once(' ')?.1.to_owned()),
                Literal::Number(_) | Literal::Bool(_) => None,
            };
            names.iter().filter_map(path).collect()
        }
        (None, _) => Vec::new(),
    }
}

fn instead(
    event: &EventDef,
    wanted: &str,
    met: &BTreeMap<(Direction, String), u64>,
) -> Option<Meant> {
    let from = |from: Direction| event.from.is_none_or(|wanted| wanted == from);
    let own = met.keys().filter(|(direction, _)| from(*direction));
    let near = nearest(wanted, own.map(|(_, name)| name.as_str()));
    let ((direction, name), count) = met.iter().find(|((direction, name), _)| match near {
        Some(near) if near != wanted => from(*direction) && name == near,
        // It came, and had not what the event asks for besides.
        Some(_) => false,
        None => name == wanted,
    })?;
    Some(Meant {
        event: event.id.clone(),
        wanted: wanted.to_owned(),
        met: name.clone(),
        from: *direction,
        count: *count,
    })
}
