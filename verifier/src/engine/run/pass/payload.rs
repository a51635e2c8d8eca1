//! A message's bytes, as far as they are known, through the extractor.

use crate::decode::{DecodeError, Extractor, ReadAhead};
use crate::history::{SourceMessage, SourcePayload};
use crate::rules::Codec;

/// Reads a message, or takes what was read ahead in the same way.
pub(super) fn read_or_take(
    extractor: &mut Extractor,
    codec: Codec,
    message: &SourceMessage<'_>,
    ahead: &mut Option<&mut ReadAhead>,
) -> Result<(), DecodeError> {
    match ahead.take() {
        Some(ahead) if ahead.codec().decodes_like(codec) => extractor.take(ahead),
        _ => read(extractor, codec, message),
    }
}

/// Reads a message; what is not there to be read is an error.
pub(super) fn read(
    extractor: &mut Extractor,
    codec: Codec,
    message: &SourceMessage<'_>,
) -> Result<(), DecodeError> {
    match message.payload {
        SourcePayload::Whole(bytes) => extractor.read(codec, bytes),
        SourcePayload::Truncated { kept, full_length } => {
            Err(DecodeError::Truncated { kept, full_length })
        }
        SourcePayload::Undecodable(why) => Err(DecodeError::Undecodable {
            why: why.to_owned(),
        }),
        SourcePayload::Withheld(why) => Err(DecodeError::Withheld {
            why: why.to_owned(),
        }),
    }
}
