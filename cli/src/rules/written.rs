//! A text that the program writes, and that a project may keep: whether the kept one is still right.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::exit::Exit;
use crate::file::write_whole;
use crate::output::{Output, say};

/// Where it is written, or what it is compared with.
#[derive(Debug, Args)]
pub(super) struct WrittenArgs {
    /// Write to this file instead of standard output; what is in it is replaced
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    out: Option<PathBuf>,
    /// Write nothing: compare with this file
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// Writes `text`, or compares.
pub(super) fn run(args: &WrittenArgs, text: &str, output: &mut Output) -> anyhow::Result<Exit> {
    if let Some(path) = &args.check {
        return compare(path, text);
    }
    if let Some(path) = &args.out {
        write_whole(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    } else {
        output.write_all(text.as_bytes())?;
    }
    Ok(Exit::Clean)
}

fn compare(path: &Path, text: &str) -> anyhow::Result<Exit> {
    let kept =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // A checkout may have its own ends of lines.
    let different = kept.lines().zip(text.lines()).position(|(a, b)| a != b);
    let line = match different {
        Some(line) => line,
        None if kept.lines().count() == text.lines().count() => return Ok(Exit::Clean),
        None => kept.lines().count().min(text.lines().count()),
    };
    say(&format!(
        "{}:{}: differs from what this program writes: write it again with --out",
        path.display(),
        line + 1
    ));
    Ok(Exit::Violated)
}
