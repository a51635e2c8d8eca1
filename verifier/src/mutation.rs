//! Mutation testing of rules: clean histories in which one thing went wrong, and whether any rule
//! notices.
//!
//! A rule that no mutant breaks proves nothing in the cases that it has; a mutant that breaks no rule
//! shows what the rules do not see. All rules of a case's packs look, also where it has `rules only:`.
//! Where a survivor is meant, the case says so and why: on the line, `#! survives copy: an announcement
//! is for everybody`, or `survives drop: ...` for the whole case.

mod history;
mod ids;
mod make;
mod operator;
mod survey;

pub use operator::Operator;
pub use survey::{
    CaseMutants, Fate, Mutated, OperatorCount, RuleCount, StaleExplanation, Survivor,
};

use std::collections::BTreeSet;

use crate::case::{Case, CaseHistory};
use crate::engine::{Input, RuleResult, Verification, verify};
use crate::history::Source;
use crate::suite::{Mismatch, Prepared, Surroundings, run_case};
use crate::verdict::{State, Verdict};

use history::History;

/// Which mutants are made.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The operators; empty: all of them.
    pub operators: Vec<Operator>,
    /// At most so many for each case; of more, every so manyth is taken.
    pub most: usize,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            operators: Vec::new(),
            most: 1_000,
        }
    }
}

/// Makes the mutants of a case, and tells what became of each. `progress` is called after each one.
///
/// An error says why the case cannot be run, or fails as it is.
pub fn mutate(
    case: &Case,
    surroundings: &dyn Surroundings,
    wanted: &Wanted,
    progress: &mut dyn FnMut(),
) -> Result<Mutated, Mismatch> {
    let result = run_case(case, surroundings);
    if let Some(mismatch) = result.mismatches.into_iter().next() {
        return Err(mismatch);
    }
    let CaseHistory::Trace(source) = &case.history else {
        return Ok(Mutated::NotClean("its history is a recording"));
    };
    let prepared = Prepared::new(case, surroundings)?;
    let base = prepared.verify(case)?;
    if base.rules.iter().any(|it| it.state == State::Violated) {
        return Ok(Mutated::NotClean("a rule is violated in it"));
    }
    if !base.rules.iter().any(|it| it.state == State::Holds) {
        return Ok(Mutated::NotClean("no rule holds in it"));
    }
    // What one rule does not see is for others of its pack to see: `rules only:` says what the case
    // expects, not who may notice. Those that are violated as it is cannot notice anything.
    let prepared = Prepared::with_all_rules(case, surroundings)?;
    let base = prepared.verify(case)?;
    let history = History::new(source, &base);
    let sound = |it: &&RuleResult| it.state != State::Violated;
    let rules = base.rules.iter().filter(sound);
    let rules: Vec<_> = rules
        .map(|it| {
            let pack = &prepared.packs[it.pack];
            (pack, &pack.rules[it.rule])
        })
        .collect();
    let mut mutants = make::mutants(&history, &rules);
    mutants.retain(|mutant| {
        wanted.operators.is_empty() || wanted.operators.contains(&mutant.operator)
    });
    let all = mutants.len();
    if all > wanted.most {
        let mut number = 0;
        mutants.retain(|_| {
            number += 1;
            number * wanted.most / all > (number - 1) * wanted.most / all
        });
    }
    let mut found = CaseMutants::new(case, all);
    for mutant in mutants {
        let source: Box<dyn Source> = Box::new(mutant.source);
        let input = Input {
            packs: &prepared.packs,
            facts: &prepared.facts,
            sources: &[source],
            unread: &[],
            skew: std::time::Duration::ZERO,
        };
        // What cannot be verified is noticed: packs that contradict each other are told before.
        if let Ok(verification) = verify(&input, &mut |_| {}) {
            let fate = fate(&base, &verification, &prepared);
            found.add(mutant.operator, mutant.line, mutant.what, fate);
        }
        progress();
    }
    found.explain(case, wanted, all <= wanted.most);
    Ok(Mutated::Clean(found))
}

/// What became of a mutant, beside the history that it was made of.
fn fate(base: &Verification, mutant: &Verification, prepared: &Prepared) -> Fate {
    let name = |pack: usize, rule: usize| {
        let pack = &prepared.packs[pack];
        format!("{}/{}", pack.name, pack.rules[rule].id)
    };
    let sound = |state: State| state != State::Violated;
    let pairs = || {
        let pairs = base.rules.iter().zip(&mutant.rules);
        pairs.filter(|(before, _)| sound(before.state))
    };
    let violated: BTreeSet<_> = pairs()
        .filter(|(_, after)| !sound(after.state))
        .map(|(_, after)| name(after.pack, after.rule))
        .collect();
    if !violated.is_empty() {
        return Fate::Killed(violated);
    }
    let doubted: BTreeSet<_> = pairs()
        .filter(|(before, after)| before.state == State::Holds && after.state != State::Holds)
        .map(|(_, after)| name(after.pack, after.rule))
        .collect();
    let noted = pairs().any(|(before, after)| {
        before.outcome.notes.len() < after.outcome.notes.len()
            || before.outcome.doubts.len() < after.outcome.doubts.len()
    });
    if !doubted.is_empty() || noted || mutant.verdict > base.verdict.max(Verdict::Clean) {
        return Fate::Doubted(doubted);
    }
    Fate::Survived
}
