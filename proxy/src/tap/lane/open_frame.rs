//! A frame whose payload is on its way, and what is kept of it meanwhile.

use wsaudit_recording::{ChunksId, FrameChunk, Nanos, Payload};
use wsaudit_wire::{FrameHeader, append_unmasked};

use super::Seen;

/// A frame of which the header was read, and not yet the end.
pub(super) struct OpenFrame {
    pub(super) header: FrameHeader,
    /// How many bytes of its payload are recorded.
    keep: u64,
    pub(super) first_at: Nanos,
    pub(super) received: u64,
    /// The payload, or that part of it which is in no chunk yet.
    pub(super) payload: Vec<u8>,
    chunks: Option<Chunks>,
    pub(super) complete: Complete,
    /// What is recorded in its place.
    pub(super) replaced: Option<Payload>,
}

struct Chunks {
    id: ChunksId,
    next: u64,
}

/// Whether all chunks of a frame were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tap) enum Complete {
    Yes,
    /// At least one fell into a gap.
    No,
}

impl OpenFrame {
    /// A frame of which nothing but the header was read. `chunks`: its payload is recorded in these;
    /// `None`: in one row.
    pub(super) fn new(
        header: FrameHeader,
        keep: u64,
        first_at: Nanos,
        chunks: Option<ChunksId>,
    ) -> Self {
        Self {
            header,
            keep,
            first_at,
            received: 0,
            payload: Vec::new(),
            chunks: chunks.map(|id| Chunks { id, next: 0 }),
            complete: Complete::Yes,
            replaced: None,
        }
    }

    /// Whether its payload is recorded in chunks.
    pub(super) const fn is_in_chunks(&self) -> bool {
        self.chunks.is_some()
    }

    /// A chunk was lost; whose it was, `id` says.
    pub(super) fn lose(&mut self, id: ChunksId) {
        if self.chunks.as_ref().is_some_and(|chunks| chunks.id == id) {
            self.complete = Complete::No;
        }
    }

    /// Appends masked bytes of the payload; gives where they begin in `payload`.
    pub(super) fn append(&mut self, masked: &[u8]) -> usize {
        if self.payload.is_empty() {
            // Exactly the payload, where it comes in one piece: most do.
            self.payload.reserve_exact(masked.len());
        }
        let start = self.payload.len();
        let key = self.header.masking_key;
        append_unmasked(key, self.received, masked, &mut self.payload);
        self.received += masked.len() as u64;
        start
    }

    /// Whether more has come than is recorded.
    pub(super) const fn is_cut(&self) -> bool {
        self.received > self.keep
    }

    /// Forgets what came after `keep` bytes of the payload; bytes before `start` stay.
    pub(super) fn cut(&mut self, start: usize) {
        let over = self.received.saturating_sub(self.keep);
        let new = self.payload.len() - start;
        let over = usize::try_from(over).map_or(new, |over| over.min(new));
        self.payload.truncate(start + new - over);
    }

    /// What has been collected, as a chunk; `None` for a payload that is kept whole.
    pub(super) fn take_chunk(&mut self) -> Option<Seen> {
        let chunks = self.chunks.as_mut()?;
        let index = chunks.next;
        chunks.next += 1;
        let bytes = std::mem::take(&mut self.payload);
        Some(Seen::Chunk(FrameChunk {
            chunks: chunks.id,
            index,
            bytes,
        }))
    }

    /// The last chunk, if there is something in it.
    pub(super) fn take_rest(&mut self) -> Option<Seen> {
        if self.payload.is_empty() {
            None
        } else {
            self.take_chunk()
        }
    }

    pub(super) fn payload_record(&mut self) -> Payload {
        if let Some(replaced) = self.replaced.take() {
            return replaced;
        }
        match &self.chunks {
            Some(chunks) => Payload::Chunked(chunks.id),
            None => Payload::Whole(std::mem::take(&mut self.payload)),
        }
    }
}
