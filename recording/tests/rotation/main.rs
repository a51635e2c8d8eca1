//! A recording that is cut into parts: nothing is lost or doubled, each part is a sound recording.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod added;
mod beginning;
mod cuts;
mod records;
#[path = "../spoken/mod.rs"]
mod spoken;
