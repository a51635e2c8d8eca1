//! A run in parts is the run: verified together they say what the uncut recording says.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod files;
mod history;
mod joined;
mod missing;
mod whole;
