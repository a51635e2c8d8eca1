//! What is beneath a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories that hold other people's files.
const FOREIGN: [&str; 3] = ["node_modules", "target", "venv"];

/// The files of a directory and its subdirectories, but for what begins with a dot and for directories
/// that hold other people's files.
#[derive(Debug, Default)]
pub struct Tree {
    /// Whatever is no directory, in the order of the paths; a link to nowhere, too.
    pub files: Vec<PathBuf>,
    /// Links to directories, in the order of their paths. They are not followed: they could lead back to
    /// where they are. Whoever takes what is behind one for looked at is to be told.
    pub links: Vec<PathBuf>,
}

/// A directory that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the directory {}: {source}", path.display())]
pub struct TreeError {
    /// The directory.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl Tree {
    /// What is beneath `directory`, which may be a link itself.
    pub fn beneath(directory: &Path) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        tree.add(directory)
            .map_err(|(path, source)| TreeError { path, source })?;
        tree.files.sort();
        tree.links.sort();
        Ok(tree)
    }

    fn add(&mut self, directory: &Path) -> Result<(), (PathBuf, io::Error)> {
        let here = |error| (directory.to_owned(), error);
        for entry in fs::read_dir(directory).map_err(here)? {
            let entry = entry.map_err(here)?;
            let (path, name) = (entry.path(), entry.file_name());
            let (name, is_directory) = (name.to_string_lossy(), path.is_dir());
            if name.starts_with('.') || is_directory && FOREIGN.contains(&name.as_ref()) {
                continue;
            }
            if !is_directory {
                self.files.push(path);
            } else if entry.file_type().map_err(here)?.is_symlink() {
                self.links.push(path);
            } else {
                self.add(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_there_is_found_once_and_links_to_directories_are_told() {
        use std::os::unix::fs::symlink;

        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for directory in ["b/c", ".hidden", "b/node_modules", "target", "venv"] {
            fs::create_dir_all(path(directory)).unwrap();
            fs::write(path(directory).join("f.md"), "").unwrap();
        }
        for file in ["b.md", "a.toml", ".#a.toml", "b/x"] {
            fs::write(path(file), "").unwrap();
        }
        symlink("nowhere", path("lost.db")).unwrap();
        symlink("../a.toml", path("b/linked.toml")).unwrap();
        symlink(root.path(), path("b/c/back")).unwrap();
        symlink("b", path(".back")).unwrap();
        symlink("b", path("z")).unwrap();

        let tree = Tree::beneath(root.path()).unwrap();
        let files = [
            "a.toml",
            "b/c/f.md",
            "b/linked.toml",
            "b/x",
            "b.md",
            "lost.db",
        ];
        assert_eq!(tree.files, files.map(path));
        assert_eq!(tree.links, ["b/c/back", "z"].map(path));
        assert_eq!(Tree::beneath(&path("z")).unwrap().links, [path("z/c/back")]);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = Tree::beneath(Path::new("/nowhere/at all")).unwrap_err();
        assert!(
            error.to_string().contains("/nowhere/at all: No such file"),
            "{error}"
        );
    }
}
