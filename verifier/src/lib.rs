//! Rule packs, the engine that checks recordings against them, and reports.

pub mod baseline;
pub mod case;
pub mod date;
pub mod decode;
pub mod draft;
pub mod engine;
pub mod facts;
pub mod finding;
mod framing;
#[doc(hidden)]
pub mod fuzzing;
pub mod history;
pub mod kinds;
pub mod manual;
pub mod mutation;
pub mod report;
pub mod rules;
pub mod slice;
pub mod suite;
pub mod survey;
pub mod tree;
pub mod verdict;
