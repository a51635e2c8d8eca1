//! `wsaudit rules new`: the start of a pack, from what recordings hold.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail};
use clap::Args;
use wsaudit_verifier::draft::draft;
use wsaudit_verifier::history::{RecordingSource, Source, join};

use crate::exit::Exit;
use crate::file::write_new;
use crate::output::{Output, say};

/// What is read, and where the pack is written.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Write to this file, which must not be there yet [default: standard output]
    #[arg(long, value_name = "FILE.toml")]
    out: Option<PathBuf>,
    /// The pack's name [default: the file's, or the recording's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The recordings: one history
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
}

/// Reads, drafts, writes.
pub(super) fn run(args: &NewArgs, output: &mut Output) -> anyhow::Result<Exit> {
    if let Some(path) = args.out.as_deref().filter(|path| path.exists()) {
        bail!("{} exists; name another file, or remove it", path.display());
    }
    let mut sources: Vec<Rc<dyn Source>> = Vec::new();
    for path in &args.recordings {
        sources.push(Rc::new(RecordingSource::open(
            path,
            &path.display().to_string(),
        )?));
    }
    let sources = join(&sources)?;
    let text = draft(&name(args), &sources)?;
    match &args.out {
        Some(path) => {
            write_new(path, text.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
            say(&format!(
                "{0}: read and correct it, then `wsaudit rules check {0}`",
                path.display()
            ));
        }
        None => output.write_all(text.as_bytes())?,
    }
    Ok(Exit::Clean)
}

/// A name that a pack may have.
fn name(args: &NewArgs) -> String {
    let stem = |path: &Path| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let given = args.name.clone();
    let file = || args.out.as_deref().and_then(stem);
    let recording = || args.recordings.first().and_then(|path| stem(path));
    let name = given.or_else(file).or_else(recording).unwrap_or_default();
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || "-_.".contains(character) {
            character
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(plain).collect();
    if name.is_empty() {
        "rules".to_owned()
    } else {
        name
    }
}
