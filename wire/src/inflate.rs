//! Inflating the messages of one direction (RFC 7692, section 7.2.2).

use flate2::{Decompress, FlushDecompress, Status};

use crate::ContextTakeover;

/// What a sender takes off the end of each compressed message (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// How many bytes are inflated at a time.
const SCRATCH: usize = 8 * 1024;

/// The inflater of one direction, with the window that its messages share.
///
/// Its window is of 15 bits, which inflates what was deflated with any smaller one.
pub(crate) struct Inflater {
    raw: Decompress,
    scratch: Box<[u8]>,
    /// The last four bytes of the message so far; how many there were, and how many they gave.
    last: [u8; 4],
    compressed: u64,
    inflated: u64,
    stream: Stream,
}

/// Where the inflater stands in the stream of DEFLATE blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// A further block may follow.
    Open,
    /// A block with BFINAL was read; what follows is a stream of its own.
    Ended,
}

/// Why a message could not be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt {
    /// How many bytes of the message were inflated before.
    pub(crate) after: u64,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self {
            raw: Decompress::new(false),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            last: [0; 4],
            compressed: 0,
            inflated: 0,
            stream: Stream::Open,
        }
    }

    /// Inflates the next bytes of a message; `sink` gets what comes out, piece by piece.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), Corrupt> {
        for byte in bytes.last_chunk::<4>().map_or(bytes, |last| &last[..]) {
            self.last.rotate_left(1);
            self.last[3] = *byte;
        }
        self.run(bytes, sink)?;
        self.compressed += bytes.len() as u64;
        Ok(())
    }

    /// Ends a message.
    pub(crate) fn end_message(
        &mut self,
        takeover: ContextTakeover,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<(), Corrupt> {
        // The tail is given back to the inflater, as section 7.2.2 asks for. Not where it would begin
        // in the middle of nowhere: after no bytes at all, after a block with BFINAL that nothing
        // follows, or where the sender forgot to take it off (no message ends so once it is off: its
        // last byte holds the first bits of an empty block, and zeros).
        let tail_is_missing =
            self.compressed > 0 && self.stream == Stream::Open && self.last != TAIL;
        if tail_is_missing {
            self.run(&TAIL, sink)?;
        }
        match takeover {
            ContextTakeover::Kept => self.begin_message(),
            ContextTakeover::Reset => self.reset(),
        }
        Ok(())
    }

    /// Forgets everything, window included.
    pub(crate) fn reset(&mut self) {
        self.raw.reset(false);
        self.stream = Stream::Open;
        self.begin_message();
    }

    fn begin_message(&mut self) {
        self.last = [0; 4];
        self.compressed = 0;
        self.inflated = 0;
    }

    /// Whatever the chunks in which a message comes, the sink gets the same bytes, also those before
    /// the place where it is corrupt.
    fn run(&mut self, mut input: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Corrupt> {
        loop {
            if self.stream == Stream::Ended && !input.is_empty() {
                // RFC 7692, section 7.2.3.4: blocks may follow one with BFINAL. zlib's deflate
                // begins with an empty window then, and so do the peers' inflaters.
                self.raw.reset(false);
                self.stream = Stream::Open;
            }
            let (in_before, out_before) = (self.raw.total_in(), self.raw.total_out());
            let status = self
                .raw
                .decompress(input, &mut self.scratch, FlushDecompress::Sync);
            let taken = within(self.raw.total_in() - in_before, input.len());
            let given = within(self.raw.total_out() - out_before, self.scratch.len());
            input = &input[taken..];
            self.inflated += given as u64;
            if given > 0 {
                sink(&self.scratch[..given]);
            }
            let room_is_left = given < self.scratch.len();
            match status {
                Err(_) => return Err(self.corrupt()),
                Ok(Status::StreamEnd) => {
                    self.stream = Stream::Ended;
                    if input.is_empty() {
                        return Ok(());
                    }
                }
                Ok(Status::Ok | Status::BufError) if room_is_left => {
                    if input.is_empty() {
                        return Ok(());
                    }
                    if taken == 0 {
                        // There is room and input, and it takes neither.
                        return Err(self.corrupt());
                    }
                }
                Ok(Status::Ok | Status::BufError) => {}
            }
        }
    }

    const fn corrupt(&self) -> Corrupt {
        Corrupt {
            after: self.inflated,
        }
    }
}

/// The count of bytes of a buffer of that length.
fn within(count: u64, length: usize) -> usize {
    usize::try_from(count).map_or(length, |count| count.min(length))
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater")
            .field("compressed", &self.compressed)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Inflater;
    use crate::ContextTakeover::{self, Kept, Reset};

    fn message(
        inflater: &mut Inflater,
        bytes: &[u8],
        takeover: ContextTakeover,
    ) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut sink = |piece: &[u8]| out.extend_from_slice(piece);
        inflater.push(bytes, &mut sink).ok()?;
        inflater.end_message(takeover, &mut sink).ok()?;
        Some(out)
    }

    /// A message that is inflated to `Hello`.
    #[track_caller]
    fn is_hello(inflater: &mut Inflater, bytes: &[u8], takeover: ContextTakeover) {
        let got = message(inflater, bytes, takeover);
        assert_eq!(got.as_deref(), Some(&b"Hello"[..]));
    }

    const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

    /// The examples of RFC 7692, section 7.2.3, one after the other in one window.
    #[test]
    fn the_examples_of_the_rfc() {
        let mut inflater = Inflater::new();
        is_hello(&mut inflater, &HELLO, Kept);
        // 7.2.3.2: the same again, out of the window.
        let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
        is_hello(&mut inflater, &shared, Kept);
        // 7.2.3.3: a block without compression.
        let stored = [
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ];
        is_hello(&mut inflater, &stored, Kept);
        // 7.2.3.5: two blocks in one message.
        let two = [
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ];
        is_hello(&mut inflater, &two, Kept);
        // 7.2.3.4: a block with BFINAL, and a message after it.
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        is_hello(&mut inflater, &last, Kept);
        is_hello(&mut inflater, &HELLO, Kept);
        // 7.2.3.6: an empty message.
        assert_eq!(message(&mut inflater, &[0x00], Kept), Some(Vec::new()));
        is_hello(&mut inflater, &HELLO, Kept);
    }

    #[test]
    fn a_message_of_no_bytes_leaves_the_stream_intact() {
        let mut inflater = Inflater::new();
        assert_eq!(message(&mut inflater, &[], Kept), Some(Vec::new()));
        is_hello(&mut inflater, &HELLO, Kept);
    }

    #[test]
    fn a_block_with_bfinal_and_nothing_after_it() {
        let mut inflater = Inflater::new();
        let bare = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        is_hello(&mut inflater, &bare, Kept);
        is_hello(&mut inflater, &HELLO, Kept);
    }

    #[test]
    fn a_tail_that_the_sender_left_is_not_doubled() {
        let mut inflater = Inflater::new();
        let untrimmed = [&HELLO[..], &super::TAIL[..]].concat();
        is_hello(&mut inflater, &untrimmed, Kept);
        is_hello(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00], Kept);
    }

    #[test]
    fn without_takeover_the_window_is_forgotten() {
        let mut inflater = Inflater::new();
        let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
        is_hello(&mut inflater, &HELLO, Reset);
        assert_eq!(message(&mut inflater, &shared, Reset), None);
    }
}
