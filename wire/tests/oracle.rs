//! Where tungstenite's parser is right, it and ours see the same header.

use std::io::Cursor;

use proptest::prelude::*;
use tungstenite::protocol::frame::FrameHeader as Theirs;
use wsaudit_wire::FrameHeader as Ours;

fn theirs(bytes: &[u8]) -> tungstenite::Result<Option<(Theirs, u64, u64)>> {
    let mut cursor = Cursor::new(bytes);
    let parsed = Theirs::parse(&mut cursor)?;
    Ok(parsed.map(|(header, length)| (header, length, cursor.position())))
}

proptest! {
    #[test]
    fn headers_agree_but_for_reserved_opcodes(
        bytes in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let ours = Ours::parse(&bytes);
        match theirs(&bytes) {
            // It loses reserved opcodes: an error is all that it gives.
            Err(_) => prop_assert!(bytes[0] & 0x0F > 2 && !(8..=10).contains(&(bytes[0] & 0x0F))),
            Ok(None) => prop_assert_eq!(ours, None),
            Ok(Some((header, length, used))) => {
                let (ours, our_used) = ours.unwrap();
                prop_assert_eq!(our_used as u64, used);
                prop_assert_eq!(ours.declared_length, length);
                prop_assert_eq!(ours.fin(), header.is_final);
                prop_assert_eq!(ours.rsv1(), header.rsv1);
                prop_assert_eq!(ours.rsv2(), header.rsv2);
                prop_assert_eq!(ours.rsv3(), header.rsv3);
                prop_assert_eq!(ours.opcode().bits(), u8::from(header.opcode));
                prop_assert_eq!(ours.masking_key, header.mask);
            }
        }
    }

    #[test]
    fn what_it_formats_we_parse(
        first_byte in prop_oneof![Just(0x81u8), Just(0x02), Just(0x80), Just(0x88), Just(0xD9)],
        mask: Option<[u8; 4]>,
        length in prop_oneof![0u64..70_000, any::<u64>()],
    ) {
        let header = Theirs {
            is_final: first_byte & 0x80 != 0,
            rsv1: first_byte & 0x40 != 0,
            rsv2: false,
            rsv3: first_byte & 0x10 != 0,
            opcode: (first_byte & 0x0F).into(),
            mask,
        };
        let mut bytes = Vec::new();
        header.format(length, &mut bytes).unwrap();
        let (ours, used) = Ours::parse(&bytes).unwrap();
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(ours.declared_length, length);
        prop_assert_eq!(ours.first_byte, first_byte);
        let mut again = Vec::new();
        ours.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }
}
