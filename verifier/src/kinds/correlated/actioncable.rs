//! Action Cable: a subscription is known by its `identifier`, which the server repeats as it was sent.
//! <https://docs.anycable.io/misc/action_cable_protocol>

use super::members::{members, string};
use super::said::{Acts, Lasts, Space, What};

/// Whether a client's message begins a subscription.
pub(super) fn is_one(text: &str) -> bool {
    let command = || {
        let [command, identifier] = members(text, ["command", "identifier"])?;
        string(identifier?)?;
        Some(string(command?)? == "subscribe")
    };
    command().unwrap_or(false)
}

pub(super) fn read(text: &str, acts: &mut Acts<'_>) {
    let wanted = ["identifier", "command", "type", "message"];
    let Some([Some(identifier), command, kind, message]) = members(text, wanted) else {
        return;
    };
    let Some(identifier) = string(identifier) else {
        return;
    };
    let command = command.and_then(string);
    let kind = kind.and_then(string);
    let (what, called) = match (acts.by_client(), command.as_deref(), kind.as_deref()) {
        (true, Some("subscribe"), _) => (What::Ask(Lasts::UntilItsEnd), "subscribe"),
        (true, Some("unsubscribe"), _) => (What::Cancel, "unsubscribe"),
        (false, _, Some("reject_subscription")) => (What::Final, "reject_subscription"),
        (false, _, Some("confirm_subscription")) => (What::Item, "confirm_subscription"),
        (false, _, None) if message.is_some() => (What::Item, "message"),
        _ => return,
    };
    acts.add(what, Space::Subscription, identifier, called);
}
