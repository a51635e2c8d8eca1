//! Compressed messages (RFC 7692): windows, fragments, and what is lost after a corrupt one.

use crate::line::{Line, frame, kinds};
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use wsaudit_wire::{
    AnomalyKind, Content, Direction, Ended, Extensions, Message, Opcode, OutputCap, Undecodable,
};

/// FIN, RSV1, text.
const COMPRESSED_TEXT: u8 = 0xC1;
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const HELLO_AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];
const CORRUPT: [u8; 4] = [0xff, 0xff, 0xff, 0xff];

fn agreed(response: &str) -> Extensions {
    let mut anomalies = Vec::new();
    let extensions = Extensions::from_response([response.as_bytes()], &mut anomalies);
    assert_eq!(anomalies, []);
    extensions
}

fn server(response: &str) -> Line {
    Line::new(Direction::ServerToClient, &agreed(response))
}

fn content(ended: &[Ended]) -> &Content {
    match ended.last() {
        Some(Ended::Message(message)) => &message.content,
        other => panic!("no message but {other:?}"),
    }
}

fn joined(bytes: &[u8]) -> Content {
    Content::Joined(bytes.to_vec())
}

/// Compresses a message as RFC 7692, section 7.2.1 asks for.
fn deflate(compress: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() * 2 + 64);
    let before = compress.total_in();
    compress
        .compress_vec(message, &mut out, FlushCompress::Sync)
        .expect("there is room for twice the message");
    assert_eq!(compress.total_in() - before, message.len() as u64);
    out.strip_suffix(&[0, 0, 0xFF, 0xFF])
        .map_or_else(|| vec![0], <[u8]>::to_vec)
}

#[test]
fn messages_share_a_window() {
    let mut line = server("permessage-deflate");
    let first = line.send(&frame(COMPRESSED_TEXT, &HELLO));
    assert_eq!(content(&first), &joined(b"Hello"));
    let second = line.send(&frame(COMPRESSED_TEXT, &HELLO_AGAIN));
    assert_eq!(content(&second), &joined(b"Hello"));
    assert_eq!(line.anomalies(), []);
}

#[test]
fn uncompressed_messages_do_not_touch_the_window() {
    let mut line = server("permessage-deflate");
    line.send(&frame(COMPRESSED_TEXT, &HELLO));
    let plain = line.send(&frame(0x81, b"plain"));
    assert_eq!(content(&plain), &Content::AsSent);
    let second = line.send(&frame(COMPRESSED_TEXT, &HELLO_AGAIN));
    assert_eq!(content(&second), &joined(b"Hello"));
}

#[test]
fn a_ping_between_two_fragments_of_a_compressed_message() {
    let mut line = server("permessage-deflate");
    let bytes = [
        frame(0x41, &HELLO[..3]),
        frame(0x89, b"not compressed"),
        frame(0x80, &HELLO[3..]),
    ]
    .concat();
    let ended = line.send(&bytes);
    assert_eq!(ended[1], Ended::Control(Opcode::PING));
    assert_eq!(content(&ended), &joined(b"Hello"));
    assert_eq!(line.anomalies(), []);
}

#[test]
fn empty_compressed_messages() {
    let mut line = server("permessage-deflate");
    for payload in [&[0x00][..], &[]] {
        let ended = line.send(&frame(COMPRESSED_TEXT, payload));
        assert_eq!(content(&ended), &joined(b""));
    }
    let after = line.send(&frame(COMPRESSED_TEXT, &HELLO));
    assert_eq!(content(&after), &joined(b"Hello"));
    assert_eq!(line.anomalies(), []);
}

