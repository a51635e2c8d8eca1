//! What a baseline makes of violations, as data.

use serde::Serialize;

/// Whether a baseline knows a violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Standing {
    /// `new`: the baseline does not know it. `known`: it does, and the run does not fail for it.
    /// `expired`: it did, until a day that has passed.
    #[cfg_attr(test, schemars(extend("enum" = ["new", "known", "expired"])))]
    pub outcome: &'static str,
    /// The baseline's entry; null where it has none.
    pub entry: Option<BaselineEntry>,
}

impl Standing {
    /// The word for what the baseline does not know.
    pub const NEW: &'static str = "new";
    /// The word for what it knows.
    pub const KNOWN: &'static str = "known";
    /// The word for what it knew.
    pub const EXPIRED: &'static str = "expired";
}

/// What a baseline makes of all violations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Baseline {
    /// The file, as the user named it.
    pub file: String,
    /// The day on which it was judged: `2026-11-25`.
    pub today: String,
    /// How many violations it does not know.
    pub new: usize,
    /// How many it knows.
    pub known: usize,
    /// How many it knew, until a day that has passed.
    pub expired: usize,
    /// Entries whose violation is no more: their rules were exercised, and decided. They can be
    /// deleted.
    pub gone: Vec<BaselineEntry>,
    /// Entries whose violation was not found, where that tells nothing: the rule was not run, not
    /// exercised or undecided, or a recording could not be read.
    pub unsettled: Vec<BaselineEntry>,
}

/// An entry of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BaselineEntry {
    /// The fingerprint of what is known.
    pub fingerprint: String,
    /// The rule, as `pack/rule`.
    pub rule: String,
    /// Why it may stay for a while.
    pub reason: String,
    /// The day on which it was added: `2026-11-25`.
    pub added: String,
    /// The last day on which it counts.
    pub expires: String,
    /// Its line in the file.
    pub line: u32,
}
