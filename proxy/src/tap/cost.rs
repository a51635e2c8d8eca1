//! What records take in the writer's queue, in bytes.

use wsaudit_recording::{MessageContent, Payload};

/// What a row takes besides its bytes; an estimate, so that a flood of empty frames is bounded too.
pub(super) const ROW: u64 = 256;

/// The bytes that a payload takes in the queue.
pub(super) fn payload(payload: &Payload) -> u64 {
    match payload {
        Payload::Whole(bytes) => bytes.len() as u64,
        Payload::Chunked(_) | Payload::Withheld => 0,
    }
}

/// The bytes that a message takes in the queue.
pub(super) fn content(content: &MessageContent) -> u64 {
    match content {
        MessageContent::Whole(bytes) | MessageContent::Truncated { kept: bytes, .. } => {
            bytes.len() as u64
        }
        MessageContent::Undecodable(why) | MessageContent::Withheld(why) => why.len() as u64,
    }
}
