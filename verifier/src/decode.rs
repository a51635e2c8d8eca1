//! From a message's bytes to the values that rules ask for, in one pass.
//!
//! All pointers of all rules are compiled into one trie ([`Extractor`]); a message is read once,
//! and only what a pointer leads to is kept ([`Values`]).

mod body;
mod extractor;
mod json;
mod records;
mod strings;
mod values;

pub use body::{Body, is_json};
pub(crate) use extractor::utf8;
pub use extractor::{AheadReader, Extractor, ExtractorBuilder, ReadAhead};
pub use records::{batch, may_be_batch, records};
pub use strings::{Strings, for_each_string};
pub use values::{SlotBits, SlotId, Values, Yielded};

/// A value that a pointer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'v> {
    /// A string, unescaped.
    Text(&'v str),
    /// A number, exactly as it was written: thirty digits survive.
    Number(&'v str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An object or an array.
    Composite,
    /// A string or a number of the array before it: an id where ids are looked for, and nothing to any condition.
    Element(&'v str),
    /// More is in the object or array before it, where ids are looked for: no id, and some may be in there.
    Deeper,
}

impl<'v> Value<'v> {
    /// The value as an id: strings and numbers as text; nothing else names anything.
    pub const fn as_id(self) -> Option<&'v str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Bool(_) | Self::Null | Self::Composite | Self::Element(_) | Self::Deeper => None,
        }
    }

    /// The value as an id, also where it is one of a list.
    pub const fn as_listed_id(self) -> Option<&'v str> {
        match self {
            Self::Element(text) => Some(text),
            other => other.as_id(),
        }
    }

    /// The value as a number, where it is written as one.
    pub fn as_number(self) -> Option<f64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            Self::Text(_)
            | Self::Bool(_)
            | Self::Null
            | Self::Composite
            | Self::Element(_)
            | Self::Deeper => None,
        }
    }
}

/// Why a message could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 from byte {at}")]
    NotUtf8 {
        /// The first byte that is not, from 0.
        at: usize,
    },
    /// The text is not JSON.
    #[error("not JSON: {why}")]
    NotJson {
        /// What the parser says, with line and column.
        why: String,
    },
    /// The text is not of the framing that the codec reads.
    #[error("not {codec}: {why}")]
    NotFramed {
        /// The codec's name.
        codec: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The recorder kept only the beginning.
    #[error("only {kept} of {full_length} bytes were recorded")]
    Truncated {
        /// The bytes that were kept.
        kept: u64,
        /// The bytes that were sent.
        full_length: u64,
    },
    /// The recorder has only the beginning of a body over plain HTTP.
    #[error("only its beginning was recorded: {why}")]
    CutOff {
        /// Why.
        why: String,
    },
    /// The recorder did not keep it, so that no secret in it is kept.
    #[error("it was withheld by the recorder's redaction: {why}")]
    Withheld {
        /// Why.
        why: String,
    },
    /// The recorder could not decode it.
    #[error("{why}")]
    Undecodable {
        /// Why.
        why: String,
    },
}
