//! The binary, as users run it.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test's setting fails the test"
)]

mod architecture;
mod bad_input;
mod bad_rules;
#[cfg(feature = "demo")]
mod claims;
mod clocks;
mod completeness;
mod demo;
#[cfg(feature = "demo")]
mod documents;
mod exchanges;
mod harness;
#[cfg(unix)]
mod interrupted;
mod killed;
mod manual_pages;
mod memory;
mod operate;
mod progress;
mod record;
mod refusals;
mod reports;
mod rotate;
mod rules;
mod secrets;
mod show;
mod status;
mod stories;
mod terminal;
mod test_cases;
mod transparency;
mod unanswered;
mod verify;
