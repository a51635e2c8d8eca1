//! Rules and facts as they are asked for, and one history verified with them: what `explain` and
//! `slice` begin with.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use wsaudit_verifier::engine::Verification;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::Source;
use wsaudit_verifier::report::{Report, Violation, find};
use wsaudit_verifier::rules::Pack;

use super::facts::{self, FactsFile};
use super::progress::Progress;
use super::recordings::Recordings;
use crate::numbers::duration;
use crate::output::Output;

/// What recordings are verified with.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// A shipped pack, a rule file, or a directory of rule files
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) rules: Vec<String>,
    /// Ownership facts: a CSV or SQLite file instead of what the pack names in [facts.NAME]
    #[arg(long, value_name = "NAME=FILE")]
    facts: Vec<FactsFile>,
    /// By how much the clocks of two recordings may disagree, each against the other
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = duration)]
    skew: Duration,
    /// How many threads read, decode and check; the result is the same [default: as many as there are
    /// cores, at most 4]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroUsize>,
}

/// More than these save no time where nobody asks for them: reading and checking take one each, and
/// two that decode keep up with them.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(4).expect("it is not 0");

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "expected how many threads, 1 or more".to_owned())
}

/// A violation of one history.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// The recordings, one history; then the violation's fingerprint, as `wsaudit verify` prints it, or
    /// its beginning
    // One list, so that flags may stand between them.
    #[arg(required = true, value_names = ["RECORDING", "FINGERPRINT"], num_args = 1..)]
    what: Vec<PathBuf>,
}

/// A history, verified.
pub(crate) struct Verified {
    pub(crate) packs: Vec<Pack>,
    pub(crate) facts: Facts,
    pub(crate) verification: Verification,
    pub(crate) report: Report,
    recordings: Recordings,
}

impl Asked {
    /// By how much the clocks of two recordings may disagree.
    pub(super) const fn skew(&self) -> Duration {
        self.skew
    }

    /// The packs, and the facts that they ask for.
    pub(super) fn load(&self) -> anyhow::Result<(Vec<Pack>, Facts)> {
        let packs = super::load(&self.rules)?;
        let facts = facts::read(&packs, &self.facts)?;
        Ok((packs, facts))
    }

    /// How many threads are to work on a verification.
    pub(super) fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or_else(|| {
            thread::available_parallelism().map_or(NonZeroUsize::MIN, |all| all.min(MOST_THREADS))
        })
    }
}

impl Wanted {
    /// The fingerprint, and the recordings.
    fn parts(&self) -> (String, &[PathBuf]) {
        let (last, recordings) = self.what.split_last().expect("clap asks for one");
        (last.display().to_string(), recordings)
    }

    /// Verifies the recordings.
    pub(crate) fn verify(&self, output: &Output) -> anyhow::Result<Verified> {
        let (fingerprint, recordings) = self.parts();
        if recordings.is_empty() {
            bail!("{fingerprint}: name a recording, and then the fingerprint of a violation in it");
        }
        if let Some(path) = recordings.iter().find(|path| path.is_dir()) {
            bail!(
                "{} is a directory: name the recordings of one history",
                path.display()
            );
        }
        let (packs, facts) = self.asked.load()?;
        let mut recordings = Recordings::open(recordings, output.color())?;
        let mut progress = Progress::new(1);
        progress.begin(recordings.messages_at_most());
        let (verification, report) = recordings.verify(
            &packs,
            &facts,
            (self.asked.skew, self.asked.threads()),
            &mut progress,
        )?;
        progress.end();
        if recordings.sources().is_empty() {
            bail!("no recording could be read");
        }
        Ok(Verified {
            packs,
            facts,
            verification,
            report,
            recordings,
        })
    }

    /// The violation that is meant, and how many have its fingerprint.
    pub(crate) fn find<'r>(&self, report: &'r Report) -> anyhow::Result<(&'r Violation, usize)> {
        let found = find(report, &self.parts().0);
        found.map_err(|error| {
            let error = anyhow::Error::from(error);
            if self.asked.rules.is_empty() {
                error.context("give the --rules that `wsaudit verify` was given")
            } else {
                error
            }
        })
    }
}

impl Verified {
    pub(crate) fn sources(&self) -> &[Box<dyn Source>] {
        self.recordings.sources()
    }

    /// The file that is called so in the report.
    pub(crate) fn path<'n>(&'n self, name: &'n str) -> &'n Path {
        self.recordings.path(name)
    }
}
