//! The heads of an opening handshake as the bytes that they were (RFC 6455, section 4; RFC 9112).

mod headers;
mod request;
mod response;
mod target;

pub use headers::{Header, Headers};
pub use request::{Cookie, QueryPair, RequestHead};
pub use response::ResponseHead;
pub use target::percent_decode;

/// What is wrong with a head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It does not end within the limit.
    #[error("the head does not end within {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// It has no empty line at its end.
    #[error("the head ends after {length} bytes without an empty line")]
    Incomplete {
        /// How many bytes there are.
        length: usize,
    },
    /// A line does not parse.
    #[error("line {line} of the head is malformed: {why}")]
    Malformed {
        /// The number of the line; the first one is 1.
        line: usize,
        /// What the parser says of it.
        why: httparse::Error,
    },
}

/// Finds the end of a head in a buffer that grows.
///
/// A head ends with its first empty line; empty lines before the first line do not count (RFC 9112,
/// section 2.2). It looks at each byte once.
#[derive(Debug, Clone)]
pub struct HeadEnd {
    limit: usize,
    /// How many bytes were looked at.
    looked_at: usize,
    line: Line,
    start: Start,
}

/// What the current line holds so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Empty,
    CarriageReturn,
    Text,
}

/// Whether the head's first line was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Awaited,
    Seen,
}

impl HeadEnd {
    /// A search that gives up beyond `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            looked_at: 0,
            line: Line::Empty,
            start: Start::Awaited,
        }
    }

    /// Looks for the end of the head at the front of `buffer`, which holds what it held before and
    /// maybe more. Gives the head's length in bytes, its empty line included, or `None` where more
    /// bytes are needed.
    pub fn find(&mut self, buffer: &[u8]) -> Result<Option<usize>, HeadError> {
        let limit = self.limit;
        while self.looked_at < buffer.len().min(limit) {
            let byte = buffer[self.looked_at];
            self.looked_at += 1;
            match (byte, self.line) {
                (b'\n', Line::Empty | Line::CarriageReturn) => {
                    self.line = Line::Empty;
                    if self.start == Start::Seen {
                        return Ok(Some(self.looked_at));
                    }
                }
                (b'\n', Line::Text) => self.line = Line::Empty,
                (b'\r', Line::Empty) => self.line = Line::CarriageReturn,
                _ => {
                    self.line = Line::Text;
                    self.start = Start::Seen;
                }
            }
        }
        if self.looked_at >= limit {
            return Err(HeadError::TooLong { limit });
        }
        Ok(None)
    }
}

/// The number of the first malformed line, where `refuses` tells whether the parser refuses a prefix.
///
/// The parser reads from the front: a prefix that it refuses makes it refuse every longer one.
fn first_malformed_line(raw: &[u8], refuses: impl Fn(&[u8]) -> bool) -> usize {
    let mut line_ends: Vec<usize> = raw
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(i, _)| i + 1)
        .collect();
    if line_ends.last() != Some(&raw.len()) {
        line_ends.push(raw.len());
    }
    let accepted = line_ends.partition_point(|end| !refuses(&raw[..*end]));
    (accepted + 1).min(line_ends.len())
}

/// How many header fields are looked for at first; a head with more is parsed once more.
const USUAL_FIELDS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HeadEnd, HeadError};

    #[test]
    fn the_end_is_the_first_empty_line_after_the_first_line() {
        for (buffer, end) in [
            (&b"GET / HTTP/1.1\r\n\r\n\x81"[..], 18),
            (b"GET / HTTP/1.1\n\nrest", 16),
            (b"\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n", 28),
        ] {
            assert_eq!(HeadEnd::new(100).find(buffer), Ok(Some(end)));
        }
        assert_eq!(HeadEnd::new(100).find(b"GET / HTTP/1.1\r\n\r"), Ok(None));
        assert_eq!(HeadEnd::new(100).find(b"A\n\rB\n"), Ok(None));
    }

    #[test]
    fn the_limit_is_the_longest_head_that_is_accepted() {
        let head = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(HeadEnd::new(head.len()).find(head), Ok(Some(head.len())));
        let limit = head.len() - 1;
        assert_eq!(
            HeadEnd::new(limit).find(head),
            Err(HeadError::TooLong { limit })
        );
    }

    proptest! {
        #[test]
        fn a_growing_buffer_gives_what_the_whole_gives(
            buffer in prop::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'a')], 0..24),
        ) {
            let whole = HeadEnd::new(100).find(&buffer);
            let mut search = HeadEnd::new(100);
            let mut grown = Ok(None);
            for end in 0..=buffer.len() {
                grown = search.find(&buffer[..end]);
                if grown != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(grown, whole);
        }
    }
}
