//! graphql-ws, the older framing of subscriptions-transport-ws.
//! <https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md>

use super::graphql_transport_ws::begins_with;
use super::members::{id, members, string};
use super::said::{Acts, Lasts, Space, What};

/// Whether a message tells this framing from the newer one: how an operation begins.
pub(super) fn is_one(text: &str) -> bool {
    begins_with(text, "start")
}

pub(super) fn read(text: &str, acts: &mut Acts<'_>) {
    let Some([Some(kind), Some(operation)]) = members(text, ["type", "id"]) else {
        return;
    };
    let (Some(kind), Some(operation)) = (string(kind), id(operation)) else {
        return;
    };
    let (what, called) = match (acts.by_client(), &*kind) {
        (true, "start") => (What::Ask(Lasts::UntilItsEnd), "start"),
        (true, "stop") => (What::Cancel, "stop"),
        (false, "data") => (What::Item, "data"),
        // Some servers send `complete` after it, some do not.
        (false, "error") => (What::Item, "error"),
        (false, "complete") => (What::Final, "complete"),
        _ => return,
    };
    acts.add(what, Space::Subscription, operation, called);
}
