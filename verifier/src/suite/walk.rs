//! Finding cases.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SuiteError;
use crate::case::Case;

/// Directories that hold other people's files.
const FOREIGN: [&str; 3] = ["node_modules", "target", "venv"];

/// The cases at a path, in the order of their paths. A directory may hold Markdown that is no case.
pub(super) fn cases(path: &Path) -> Result<Vec<PathBuf>, SuiteError> {
    let unreadable = |source| SuiteError::Unreadable {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        let path = path.to_owned();
        if is_case(&path)? {
            return Ok(vec![path]);
        }
        return Err(SuiteError::NoCase { path });
    }
    let mut found = Vec::new();
    walk(path, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err(SuiteError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(found)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), SuiteError> {
    let unreadable = |source| SuiteError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // A link could lead back to where it is.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if !name.starts_with('.') && !FOREIGN.contains(&name.as_ref()) {
                walk(&path, found)?;
            }
        } else if name.ends_with(".md") && is_case(&path)? {
            found.push(path);
        }
    }
    Ok(())
}

fn is_case(path: &Path) -> Result<bool, SuiteError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Case::is_in(&text)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        Err(source) => Err(SuiteError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}
