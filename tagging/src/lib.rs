//! Whose connection is it? Session, user and device sources, and what they yield.
//!
//! The opening handshake passes here before it is recorded: [`Tagger`] takes the ids out of it that
//! the user's [`Source`]s name, [`credentials()`] what it proves itself with, and
//! [`redact_request_head`] replaces every secret by its keyed hash; [`PayloadRules`] does so in messages,
//! where that is asked for. Nothing here does I/O.

mod candidates;
mod credentials;
#[doc(hidden)]
pub mod fuzzing;
mod issued;
mod jwt;
mod nearest;
mod payload;
mod pointer;
mod redact;
mod redactor;
mod renewal;
mod secrets;
mod source;
mod tag;
mod tagger;

pub use candidates::{Candidate, Candidates};
pub use credentials::credentials;
pub use issued::Issued;
pub use jwt::Jwt;
pub use nearest::nearest;
pub use payload::{PayloadRule, PayloadRuleError, PayloadRules, Withheld};
pub use pointer::{JsonPointer, PointerError};
pub use redact::{redact_request_head, redact_response_head};
pub use redactor::{AlreadyRedacted, HmacRedactor, Redactor};
pub use renewal::Renewal;
pub use source::{Claim, Pattern, Source, SourceError};
pub use tag::{Provenance, Tag, TagKind};
pub use tagger::{TagRules, Tagger};
