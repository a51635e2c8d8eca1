//! JSON-RPC 2.0: `id` ties a response to its request; both sides may ask. <https://www.jsonrpc.org/specification>

use super::members::{elements, id, members, string};
use super::said::{Acts, Lasts, Space, What};

/// Whether a message is one of this framing.
pub(super) fn is_one(text: &str) -> bool {
    let mut acts = Vec::new();
    read_counting(
        text,
        &mut Acts::new(wsaudit_wire::Direction::ClientToServer, &mut acts),
    ) > 0
}

pub(super) fn read(text: &str, acts: &mut Acts<'_>) {
    read_counting(text, acts);
}

/// Reads a message or a batch; returns how many objects of this framing there are in it.
fn read_counting(text: &str, acts: &mut Acts<'_>) -> usize {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => usize::from(one(text, acts).is_some()),
        // A batch: answers come in any order, and in any number of batches.
        Some(b'[') => {
            let batch = elements(text).unwrap_or_default();
            let read = batch.iter().filter_map(|object| one(object.get(), acts));
            read.count()
        }
        Some(_) | None => 0,
    }
}

fn one(text: &str, acts: &mut Acts<'_>) -> Option<()> {
    let [version, method, number, result, error] =
        members(text, ["jsonrpc", "method", "id", "result", "error"])?;
    if string(version?)? != "2.0" {
        return None;
    }
    // Without an id it is a notification; with null it answers a request that could not be read.
    let Some(number) = number.and_then(id) else {
        return Some(());
    };
    match (method, result, error) {
        (Some(_), ..) => acts.add(
            What::Ask(Lasts::ForOneReply),
            Space::Request,
            number,
            "request",
        ),
        (None, _, Some(_)) => acts.add(What::Final, Space::Request, number, "error"),
        (None, Some(_), None) => acts.add(What::Final, Space::Request, number, "result"),
        (None, None, None) => {}
    }
    Some(())
}
