//! Which recordings are one history. Files that are named are one; a directory stands for those
//! beneath it, each of which is a history of its own, unless several are parts of one run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use wsaudit_recording::{APPLICATION_ID, Reader, SQLITE_MAGIC};
use wsaudit_verifier::case::Case;
use wsaudit_verifier::tree::{Tree, TreeError};

use crate::file::head;
use crate::linked;
use crate::numbers::counted;
use crate::output::say;
use crate::shell::quoted;

/// How files of SQLite are called.
const EXTENSIONS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// Where a file of SQLite has its `application_id`.
const APPLICATION: usize = 68;

/// The histories to verify, each with its recordings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Histories {
    /// Files were named: one history.
    One(Vec<PathBuf>),
    /// A directory was: as many as there are.
    Many(Vec<Vec<PathBuf>>),
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A recording, or what should be one: it is opened, and told if it cannot be read.
    Recording,
    /// Another application's database.
    Foreign,
    /// A text case, which is for `wsaudit test`.
    Case,
    /// Anything else.
    Other,
}

impl Histories {
    /// The histories that paths stand for; an error where a directory has no recording.
    pub(super) fn of(paths: &[PathBuf]) -> anyhow::Result<Self> {
        refuse_twice(paths)?;
        let (directories, files): (Vec<_>, Vec<_>) = paths.iter().partition(|path| path.is_dir());
        if directories.is_empty() {
            return Ok(Self::One(paths.to_vec()));
        }
        let mut histories = Vec::new();
        if !files.is_empty() {
            histories.push(files.into_iter().cloned().collect());
        }
        for directory in directories {
            let Found {
                recordings,
                cases,
                links,
            } = beneath(directory)?;
            linked::say_left_out(&links, "to verify");
            let name = quoted(&directory.to_string_lossy());
            if recordings.is_empty() {
                let instead = match cases {
                    0 => String::new(),
                    cases => format!(
                        "; the {} there {} run by `wsaudit test {name}`",
                        counted(cases, "text case"),
                        if cases == 1 { "is" } else { "are" },
                    ),
                };
                bail!(
                    "no recording beneath {}: expected files that `wsaudit record --out` wrote{instead}",
                    directory.display()
                );
            }
            // A job that takes them for verified would test less than it seems to.
            if cases > 0 {
                say(&format!(
                    "left out: {} beneath {}: `wsaudit test {name}` runs them",
                    counted(cases, "text case"),
                    directory.display()
                ));
            }
            histories.extend(grouped(recordings));
        }
        Ok(Self::Many(histories))
    }

    /// Each history's recordings.
    pub(super) fn each(&self) -> &[Vec<PathBuf>] {
        match self {
            Self::One(paths) => std::slice::from_ref(paths),
            Self::Many(histories) => histories,
        }
    }

    /// Whether a directory was named.
    pub(super) fn are_many(&self) -> bool {
        matches!(self, Self::Many(_))
    }
}

/// One recording twice would be a history in which everything happens twice.
fn refuse_twice(paths: &[PathBuf]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for path in paths {
        // What is not there is told when it is opened.
        let Ok(real) = fs::canonicalize(path) else {
            continue;
        };
        if !seen.insert(real) {
            bail!("{} is given twice", path.display());
        }
    }
    Ok(())
}

/// What is beneath a directory.
#[derive(Debug, Default)]
struct Found {
    /// In the order of their paths.
    recordings: Vec<PathBuf>,
    /// How many text cases.
    cases: u64,
    /// Links to directories, which were not followed.
    links: Vec<PathBuf>,
}

fn beneath(directory: &Path) -> Result<Found, TreeError> {
    let Tree { files, links } = Tree::beneath(directory)?;
    let mut found = Found {
        links,
        ..Found::default()
    };
    for path in files {
        if !path.is_file() {
            // A link to a recording that is not there (git-annex has such) is told when it is opened.
            if path.is_symlink() && !path.exists() && is_called_recording(&path) {
                found.recordings.push(path);
            }
            continue;
        }
        match content(&path) {
            Content::Recording => found.recordings.push(path),
            Content::Case => found.cases += 1,
            Content::Foreign => say(&format!(
                "left out: {}: another application's database",
                path.display()
            )),
            Content::Other => {}
        }
    }
    Ok(found)
}

/// What a file is, by its beginning. A file that is called a database and is none should have been a
/// recording: a pointer of Git LFS, a transfer that broke off.
fn content(path: &Path) -> Content {
    let head = head(path, APPLICATION + 4).ok();
    let head = head.filter(|head| head.starts_with(SQLITE_MAGIC));
    let Some(head) = head else {
        let is_case = || fs::read_to_string(path).is_ok_and(|text| Case::is_in(&text));
        return if is_called_recording(path) {
            Content::Recording
        } else if path.extension().is_some_and(|it| it == "md") && is_case() {
            Content::Case
        } else {
            Content::Other
        };
    };
    let id = head.get(APPLICATION..APPLICATION + 4);
    match id.and_then(|bytes| bytes.try_into().ok()) {
        Some(bytes) if u32::from_be_bytes(bytes) == APPLICATION_ID => Content::Recording,
        Some(_) => Content::Foreign,
        None => Content::Recording,
    }
}

fn is_called_recording(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

/// Recordings that have a run in common are parts of it. A copy of a part is no part.
fn grouped(paths: Vec<PathBuf>) -> Vec<Vec<PathBuf>> {
    let mut groups: Vec<Vec<PathBuf>> = Vec::new();
    // By run: the group, and the parts that it has.
    let mut runs: BTreeMap<String, (usize, BTreeSet<u32>)> = BTreeMap::new();
    for path in paths {
        let own = match Reader::open(&path) {
            Ok(reader) => {
                let runs = reader.runs().iter();
                runs.map(|run| (run.uuid.clone(), run.part)).collect()
            }
            // It is told when it is verified.
            Err(_) => Vec::new(),
        };
        let joined = own.iter().find_map(|(run, part)| {
            let (group, parts) = runs.get(run)?;
            (!parts.contains(part)).then_some(*group)
        });
        let group = joined.unwrap_or(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(path),
            None => groups.push(vec![path]),
        }
        for (run, part) in own {
            let (_, parts) = runs.entry(run).or_insert((group, BTreeSet::new()));
            parts.insert(part);
        }
    }
    groups
}
