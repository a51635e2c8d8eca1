//! WebSocket frames, messages and opening handshakes as bytes and values (RFC 6455, RFC 7692).
//!
//! Nothing here does I/O, reads a clock or refuses input: bytes go in, in any chunking, and values
//! come out; what breaks the RFC is reported as an [`Anomaly`] beside the value.
//!
//! The way of the bytes of one direction: a [`Deframer`] cuts them into pieces of frames, each piece
//! is unmasked ([`apply_mask`]), and an [`Assembler`] joins and inflates the frames of a message.
//! [`encode_frame`] is the way back, to the same bytes.

mod anomaly;
mod assembler;
mod close;
mod content_coding;
mod deframer;
mod direction;
mod encode;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod head;
mod header;
mod inflate;
mod mask;
mod opcode;
mod path_pattern;
mod permessage_deflate;
mod utf8;

pub use anomaly::{Anomaly, AnomalyKind};
pub use assembler::{Assembler, Content, Ended, Frames, Message, OutputCap, Undecodable};
pub use close::{CloseCode, ClosePayload};
pub use content_coding::{CodingError, Decoded, Given, content_codings, decode_content};
pub use deframer::{Deframer, Piece, Pieces, Rest};
pub use direction::{Direction, Endpoint};
pub use encode::encode_frame;
pub use frame::{Frame, FrameBuffer};
pub use handshake::{accept_value, handshake_anomalies, opens_websocket};
pub use head::{
    Cookie, HeadEnd, HeadError, Header, Headers, QueryPair, RequestHead, ResponseHead,
    percent_decode,
};
pub use header::{FrameHeader, LengthForm};
pub use mask::{append_unmasked, apply_mask};
pub use opcode::Opcode;
pub use path_pattern::{PathPattern, PathPatternError};
pub use permessage_deflate::{
    ContextTakeover, DeflateParameters, DeflateSide, Extension, Extensions, WindowBits,
};
