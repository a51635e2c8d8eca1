//! What a verification tells people and programs: data first, prose last.
//!
//! [`Report`] is everything that is said, in a stable order, and is what `--format json` writes. The
//! other formats are made of it. Same input, same bytes out.

mod build;
mod closing;
mod excerpt;
mod frames;
mod json;
mod model;
mod people;
mod text;

pub use build::report;
pub use excerpt::{Excerpt, excerpt};
pub use json::json;
pub use model::{
    Accepted, ConnectionRef, Evidence, Exception, Gap, Note, Reason, Recording, Report, Rule,
    Session, User, Violation,
};
pub use text::{Palette, Shown, TextOptions, text};
