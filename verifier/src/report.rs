//! What a verification tells people and programs: data first, prose last.
//!
//! [`Report`] is everything that is said of one history, in a stable order, and is what `--format
//! json` writes; an [`Audit`] is what one run says, over one or several. The other formats are made of
//! them, each in one file. Same input, same bytes out.

mod anchor;
mod audit;
mod build;
mod cases;
mod closing;
mod even;
mod excerpt;
mod frames;
mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod model;
mod moments;
mod people;
mod sarif;
mod standing;
mod story;
mod text;

pub use audit::Audit;
pub use build::{fingerprint, report};
pub use cases::cases_junit;
pub(crate) use closing::times;
pub use excerpt::{Excerpt, escaped, excerpt};
pub use github::{cases_github, disarm, failure_github, github};
pub use html::html;
pub use json::{audit_json, json};
pub use junit::junit;
pub use markdown::markdown;
pub use model::{
    Accepted, Connection, ConnectionRef, Evidence, Exception, Gap, Held, Location, Note, Place,
    Reason, Recording, Report, Rule, Session, Unread, User, Violation,
};
pub use sarif::sarif;
pub use standing::{Baseline, BaselineEntry, Standing};
pub use story::{Happening, Party, Story, Unknown, find, story};
pub use text::{Palette, Shown, TextOptions, many as text_of_many, story_text, text};
