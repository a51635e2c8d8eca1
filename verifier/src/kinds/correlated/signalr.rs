//! SignalR's JSON hub protocol: records that end in 0x1E; `invocationId` ties what the server sends to
//! the client's invocation. <https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md>
//!
//! What clients complete (results that the server asked for, streams that they upload) is not judged.

use super::members::{id, members, string};
use super::said::{Acts, Lasts, Space, Understood, What};

const RECORD_SEPARATOR: char = '\u{1e}';

/// From this version of the handshake on, a connection may be resumed: messages are repeated, and
/// answer what was asked on an earlier connection.
const RESUMABLE: u32 = 2;

/// The handshake that a client begins with; `None`: the message is something else.
pub(super) fn handshake(text: &str) -> Option<Protocol> {
    let (record, _) = text.split_once(RECORD_SEPARATOR)?;
    let [protocol, version] = members(record, ["protocol", "version"])?;
    version?;
    Some(match &*string(protocol?)? {
        "json" => Protocol::Json,
        _ => Protocol::Other,
    })
}

/// How a hub's messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Json,
    /// MessagePack, or something newer.
    Other,
}

pub(super) fn read(text: &str, acts: &mut Acts<'_>) -> Understood {
    let mut understood = Understood::Yes;
    for record in text.split_terminator(RECORD_SEPARATOR) {
        let wanted = ["type", "invocationId", "protocol", "version"];
        let Some([kind, invocation, protocol, version]) = members(record, wanted) else {
            continue;
        };
        if protocol.is_some() {
            let version = version.and_then(|version| version.get().parse().ok());
            if version.unwrap_or(RESUMABLE) >= RESUMABLE {
                understood = Understood::GoesOn;
            }
            continue;
        }
        let (Some(kind), Some(invocation)) = (kind, invocation.and_then(id)) else {
            continue;
        };
        let (what, called) = match (acts.by_client(), kind.get()) {
            (true, "1") => (What::Ask(Lasts::ForOneReply), "Invocation"),
            (true, "4") => (What::Ask(Lasts::UntilItsEnd), "StreamInvocation"),
            (true, "5") => (What::Cancel, "CancelInvocation"),
            (false, "2") => (What::Item, "StreamItem"),
            (false, "3") => (What::Final, "Completion"),
            _ => continue,
        };
        acts.add(what, Space::Request, invocation, called);
    }
    understood
}
