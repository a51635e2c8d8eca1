//! A message's bytes, as far as they are known, through the extractor.

use crate::decode::{DecodeError, Extractor, ReadAhead, Values};
use crate::history::{SourceMessage, SourcePayload};
use crate::rules::Codec;

/// What a message yielded, as one codec reads it.
pub(super) enum Decoded<'b> {
    /// It was read ahead.
    Ahead(&'b ReadAhead),
    /// It was read now: the extractor has its values, until it reads another one.
    Now(Codec, Result<(), DecodeError>),
}

impl<'b> Decoded<'b> {
    pub(super) const fn codec(&self) -> Codec {
        match self {
            Self::Ahead(ahead) => ahead.codec(),
            Self::Now(codec, _) => *codec,
        }
    }

    pub(super) fn values<'v>(
        &'v self,
        extractor: &'v Extractor,
    ) -> Result<&'v Values, &'v DecodeError> {
        match self {
            Self::Ahead(ahead) => ahead.values(),
            Self::Now(_, Ok(())) => Ok(extractor.values()),
            Self::Now(_, Err(error)) => Err(error),
        }
    }

    /// Values that stay when the next message is read.
    pub(super) fn kept(&self) -> Option<&'b Values> {
        match self {
            Self::Ahead(ahead) => ahead.values().ok(),
            Self::Now(..) => None,
        }
    }
}

/// Reads a message, unless it was read ahead in the same way.
pub(super) fn decode<'b>(
    extractor: &mut Extractor,
    codec: Codec,
    message: &SourceMessage<'_>,
    ahead: Option<&'b ReadAhead>,
) -> Decoded<'b> {
    match ahead {
        Some(ahead) if ahead.codec().decodes_like(codec) => {
            extractor.count(ahead);
            Decoded::Ahead(ahead)
        }
        _ => Decoded::Now(codec, read(extractor, codec, message)),
    }
}

/// Reads a message; what is not there to be read is an error.
pub(super) fn read(
    extractor: &mut Extractor,
    codec: Codec,
    message: &SourceMessage<'_>,
) -> Result<(), DecodeError> {
    extractor.read(codec, whole(message)?)
}

/// A message's bytes; what is not there to be read is an error.
pub(super) fn whole<'m>(message: &SourceMessage<'m>) -> Result<&'m [u8], DecodeError> {
    let SourcePayload::Whole(bytes) = message.payload else {
        return missing(message.payload).map_or(Ok(&[]), Err);
    };
    Ok(bytes)
}

/// Why a payload is not there; nothing where it is.
pub(super) fn missing(payload: SourcePayload<'_>) -> Option<DecodeError> {
    match payload {
        SourcePayload::Whole(_) => None,
        SourcePayload::Truncated { kept, full_length } => {
            Some(DecodeError::Truncated { kept, full_length })
        }
        SourcePayload::Beginning { why, .. } => Some(DecodeError::CutOff {
            why: why.to_owned(),
        }),
        SourcePayload::Undecodable(why) => Some(DecodeError::Undecodable {
            why: why.to_owned(),
        }),
        SourcePayload::Withheld(why) => Some(DecodeError::Withheld {
            why: why.to_owned(),
        }),
    }
}
