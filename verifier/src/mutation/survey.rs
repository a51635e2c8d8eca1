//! What became of mutants, counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Operator, Wanted};
use crate::case::Case;

/// What became of one mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// These rules were violated.
    Killed(BTreeSet<String>),
    /// None was, but the recording would not have been taken for clean: these rules hold no longer, or
    /// something is noted or in doubt that was not.
    Doubted(BTreeSet<String>),
    /// Nothing changed.
    Survived,
}

/// What came of mutating a case.
#[derive(Debug)]
pub enum Mutated {
    /// Mutants were made.
    Clean(CaseMutants),
    /// None could be; why.
    NotClean(&'static str),
}

/// A mutant that no rule noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// The operator.
    pub operator: &'static str,
    /// The line that it is about.
    pub line: u64,
    /// What went wrong.
    pub what: String,
    /// Why that is as it should be; `None`: nobody says so.
    pub why: Option<String>,
}

/// An explanation of survivors that do not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleExplanation {
    /// The line of the explanation.
    pub line: u32,
    /// The operator.
    pub operator: &'static str,
}

/// Mutants by fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OperatorCount {
    /// How many there were.
    pub mutants: u64,
    /// How many violated a rule.
    pub killed: u64,
    /// How many left something in doubt.
    pub doubted: u64,
    /// How many nothing noticed, though nobody says why that is right.
    pub survived: u64,
    /// How many nothing noticed, as the case explains.
    pub explained: u64,
}

/// What a rule noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// How many mutants violated it.
    pub killed: u64,
    /// How many violated it and no other rule.
    pub alone: u64,
}

/// The mutants of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseMutants {
    /// The case.
    pub file: String,
    /// How many mutants could be made of it.
    pub possible: usize,
    /// By operator.
    pub operators: BTreeMap<&'static str, OperatorCount>,
    /// By rule: `pack/rule`.
    pub rules: BTreeMap<String, RuleCount>,
    /// Those that nothing noticed, by operator and line.
    pub survivors: Vec<Survivor>,
    /// Explanations that explain nothing.
    pub stale: Vec<StaleExplanation>,
}

impl CaseMutants {
    pub(super) fn new(case: &Case, possible: usize) -> Self {
        Self {
            file: case.file.clone(),
            possible,
            operators: BTreeMap::new(),
            rules: BTreeMap::new(),
            survivors: Vec::new(),
            stale: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, operator: Operator, line: u64, what: String, fate: Fate) {
        let count = self.operators.entry(operator.as_str()).or_default();
        count.mutants += 1;
        match fate {
            Fate::Killed(rules) => {
                count.killed += 1;
                let alone = rules.len() == 1;
                for rule in rules {
                    let rule = self.rules.entry(rule).or_default();
                    rule.killed += 1;
                    rule.alone += u64::from(alone);
                }
            }
            Fate::Doubted(_) => count.doubted += 1,
            Fate::Survived => {
                count.survived += 1;
                self.survivors.push(Survivor {
                    operator: operator.as_str(),
                    line,
                    what,
                    why: None,
                });
            }
        }
    }

    /// Takes what the case says of its survivors. An explanation that explains nothing is stale,
    /// where all mutants that it could explain were made.
    pub(super) fn explain(&mut self, case: &Case, wanted: &Wanted, all_were_made: bool) {
        for explanation in &case.survivors {
            for operator in &explanation.operators {
                let is_wanted = wanted.operators.is_empty() || wanted.operators.contains(operator);
                let mut explained = 0;
                for survivor in &mut self.survivors {
                    let here = explanation.lines.is_none_or(|(first, last)| {
                        (u64::from(first)..=u64::from(last)).contains(&survivor.line)
                    });
                    if survivor.operator == operator.as_str() && here {
                        survivor.why.get_or_insert_with(|| explanation.why.clone());
                        explained += 1;
                    }
                }
                if explained == 0 && is_wanted && all_were_made {
                    self.stale.push(StaleExplanation {
                        line: explanation.line,
                        operator: operator.as_str(),
                    });
                }
            }
        }
        for survivor in self.survivors.iter().filter(|it| it.why.is_some()) {
            if let Some(count) = self.operators.get_mut(survivor.operator) {
                count.survived -= 1;
                count.explained += 1;
            }
        }
    }

    /// The survivors that nobody explains.
    pub fn unexplained(&self) -> impl Iterator<Item = &Survivor> {
        self.survivors.iter().filter(|it| it.why.is_none())
    }

    /// Whether each mutant was noticed or is explained, and each explanation explains one.
    pub fn passed(&self) -> bool {
        self.unexplained().next().is_none() && self.stale.is_empty()
    }
}

impl OperatorCount {
    /// Adds another case's.
    pub fn add(&mut self, other: &Self) {
        self.mutants += other.mutants;
        self.killed += other.killed;
        self.doubted += other.doubted;
        self.survived += other.survived;
        self.explained += other.explained;
    }
}

impl RuleCount {
    /// Adds another case's.
    pub const fn add(&mut self, other: &Self) {
        self.killed += other.killed;
        self.alone += other.alone;
    }
}
