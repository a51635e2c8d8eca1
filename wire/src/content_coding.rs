//! Taking the content coding off an HTTP body (RFC 9110, section 8.4).

use std::io::{ErrorKind, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::{Headers, OutputCap};

/// What is left of a body without its content codings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// All of it.
    Whole(Vec<u8>),
    /// Its first bytes: it is longer than the cap, or what was given is only its beginning.
    Cut(Vec<u8>),
    /// It could not be decoded.
    Failed(CodingError),
}

/// Why a body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// The coding is none that is known here.
    #[error("content coding `{0}` is not known; gzip and deflate are")]
    Unknown(String),
    /// The bytes are none of that coding.
    #[error("its bytes are not {0}")]
    Corrupt(&'static str),
}

/// How much of a body is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// All of it.
    Whole,
    /// Its beginning.
    Beginning,
}

/// The codings that a message's head says were applied, in their order; without `identity`.
pub fn content_codings(headers: &Headers) -> Vec<String> {
    headers
        .elements("Content-Encoding")
        .map(|coding| String::from_utf8_lossy(coding.value).to_ascii_lowercase())
        .filter(|coding| coding != "identity")
        .collect()
}

/// Takes `codings` off `body`, the last one first; at most `cap` bytes are made of it at any step.
pub fn decode_content(codings: &[String], body: &[u8], given: Given, cap: OutputCap) -> Decoded {
    let (mut bytes, mut given) = (body.to_vec(), given);
    for coding in codings.iter().rev() {
        let step = match coding.as_str() {
            "gzip" | "x-gzip" => run(MultiGzDecoder::new(&bytes[..]), cap),
            // RFC 9110, section 8.4.1.2: "deflate" is zlib's format; some send DEFLATE without it.
            "deflate" if is_zlib(&bytes) => run(ZlibDecoder::new(&bytes[..]), cap),
            "deflate" => run(DeflateDecoder::new(&bytes[..]), cap),
            unknown => return Decoded::Failed(CodingError::Unknown(unknown.to_owned())),
        };
        let named = if coding == "deflate" {
            "deflate"
        } else {
            "gzip"
        };
        given = match (step.end, given) {
            // An empty body is one without any coding: a HEAD's, or of a 304.
            (End::CutOff, Given::Whole) if bytes.is_empty() => Given::Whole,
            (End::Whole, Given::Whole) => Given::Whole,
            (End::Whole | End::CutOff, Given::Beginning) | (End::Cap, _) => Given::Beginning,
            (End::CutOff, Given::Whole) | (End::Corrupt, _) => {
                return Decoded::Failed(CodingError::Corrupt(named));
            }
        };
        bytes = step.bytes;
    }
    match given {
        Given::Whole => Decoded::Whole(bytes),
        Given::Beginning => Decoded::Cut(bytes),
    }
}

/// One coding, taken off.
struct Step {
    bytes: Vec<u8>,
    end: End,
}

/// Why no more came out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// The input ended too early.
    CutOff,
    /// The cap was reached.
    Cap,
    Corrupt,
}

fn run(mut decoder: impl Read, OutputCap(cap): OutputCap) -> Step {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8 * 1024];
    let end = loop {
        match decoder.read(&mut buffer) {
            Ok(0) => break End::Whole,
            Ok(count) if bytes.len() + count > cap => {
                bytes.extend_from_slice(&buffer[..cap - bytes.len()]);
                break End::Cap;
            }
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break End::CutOff,
            Err(_) => break End::Corrupt,
        }
    };
    Step { bytes, end }
}

/// Whether bytes begin as zlib's format does (RFC 1950, section 2.2).
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [method, flags, ..] => {
            method & 0x0F == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;
    use crate::ResponseHead;

    const BODY: &[u8] = b"{\"id\":\"thr_1\",\"again\":\"thr_1 thr_1 thr_1\"}";
    const CAP: OutputCap = OutputCap(1_000);

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decode(codings: &[&str], body: &[u8], given: Given, cap: OutputCap) -> Decoded {
        let codings: Vec<_> = codings.iter().map(|coding| (*coding).to_owned()).collect();
        decode_content(&codings, body, given, cap)
    }

    #[test]
    fn known_codings_come_off_in_their_order() {
        let whole = |codings: &[&str], body: &[u8]| {
            assert_eq!(
                decode(codings, body, Given::Whole, CAP),
                Decoded::Whole(BODY.into()),
                "{codings:?}"
            );
        };
        whole(&[], BODY);
        whole(&["gzip"], &gzip(BODY));
        whole(&["x-gzip"], &gzip(BODY));
        whole(&["deflate"], &zlib(BODY));
        whole(&["deflate"], &raw(BODY));
        whole(&["deflate", "gzip"], &gzip(&zlib(BODY)));
        let (first, second) = BODY.split_at(7);
        whole(&["gzip"], &[gzip(first), gzip(second)].concat());
        assert_eq!(
            decode(&["gzip"], b"", Given::Whole, CAP),
            Decoded::Whole(Vec::new())
        );
    }

    #[test]
    fn a_beginning_gives_a_beginning_and_a_bomb_no_more_than_the_cap() {
        let bytes = gzip(&vec![b'x'; 100_000]);
        assert_eq!(
            decode(&["gzip"], &bytes, Given::Whole, CAP),
            Decoded::Cut(vec![b'x'; 1_000])
        );
        let half = &gzip(BODY)[..30];
        let Decoded::Cut(beginning) = decode(&["gzip"], half, Given::Beginning, CAP) else {
            panic!("a beginning is no whole");
        };
        assert!(BODY.starts_with(&beginning));
        assert_eq!(
            decode(&["gzip"], half, Given::Whole, CAP),
            Decoded::Failed(CodingError::Corrupt("gzip"))
        );
    }

    #[test]
    fn what_is_not_known_or_not_what_it_says_is_told() {
        let said = |codings: &[&str], body: &[u8]| match decode(codings, body, Given::Whole, CAP) {
            Decoded::Failed(error) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            said(&["br"], b"x"),
            "content coding `br` is not known; gzip and deflate are"
        );
        assert_eq!(said(&["gzip"], b"{\"id\":1}"), "its bytes are not gzip");
        assert_eq!(said(&["deflate"], b"\xFF\xFF"), "its bytes are not deflate");
    }

    #[test]
    fn the_head_says_which() {
        let head = ResponseHead::parse(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: Identity, GZip\r\ncontent-encoding: br\r\n\r\n",
        )
        .unwrap();
        assert_eq!(content_codings(head.headers()), ["gzip", "br"]);
    }
}
