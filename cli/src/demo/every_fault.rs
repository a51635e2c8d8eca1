//! `--leaky all`: every fault, each in a run of its own, and the run without one.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wsaudit_demo::Fault;
use wsaudit_verifier::verdict::Verdict;

use super::{DemoArgs, directory, meant, stage};
use crate::exit::Exit;
use crate::numbers::counted;
use crate::output::{Output, say};
use crate::table::{Align, Table};

/// Runs at once: they wait more than they work.
const AT_ONCE: usize = 6;

/// What became of a run.
struct Ran {
    fault: Option<Fault>,
    verdict: Verdict,
    found_by: Vec<String>,
}

impl Ran {
    fn expected(&self) -> &'static str {
        self.fault.map_or("clean", meant::rule_for)
    }

    fn is_as_expected(&self) -> bool {
        match self.fault {
            None => self.verdict == Verdict::Clean,
            Some(fault) => self
                .found_by
                .iter()
                .any(|rule| rule == meant::rule_for(fault)),
        }
    }

    fn outcome(&self) -> &'static str {
        if self.is_as_expected() {
            "ok"
        } else {
            "MISSED"
        }
    }
}

pub(super) fn run(args: &DemoArgs, runtime: &Runtime, output: &mut Output) -> anyhow::Result<Exit> {
    let directory = directory(args)?;
    say(&format!(
        "one run without a fault and {} with one, {AT_ONCE} at once: about half a minute",
        Fault::ALL.len()
    ));
    let ran = runtime.block_on(every(args.seed, &directory));
    let kept = args.keep || args.out.is_some();
    if !kept {
        std::fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    let ran = ran?;
    if args.json {
        for ran in &ran {
            let line = serde_json::json!({
                "fault": stage::name(ran.fault),
                "expected": ran.expected(),
                "verdict": ran.verdict.as_str(),
                "found_by": ran.found_by,
                "ok": ran.is_as_expected(),
            });
            writeln!(output, "{line}")?;
        }
    } else {
        write_table(&ran, output)?;
        if kept {
            writeln!(output, "recordings: {}", directory.display())?;
        }
    }
    let as_expected = ran.iter().all(Ran::is_as_expected);
    Ok(if as_expected {
        Exit::Clean
    } else {
        Exit::Violated
    })
}

/// Plays and verifies every run; the results are in the order of the faults.
async fn every(seed: u64, directory: &Path) -> anyhow::Result<Vec<Ran>> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut runs = JoinSet::new();
    let mut faults: Vec<Option<Fault>> = Fault::ALL.iter().copied().map(Some).collect();
    faults.insert(0, None);
    let order = faults.clone();
    // Those that wait for a deadline first: the others run meanwhile.
    faults.sort_by_key(|fault| {
        !matches!(
            fault,
            Some(Fault::MissingCompletion | Fault::DeadlineMissed)
        )
    });
    for fault in faults {
        let recording = directory.join(format!("{}.db", stage::name(fault)));
        if recording.exists() {
            bail!("{} exists: choose another --out", recording.display());
        }
        let places = Arc::clone(&places);
        runs.spawn(async move {
            let _place = places
                .acquire_owned()
                .await
                .context("the runs have ended")?;
            stage::play(fault, seed, &recording).await?;
            anyhow::Ok((fault, recording))
        });
    }
    let mut ran = Vec::new();
    while let Some(played) = runs.join_next().await {
        let (fault, recording): (_, PathBuf) = played.context("a run ended early")??;
        let (verification, report) = stage::verify(&recording)?;
        ran.push(Ran {
            fault,
            verdict: verification.verdict,
            found_by: stage::broken_rules(&report),
        });
    }
    ran.sort_by_key(|ran| order.iter().position(|fault| *fault == ran.fault));
    Ok(ran)
}

fn write_table(ran: &[Ran], output: &mut Output) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        ("fault", Align::Left),
        ("expected", Align::Left),
        ("", Align::Left),
        ("verdict", Align::Left),
        ("violated", Align::Left),
    ]);
    for ran in ran {
        let found_by = match ran.found_by.as_slice() {
            [] => "nothing".to_owned(),
            rules => rules.join(", "),
        };
        table.row([
            stage::name(ran.fault).to_owned(),
            ran.expected().to_owned(),
            ran.outcome().to_owned(),
            ran.verdict.to_string(),
            found_by,
        ]);
    }
    table.write(output)?;
    let planted = ran.iter().filter(|ran| ran.fault.is_some());
    let found = planted.clone().filter(|ran| ran.is_as_expected()).count();
    let sound = ran.iter().filter(|ran| ran.fault.is_none());
    let clean = sound.clone().all(Ran::is_as_expected);
    writeln!(
        output,
        "{}, {found} found by the rule meant for it; the run without a fault is {}",
        counted(planted.count() as u64, "fault"),
        if clean { "clean" } else { "NOT clean" }
    )?;
    Ok(())
}
