//! Finding a pack: on disk, among the shipped ones, or in a test's text.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wsaudit_recording::SQLITE_MAGIC;

use super::read::{nearest, one_of};
use super::{Diagnostic, Pack, RuleErrors, RuleFile, Style, parse, shipped};

/// Why a rule pack could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Neither a path nor a shipped pack.
    #[error(
        "no rule pack `{name}`: no such file or directory, and no shipped pack{}",
        hint(name)
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// A path that is not there.
    #[error("no rules at {}: no such file or directory", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// A file or directory that cannot be read.
    #[error("cannot read the rules at {}: {source}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is not UTF-8.
    #[error("the rule file {} is not UTF-8 from byte {at}: save it as UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first byte that is not, from 0.
        at: usize,
    },
    /// A database, such as a recording.
    #[error("{} is an SQLite file, and no rule file: rules are TOML", path.display())]
    Database {
        /// The file.
        path: PathBuf,
    },
    /// A directory without a rule file.
    #[error("the directory {} holds no rule file: expected at least one *.toml in it", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// Rule files in which something is wrong.
    #[error(transparent)]
    Rules(#[from] RuleErrors),
}

impl LoadError {
    /// The error as text; with [`Style::Ansi`], what is wrong in rule files is coloured.
    pub fn render(&self, style: Style) -> String {
        match self {
            Self::Rules(errors) => errors.render(style),
            Self::Unknown { .. }
            | Self::NotFound { .. }
            | Self::Unreadable { .. }
            | Self::NotUtf8 { .. }
            | Self::Database { .. }
            | Self::Empty { .. } => self.to_string(),
        }
    }
}

fn hint(name: &str) -> String {
    let shipped = shipped::names();
    match nearest(name, shipped.iter().copied()) {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => format!("; shipped are {}", one_of(shipped).replace(" or ", " and ")),
    }
}

/// A pack, and what its author may not have meant.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The pack.
    pub pack: Pack,
    /// What it names and nothing uses, by file and place.
    pub warnings: Vec<Diagnostic>,
}

impl Checked {
    /// Loads a pack from one file, or from all `*.toml` files of a directory.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        load(path.as_ref())
    }

    /// Loads a shipped pack: `protocol`.
    pub fn shipped(name: &str) -> Result<Self, LoadError> {
        let texts = shipped::files(name);
        if texts.is_empty() {
            return Err(LoadError::Unknown {
                name: name.to_owned(),
            });
        }
        Ok(Self::from_texts(&texts)?)
    }

    /// Loads what a user named: an existing path wins, then a shipped pack's name.
    pub fn resolve(path_or_name: &str) -> Result<Self, LoadError> {
        let path = Path::new(path_or_name);
        if path.exists() || path.components().count() > 1 || path.extension().is_some() {
            return Self::load(path);
        }
        Self::shipped(path_or_name)
    }

    /// Reads a pack from the names and texts of its files.
    pub fn from_texts(files: &[(&str, &str)]) -> Result<Self, RuleErrors> {
        let file = |(name, text): &(&str, &str)| {
            Arc::new(RuleFile {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            })
        };
        let files: Vec<_> = match files {
            // Without a file there is no place to point to.
            [] => vec![file(&("rules", ""))],
            files => files.iter().map(file).collect(),
        };
        parse::parse(&files, None)
    }
}

impl Pack {
    /// Loads a pack from one file, or from all `*.toml` files of a directory.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        Ok(Checked::load(path)?.pack)
    }

    /// Loads a shipped pack: `protocol`.
    pub fn shipped(name: &str) -> Result<Self, LoadError> {
        Ok(Checked::shipped(name)?.pack)
    }

    /// The names of the shipped packs, in order.
    pub fn shipped_names() -> Vec<&'static str> {
        shipped::names()
    }

    /// Whether `file` is one of the files of the shipped pack of that name.
    pub fn is_shipped_file(pack: &str, file: &str) -> bool {
        shipped::files(pack).iter().any(|(name, _)| *name == file)
    }

    /// Loads what a user asked for by `--rules`: an existing path wins, then a shipped pack's name.
    pub fn resolve(path_or_name: &str) -> Result<Self, LoadError> {
        Ok(Checked::resolve(path_or_name)?.pack)
    }

    /// Reads a pack from the names and texts of its files.
    pub fn from_texts(files: &[(&str, &str)]) -> Result<Self, RuleErrors> {
        Ok(Checked::from_texts(files)?.pack)
    }
}

fn load(path: &Path) -> Result<Checked, LoadError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => LoadError::NotFound {
            path: path.to_owned(),
        },
        _ => LoadError::Unreadable {
            path: path.to_owned(),
            source,
        },
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(parse::parse(&[read(path)?], path.parent())?);
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (file, name) = (entry.path(), entry.file_name());
        // What begins with a dot is an editor's, and may be a link to nowhere.
        let is_hidden = name.to_string_lossy().starts_with('.');
        if !is_hidden && file.extension().is_some_and(|it| it == "toml") && !file.is_dir() {
            paths.push(file);
        }
    }
    // The order of a directory is nobody's; that of the names is the reader's.
    paths.sort();
    if paths.is_empty() {
        return Err(LoadError::Empty {
            path: path.to_owned(),
        });
    }
    let files = paths
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(parse::parse(&files, Some(path))?)
}

fn read(path: &Path) -> Result<Arc<RuleFile>, LoadError> {
    let bytes = fs::read(path).map_err(|source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    if bytes.starts_with(SQLITE_MAGIC) {
        return Err(LoadError::Database {
            path: path.to_owned(),
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8 {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })?;
    Ok(Arc::new(RuleFile {
        name: path.display().to_string(),
        text,
    }))
}
