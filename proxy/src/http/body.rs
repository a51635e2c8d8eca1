//! Where a body ends (RFC 9112, section 6).

use thiserror::Error;

/// How the length of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a count of bytes; 0 where there is no body.
    Length(u64),
    /// By chunks, the last one of which is empty.
    Chunked,
    /// By the end of the connection; responses only.
    UntilEnd,
}

/// Follows a body through the bytes that carry it, in any chunking.
#[derive(Debug)]
pub(crate) struct BodyScanner {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    UntilEnd,
    Chunk(Chunk),
    Done,
}

/// Where in the chunked coding (RFC 9112, section 7.1) the next byte is:
///
/// ```text
/// 5;ext=1 CR LF h e l l o CR LF 0 CR LF Trailer: x CR LF CR LF
/// |Size  |Lf    |Data     |Cr Lf|Size   |Trailer         |LastLf
/// ```
///
/// A size has no value before its first digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size { value: Option<u64> },
    Extension { value: u64 },
    SizeLf { value: u64 },
    Data { missing: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
}

/// The bytes are no chunked body, so that nobody can say where the next message begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("byte 0x{byte:02x} has no place in a chunked body, where {expected} was due")]
pub(crate) struct NotChunked {
    byte: u8,
    expected: &'static str,
}

impl BodyScanner {
    pub(crate) const fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunk(Chunk::Size { value: None }),
            Framing::UntilEnd => State::UntilEnd,
        };
        Self { state }
    }

    /// Whether the body is complete; one until the connection's end never is.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether the body ends with the connection.
    pub(crate) const fn is_until_end(&self) -> bool {
        matches!(self.state, State::UntilEnd)
    }

    /// How many bytes at the front of `bytes` belong to the body; `data` gets those of them that are
    /// no chunking, piece by piece.
    pub(crate) fn scan(
        &mut self,
        bytes: &[u8],
        mut data: impl FnMut(&[u8]),
    ) -> Result<usize, NotChunked> {
        match &mut self.state {
            State::Done => Ok(0),
            State::UntilEnd => {
                data(bytes);
                Ok(bytes.len())
            }
            State::Length(missing) => {
                let taken = at_most(*missing, bytes.len());
                *missing -= taken as u64;
                if *missing == 0 {
                    self.state = State::Done;
                }
                data(&bytes[..taken]);
                Ok(taken)
            }
            State::Chunk(_) => self.scan_chunks(bytes, data),
        }
    }

    fn scan_chunks(
        &mut self,
        bytes: &[u8],
        mut data: impl FnMut(&[u8]),
    ) -> Result<usize, NotChunked> {
        let mut taken = 0;
        while let State::Chunk(chunk) = self.state
            && taken < bytes.len()
        {
            if let Chunk::Data { missing } = chunk {
                let part = at_most(missing, bytes.len() - taken);
                data(&bytes[taken..taken + part]);
                taken += part;
                let missing = missing - part as u64;
                self.state = State::Chunk(match missing {
                    0 => Chunk::DataCr,
                    missing => Chunk::Data { missing },
                });
            } else {
                self.state = chunk.after(bytes[taken])?;
                taken += 1;
            }
        }
        Ok(taken)
    }
}

impl Chunk {
    /// The state after a byte that is none of a chunk's data.
    ///
    /// A bare LF is refused: who takes it for a line's end and who does not would see different
    /// requests in the same bytes (RFC 9112, section 11.2).
    fn after(self, byte: u8) -> Result<State, NotChunked> {
        let refuse = |expected| Err(NotChunked { byte, expected });
        let next = match self {
            Self::Size { value } => match (byte, char::from(byte).to_digit(16), value) {
                (_, Some(digit), _) => match larger(value.unwrap_or(0), digit) {
                    Some(value) => Self::Size { value: Some(value) },
                    None => return refuse("a chunk's size below 2^60"),
                },
                (b'\r', None, Some(value)) => Self::SizeLf { value },
                (b';' | b' ' | b'\t', None, Some(value)) => Self::Extension { value },
                _ => return refuse("a chunk's size"),
            },
            Self::Extension { value } => match byte {
                b'\r' => Self::SizeLf { value },
                b'\n' => return refuse("a chunk's extension"),
                _ => self,
            },
            Self::SizeLf { value } => match (byte, value) {
                (b'\n', 0) => Self::TrailerStart,
                (b'\n', missing) => Self::Data { missing },
                _ => return refuse("LF"),
            },
            Self::DataCr if byte == b'\r' => Self::DataLf,
            Self::DataCr | Self::Data { .. } => return refuse("CR after a chunk"),
            Self::DataLf if byte == b'\n' => Self::Size { value: None },
            Self::TrailerLf if byte == b'\n' => Self::TrailerStart,
            Self::LastLf if byte == b'\n' => return Ok(State::Done),
            Self::DataLf | Self::TrailerLf | Self::LastLf => return refuse("LF"),
            Self::TrailerStart if byte == b'\r' => Self::LastLf,
            Self::TrailerStart | Self::Trailer => match byte {
                b'\r' => Self::TrailerLf,
                b'\n' => return refuse("a trailer"),
                _ => Self::Trailer,
            },
        };
        Ok(State::Chunk(next))
    }
}

