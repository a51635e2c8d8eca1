//! Rules over a history: one decoding pass, shared by all rules.
//!
//! ```text
//!   sources --timeline--> one order --extractor--> values --program--> events --> checkers --> outcomes
//! ```
//!
//! `judge` is where a verification begins and ends. It calls `run`, which walks over the history (`run/pass`)
//! and shows the rules at work (`run/room`) what they make something of, by `pipeline` on one thread or on several.
//! `state` is what is known at a place in the history: checkers ask it, and only the walk moves it on
//! (`state/advance`). The rest is what kinds of rules have in common: `Crossings`, `Skipped`, `Watched`,
//! `Losses`, `Breaches`, `Named`.

mod breaches;
mod called;
mod checker;
mod crossings;
mod elsewhere;
mod event;
mod exceptions;
mod identity;
mod interest;
mod judge;
mod lanes;
mod losses;
mod named;
mod names;
mod numbered;
mod pairs;
mod parts;
mod passed_over;
mod pipeline;
mod program;
mod renewed;
mod retag;
mod run;
mod skipped;
mod state;
mod tally;
mod time;
mod timeline;
mod watched;

pub use breaches::Breaches;
pub use called::{Called, EventNames};
pub use checker::{Again, Checker};
pub use crossings::{Crossings, Slot};
pub use event::{Carried, Event, EventSet, Excuse};
pub(crate) use identity::with_users;
pub use identity::{OtherUser, is_hashed};
pub use interest::Interest;
pub use judge::{
    ConnectionStats, Coverage, Meant, RuleResult, RunError, SessionStats, Unrecorded, Verification,
    verify, verify_with,
};
pub use lanes::{Lane, Line, NameReader};
pub use losses::Losses;
pub use named::Named;
pub use names::Names;
pub use numbered::grown;
pub use pairs::Pairs;
pub use parts::ALL_PARTS;
pub use program::{CompiledCondition, Compiler, Ids, pointers};
pub use retag::SessionConflict;
pub use run::Input;
pub use skipped::Skipped;
pub use state::{Connected, ConnectionIx, ConnectionState, Cx, Holder, SessionIx, UserIx};
pub use tally::NameIx;
pub use time::{in_words, nanoseconds};
pub use watched::{Absence, Watched};
