//! `wsaudit test --mutate`: what no rule notices.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use anyhow::bail;
use indicatif::ProgressBar;
use serde::Serialize;
use wsaudit_verifier::mutation::{
    CaseMutants, Mutated, Operator, OperatorCount, RuleCount, Wanted, mutate,
};
use wsaudit_verifier::suite::CaseFile;

use super::TestArgs;
use crate::bar::{Told, target};
use crate::exit::Exit;
use crate::numbers::counted;
use crate::output::Output;

/// What all cases came to.
#[derive(Debug, Default, Serialize)]
struct Survey {
    cases: Vec<CaseMutants>,
    /// Cases of which no mutants were made, and why.
    not_clean: BTreeMap<String, String>,
    /// Cases that could not be run, or fail as they are.
    failed: Vec<String>,
    operators: BTreeMap<&'static str, OperatorCount>,
    rules: BTreeMap<String, RuleCount>,
}

/// Makes mutants of each clean case.
pub(super) fn run(
    args: &TestArgs,
    files: &[CaseFile],
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let wanted = Wanted {
        operators: args.operator.clone(),
        most: args.most,
    };
    let mut survey = Survey::default();
    let bar = bar(files.len());
    let mut made = 0_u64;
    for file in files {
        let case = match file.parse() {
            Ok(case) => case,
            Err(errors) => {
                survey.failed.push(errors.to_string());
                continue;
            }
        };
        let mutated = mutate(&case, &file.directory, &wanted, &mut || {
            made += 1;
            bar.set_message(counted(made, "mutant"));
        });
        match mutated {
            Ok(Mutated::Clean(mutants)) => survey.add(mutants),
            Ok(Mutated::NotClean(why)) => {
                survey.not_clean.insert(file.name.clone(), why.to_owned());
            }
            Err(mismatch) => survey.failed.push(mismatch.to_string()),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if survey.cases.is_empty() && survey.failed.is_empty() {
        bail!("{}", survey.none_clean());
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *output, &survey)?;
        writeln!(output)?;
    } else {
        survey.tell(args, output)?;
    }
    let passed = survey.failed.is_empty() && survey.cases.iter().all(CaseMutants::passed);
    Ok(if passed { Exit::Clean } else { Exit::Violated })
}

/// On standard error, where that is a terminal.
fn bar(cases: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(cases as u64), target());
    let told = Told {
        before: "mutating",
        after: "{pos} of {len} cases, {msg}, {elapsed}",
    };
    told.by(&bar);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Survey {
    fn add(&mut self, mutants: CaseMutants) {
        for (operator, count) in &mutants.operators {
            self.operators.entry(operator).or_default().add(count);
        }
        for (rule, count) in &mutants.rules {
            self.rules.entry(rule.clone()).or_default().add(count);
        }
        self.cases.push(mutants);
    }

    /// Why no mutants could be made, and what to do.
    fn none_clean(&self) -> String {
        let mut counts = BTreeMap::<_, u64>::new();
        for why in self.not_clean.values() {
            *counts.entry(why.as_str()).or_default() += 1;
        }
        let whys = counts.iter().map(|(why, count)| format!("{why} ({count})"));
        format!(
            "{}, and no clean one to let something go wrong in: {}; write one beside them in which a rule holds and \
             none is violated: a trace such as theirs, with `expect none` and without what breaks the rule",
            counted(self.not_clean.len() as u64, "case"),
            whys.collect::<Vec<_>>().join(", "),
        )
    }

    fn tell(&self, args: &TestArgs, output: &mut Output) -> anyhow::Result<()> {
        for failure in &self.failed {
            writeln!(output, "{failure}")?;
        }
        for case in &self.cases {
            for survivor in &case.survivors {
                let (file, line, what) = (&case.file, survivor.line, &survivor.what);
                let operator = survivor.operator;
                match &survivor.why {
                    None => writeln!(output, "{file}:{line}: {operator}: no rule notices: {what}")?,
                    Some(why) if args.verbose => {
                        writeln!(
                            output,
                            "{file}:{line}: {operator}: {what}: explained: {why}"
                        )?;
                    }
                    Some(_) => {}
                }
            }
            for stale in &case.stale {
                writeln!(
                    output,
                    "{}:{}: `survives {}` explains nothing: every such mutant is noticed, or none can be made; \
                     remove it",
                    case.file, stale.line, stale.operator
                )?;
            }
            let made: u64 = case.operators.values().map(|count| count.mutants).sum();
            if made < case.possible as u64 {
                writeln!(
                    output,
                    "{}: {made} of {} mutants were made (--most)",
                    case.file, case.possible
                )?;
            }
        }
        self.tables(output)
    }

    fn tables(&self, output: &mut Output) -> anyhow::Result<()> {
        writeln!(
            output,
            "operator           mutants   killed  doubted  explained  survived"
        )?;
        let mut all = OperatorCount::default();
        for operator in Operator::ALL {
            if let Some(count) = self.operators.get(operator.as_str()) {
                all.add(count);
                row(operator.as_str(), count, output)?;
            }
        }
        row("all", &all, output)?;
        writeln!(
            output,
            "\nrule                                       killed    alone"
        )?;
        for (rule, count) in &self.rules {
            writeln!(output, "{rule:40} {:>8} {:>8}", count.killed, count.alone)?;
        }
        let clean = counted(self.cases.len() as u64, "clean case");
        writeln!(
            output,
            "\n{clean}, {}: {} survived",
            counted(all.mutants, "mutant"),
            all.survived
        )?;
        if all.survived > 0 {
            writeln!(
                output,
                "each that survived is a fault that no rule of its case's pack would find: write a rule for it, or say \
                 in the case why it may be: `#! survives OPERATOR: why`"
            )?;
        }
        Ok(())
    }
}

fn row(name: &str, count: &OperatorCount, output: &mut Output) -> anyhow::Result<()> {
    writeln!(
        output,
        "{name:17} {:>8} {:>8} {:>8} {:>10} {:>9}",
        count.mutants, count.killed, count.doubted, count.explained, count.survived
    )?;
    Ok(())
}
