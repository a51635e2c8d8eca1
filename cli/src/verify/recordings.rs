//! The recordings of a verification. One that cannot be read is told, and left out.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use wsaudit_recording::Payloads;
use wsaudit_verifier::engine::{RunError, Verification};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{RecordingSource, Source, SourceError, join};
use wsaudit_verifier::report::Report;
use wsaudit_verifier::rules::Pack;

use super::check;
use super::progress::Progress;
use crate::failure;
use crate::output::{ColorChoice, say};

/// Recordings that could be opened.
pub(super) struct Recordings {
    /// As they were given.
    paths: Vec<PathBuf>,
    /// Those that could be opened.
    files: Vec<Rc<dyn Source>>,
    /// The parts of a run are one.
    sources: Vec<Box<dyn Source>>,
    messages: u64,
    unread: Vec<SourceError>,
    color: ColorChoice,
}

impl Recordings {
    /// Opens recordings; those that cannot be read are told. An error where one is there twice, or where
    /// they cannot be compared.
    pub(super) fn open(paths: &[PathBuf], color: ColorChoice) -> anyhow::Result<Self> {
        let mut opened = Self {
            paths: paths.to_vec(),
            files: Vec::new(),
            sources: Vec::new(),
            messages: 0,
            unread: Vec::new(),
            color,
        };
        let mut keys = BTreeSet::new();
        let mut redacted = None;
        for path in paths {
            match open(path) {
                Ok((source, messages, payloads)) => {
                    let runs = source.reader().runs().iter();
                    keys.extend(runs.filter_map(|run| run.key_id.clone()));
                    if payloads == Payloads::Redacted {
                        redacted.get_or_insert(path);
                    }
                    opened.messages += messages;
                    opened.files.push(Rc::new(source));
                }
                Err(error) => {
                    let error = meant(path, error);
                    opened.unread.push(SourceError {
                        recording: path.display().to_string(),
                        why: error.to_string(),
                    });
                    failure::print(&error, color);
                }
            }
        }
        opened.sources = join(&opened.files)?;
        if let Some(path) = redacted
            && keys.len() > 1
        {
            bail!(
                "the payloads in {} are redacted, and the recordings were made with {} redaction keys ({}): \
                 one id looks different in each, so no leak from one to the other could be seen; verify each \
                 alone, or record with one --redaction-key-file",
                path.display(),
                keys.len(),
                keys.into_iter().collect::<Vec<_>>().join(", ")
            );
        }
        if keys.len() > 1 {
            say(&format!(
                "warning: the recordings were made with {} redaction keys ({}): one credential looks different \
                 in each; record with one --redaction-key-file to compare them",
                keys.len(),
                keys.into_iter().collect::<Vec<_>>().join(", ")
            ));
        }
        Ok(opened)
    }

    /// Verifies them. One that turns out to be damaged on the way is told and left out.
    pub(super) fn verify(
        &mut self,
        packs: &[Pack],
        facts: &Facts,
        (skew, threads): (Duration, NonZeroUsize),
        progress: &mut Progress,
    ) -> anyhow::Result<(Verification, Report)> {
        loop {
            let (sources, unread) = (&self.sources, &self.unread);
            let mut at = |read| progress.at(read);
            let checked = check(packs, facts, sources, unread, skew, threads, &mut at);
            let Err(error) = checked else {
                return checked;
            };
            let Some((damaged, why)) = self.damaged(&error) else {
                return Err(error);
            };
            self.files.remove(damaged);
            self.unread.push(why);
            self.sources = join(&self.files)?;
            failure::print(&error, self.color);
        }
    }

    /// Which file an error is about, and what is wrong with it.
    fn damaged(&self, error: &anyhow::Error) -> Option<(usize, SourceError)> {
        let error = match error.downcast_ref::<RunError>() {
            Some(RunError::Source(error)) => error,
            Some(RunError::Sessions(_)) => return None,
            None => error.downcast_ref::<SourceError>()?,
        };
        let mut files = self.files.iter();
        let damaged = files.position(|file| file.outline().name == error.recording)?;
        Some((damaged, error.clone()))
    }

    pub(super) fn sources(&self) -> &[Box<dyn Source>] {
        &self.sources
    }

    /// The file of a name: where a path is no UTF-8, its name is not it.
    pub(super) fn path<'n>(&'n self, name: &'n str) -> &'n Path {
        let mut paths = self.paths.iter();
        let named = paths.find(|path| path.display().to_string() == name);
        named.map_or(Path::new(name), PathBuf::as_path)
    }

    /// There are not more messages than this.
    pub(super) const fn messages_at_most(&self) -> u64 {
        self.messages
    }
}

/// The error of a file that is no recording, and what its user may have wanted of it.
fn meant(path: &Path, error: anyhow::Error) -> anyhow::Error {
    let is_text = path.is_file() && fs::read_to_string(path).is_ok_and(|text| !text.is_empty());
    match path.extension().and_then(|it| it.to_str()) {
        Some("toml") if is_text => anyhow!("{error}; rule files are given with --rules"),
        Some("md") if is_text => anyhow!("{error}; text cases are run by `wsaudit test`"),
        _ => error,
    }
}

/// A recording, how many messages it may have, and whether any of them are redacted.
fn open(path: &Path) -> anyhow::Result<(RecordingSource, u64, Payloads)> {
    let source = RecordingSource::open(path, &path.display().to_string())?;
    let range = source.reader().frame_range()?;
    let messages = range.map_or(0, |(first, last)| last.0 - first.0 + 1);
    let connections = source.reader().connections()?;
    let redacted = connections
        .iter()
        .any(|it| it.opened.payloads == Payloads::Redacted);
    let payloads = if redacted {
        Payloads::Redacted
    } else {
        Payloads::WireExact
    };
    Ok((source, messages, payloads))
}
