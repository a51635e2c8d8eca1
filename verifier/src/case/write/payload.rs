//! Payloads as a case writes them.

use std::fmt::Write as _;

use serde::de::IgnoredAny;
use wsaudit_wire::Opcode;

use super::Unwritable;
use crate::history::MemoryMessage;

/// A message or control frame, so that reading gives the same bytes.
pub(super) fn write(message: &MemoryMessage) -> Result<String, Unwritable> {
    let payload = &message.payload;
    let unwritable = |why| Unwritable::Message {
        seq: message.moment.seq,
        why,
    };
    match message.opcode {
        Opcode::TEXT => {
            let text = std::str::from_utf8(payload).map_err(|_| unwritable("it is no UTF-8"))?;
            if is_json_on_one_line(text) {
                return Ok(text.to_owned());
            }
            Ok(quoted(text))
        }
        Opcode::BINARY => Ok(format!("hex:{}", hex(payload))),
        Opcode::PING => Ok(format!("ping {}", hex(payload)).trim_end().to_owned()),
        Opcode::PONG => Ok(format!("pong {}", hex(payload)).trim_end().to_owned()),
        _ => Err(unwritable("its opcode is reserved")),
    }
}

/// A body over HTTP. As JSON, it would say of itself that it is; `says` is whether a header says what it is.
pub(super) fn body(message: &MemoryMessage, says: bool) -> Result<String, Unwritable> {
    match (message.opcode, std::str::from_utf8(&message.payload)) {
        (Opcode::TEXT, Ok(text)) if !says => Ok(quoted(text)),
        _ => write(message),
    }
}

/// A text in JSON's notation for strings.
fn quoted(text: &str) -> String {
    format!("text {}", serde_json::Value::from(text))
}

/// `1000 bye`, of a close frame; `None`: it says something that a case cannot.
pub(super) fn close(message: &MemoryMessage) -> Option<String> {
    let Some((code, reason)) = message.payload.split_first_chunk() else {
        return message.payload.is_empty().then(String::new);
    };
    let reason = std::str::from_utf8(reason).ok()?;
    let is_plain =
        reason.trim() == reason && !reason.contains(char::is_control) && !reason.contains("#!");
    is_plain.then(|| {
        format!("{} {reason}", u16::from_be_bytes(*code))
            .trim_end()
            .to_owned()
    })
}

fn is_json_on_one_line(text: &str) -> bool {
    // White space around a value would not be read back; a word that is no JSON could be one of ours.
    !text.contains(char::is_control)
        && text.trim() == text
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
