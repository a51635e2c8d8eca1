//! Connections that no rule of a pack looks at, because its `[scope]` is about others.

use std::collections::BTreeSet;

use crate::engine::state::{ConnectionIx, Cx, Holder};
use crate::finding::{Note, Place};
use crate::rules::Pack;

/// The accepted ones; `is_about`: by connection, whether the pack is.
pub(super) fn outside(cx: &Cx<'_>, is_about: &[bool]) -> BTreeSet<ConnectionIx> {
    let all = cx.connections().zip(is_about);
    let outside = all.filter(|((_, state), is_about)| {
        !**is_about && state.info.http.is_none() && state.info.accepted()
    });
    outside.map(|((connection, _), _)| connection).collect()
}

/// How many they are, and the first one: a verdict says nothing of them.
pub(super) fn note(cx: &Cx<'_>, pack: &Pack, outside: &BTreeSet<ConnectionIx>) -> Option<Note> {
    let first = *outside.first()?;
    let state = cx.connection(first);
    let sockets = cx.connections();
    let sockets = sockets.filter(|(_, state)| state.info.http.is_none() && state.info.accepted());
    let (all, which) = (sockets.count(), cx.describe_connection(first));
    let outside = match outside.len() {
        1 => format!("{which} (`{}`) is", state.path),
        several => format!(
            "{several} of {all} connections, {which} (`{}`) is the first, are",
            state.path
        ),
    };
    Some(Note {
        message: format!(
            "{outside} outside the [scope] of pack {}, whose rules say nothing of what was sent there",
            pack.name
        ),
        place: Place {
            recording: state.recording,
            seq: state.info.opened.seq,
        },
        subject: cx.subject(Holder::Connection(first)),
    })
}
