//! graphql-transport-ws: the client gives each operation an `id` of its own choice, for one socket.
//! <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>

use super::members::{id, members, string};
use super::said::{Acts, Lasts, Space, What};

/// Whether a message tells this framing from the older one: how an operation begins.
pub(super) fn is_one(text: &str) -> bool {
    begins_with(text, "subscribe")
}

pub(super) fn begins_with(text: &str, word: &str) -> bool {
    let begin = || {
        let [kind, operation, payload] = members(text, ["type", "id", "payload"])?;
        id(operation?)?;
        let [query] = members(payload?.get(), ["query"])?;
        query?;
        Some(string(kind?)? == word)
    };
    begin().unwrap_or(false)
}

pub(super) fn read(text: &str, acts: &mut Acts<'_>) {
    let Some([Some(kind), Some(operation)]) = members(text, ["type", "id"]) else {
        return;
    };
    let (Some(kind), Some(operation)) = (string(kind), id(operation)) else {
        return;
    };
    let (what, called) = match (acts.by_client(), &*kind) {
        (true, "subscribe") => (What::Ask(Lasts::UntilItsEnd), "subscribe"),
        (true, "complete") => (What::Cancel, "complete"),
        (false, "next") => (What::Item, "next"),
        // Nothing follows an error, no `complete` either.
        (false, "error") => (What::Final, "error"),
        (false, "complete") => (What::Final, "complete"),
        _ => return,
    };
    acts.add(what, Space::Subscription, operation, called);
}