#[test]
fn after_a_corrupt_message_the_compressed_ones_of_its_direction_are_lost() {
    let mut line = server("permessage-deflate");
    line.send(&frame(COMPRESSED_TEXT, &HELLO));
    let corrupt = line.send(&frame(COMPRESSED_TEXT, &CORRUPT));
    assert!(matches!(
        content(&corrupt),
        Content::Undecodable(Undecodable::Corrupt { .. })
    ));
    assert_eq!(kinds(&line.anomalies()), [AnomalyKind::DeflateError]);
    let next = line.send(&frame(COMPRESSED_TEXT, &HELLO));
    assert_eq!(
        content(&next),
        &Content::Undecodable(Undecodable::ContextLost)
    );
    let plain = line.send(&frame(0x81, b"plain"));
    assert_eq!(content(&plain), &Content::AsSent);
    assert_eq!(line.anomalies(), []);
}

#[test]
fn without_takeover_a_corrupt_message_is_lost_alone() {
    let mut line = server("permessage-deflate; server_no_context_takeover");
    line.send(&frame(COMPRESSED_TEXT, &CORRUPT));
    let next = line.send(&frame(COMPRESSED_TEXT, &HELLO));
    assert_eq!(content(&next), &joined(b"Hello"));
    // The window was reset, so nothing can be taken from it.
    let again = line.send(&frame(COMPRESSED_TEXT, &HELLO_AGAIN));
    assert!(matches!(content(&again), Content::Undecodable(_)));
}

#[test]
fn the_client_s_takeover_is_not_the_server_s() {
    let mut line = server("permessage-deflate; client_no_context_takeover");
    line.send(&frame(COMPRESSED_TEXT, &HELLO));
    let again = line.send(&frame(COMPRESSED_TEXT, &HELLO_AGAIN));
    assert_eq!(content(&again), &joined(b"Hello"));
}

#[test]
fn a_compressed_message_that_is_cut_off_loses_the_window() {
    let mut line = server("permessage-deflate");
    line.send(&frame(0x41, &HELLO[..3]));
    let next = line.send(&frame(COMPRESSED_TEXT, &HELLO));
    assert_eq!(
        line.cut_off.pop().map(|message| message.content),
        Some(Content::Undecodable(Undecodable::CutOff))
    );
    assert_eq!(
        content(&next),
        &Content::Undecodable(Undecodable::ContextLost)
    );
}

#[test]
fn compressed_control_and_continuation_frames_are_anomalies() {
    let mut line = server("permessage-deflate");
    line.send(&frame(0xC9, b""));
    assert_eq!(kinds(&line.anomalies()), [AnomalyKind::CompressedControl]);
    let bytes = [frame(0x41, &HELLO[..3]), frame(0xC0, &HELLO[3..])].concat();
    assert_eq!(content(&line.send(&bytes)), &joined(b"Hello"));
    assert_eq!(
        kinds(&line.anomalies()),
        [AnomalyKind::CompressedContinuation]
    );
}

#[test]
fn the_text_that_is_checked_is_the_inflated_one() {
    let mut compress = Compress::new(Compression::default(), false);
    let mut line = server("permessage-deflate");
    line.send(&frame(COMPRESSED_TEXT, &deflate(&mut compress, b"ok \xff")));
    let anomalies = line.anomalies();
    assert_eq!(kinds(&anomalies), [AnomalyKind::InvalidUtf8]);
    assert_eq!(anomalies[0].detail, "from byte 3 of the message on");
}

#[test]
fn a_bomb_is_counted_and_the_messages_after_it_are_whole() {
    let mut compress = Compress::new(Compression::best(), false);
    let mut line = Line::with_cap(
        Direction::ServerToClient,
        &agreed("permessage-deflate"),
        OutputCap(1000),
    );
    let bomb = deflate(&mut compress, &vec![b'a'; 3_000_000]);
    assert!(bomb.len() < 10_000);
    let ended = line.send(&frame(0xC2, &bomb));
    assert_eq!(
        content(&ended),
        &Content::Truncated {
            kept: vec![b'a'; 1000],
            full_length: 3_000_000,
        }
    );
    let after = line.send(&frame(0xC2, &deflate(&mut compress, b"aaaaaaaab")));
    assert_eq!(content(&after), &joined(b"aaaaaaaab"));
}

