//! `--leaky all`: every fault, each in runs of its own, and runs without one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wsaudit_demo::Fault;
use wsaudit_verifier::verdict::Verdict;

use super::{DemoArgs, Directory, database, meant, stage};
use crate::exit::Exit;
use crate::numbers::counted;
use crate::output::{Output, say};
use crate::table::{Align, Table};

/// Runs at once: they wait more than they work.
const AT_ONCE: usize = 6;

/// With several runs of each fault, so many times more without one: a false alarm is rarer than a miss.
const SOUND: u64 = 10;

/// Where the recordings go, and which are kept.
struct Shelf {
    directory: Directory,
    /// Whether a run that went as it must is kept.
    keep_all: bool,
    /// How many runs with each fault.
    runs: u64,
}

impl Shelf {
    fn runs_of(&self, fault: Option<Fault>) -> u64 {
        match (fault, self.runs) {
            (Some(_), runs) | (None, runs @ 1) => runs,
            (None, runs) => runs * SOUND,
        }
    }

    fn recording(&self, fault: Option<Fault>, seed: u64) -> PathBuf {
        let name = stage::name(fault);
        self.directory.path.join(match self.runs {
            1 => format!("{name}.db"),
            _ => format!("{name}-{seed}.db"),
        })
    }
}

/// What became of the runs with one fault, or without any.
struct Ran {
    fault: Option<Fault>,
    runs: u64,
    /// Those in which the rule meant for it was violated; without a fault: those that were clean.
    found: u64,
    /// Every rule that was violated, and in how many of the runs.
    violated: BTreeMap<String, u64>,
    /// Seeds of runs that did not go as they must, and why.
    failed: BTreeMap<u64, String>,
}

impl Ran {
    fn new(fault: Option<Fault>) -> Self {
        Self {
            fault,
            runs: 0,
            found: 0,
            violated: BTreeMap::new(),
            failed: BTreeMap::new(),
        }
    }

    fn expected(&self) -> &'static str {
        self.fault.map_or("clean", meant::rule_for)
    }

    /// Counts a run. False if it did not go as it must.
    fn add(&mut self, seed: u64, verdict: Verdict, violated: Vec<String>) -> bool {
        self.runs += 1;
        let found = match self.fault {
            None => verdict == Verdict::Clean,
            Some(_) => violated.iter().any(|rule| rule == self.expected()),
        };
        self.found += u64::from(found);
        let plausible = self.fault.map_or(&[][..], meant::also);
        let is_alarm = |rule: &&String| {
            rule.as_str() != self.expected() && !plausible.contains(&rule.as_str())
        };
        let alarms: Vec<_> = violated.iter().filter(is_alarm).cloned().collect();
        let failure = match (found, alarms.as_slice()) {
            (true, []) => None,
            (false, []) => Some(format!("missed: {verdict}")),
            (_, alarms) => Some(format!("false alarm: {}", alarms.join(", "))),
        };
        for rule in violated {
            *self.violated.entry(rule).or_default() += 1;
        }
        let as_it_must = failure.is_none();
        if let Some(why) = failure {
            self.failed.insert(seed, why);
        }
        as_it_must
    }

    /// The rules besides the one that is meant, each with its number of runs.
    fn others(&self) -> String {
        let mut text = String::new();
        let expected = self.expected();
        for (rule, runs) in self.violated.iter().filter(|(rule, _)| *rule != expected) {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = match self.runs {
                1 => write!(text, "{comma}{rule}"),
                _ => write!(text, "{comma}{rule} ({runs})"),
            };
        }
        text
    }
}

pub(super) fn run(args: &DemoArgs, runtime: &Runtime, output: &mut Output) -> anyhow::Result<Exit> {
    let shelf = Shelf {
        directory: Directory::of(args)?,
        keep_all: args.keep || args.out.is_some(),
        runs: args.runs,
    };
    let sound = shelf.runs_of(None);
    let all = sound + Fault::ALL.len() as u64 * args.runs;
    say(&format!(
        "{} without a fault, {} with each of {}, {AT_ONCE} at once: about {}",
        counted(sound, "run"),
        args.runs,
        Fault::ALL.len(),
        counted(all.div_ceil(100), "minute"),
    ));
    let ran = runtime.block_on(every(args.seed, &shelf))?;
    let as_expected = ran.iter().all(|ran| ran.failed.is_empty());
    let kept = shelf.keep_all || !as_expected;
    if !kept {
        std::fs::remove_dir_all(&shelf.directory.path)
            .with_context(|| format!("cannot remove {}", shelf.directory.path.display()))?;
    }
    if args.json {
        for ran in &ran {
            let line = serde_json::json!({
                "fault": stage::name(ran.fault),
                "expected": ran.expected(),
                "runs": ran.runs,
                "found": ran.found,
                "violated": ran.violated,
                "failed": ran.failed,
            });
            writeln!(output, "{line}")?;
        }
    } else {
        write_table(&ran, output)?;
        if kept {
            writeln!(output, "recordings: {}", shelf.directory.path.display())?;
        }
    }
    Ok(if as_expected {
        Exit::Clean
    } else {
        Exit::Violated
    })
}

