//! Frames into messages: fragments, control frames in between, and what breaks RFC 6455.

use crate::line::{Line, frame, kinds};
use proptest::prelude::*;
use wsaudit_wire::{
    AnomalyKind, CloseCode, Content, Direction, Ended, Extensions, Frames, Message, Opcode,
    OutputCap, Undecodable,
};

const TEXT: u8 = 0x81;
const FIRST_TEXT: u8 = 0x01;
const MORE: u8 = 0x00;
const LAST: u8 = 0x80;
const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;

fn plain() -> Line {
    Line::new(Direction::ServerToClient, &Extensions::default())
}

fn joined(opcode: Opcode, bytes: &[u8]) -> Ended {
    Ended::Message(Message {
        opcode,
        frames: Frames::Several,
        content: Content::Joined(bytes.to_vec()),
    })
}

#[test]
fn a_single_frame_is_as_it_was_sent() {
    let ended = plain().send(&frame(TEXT, b"hello"));
    assert_eq!(
        ended,
        [Ended::Message(Message {
            opcode: Opcode::TEXT,
            frames: Frames::One,
            content: Content::AsSent,
        })]
    );
}

#[test]
fn fragments_are_joined_with_a_ping_in_between() {
    let mut line = plain();
    let bytes = [
        frame(FIRST_TEXT, b"one "),
        frame(PING, b"?"),
        frame(MORE, b"two "),
        frame(LAST, b"three"),
    ]
    .concat();
    assert_eq!(
        line.send(&bytes),
        [
            Ended::FirstFragment,
            Ended::Control(Opcode::PING),
            Ended::Fragment,
            joined(Opcode::TEXT, b"one two three"),
        ]
    );
    assert_eq!(line.anomalies(), []);
}

#[test]
fn an_empty_fragmented_message_is_joined_to_nothing() {
    let bytes = [frame(0x02, b""), frame(LAST, b"")].concat();
    assert_eq!(
        plain().send(&bytes),
        [Ended::FirstFragment, joined(Opcode::BINARY, b"")]
    );
}

#[test]
fn each_breach_in_a_header_is_its_own_anomaly() {
    use AnomalyKind as K;
    let masked = [0x81, 0x80, 1, 2, 3, 4];
    let long_form = [0x81, 0x7E, 0x00, 0x05, b'h', b'e', b'l', b'l', b'o'];
    let high_bit = [0x82, 0x7F, 0xFF, 0, 0, 0, 0, 0, 0, 0];
    for (bytes, expected) in [
        (&masked[..], K::MaskedServerFrame),
        (&long_form, K::NonMinimalLength),
        (&high_bit, K::LengthHighBit),
        (&frame(0x83, b""), K::ReservedOpcode),
        (&frame(0x8B, b""), K::ReservedOpcode),
        (&frame(0xC1, b""), K::ReservedBit),
        (&frame(0xA1, b""), K::ReservedBit),
        (&frame(0x99, b""), K::ReservedBit),
        (&frame(0x09, b""), K::FragmentedControl),
        (&frame(PING, &[0; 126]), K::OversizedControl),
        (&frame(LAST, b""), K::UnexpectedContinuation),
    ] {
        let mut line = plain();
        line.send(bytes);
        assert_eq!(kinds(&line.anomalies()), [expected], "{bytes:02x?}");
    }
    let mut client = Line::new(Direction::ClientToServer, &Extensions::default());
    client.send(&frame(TEXT, b""));
    assert_eq!(kinds(&client.anomalies()), [K::UnmaskedClientFrame]);
}

#[test]
fn a_client_text_is_checked_unmasked() {
    let mut line = Line::new(Direction::ClientToServer, &Extensions::default());
    line.send(&[
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ]);
    assert_eq!(line.anomalies(), []);
}

#[test]
fn invalid_text_is_reported_once_with_its_place_and_still_given() {
    let mut line = plain();
    let bytes = [frame(FIRST_TEXT, b"ab\xff"), frame(LAST, b"\xff")].concat();
    assert_eq!(line.send(&bytes)[1], joined(Opcode::TEXT, b"ab\xff\xff"));
    let anomalies = line.anomalies();
    assert_eq!(kinds(&anomalies), [AnomalyKind::InvalidUtf8]);
    assert_eq!(anomalies[0].detail, "from byte 2 of the message on");
}

#[test]
fn a_text_may_end_a_frame_but_not_a_message_within_a_character() {
    let mut line = plain();
    line.send(&[frame(FIRST_TEXT, b"\xe2\x82"), frame(LAST, b"\xac")].concat());
    assert_eq!(line.anomalies(), []);
    line.send(&frame(TEXT, b"\xe2\x82"));
    assert_eq!(kinds(&line.anomalies()), [AnomalyKind::InvalidUtf8]);
}

