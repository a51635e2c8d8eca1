//! Whose connection is it? Session, user and device sources, and what they yield.

mod tag;

pub use tag::{Provenance, Tag, TagKind};
