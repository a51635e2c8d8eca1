//! Rules over a history: one decoding pass, shared by all rules.
//!
//! ```text
//!   sources --timeline--> one order --extractor--> values --program--> events --> checkers --> outcomes
//! ```

mod checker;
mod event;
mod exceptions;
mod judge;
mod program;
mod run;
mod state;
mod tally;
mod timeline;

pub use checker::Checker;
pub use event::{Event, EventSet};
pub use judge::{ConnectionStats, Coverage, RuleResult, SessionStats, Verification, verify};
pub use program::{CompiledCondition, Compiler, Ids};
pub use run::Input;
pub use state::{Connected, ConnectionIx, ConnectionState, Cx, Holder, Issued, SessionIx, UserIx};
