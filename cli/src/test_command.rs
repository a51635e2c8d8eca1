//! `wsaudit test`: cases, and what they expect.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use wsaudit_verifier::report::cases_junit;
use wsaudit_verifier::suite::{self, CaseResult, SuiteError};

use crate::exit::Exit;
use crate::file::write_whole;
use crate::numbers::counted;
use crate::output::Output;

/// Where cases are, unless somebody says otherwise; those that exist.
const USUAL: [&str; 2] = ["fixtures", "rules"];

const EXAMPLES: &str = "\
A case is a Markdown file with a ```trace block: a history, and the violation expected on the
offending line.

Examples:
  wsaudit test
  wsaudit test fixtures/agent-platform
  wsaudit test my-rules/foreign-room.md
  wsaudit test --junit cases.xml

Exit codes: 0 every case passed, 1 a case failed, 2 a path could not be read or written, or has no case.";

/// Run cases: rules against histories, with what must be found
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// Cases, and directories of cases [default: fixtures and rules, where they exist]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Name each case, also those that pass
    #[arg(short, long)]
    verbose: bool,
    #[arg(
        long,
        value_name = "FILE",
        help = "Write JUnit XML, too: a test case for each case"
    )]
    junit: Option<PathBuf>,
}

/// Runs cases.
pub(crate) fn run(args: &TestArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let (mut cases, mut failed) = (0, 0);
    let mut empty = None;
    let mut results = Vec::new();
    for path in paths(args)? {
        let suite = suite::run(&path, &mut |result| tell(args, result, output));
        let suite = match suite {
            Ok(suite) => suite,
            // Of the usual directories, one may hold no case.
            Err(error @ SuiteError::Empty { .. }) if args.paths.is_empty() => {
                empty = Some(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        cases += suite.results.len();
        failed += suite.failed();
        results.extend(suite.results);
    }
    if let (0, Some(error)) = (cases, empty) {
        return Err(error.into());
    }
    writeln!(output, "{}, {failed} failed", counted(cases as u64, "case"))?;
    if let Some(path) = &args.junit {
        write_whole(path, cases_junit(&results).as_bytes())
            .with_context(|| format!("cannot write the report to {}", path.display()))?;
    }
    Ok(match failed {
        0 => Exit::Clean,
        _ => Exit::Violated,
    })
}

fn paths(args: &TestArgs) -> anyhow::Result<Vec<PathBuf>> {
    if !args.paths.is_empty() {
        return Ok(args.paths.clone());
    }
    let usual: Vec<_> = USUAL
        .iter()
        .map(PathBuf::from)
        .filter(|path| path.is_dir())
        .collect();
    if usual.is_empty() {
        bail!(
            "no cases: neither {} is a directory here; name a case, or a directory of cases",
            USUAL.join(" nor ")
        );
    }
    Ok(usual)
}

fn tell(args: &TestArgs, result: &CaseResult, output: &mut Output) {
    // Whoever reads may have gone; any other failure shows when the output is finished.
    for mismatch in &result.mismatches {
        let _ = writeln!(output, "{mismatch}");
    }
    if args.verbose && result.passed() {
        let name = Path::new(&result.file).display();
        let _ = writeln!(output, "{name}: passed: {}", result.title);
    }
}
