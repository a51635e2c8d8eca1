//! A path as it is written in a file that stands elsewhere.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The path of a file that exists, from a directory that exists; always with a slash in it, so that it
/// is no name.
pub(super) fn relative(path: &Path, from: &Path) -> io::Result<PathBuf> {
    Ok(between(&path.canonicalize()?, &from.canonicalize()?))
}

fn between(path: &Path, from: &Path) -> PathBuf {
    let common = path
        .components()
        .zip(from.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = from.components().count() - common;
    let first = if up == 0 {
        Component::CurDir
    } else {
        Component::ParentDir
    };
    let rest = path.components().skip(common);
    let ups = std::iter::repeat_n(Component::ParentDir, up.saturating_sub(1));
    std::iter::once(first).chain(ups).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_up_and_down_again() {
        let path = |path, from| between(Path::new(path), Path::new(from));
        assert_eq!(path("/a/b/rules.toml", "/a/b"), Path::new("./rules.toml"));
        assert_eq!(path("/a/b/rules.toml", "/a"), Path::new("./b/rules.toml"));
        assert_eq!(
            path("/a/rules.toml", "/a/b/c"),
            Path::new("../../rules.toml")
        );
        assert_eq!(path("/x/rules", "/a/b"), Path::new("../../x/rules"));
    }
}
