//! How the parts of a recording are called that is cut into several files.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Digits in a part's number, so that the names sort as the parts do; a million parts have more.
const DIGITS: usize = 6;

/// The names of a recording's parts: `traffic.db` is cut into `traffic-000001.db`,
/// `traffic-000002.db`, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartNames {
    directory: PathBuf,
    stem: OsString,
    extension: OsString,
}

impl PartNames {
    /// The names of the parts of `out`.
    pub fn of(out: &Path) -> Self {
        let mut extension = OsString::new();
        if let Some(found) = out.extension() {
            extension.push(".");
            extension.push(found);
        }
        Self {
            directory: out.parent().map(Path::to_owned).unwrap_or_default(),
            stem: out.file_stem().unwrap_or_default().to_owned(),
            extension,
        }
    }

    /// The file of that number; the first one is 1.
    pub fn path(&self, number: u32) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(format!("-{number:0DIGITS$}"));
        name.push(&self.extension);
        self.directory.join(name)
    }

    /// All of them, as a shell names them: `traffic-*.db`.
    pub fn pattern(&self) -> PathBuf {
        let mut name = self.stem.clone();
        name.push("-*");
        name.push(&self.extension);
        self.directory.join(name)
    }

    /// The largest number of which there is a file; `None` where there is none.
    pub fn newest(&self) -> io::Result<Option<u32>> {
        let directory = if self.directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.directory
        };
        let mut newest = None;
        for entry in fs::read_dir(directory)? {
            newest = newest.max(self.number(&entry?.file_name()));
        }
        Ok(newest)
    }

    /// The number in the name of a part.
    fn number(&self, name: &OsStr) -> Option<u32> {
        let name = name.as_encoded_bytes();
        let digits = name
            .strip_prefix(self.stem.as_encoded_bytes())?
            .strip_prefix(b"-")?
            .strip_suffix(self.extension.as_encoded_bytes())?;
        let known = digits.len() >= DIGITS && digits.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(digits)
            .ok()
            .filter(|_| known)?
            .parse()
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::PartNames;

    #[test]
    fn names_sort_as_the_parts_do() {
        let names = PartNames::of(Path::new("dir/traffic.db"));
        let paths: Vec<_> = [1, 2, 10, 999_999].map(|it| names.path(it)).into();
        assert_eq!(paths[0], PathBuf::from("dir/traffic-000001.db"));
        assert!(paths.is_sorted(), "{paths:?}");
        assert_eq!(
            names.path(1_000_000),
            PathBuf::from("dir/traffic-1000000.db")
        );
        assert_eq!(names.pattern(), PathBuf::from("dir/traffic-*.db"));
        let bare = PartNames::of(Path::new("traffic"));
        assert_eq!(bare.path(3), PathBuf::from("traffic-000003"));
    }

    #[test]
    fn the_newest_part_is_found_among_other_files() {
        let directory = tempfile::tempdir().unwrap();
        let names = PartNames::of(&directory.path().join("traffic.db"));
        assert_eq!(names.newest().unwrap(), None);
        for name in [
            "traffic-000002.db",
            "traffic-000007.db",
            "traffic-000009.db.new",
            "traffic-000009.db-wal",
            "traffic-9.db",
            "traffic-+00012.db",
            "other-000011.db",
            "traffic.db",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(names.newest().unwrap(), Some(7));
        assert_eq!(names.path(7), directory.path().join("traffic-000007.db"));
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        assert!(PartNames::of(Path::new("/no/such/x.db")).newest().is_err());
    }
}
