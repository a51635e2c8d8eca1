//! One direction of a connection, driven as a recorder drives it.

use wsaudit_wire::{
    Anomaly, AnomalyKind, Assembler, Deframer, Direction, Ended, Extensions, FrameHeader,
    LengthForm, Message, OutputCap, Piece, append_unmasked, encode_frame,
};

/// A deframer and an assembler, one behind the other.
pub(crate) struct Line {
    deframer: Deframer,
    assembler: Assembler,
    key: Option<[u8; 4]>,
    offset: u64,
    /// The messages that were cut off.
    pub(crate) cut_off: Vec<Message>,
}

impl Line {
    pub(crate) fn new(direction: Direction, extensions: &Extensions) -> Self {
        Self::with_cap(direction, extensions, OutputCap::default())
    }

    pub(crate) fn with_cap(direction: Direction, extensions: &Extensions, cap: OutputCap) -> Self {
        Self {
            deframer: Deframer::new(),
            assembler: Assembler::new(direction, extensions, cap),
            key: None,
            offset: 0,
            cut_off: Vec::new(),
        }
    }

    /// What ended with each frame.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Vec<Ended> {
        let mut ended = Vec::new();
        for piece in self.deframer.pieces(bytes) {
            match piece {
                Piece::Header(header) => {
                    self.key = header.masking_key;
                    self.offset = 0;
                    self.cut_off.extend(self.assembler.header(&header));
                }
                Piece::Payload(piece) => {
                    let mut unmasked = Vec::new();
                    append_unmasked(self.key, self.offset, piece, &mut unmasked);
                    self.offset += piece.len() as u64;
                    self.assembler.payload(&unmasked);
                }
                Piece::End => ended.push(self.assembler.end()),
            }
        }
        ended
    }

    pub(crate) fn finish(&mut self) -> Option<Message> {
        self.assembler.finish(self.deframer.rest())
    }

    pub(crate) fn anomalies(&mut self) -> Vec<Anomaly> {
        self.assembler.take_anomalies()
    }
}

/// An unmasked frame.
pub(crate) fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let declared_length = payload.len() as u64;
    let header = FrameHeader {
        first_byte,
        masking_key: None,
        length_form: LengthForm::minimal(declared_length),
        declared_length,
    };
    let mut out = Vec::new();
    encode_frame(&header, payload, &mut out);
    out
}

pub(crate) fn kinds(anomalies: &[Anomaly]) -> Vec<AnomalyKind> {
    anomalies.iter().map(|anomaly| anomaly.kind).collect()
}
