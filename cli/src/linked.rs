//! Links to directories, which are not followed where a directory is searched.

use std::path::PathBuf;

use crate::output::say;

/// Says which links to directories are left out, and what naming one would do (`to verify`): a job that
/// takes what is behind one for looked at would test less than it seems to.
pub(crate) fn say_left_out(links: &[PathBuf], to: &str) {
    for link in links {
        say(&format!(
            "left out: {}: a link to a directory; name it {to} what is there",
            link.display()
        ));
    }
}
