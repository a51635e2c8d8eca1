//! Running cases, and comparing what they expect with what is found.

mod compare;
mod difference;
mod prepare;
mod update;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use difference::{Difference, Found, Mismatch};
pub use prepare::{Directory, Prepared, Surroundings};
pub use update::{Updated, update};

use crate::case::{Case, CaseErrors, Expected};
use crate::engine::Verification;
use crate::rules::Pack;
use crate::tree::{Tree, TreeError};
use crate::verdict::State;

/// Why a suite could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A file or directory that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is no case.
    #[error("{} is no case: expected Markdown with a ```trace block", path.display())]
    NoCase {
        /// The file.
        path: PathBuf,
    },
    /// A directory without a case.
    #[error("no case in {}: expected *.md files with a ```trace block", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// A directory that cannot be read.
    #[error(transparent)]
    Directory(#[from] TreeError),
}

/// What the cases of a directory came to, in the order of their paths.
#[derive(Debug, Default)]
pub struct Suite {
    /// Each case.
    pub results: Vec<CaseResult>,
}

/// What one case came to.
#[derive(Debug)]
pub struct CaseResult {
    /// The file.
    pub file: String,
    /// Its title; empty where the case could not be read.
    pub title: String,
    /// What was found other than expected; empty: it passed.
    pub mismatches: Vec<Mismatch>,
    /// How its rules ended, in the order of packs and rules; empty where it could not be run.
    pub rules: Vec<RuleEnd>,
    /// How many expectations it has; 0 where it could not be read.
    pub checks: usize,
    /// How many of them are gaps that are known, and still there.
    pub todo: usize,
}

/// How a rule ended in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleEnd {
    /// The rule's pack.
    pub pack: String,
    /// Its id.
    pub rule: String,
    /// How it ended.
    pub state: State,
    /// Whether the case said that it is not exercised.
    pub said_not_exercised: bool,
    /// Whether the case said that it is undecided.
    pub said_undecided: bool,
}

/// In how many passing cases a rule ends in which way: a rule that nothing fires is not tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Polarity {
    /// Cases in which it is violated.
    pub fires: usize,
    /// Cases in which it holds.
    pub silent: usize,
    /// Cases that say that it is not exercised.
    pub not_exercised: usize,
    /// Cases that say that it is undecided.
    pub undecided: usize,
}

impl CaseResult {
    /// Whether everything was found as expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

impl Suite {
    /// How many cases passed.
    pub fn passed(&self) -> usize {
        self.results.iter().filter(|result| result.passed()).count()
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.results.len() - self.passed()
    }

    /// By pack and rule: in how many passing cases it fires, stays silent, is not exercised.
    pub fn polarities(&self) -> BTreeMap<(String, String), Polarity> {
        let mut polarities = BTreeMap::<_, Polarity>::new();
        let passed = self.results.iter().filter(|result| result.passed());
        for end in passed.flat_map(|result| &result.rules) {
            let key = (end.pack.clone(), end.rule.clone());
            let polarity = polarities.entry(key).or_default();
            match end.state {
                State::Violated => polarity.fires += 1,
                State::Holds => polarity.silent += 1,
                State::NotExercised if end.said_not_exercised => polarity.not_exercised += 1,
                State::Undecided if end.said_undecided => polarity.undecided += 1,
                State::NotExercised | State::Undecided => {}
            }
        }
        polarities
    }
}

/// A case file as it is on disk.
#[derive(Debug)]
pub struct CaseFile {
    /// The file, as it is called in messages.
    pub name: String,
    /// The directory that its paths start from.
    pub directory: Directory,
    /// Its path.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

impl CaseFile {
    /// The case, or what is wrong in it.
    pub fn parse(&self) -> Result<Case, CaseErrors> {
        Case::parse(&self.name, &self.text)
    }

