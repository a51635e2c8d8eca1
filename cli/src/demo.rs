//! `wsaudit demo`: an example backend, real clients, the proxy and the verifier in one run.

mod database;
mod every_fault;
mod meant;
mod stage;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use tokio::runtime::Runtime;
use wsaudit_demo::Fault;
use wsaudit_verifier::report::{Shown, TextOptions, json, text};

use crate::exit::Exit;
use crate::interrupt::Unfinished;
use crate::output::{Output, say};
use crate::shell::{program, quoted};
use crate::verify::palette;

const EXAMPLES: &str = "\
Users sign in from several devices at once, talk to agents and open threads, all \
over real sockets and through the recording proxy; then the recording is \
verified, also against who owns what in the backend's database. --leaky plants a \
fault in the backend, which a rule must find.

Examples:
  wsaudit demo
  wsaudit demo --leaky list
  wsaudit demo --leaky foreign-thread-answered
  wsaudit demo --leaky all
  wsaudit demo --leaky all --runs 20
  wsaudit demo --out recordings --seed 7

Exit codes:
  0  clean; with --leaky all: each fault is found by the rule meant for it, and
     by no rule that has nothing to do with it, and what runs without one is
     clean
  1  violated, as a run with a fault must be; with --leaky all: a fault was
     missed, or a rule cried without reason
  2  something could not be run
  3  inconclusive: nothing is broken, but the recording cannot prove the rest";

/// See a recording, a verdict and, if you like, a leak: everything in one run
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Plant this fault in the backend; `all`: each in turn; `list`: only name them
    #[arg(long, value_name = "KIND", value_parser = leaky(), hide_possible_values = true)]
    leaky: Option<Leaky>,
    /// Where recordings are kept [default: a new directory for temporary files]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Decides ids, and the order of what happens at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// With --leaky all: this many runs with each fault, and ten times as many without one, with one
    /// seed after another
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    runs: u64,
    /// Keep the recordings of --leaky all, also without --out
    #[arg(long)]
    keep: bool,
    /// Print the report as JSON; with --leaky all and list, one object a line
    #[arg(long)]
    json: bool,
}

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaky {
    One(Fault),
    All,
    List,
}

fn leaky() -> impl clap::builder::TypedValueParser<Value = Leaky> {
    let faults = Fault::ALL.iter().map(|fault| fault.name());
    let names: Vec<_> = faults.chain(["all", "list"]).collect();
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        "all" => Ok(Leaky::All),
        "list" => Ok(Leaky::List),
        name => name.parse().map(Leaky::One),
    })
}

/// Runs the demo.
pub(crate) fn run(args: &DemoArgs, output: &mut Output) -> anyhow::Result<Exit> {
    match args.leaky {
        None => one(args, None, output),
        Some(Leaky::One(fault)) => one(args, Some(fault), output),
        Some(Leaky::All) => every_fault::run(args, &runtime()?, output),
        Some(Leaky::List) => list(args, output),
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

fn list(args: &DemoArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let width = Fault::ALL.iter().map(|fault| fault.name().len()).max();
    for fault in Fault::ALL {
        let (name, what, rule) = (fault.name(), fault.describe(), meant::rule_for(*fault));
        if args.json {
            let line = serde_json::json!({ "fault": name, "describe": what, "rule": rule });
            writeln!(output, "{line}")?;
        } else {
            let width = width.unwrap_or_default();
            writeln!(output, "{name:width$}  {what}")?;
        }
    }
    Ok(Exit::Clean)
}

fn one(args: &DemoArgs, fault: Option<Fault>, output: &mut Output) -> anyhow::Result<Exit> {
    let directory = Directory::of(args)?;
    let recording = directory.path.join(format!("{}.db", stage::name(fault)));
    if recording.exists() {
        bail!(
            "{} exists: choose another directory with --out, or remove it",
            recording.display()
        );
    }
    say(
        "starting the example backend, the recording proxy in front of it, and clients: a few seconds",
    );
    let played = runtime()?.block_on(stage::play(fault, args.seed, &recording))?;
    let (verification, report) = stage::verify(&recording)?;
    if args.json {
        output.write_all(json(&report).as_bytes())?;
        return Ok(verification.verdict.into());
    }
    let options = TextOptions {
        palette: palette(output.paint()),
        width: Output::columns(),
        shown: Shown::First(2),
        coverage: None,
        survey: None,
        misses: None,
        remark: None,
    };
    output.write_all(text(&report, &options).as_bytes())?;
    writeln!(
        output,
        "\nplayed: {} connections, {} agent runs completed, {} attempts refused, in {:.1} s",
        played.logs.len(),
        played.runs_completed,
        played.refused,
        played.took.as_secs_f64()
    )?;
    if let Some(fault) = fault {
        let meant = meant::rule_for(fault);
        let found = stage::broken_rules(&report);
        writeln!(output, "planted: {fault}: {}", fault.describe())?;
        let verb = if found.iter().any(|rule| rule == meant) {
            "found"
        } else {
            "MISSED"
        };
        writeln!(output, "{verb} by the rule meant for it: {meant}")?;
        let others: Vec<_> = found.into_iter().filter(|rule| rule != meant).collect();
        if !others.is_empty() {
            writeln!(output, "found also by: {}", others.join(", "))?;
        }
    }
    let rules = quoted(&database::rules(&recording).display().to_string());
    let recording = quoted(&recording.display().to_string());
    let wsaudit = program();
    writeln!(output, "recording: {recording}\n\nnext:")?;
    writeln!(output, "  {wsaudit} show {recording}")?;
    writeln!(
        output,
        "  {wsaudit} verify --rules agent-platform {recording}"
    )?;
    writeln!(
        output,
        "  {wsaudit} verify --rules agent-platform --rules {rules} {recording}"
    )?;
    writeln!(
        output,
        "  sqlite3 {recording} \"select session_id, count(*) from session_frame group by 1\""
    )?;
    let more = match fault {
        None => "foreign-thread-answered",
        Some(_) => "all",
    };
    writeln!(output, "  {wsaudit} demo --leaky {more}")?;
    Ok(verification.verdict.into())
}

/// Where recordings go.
struct Directory {
    path: PathBuf,
    /// One that nobody named is told at the end only: nobody would find it after an interrupted run. In one
    /// that was named, the recordings that are whole stay.
    _unfinished: Option<Unfinished>,
}

impl Directory {
    /// Made, where it is not there.
    fn of(args: &DemoArgs) -> anyhow::Result<Self> {
        if let Some(path) = &args.out {
            fs::create_dir_all(path)
                .with_context(|| format!("cannot make the directory {}", path.display()))?;
            return Ok(Self {
                path: path.clone(),
                _unfinished: None,
            });
        }
        let path = tempfile::Builder::new()
            .prefix("wsaudit-demo-")
            .tempdir()
            .context("cannot make a directory for temporary files")?
            .keep();
        Ok(Self {
            _unfinished: Some(Unfinished::new(&path)),
            path,
        })
    }
}
