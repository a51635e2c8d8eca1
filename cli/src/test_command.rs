//! `wsaudit test`: cases, and what they expect.

mod mutate;
mod selection;
mod update;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use wsaudit_verifier::mutation::Operator;
use wsaudit_verifier::report::{cases_github, cases_junit, disarm};
use wsaudit_verifier::suite::CaseResult;

use crate::exit::Exit;
use crate::failure;
use crate::file::{can_write, write_whole};
use crate::numbers::counted;
use crate::output::Output;

const EXAMPLES: &str = "\
A case is a Markdown file with a ```trace block: a history, and the violation \
expected on the offending line (docs/cases.md).

--update makes cases expect what is found: it changes their expectations, and \
nothing else in them; a case that has none yet gets its first ones. Read what it \
changed as you would read any change. It refuses to run where CI is set.

--mutate takes each case in which no rule is violated, lets one thing go wrong \
in it (a message goes to another session, an answer comes a day late, ...), and \
tells which of these mutants no rule notices. Where that is meant, the case says \
why: `#! survives copy: it is told to everybody`.

Examples:
  wsaudit test
  wsaudit test fixtures/agent-platform
  wsaudit test --rule foreign-thread --filter share
  wsaudit test --junit cases.xml --github
  wsaudit test --update my-rules/foreign-room.md
  wsaudit test --mutate fixtures/agent-platform
  wsaudit test --mutate --operator copy --operator borrow --json

Exit codes:
  0  every case passed (or was updated); every mutant was noticed or is
     explained
  1  a case failed; a mutant survived that nobody explains, or an explanation
     explains nothing
  2  a path could not be read or written, or has no case; with --mutate, no
     clean one";

/// Run cases: rules against histories, with what must be found
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch on the command line"
)]
pub(crate) struct TestArgs {
    /// Cases, and directories of cases [default: fixtures and rules, where they exist]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only cases that name this rule, in an expectation or in `rules only:`
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Only cases whose path or title contains this
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Name each case, also those that pass; with --mutate, every survivor, also those explained
    #[arg(short, long)]
    verbose: bool,
    /// The results as JSON
    #[arg(long)]
    json: bool,
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["update", "mutate"],
        help = "Write JUnit XML, too: a test case for each case"
    )]
    junit: Option<PathBuf>,
    /// For a job on GitHub: annotations at the lines of cases that fail, behind the text
    #[arg(long, conflicts_with_all = ["update", "mutate", "json"])]
    github: bool,
    /// Change the cases so that they expect what is found
    #[arg(long, conflicts_with_all = ["mutate", "json"])]
    update: bool,
    /// Update also where the variable CI is set
    #[arg(long, requires = "update")]
    force: bool,
    /// Let things go wrong in clean cases, and tell what no rule notices
    #[arg(long)]
    mutate: bool,
    /// Only mutants of this operator: move, copy, drop, ...
    #[arg(long, value_name = "OPERATOR", requires = "mutate", value_parser = operator)]
    operator: Vec<Operator>,
    /// At most so many mutants of each case; where there are more, they are taken at equal distances
    #[arg(long, value_name = "N", requires = "mutate", default_value_t = 1_000)]
    most: usize,
}

fn operator(word: &str) -> Result<Operator, String> {
    Operator::from_word(word).ok_or_else(|| {
        let known = Operator::ALL.map(Operator::as_str).join(", ");
        format!("expected one of {known}")
    })
}

/// Runs cases. On GitHub, what keeps them from being run is annotated, too.
pub(crate) fn run(args: &TestArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let ended = run_all(args, output);
    failure::annotated(ended, args.github, output)
}

fn run_all(args: &TestArgs, output: &mut Output) -> anyhow::Result<Exit> {
    if args.update && !args.force && is_ci() {
        bail!(
            "--update is refused where the variable CI is set: there, nobody reads what it changes (--force updates all \
             the same)"
        );
    }
    if let Some(path) = &args.junit {
        can_write(path)
            .with_context(|| format!("cannot write the report to {}", path.display()))?;
    }
    let files = selection::files(args)?;
    if args.mutate {
        return mutate::run(args, &files, output);
    }
    if args.update {
        return update::run(&files, output);
    }
    let mut results = Vec::new();
    for file in &files {
        let result = file.run();
        if !args.json {
            tell(args, &result, output);
        }
        results.push(result);
    }
    let summary = Summary::of(&results);
    if args.json {
        serde_json::to_writer_pretty(&mut *output, &Results::of(&summary, &results))?;
        writeln!(output)?;
    } else {
        writeln!(output, "{}", summary.line())?;
    }
    if args.github {
        output.write_all(cases_github(&results).as_bytes())?;
    }
    if let Some(path) = &args.junit {
        write_whole(path, cases_junit(&results).as_bytes())
            .with_context(|| format!("cannot write the report to {}", path.display()))?;
    }
    Ok(match summary.failed {
        0 => Exit::Clean,
        _ => Exit::Violated,
    })
}

/// `CI=true`, as every CI service sets it.
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()))
}

#[derive(Debug, Serialize)]
struct Summary {
    cases: u64,
    failed: u64,
    /// Expectations.
    checks: u64,
    /// Known gaps that are still there.
    todo: u64,
}

impl Summary {
    fn of(results: &[CaseResult]) -> Self {
        let sum = |of: fn(&CaseResult) -> usize| results.iter().map(of).sum::<usize>() as u64;
        Self {
            cases: results.len() as u64,
            failed: sum(|result| usize::from(!result.passed())),
            checks: sum(|result| result.checks),
            todo: sum(|result| result.todo),
        }
    }

    fn line(&self) -> String {
        let cases = counted(self.cases, "case");
        let checks = counted(self.checks, "expectation");
        let todo = match self.todo {
            0 => String::new(),
            todo => format!(", {todo} todo"),
        };
        format!("{cases}, {checks}: {} failed{todo}", self.failed)
    }
}

#[derive(Debug, Serialize)]
struct Results<'r> {
    summary: &'r Summary,
    cases: Vec<One<'r>>,
}

#[derive(Debug, Serialize)]
struct One<'r> {
    file: &'r str,
    title: &'r str,
    passed: bool,
    checks: usize,
    todo: usize,
    mismatches: Vec<Mismatched>,
}

#[derive(Debug, Serialize)]
struct Mismatched {
    line: u32,
    message: String,
}

impl<'r> Results<'r> {
    fn of(summary: &'r Summary, results: &'r [CaseResult]) -> Self {
        let one = |result: &'r CaseResult| One {
            file: &result.file,
            title: &result.title,
            passed: result.passed(),
            checks: result.checks,
            todo: result.todo,
            mismatches: result
                .mismatches
                .iter()
                .map(|mismatch| Mismatched {
                    line: mismatch.line,
                    message: mismatch.difference.to_string(),
                })
                .collect(),
        };
        Self {
            summary,
            cases: results.iter().map(one).collect(),
        }
    }
}

fn tell(args: &TestArgs, result: &CaseResult, output: &mut Output) {
    // Whoever reads may have gone; any other failure shows when the output is finished.
    let mut text = String::new();
    for mismatch in &result.mismatches {
        let _ = writeln!(text, "{mismatch}");
    }
    if args.verbose && result.passed() {
        let _ = writeln!(text, "{}: passed: {}", result.file, result.title);
    }
    // No message of a case is a command to the runner of a CI job.
    let _ = output.write_all(disarm(&text).as_bytes());
}