    /// Runs it.
    pub fn run(&self) -> CaseResult {
        match self.parse() {
            Ok(case) => run_case(&case, &self.directory),
            Err(errors) => CaseResult::unread(self.name.clone(), &errors),
        }
    }
}

/// The case files at a path.
#[derive(Debug, Default)]
pub struct CaseFiles {
    /// In the order of their paths.
    pub files: Vec<CaseFile>,
    /// Links to directories, which were not followed.
    pub links: Vec<PathBuf>,
}

/// The case files of a directory and its subdirectories, which may hold Markdown that is no case and may
/// have none, or one file.
pub fn files(path: &Path) -> Result<CaseFiles, SuiteError> {
    let unreadable = |source| SuiteError::Unreadable {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        let file = read(path.to_owned())?.ok_or_else(|| SuiteError::NoCase {
            path: path.to_owned(),
        })?;
        return Ok(CaseFiles {
            files: vec![file],
            links: Vec::new(),
        });
    }
    let Tree { mut files, links } = Tree::beneath(path)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let files = files.into_iter().filter_map(|path| read(path).transpose());
    Ok(CaseFiles {
        files: files.collect::<Result<_, _>>()?,
        links,
    })
}

/// Reads a file, if it is a case.
fn read(path: PathBuf) -> Result<Option<CaseFile>, SuiteError> {
    let text = match fs::read_to_string(&path) {
        Ok(text) if Case::is_in(&text) => text,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
        Err(source) => return Err(SuiteError::Unreadable { path, source }),
    };
    Ok(Some(CaseFile {
        name: path.display().to_string(),
        directory: Directory::of(&path),
        path,
        text,
    }))
}

/// Runs the cases of a directory and its subdirectories, or of one file; an error where there is none.
/// `progress` is told each result.
pub fn run(path: &Path, progress: &mut dyn FnMut(&CaseResult)) -> Result<Suite, SuiteError> {
    let files = files(path)?.files;
    if files.is_empty() {
        return Err(SuiteError::Empty {
            path: path.to_owned(),
        });
    }
    let mut suite = Suite::default();
    for file in files {
        let result = file.run();
        progress(&result);
        suite.results.push(result);
    }
    Ok(suite)
}

/// Runs one case.
pub fn run_case(case: &Case, surroundings: &dyn Surroundings) -> CaseResult {
    let ran = Prepared::new(case, surroundings).and_then(|prepared| {
        let verification = prepared.verify(case)?;
        Ok((prepared, verification))
    });
    let (mismatches, rules) = match ran {
        Ok((prepared, verification)) => (
            compare::compare(case, &prepared.packs, &verification),
            ends(case, &prepared.packs, &verification),
        ),
        Err(mismatch) => (vec![mismatch], Vec::new()),
    };
    CaseResult {
        file: case.file.clone(),
        title: case.title.clone(),
        mismatches,
        rules,
        checks: case.expectations.len(),
        todo: case
            .expectations
            .iter()
            .filter(|it| matches!(it.expected, Expected::Todo { .. }))
            .count(),
    }
}

impl CaseResult {
    fn unread(file: String, errors: &CaseErrors) -> Self {
        let mismatches = errors
            .errors()
            .iter()
            .map(|error| Mismatch {
                file: error.file.clone(),
                line: error.line,
                difference: Difference::Unread(error.problem.clone()),
            })
            .collect();
        Self {
            file,
            title: String::new(),
            mismatches,
            rules: Vec::new(),
            checks: 0,
            todo: 0,
        }
    }
}

fn ends(case: &Case, packs: &[Pack], verification: &Verification) -> Vec<RuleEnd> {
    verification
        .rules
        .iter()
        .map(|result| {
            let pack = &packs[result.pack];
            let rule = &pack.rules[result.rule];
            RuleEnd {
                pack: pack.name.clone(),
                rule: rule.id.clone(),
                state: result.state,
                said_undecided: case.expectations.iter().any(|expectation| {
                    matches!(&expectation.expected, Expected::Undecided(name) if name.means(pack, rule))
                }),
                said_not_exercised: case.expectations.iter().any(|expectation| {
                    matches!(&expectation.expected, Expected::NotExercised(name) if name.means(pack, rule))
                }),
            }
        })
        .collect()
}
