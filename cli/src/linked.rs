//! Links to directories, which are not followed where a directory is searched: they could lead back to
//! where they are. A job that takes what is behind one for looked at would test less than it seems to.

use std::fs;
use std::path::Path;

use crate::output::say;

/// Directories that hold other people's files.
pub(crate) const FOREIGN: [&str; 3] = ["node_modules", "target", "venv"];

/// Says which links to directories are left out beneath a directory, and what naming one would do
/// (`to verify`).
pub(crate) fn say_left_out(directory: &Path, to: &str) {
    // A directory that cannot be read is told of by who searches it.
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !path.is_dir() || name.starts_with('.') || FOREIGN.contains(&name.as_ref()) {
            continue;
        }
        if path.is_symlink() {
            say(&format!(
                "left out: {}: a link to a directory; name it {to} what is there",
                path.display()
            ));
        } else {
            say_left_out(&path, to);
        }
    }
}
