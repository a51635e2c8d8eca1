//! The SQLite recording: schema, writer, reader.

mod record;

pub use record::*;
