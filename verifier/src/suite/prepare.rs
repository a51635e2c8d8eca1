//! What a case needs around it: its rules, and its recordings.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::compare::unknown_rule;
use super::difference::{Difference, Mismatch};
use crate::case::{Case, CaseHistory, PackChoice};
use crate::engine::{Input, Verification, verify};
use crate::facts::Facts;
use crate::history::{RecordingSource, Source, join};
use crate::rules::Pack;

/// Where a case's rules and recordings come from.
pub trait Surroundings {
    /// The rule pack of that name or path; the error says what is wrong.
    fn pack(&self, name: &str) -> Result<Pack, String>;

    /// The recording of that path; the error says what is wrong.
    fn recording(&self, path: &str) -> Result<Box<dyn Source>, String>;
}

/// The directory that a case is in: paths start there; other names are shipped packs.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

impl Directory {
    /// The directory of a file.
    pub fn of(file: &Path) -> Self {
        Self(file.parent().unwrap_or(Path::new("")).to_owned())
    }
}

impl Surroundings for Directory {
    fn pack(&self, name: &str) -> Result<Pack, String> {
        let is_path = name.contains('/') || Path::new(name).extension().is_some();
        let pack = if is_path {
            Pack::load(self.0.join(name))
        } else {
            Pack::shipped(name)
        };
        pack.map_err(|error| error.to_string())
    }

    fn recording(&self, path: &str) -> Result<Box<dyn Source>, String> {
        match RecordingSource::open(&self.0.join(path), path) {
            Ok(source) => Ok(Box::new(source)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A case with all that it needs.
pub struct Prepared {
    /// Its rule packs, with those of their rules that count.
    pub packs: Vec<Pack>,
    /// Ownership facts.
    pub facts: Facts,
    /// Its history.
    pub sources: Vec<Box<dyn Source>>,
}

impl Prepared {
    /// Loads what a case needs, with the rules that it is about.
    pub fn new(case: &Case, surroundings: &dyn Surroundings) -> Result<Self, Mismatch> {
        let mut prepared = Self::with_all_rules(case, surroundings)?;
        if !case.only.is_empty() {
            for pack in &mut prepared.packs {
                let mut rules = std::mem::take(&mut pack.rules);
                rules.retain(|rule| case.only.iter().any(|(name, _)| name.means(pack, rule)));
                pack.rules = rules;
            }
            prepared.packs.retain(|pack| !pack.rules.is_empty());
        }
        Ok(prepared)
    }

    /// Loads what a case needs, with all rules of its packs.
    pub(crate) fn with_all_rules(
        case: &Case,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, Mismatch> {
        let mismatch = |line, why| Mismatch {
            file: case.file.clone(),
            line,
            difference: Difference::NotRun(why),
        };
        let mut packs = Vec::new();
        for choice in &case.packs {
            let pack = match choice {
                PackChoice::Named { name, line } => surroundings
                    .pack(name)
                    .map_err(|why| mismatch(*line, why))?,
                PackChoice::Inline { text, line } => Pack::from_texts(&[(&case.file, text)])
                    .map_err(|errors| mismatch(*line, errors.to_string()))?,
            };
            packs.push(pack);
        }
        for (name, line) in &case.only {
            if let Some(difference) = unknown_rule(name, &packs) {
                let (file, line) = (case.file.clone(), *line);
                return Err(Mismatch {
                    file,
                    line,
                    difference,
                });
            }
        }
        let sources: Vec<Box<dyn Source>> = match &case.history {
            CaseHistory::Trace(source) => vec![source.clone() as Box<dyn Source>],
            CaseHistory::Recordings(paths) => paths
                .iter()
                .map(|path| surroundings.recording(path).map_err(|why| mismatch(1, why)))
                .collect::<Result<_, _>>()?,
        };
        let sources: Vec<_> = sources.into_iter().map(Rc::from).collect();
        let sources = join(&sources).map_err(|error| mismatch(1, error.to_string()))?;
        Ok(Self {
            packs,
            facts: case.facts.clone(),
            sources,
        })
    }

    /// Verifies it.
    pub fn verify(&self, case: &Case) -> Result<Verification, Mismatch> {
        let input = Input {
            packs: &self.packs,
            facts: &self.facts,
            sources: &self.sources,
            unread: &[],
            skew: std::time::Duration::ZERO,
        };
        verify(&input, &mut |_| {}).map_err(|error| Mismatch {
            file: case.file.clone(),
            line: 1,
            difference: Difference::NotRun(error.to_string()),
        })
    }
}
