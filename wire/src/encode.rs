//! From values back to the bytes that were on the wire.

use crate::{FrameHeader, append_unmasked};

/// Appends a frame as it was on the wire: the header as it is, then `payload` masked with its key.
///
/// `payload` is not masked yet. It may be shorter than the header declares: so is the payload of a
/// frame that was cut off.
pub fn encode_frame(header: &FrameHeader, payload: &[u8], out: &mut Vec<u8>) {
    header.encode(out);
    append_unmasked(header.masking_key, 0, payload, out);
}

#[cfg(test)]
mod tests {
    use super::encode_frame;
    use crate::{FrameHeader, LengthForm};

    /// The examples of RFC 6455, section 5.7.
    #[test]
    fn the_examples_of_the_rfc() {
        let mut header = FrameHeader {
            first_byte: 0x81,
            masking_key: None,
            length_form: LengthForm::Bits7,
            declared_length: 5,
        };
        let mut out = Vec::new();
        encode_frame(&header, b"Hello", &mut out);
        assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);

        out.clear();
        header.masking_key = Some([0x37, 0xfa, 0x21, 0x3d]);
        encode_frame(&header, b"Hello", &mut out);
        assert_eq!(
            out,
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }
}