/// Plays and verifies every run; the results are in the order of the faults.
async fn every(seed: u64, shelf: &Shelf) -> anyhow::Result<Vec<Ran>> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut runs = JoinSet::new();
    let mut faults: Vec<Option<Fault>> = Fault::ALL.iter().copied().map(Some).collect();
    faults.insert(0, None);
    let mut ran: Vec<_> = faults.iter().copied().map(Ran::new).collect();
    // Those that wait for a deadline first: the others run meanwhile.
    faults.sort_by_key(|fault| {
        !matches!(
            fault,
            Some(Fault::MissingCompletion | Fault::DeadlineMissed | Fault::SlowEstablishment)
        )
    });
    for (fault, seed) in faults
        .into_iter()
        .flat_map(|fault| (0..shelf.runs_of(fault)).map(move |run| (fault, seed.wrapping_add(run))))
    {
        let recording = shelf.recording(fault, seed);
        if recording.exists() {
            bail!("{} exists: choose another --out", recording.display());
        }
        let places = Arc::clone(&places);
        runs.spawn(async move {
            let _place = places
                .acquire_owned()
                .await
                .context("the runs have ended")?;
            let played = stage::play(fault, seed, &recording).await;
            played.with_context(|| format!("seed {seed}"))?;
            anyhow::Ok((fault, seed, recording))
        });
    }
    while let Some(played) = runs.join_next().await {
        let (fault, seed, recording) = played.context("a run ended early")??;
        let (verification, report) = stage::verify(&recording)?;
        let Some(of_fault) = ran.iter_mut().find(|ran| ran.fault == fault) else {
            continue;
        };
        let violated = stage::broken_rules(&report);
        if of_fault.add(seed, verification.verdict, violated) && !shelf.keep_all {
            remove(&recording)?;
        }
    }
    Ok(ran)
}

/// A recording that went as it must, and what was written beside it.
fn remove(recording: &Path) -> anyhow::Result<()> {
    let beside = [database::path(recording), database::rules(recording)];
    for file in beside.iter().map(PathBuf::as_path).chain([recording]) {
        std::fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

fn write_table(ran: &[Ran], output: &mut Output) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        ("fault", Align::Left),
        ("must be", Align::Left),
        ("found", Align::Left),
        ("", Align::Left),
        ("violated also", Align::Left),
    ]);
    for ran in ran {
        table.row([
            stage::name(ran.fault).to_owned(),
            ran.expected().to_owned(),
            format!("{} of {}", ran.found, ran.runs),
            if ran.failed.is_empty() {
                "ok"
            } else {
                "FAILED"
            }
            .to_owned(),
            ran.others(),
        ]);
    }
    let columns = Output::columns();
    table.write(output, columns)?;
    for ran in ran {
        for (seed, why) in &ran.failed {
            writeln!(output, "{}, seed {seed}: {why}", stage::name(ran.fault))?;
        }
    }
    let planted = ran.iter().filter(|ran| ran.fault.is_some());
    let found = planted.clone().filter(|ran| ran.failed.is_empty()).count();
    let clean = ran.iter().filter(|ran| ran.fault.is_none());
    let clean = clean.clone().all(|ran| ran.failed.is_empty());
    let runs: u64 = ran.iter().map(|ran| ran.runs).sum();
    writeln!(
        output,
        "{}, {found} found by the rule meant for it and by no rule that has nothing to do with it; \
         without a fault {}; {} in all",
        counted(planted.count() as u64, "fault"),
        if clean { "clean" } else { "NOT clean" },
        counted(runs, "run"),
    )?;
    Ok(())
}