#[test]
fn bits_of_an_unknown_extension_make_a_message_undecodable_and_no_anomaly() {
    let mut line = server("x-crc");
    let plain = line.send(&frame(0x81, b"plain"));
    assert_eq!(content(&plain), &Content::AsSent);
    for first_byte in [0xC1, 0xA1, 0x91] {
        let ended = line.send(&frame(first_byte, b"\xff"));
        let why = Undecodable::UnknownExtension("x-crc".to_owned());
        assert_eq!(content(&ended), &Content::Undecodable(why));
    }
    let later = [frame(0x01, b"a"), frame(0xA0, b"b")].concat();
    assert!(matches!(
        content(&line.send(&later)),
        Content::Undecodable(Undecodable::UnknownExtension(_))
    ));
    assert_eq!(line.anomalies(), []);
}

#[test]
fn beside_an_unknown_extension_rsv1_alone_is_still_deflate() {
    let mut line = server("permessage-deflate, x-crc");
    let ended = line.send(&frame(COMPRESSED_TEXT, &HELLO));
    assert_eq!(content(&ended), &joined(b"Hello"));
    line.send(&frame(COMPRESSED_TEXT | 0x20, &HELLO));
    let after = line.send(&frame(COMPRESSED_TEXT, &HELLO));
    assert_eq!(
        content(&after),
        &Content::Undecodable(Undecodable::ContextLost)
    );
}

fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let message = prop::collection::vec(
        prop_oneof![Just(b'a'), Just(b'b'), Just(b'{'), any::<u8>()],
        0..400,
    );
    prop::collection::vec(message, 1..8)
}

proptest! {
    // Deflating is slow in a build without optimisation.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_deflated_is_inflated_whatever_the_fragments(
        messages in messages(),
        window in 8u8..=15,
        cut in any::<prop::sample::Index>(),
    ) {
        // zlib has no window of 8 bits: who agrees to one deflates with 9, or not at all.
        let mut compress = Compress::new_with_window_bits(Compression::best(), false, window.max(9));
        let mut line = server(&format!("permessage-deflate; server_max_window_bits={window}"));
        for message in messages {
            let payload = deflate(&mut compress, &message);
            let (first, last) = payload.split_at(cut.index(payload.len() + 1));
            let bytes = [frame(0x42, first), frame(0x89, b""), frame(0x80, last)].concat();
            let ended = bytes.chunks(7).flat_map(|chunk| line.send(chunk)).collect::<Vec<_>>();
            prop_assert_eq!(content(&ended), &joined(&message));
            prop_assert_eq!(line.anomalies(), []);
        }
    }

    #[test]
    fn random_bytes_never_panic_and_always_end_as_a_message(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..5),
    ) {
        let mut line = server("permessage-deflate");
        for payload in payloads {
            let ended = line.send(&frame(COMPRESSED_TEXT, &payload));
            let is_message = matches!(&ended[..], [Ended::Message(Message { .. })]);
            prop_assert!(is_message, "{:?}", ended);
        }
    }

    #[test]
    fn a_damaged_message_is_judged_alike_in_any_chunks(
        message in prop::collection::vec(prop_oneof![Just(b'a'), Just(0xC3u8), any::<u8>()], 1..200),
        damage in any::<prop::sample::Index>(),
        flip in 1u8..,
        chunk in 1usize..20,
    ) {
        let mut compress = Compress::new(Compression::best(), false);
        let mut payload = deflate(&mut compress, &message);
        let at = damage.index(payload.len());
        payload[at] ^= flip;
        let bytes = [frame(COMPRESSED_TEXT, &payload), frame(COMPRESSED_TEXT, &HELLO)].concat();
        let mut whole = server("permessage-deflate");
        let mut chunked = server("permessage-deflate");
        let ended: Vec<_> = bytes.chunks(chunk).flat_map(|part| chunked.send(part)).collect();
        prop_assert_eq!(ended, whole.send(&bytes));
        prop_assert_eq!(chunked.anomalies(), whole.anomalies());
    }
}
