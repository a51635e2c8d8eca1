//! Violations that are known: the file, and what day it is.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::Args;
use wsaudit_verifier::baseline::{self, Baseline};
use wsaudit_verifier::date::Date;
use wsaudit_verifier::report::Audit;
use wsaudit_verifier::rules::LoadError;

use crate::file::{can_write, write_new};
use crate::numbers::counted;
use crate::output::say;

/// How long a new entry may stay: a quarter of a year.
const DAYS: u32 = 90;

/// Violations that are known.
#[derive(Debug, Args)]
#[command(next_help_heading = "Known violations")]
pub(super) struct BaselineArgs {
    /// Do not fail for the violations that this file knows, until the day each of them expires
    #[arg(long, value_name = "FILE.toml")]
    baseline: Option<PathBuf>,
    /// Write every violation that was found to this new file, for --baseline; reasons are to be
    /// filled in
    #[arg(long, value_name = "FILE.toml")]
    write_baseline: Option<PathBuf>,
    #[arg(
        long,
        value_name = "YYYY-MM-DD",
        help = "The day on which entries expire or not [default: SOURCE_DATE_EPOCH, else today (UTC)]"
    )]
    today: Option<Date>,
}

/// What is known, today.
#[derive(Debug)]
pub(super) struct Known {
    baseline: Option<Baseline>,
    today: Date,
    write: Option<PathBuf>,
}

impl Known {
    /// Reads the baseline; an error where it is wrong, or where one that is to be written exists.
    pub(super) fn read(args: &BaselineArgs) -> anyhow::Result<Self> {
        let baseline = args.baseline.as_deref().map(read).transpose()?;
        if let Some(path) = &args.write_baseline
            && fs::symlink_metadata(path).is_ok()
        {
            bail!(
                "--write-baseline {}: the file exists; name a new one, and move what you want to keep",
                path.display()
            );
        }
        if let Some(path) = &args.write_baseline {
            can_write(path)
                .with_context(|| format!("--write-baseline: cannot write to {}", path.display()))?;
        }
        // Where no baseline is, nobody asks what day it is.
        let today = match args.today {
            Some(today) => today,
            None => today()?,
        };
        Ok(Self {
            baseline,
            today,
            write: args.write_baseline.clone(),
        })
    }

    /// Says of each violation whether it is known.
    pub(super) fn apply(&self, audit: &mut Audit) {
        if let Some(baseline) = &self.baseline {
            baseline.apply(self.today, audit);
        }
    }

    /// Writes the start of a baseline, where one was asked for.
    pub(super) fn write(&self, audit: &Audit) -> anyhow::Result<()> {
        let Some(path) = &self.write else {
            return Ok(());
        };
        let expires = self.today.after(DAYS).unwrap_or(self.today);
        let text = baseline::start(audit, self.baseline.as_ref(), self.today, expires);
        write_new(path, text.as_bytes())
            .with_context(|| format!("cannot write the baseline to {}", path.display()))?;
        let entries = text.matches("\n[[known]]\n").count() as u64;
        let open = text.matches("\nreason      = \"TODO\"\n").count();
        let name = path.display();
        say(&match entries {
            0 => format!("wrote {name}: nothing is violated, and so nothing is known"),
            entries => format!(
                "wrote {name}: {}; before --baseline takes it, say why in each `reason` that is \"TODO\" ({open})",
                counted(entries, "known violation")
            ),
        });
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Baseline> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => anyhow::anyhow!("the baseline {name} is not UTF-8"),
        _ => anyhow::Error::from(error).context(format!("cannot read the baseline {name}")),
    })?;
    // What is wrong is printed with its lines, as in rule files.
    Ok(Baseline::parse(&name, &text).map_err(LoadError::Rules)?)
}

/// <https://reproducible-builds.org/specs/source-date-epoch/>: a build that sets it wants the same
/// bytes on every day.
fn today() -> anyhow::Result<Date> {
    let seconds = match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) if !text.is_empty() => text.parse().with_context(|| {
            format!("SOURCE_DATE_EPOCH is `{text}`: expected seconds since 1970-01-01")
        })?,
        _ => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    };
    Date::of_unix_seconds(seconds)
        .with_context(|| format!("{seconds} seconds since 1970-01-01 is beyond the year 9999"))
}
