//! `wsaudit verify`: rule packs over recordings, and the report.

mod facts;
mod progress;
mod recordings;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{Source, SourceError};
use wsaudit_verifier::report::{Palette, Report, Shown, TextOptions, json, report, text};
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::survey::survey;

use crate::exit::Exit;
use crate::output::{Output, Paint};

use facts::FactsFile;
use progress::Progress;
use recordings::Recordings;

/// What is checked where nobody says what.
const DEFAULT_RULES: [&str; 3] = ["protocol", "handshake", "correlated"];

/// Said where nobody said what to check: a clean verdict must not be taken for isolation.
const WITHOUT_RULES: &str = "checked without --rules: only what holds for every application. Whether sessions \
     are isolated, only rules that know these messages can tell (README: \"Write a rule\")";

const EXAMPLES: &str = "\
Rules are shipped packs, by name (agent-platform, correlated, handshake, protocol), rule files, or
directories of them. With none, protocol, handshake and correlated are checked, and the messages and id-like fields are
listed that no rule mentions: the start of a pack of your own.
Several recordings are one history, merged by time.

Examples:
  wsaudit verify traffic.db
  wsaudit verify --rules my-rules.toml traffic.db
  wsaudit verify --rules agent-platform --rules protocol monday.db tuesday.db
  wsaudit verify --rules rules/ --facts threads=user_threads.csv traffic.db
  wsaudit verify --rules rules/ --format json --output report.json traffic.db

Exit codes:
  0  clean: every rule holds, and nothing speaks against believing it
  1  violated: a rule is broken
  2  a recording, rule or fact could not be read; what could be is reported all the same
  3  inconclusive: a gap, an unidentified connection, a rule that nothing could have broken, ...";

/// Verify recordings: find what leaked from one session into another
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// A shipped pack, a rule file, or a directory of rule files
    #[arg(long, value_name = "NAME|PATH")]
    rules: Vec<String>,
    /// Ownership facts: a CSV or SQLite file instead of what the pack names in [facts.NAME]
    #[arg(long, value_name = "NAME=FILE")]
    facts: Vec<FactsFile>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Write the report to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Tell every violation, not only the first ones of each rule
    #[arg(long)]
    all: bool,
    /// Tell how often each event and pointer of the rules matched, and what no rule mentions
    #[arg(short, long)]
    verbose: bool,
    /// The recordings: one history
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Verifies recordings, and writes the report.
pub(crate) fn run(args: &VerifyArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let packs = load(&args.rules)?;
    let facts = facts::read(&packs, &args.facts)?;
    let mut recordings = Recordings::open(&args.recordings, output.color())?;
    let mut progress = Progress::new(recordings.messages_at_most());
    let (verification, report) = recordings.verify(&packs, &facts, &mut progress)?;
    let coverage = args.verbose || args.rules.is_empty();
    let written = match args.format {
        Format::Json => json(&report),
        Format::Text => {
            let survey = coverage
                .then(|| survey(&packs, recordings.sources()))
                .transpose()?;
            let paint = match &args.output {
                Some(_) => Paint::Plain,
                None => output.paint(),
            };
            let options = TextOptions {
                palette: palette(paint),
                shown: if args.all { Shown::All } else { Shown::DEFAULT },
                coverage: coverage.then_some(&verification.coverage),
                survey: survey.as_ref(),
                misses: (!coverage).then_some(&verification.coverage),
                remark: args.rules.is_empty().then_some(WITHOUT_RULES),
            };
            text(&report, &options)
        }
    };
    progress.end();
    match &args.output {
        Some(path) => fs::write(path, written)
            .with_context(|| format!("cannot write the report to {}", path.display()))?,
        None => output.write_all(written.as_bytes())?,
    }
    output.finish()?;
    Ok(match recordings.unread() {
        [] => verification.verdict.into(),
        [..] => Exit::Failed,
    })
}

/// The packs that were asked for, or those that hold for every application.
fn load(rules: &[String]) -> anyhow::Result<Vec<Pack>> {
    // A `LoadError` is kept as it is: what is wrong in rule files is printed with its lines.
    let packs: Vec<Pack> = if rules.is_empty() {
        DEFAULT_RULES
            .into_iter()
            .map(Pack::shipped)
            .collect::<Result<_, _>>()?
    } else {
        rules
            .iter()
            .map(|name| Pack::resolve(name))
            .collect::<Result<_, _>>()?
    };
    for (index, pack) in packs.iter().enumerate() {
        if packs[..index].iter().any(|other| other.name == pack.name) {
            bail!(
                "two rule packs are named `{}`: give each one once, or rename one in its [pack]",
                pack.name
            );
        }
    }
    Ok(packs)
}

/// One verification with its report.
pub(crate) fn check(
    packs: &[Pack],
    facts: &Facts,
    sources: &[Box<dyn Source>],
    unread: &[SourceError],
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<(Verification, Report)> {
    let input = Input {
        packs,
        facts,
        sources,
        unread,
    };
    let verification = verify(&input, progress)?;
    let report = report(packs, &verification, sources)?;
    Ok((verification, report))
}

/// The colours of a report.
pub(crate) const fn palette(paint: Paint) -> &'static Palette {
    match paint {
        Paint::Plain => &Palette::PLAIN,
        Paint::Ansi => &Palette::ANSI,
    }
}