/// A chunk's size with a further digit; `None` from 2^60 on, which is more than any body.
///
/// RFC 9112, section 7.1 has no limit of digits, so leading zeros do not count, and asks for care with
/// overflows: from 2^63 on, what counts in signed numbers sees another size.
fn larger(value: u64, digit: u32) -> Option<u64> {
    (value < 1 << 56).then(|| value * 16 + u64::from(digit))
}

fn at_most(limit: u64, length: usize) -> usize {
    usize::try_from(limit).map_or(length, |limit| limit.min(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] =
        b"5;name=\"v\"\r\nhello\r\n1A \r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n";

    #[test]
    fn chunked_bodies_end_where_they_end_in_any_chunking() {
        let mut bytes = CHUNKED.to_vec();
        bytes.extend_from_slice(b"GET / HTTP/1.1");
        for step in 1..bytes.len() {
            let mut scanner = BodyScanner::new(Framing::Chunked);
            let (mut taken, mut data) = (0, Vec::new());
            for part in bytes.chunks(step) {
                taken += scanner
                    .scan(part, |piece| data.extend_from_slice(piece))
                    .unwrap();
            }
            assert!(scanner.is_done(), "step {step}");
            assert_eq!(taken, CHUNKED.len(), "step {step}");
            assert_eq!(data, b"helloabcdefghijklmnopqrstuvwxyz", "step {step}");
        }
    }

    #[test]
    fn a_size_may_have_any_number_of_leading_zeros() {
        let zeros = "0".repeat(100);
        for bytes in [
            "0000000000000005\r\nhello\r\n0\r\n\r\n".to_owned(),
            format!("{zeros}5\r\nhello\r\n{zeros}\r\n\r\n"),
        ] {
            let mut scanner = BodyScanner::new(Framing::Chunked);
            let mut data = Vec::new();
            let taken = scanner.scan(bytes.as_bytes(), |piece| data.extend_from_slice(piece));
            assert_eq!(taken, Ok(bytes.len()), "{bytes}");
            assert!(scanner.is_done(), "{bytes}");
            assert_eq!(data, b"hello", "{bytes}");
        }
    }

    #[test]
    fn counted_bodies_leave_what_follows() {
        let mut scanner = BodyScanner::new(Framing::Length(3));
        let mut data = Vec::new();
        let mut scan = |bytes: &[u8]| {
            let taken = scanner.scan(bytes, |piece| data.extend_from_slice(piece));
            (taken.unwrap(), scanner.is_done())
        };
        assert_eq!(scan(b"ab"), (2, false));
        assert_eq!(scan(b"cde"), (1, true));
        assert_eq!(data, b"abc");
        assert!(BodyScanner::new(Framing::Length(0)).is_done());
    }

    #[test]
    fn what_parsers_disagree_about_is_refused() {
        for bytes in [
            &b"5\nhello"[..],
            b"\r\n",
            b"0x5\r\n",
            b"-1\r\n",
            b"1000000000000000\r\n",
            b"10000000000000005\r\n",
            b"00FFFFFFFFFFFFFFFFF\r\n",
            b"1\r\nabc",
            b"5;a\nhello",
            b"0\r\nTrailer: x\n\r\n",
        ] {
            let mut scanner = BodyScanner::new(Framing::Chunked);
            assert!(
                scanner.scan(bytes, |_| {}).is_err(),
                "{}",
                bytes.escape_ascii()
            );
        }
    }
}
