//! The bytes of a message that are kept, up to a cap.

use super::Content;

/// How many bytes of one joined or inflated message are kept; the rest is counted and discarded.
///
/// The default is 64 MiB. RFC 6455 sets no limit; a compressed message of 64 KiB may inflate to 64 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutputCap(pub usize);

impl Default for OutputCap {
    fn default() -> Self {
        Self(64 * 1024 * 1024)
    }
}

/// The first bytes of a message, and its whole length.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    full_length: u64,
    cap: OutputCap,
}

impl Kept {
    pub(super) fn new(cap: OutputCap) -> Self {
        Self {
            bytes: Vec::new(),
            full_length: 0,
            cap,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let room = self.cap.0 - self.bytes.len();
        self.bytes
            .extend_from_slice(&piece[..piece.len().min(room)]);
        self.full_length += piece.len() as u64;
    }

    pub(super) fn into_content(self) -> Content {
        if self.bytes.len() as u64 == self.full_length {
            Content::Joined(self.bytes)
        } else {
            Content::Truncated {
                kept: self.bytes,
                full_length: self.full_length,
            }
        }
    }
}
