//! What a frame's header alone, and its place among others, may break.

use crate::{Anomaly, AnomalyKind, Direction, FrameHeader, LengthForm, Opcode};

/// The bits of the first byte that have a meaning only by an extension.
const RESERVED_BITS: [(u8, &str); 3] = [(0x40, "RSV1"), (0x20, "RSV2"), (0x10, "RSV3")];

/// Which extensions give the reserved bits a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BitOwner {
    /// None.
    Nobody,
    /// permessage-deflate: RSV1 of a message's first frame.
    Deflate,
    /// An extension that is not known: any bit.
    Unknown,
}

pub(super) fn check_header(
    direction: Direction,
    owner: BitOwner,
    header: &FrameHeader,
    anomalies: &mut Vec<Anomaly>,
) {
    check_mask(direction, header, anomalies);
    check_length(header, anomalies);
    check_reserved(owner, header, anomalies);
    let opcode = header.opcode();
    if !opcode.is_control() {
        return;
    }
    // RFC 6455, section 5.5: "All control frames MUST have a payload length of 125 bytes or less and
    // MUST NOT be fragmented."
    if !header.fin() {
        let detail = format!("a {opcode} frame without FIN");
        anomalies.push(Anomaly::new(AnomalyKind::FragmentedControl, detail));
    }
    if header.declared_length > 125 {
        let detail = format!("a {opcode} frame of {} bytes", header.declared_length);
        anomalies.push(Anomaly::new(AnomalyKind::OversizedControl, detail));
    }
}

/// RFC 6455, section 5.4: a message's frames come one after the other, with only control frames in
/// between.
pub(super) fn check_order(open: Option<Opcode>, opcode: Opcode, anomalies: &mut Vec<Anomaly>) {
    match open {
        None if opcode == Opcode::CONTINUATION => anomalies.push(Anomaly::new(
            AnomalyKind::UnexpectedContinuation,
            "no message was begun",
        )),
        Some(open) if opcode != Opcode::CONTINUATION => {
            let detail = format!("a {opcode} frame within a {open} message");
            anomalies.push(Anomaly::new(AnomalyKind::ExpectedContinuation, detail));
        }
        None | Some(_) => {}
    }
}

/// RFC 6455, section 5.1: "a client MUST mask all frames that it sends"; "A server MUST NOT mask any
/// frames that it sends".
fn check_mask(direction: Direction, header: &FrameHeader, anomalies: &mut Vec<Anomaly>) {
    let kind = match (direction, header.masking_key) {
        (Direction::ClientToServer, None) => AnomalyKind::UnmaskedClientFrame,
        (Direction::ServerToClient, Some(_)) => AnomalyKind::MaskedServerFrame,
        (Direction::ClientToServer, Some(_)) | (Direction::ServerToClient, None) => return,
    };
    let detail = format!("a {} frame", header.opcode());
    anomalies.push(Anomaly::new(kind, detail));
}

/// RFC 6455, section 5.2: "the minimal number of bytes MUST be used to encode the length", "the most
/// significant bit MUST be 0".
fn check_length(header: &FrameHeader, anomalies: &mut Vec<Anomaly>) {
    let length = header.declared_length;
    if header.length_form != LengthForm::minimal(length) {
        let bits = header.length_form.bits();
        let detail = format!("length {length} written in {bits} bits");
        anomalies.push(Anomaly::new(AnomalyKind::NonMinimalLength, detail));
    }
    if length >> 63 != 0 {
        let detail = format!("length {length}");
        anomalies.push(Anomaly::new(AnomalyKind::LengthHighBit, detail));
    }
}

fn check_reserved(owner: BitOwner, header: &FrameHeader, anomalies: &mut Vec<Anomaly>) {
    let opcode = header.opcode();
    if opcode.is_reserved() {
        let detail = format!("opcode 0x{:X}", opcode.bits());
        anomalies.push(Anomaly::new(AnomalyKind::ReservedOpcode, detail));
    }
    if header.first_byte & 0x70 == 0 || owner == BitOwner::Unknown {
        return;
    }
    for (bit, name) in RESERVED_BITS {
        if header.first_byte & bit == 0 {
            continue;
        }
        // RFC 7692, section 6: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control
        // frames and non-first fragments of a data message."
        let kind = match owner {
            BitOwner::Deflate if bit == 0x40 => {
                if opcode.is_control() {
                    AnomalyKind::CompressedControl
                } else if opcode == Opcode::CONTINUATION {
                    AnomalyKind::CompressedContinuation
                } else {
                    continue;
                }
            }
            BitOwner::Deflate | BitOwner::Nobody | BitOwner::Unknown => AnomalyKind::ReservedBit,
        };
        let detail = format!("{name} is set in a {opcode} frame");
        anomalies.push(Anomaly::new(kind, detail));
    }
}