#[test]
fn a_message_within_a_message_cuts_the_first_one_off() {
    let mut line = plain();
    line.send(&frame(FIRST_TEXT, b"never ends"));
    let ended = line.send(&frame(TEXT, b"next"));
    assert!(matches!(&ended[0], Ended::Message(m) if m.content == Content::AsSent));
    let cut_off = line.cut_off.pop().unwrap();
    assert_eq!(cut_off.frames, Frames::Several);
    assert_eq!(cut_off.content, Content::Undecodable(Undecodable::CutOff));
    assert_eq!(
        kinds(&line.anomalies()),
        [AnomalyKind::ExpectedContinuation]
    );
}

#[test]
fn a_reserved_data_frame_does_not_disturb_the_message_around_it() {
    let mut line = plain();
    let bytes = [
        frame(FIRST_TEXT, b"a"),
        frame(0x83, b"?"),
        frame(LAST, b"b"),
    ]
    .concat();
    let ended = line.send(&bytes);
    assert!(matches!(&ended[1], Ended::Message(m)
            if m.content == Content::Undecodable(Undecodable::ReservedOpcode(m.opcode))));
    assert_eq!(ended[2], joined(Opcode::TEXT, b"ab"));
}

#[test]
fn close_frames_are_read_and_data_after_them_is_reported_once() {
    let mut line = plain();
    let ended = line.send(&frame(CLOSE, b"\x0f\xa1bye"));
    let Ended::Close(close) = &ended[0] else {
        panic!("{ended:?}");
    };
    assert_eq!(close.code, Some(CloseCode(4001)));
    assert_eq!(close.reason, b"bye");
    line.send(&frame(PING, b""));
    assert_eq!(line.anomalies(), []);
    line.send(&[frame(TEXT, b"a"), frame(TEXT, b"b")].concat());
    assert_eq!(kinds(&line.anomalies()), [AnomalyKind::DataAfterClose]);
    line.send(&frame(CLOSE, b"\x03\xee"));
    assert_eq!(line.anomalies(), [], "it is no stream of frames any more");
}

/// As Flask's development server does after a WebSocket that it handed on.
#[test]
fn an_http_answer_after_a_close_frame_is_one_anomaly() {
    let mut line = plain();
    line.send(&frame(CLOSE, b"\x03\xe8"));
    assert_eq!(line.anomalies(), []);
    line.send(
        b"HTTP/1.1 200 OK\r\nServer: Werkzeug/3.1.3 Python/3.12.3\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(kinds(&line.anomalies()), [AnomalyKind::DataAfterClose]);
}

#[test]
fn a_message_beyond_the_cap_is_counted_whole_and_kept_in_part() {
    let mut line = Line::with_cap(
        Direction::ServerToClient,
        &Extensions::default(),
        OutputCap(5),
    );
    let bytes = [frame(0x02, b"1234"), frame(LAST, b"5678")].concat();
    let ended = line.send(&bytes);
    assert_eq!(
        ended[1],
        Ended::Message(Message {
            opcode: Opcode::BINARY,
            frames: Frames::Several,
            content: Content::Truncated {
                kept: b"12345".to_vec(),
                full_length: 8,
            },
        })
    );
    // A single frame is not copied, so no cap applies.
    let ended = line.send(&frame(0x82, b"123456"));
    assert!(matches!(&ended[0], Ended::Message(m) if m.content == Content::AsSent));
}

#[test]
fn the_end_of_a_stream_leaves_an_incomplete_frame_or_message() {
    let mut line = plain();
    line.send(&[0x81, 0x7E, 0x01]);
    assert_eq!(line.finish(), None);
    assert_eq!(kinds(&line.anomalies()), [AnomalyKind::IncompleteFrame]);

    let mut line = plain();
    line.send(&frame(FIRST_TEXT, b"a"));
    let message = line.finish().unwrap();
    assert_eq!(
        message.content,
        Content::Undecodable(Undecodable::StreamEnded)
    );
    assert_eq!(kinds(&line.anomalies()), [AnomalyKind::IncompleteMessage]);

    let mut line = plain();
    line.send(&frame(TEXT, b"a"));
    assert_eq!(line.finish(), None);
    assert_eq!(line.anomalies(), []);
}

proptest! {
    #[test]
    fn the_same_bytes_in_other_chunks_give_the_same(
        bytes in prop::collection::vec(
            prop_oneof![Just(0x81u8), Just(0x01), Just(0x80), Just(0x00), Just(0x02), Just(0xC1), Just(0x41), any::<u8>()],
            0..200,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        for response in ["", "permessage-deflate", "permessage-deflate, x-crc"] {
            let agreed = Extensions::from_response([response.as_bytes()], &mut Vec::new());
            for direction in Direction::BOTH {
                let mut whole = Line::new(direction, &agreed);
                let mut cut_line = Line::new(direction, &agreed);
                let (a, b) = bytes.split_at(cut.index(bytes.len() + 1));
                let expected = whole.send(&bytes);
                let got = [cut_line.send(a), cut_line.send(b)].concat();
                prop_assert_eq!(got, expected);
                prop_assert_eq!(cut_line.finish(), whole.finish());
                prop_assert_eq!(&cut_line.cut_off, &whole.cut_off);
                prop_assert_eq!(cut_line.anomalies(), whole.anomalies());
            }
        }
    }
}
