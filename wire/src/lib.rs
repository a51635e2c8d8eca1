//! WebSocket frames, messages and opening handshakes as bytes and values (RFC 6455, RFC 7692).
//!
//! Nothing here does I/O, reads a clock or refuses input: bytes go in, in any chunking, and values
//! come out; what breaks the RFC is reported as an [`Anomaly`] beside the value.

mod direction;
mod header;
mod opcode;

pub use direction::{Direction, Endpoint};
pub use header::{FrameHeader, LengthForm};
pub use opcode::Opcode;
