//! Whether the recording is still where it was begun.
//!
//! A file that is removed while it is open is written all the same, and is gone when it is closed: no
//! write fails. So its path is looked at.

use std::path::{Path, PathBuf};

/// The file that was at a path when it was first looked at.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts {
    known: Option<(PathBuf, Id)>,
}

/// What tells a file from another one of its name.
type Id = (u64, u64);

impl Whereabouts {
    /// Whether the file at `path` is there, and still the same. A recording that goes on in its next
    /// part has another path.
    pub(crate) fn is_in_place(&mut self, path: &Path) -> bool {
        let found = id(path);
        match (&self.known, found) {
            (Some((known, id)), found) if known == path => found == Some(*id),
            (_, Some(found)) => {
                self.known = Some((path.to_owned(), found));
                true
            }
            (_, None) => false,
        }
    }
}

#[cfg(unix)]
fn id(path: &Path) -> Option<Id> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// There, an open file cannot be removed.
#[cfg(not(unix))]
fn id(path: &Path) -> Option<Id> {
    path.metadata().ok().map(|_| (0, 0))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Whereabouts;

    #[test]
    fn a_file_that_is_removed_replaced_or_put_back_is_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let (path, away) = (directory.path().join("a"), directory.path().join("b"));
        let mut whereabouts = Whereabouts::default();
        assert!(!whereabouts.is_in_place(&path));
        fs::write(&path, "1").unwrap();
        assert!(whereabouts.is_in_place(&path));
        fs::rename(&path, &away).unwrap();
        assert!(!whereabouts.is_in_place(&path));
        fs::write(&path, "2").unwrap();
        assert!(!whereabouts.is_in_place(&path), "another file");
        fs::rename(&away, &path).unwrap();
        assert!(whereabouts.is_in_place(&path), "put back");
        // The next part.
        fs::write(&away, "3").unwrap();
        assert!(whereabouts.is_in_place(&away));
    }
}
