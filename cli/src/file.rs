//! Files that are written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::interrupt::Unfinished;

/// The first bytes of a file: so many, or all that it has.
pub(crate) fn head(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(most as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Writes a file. Whoever reads it sees the old one or the new one, and never a part. What is no
/// regular file (`/dev/null`, a pipe) is written to as it is.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link is followed: the file that it leads to is the one that is meant.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let present = fs::metadata(&path);
    if let Ok(present) = &present
        && !present.is_file()
    {
        return File::options().write(true).open(&path)?.write_all(bytes);
    }
    let part = Part::of(&path)?;
    part.fill(bytes)?;
    if let Ok(present) = &present {
        fs::set_permissions(part.path(), present.permissions())?;
    }
    fs::rename(part.path(), &path)
}

/// Whether [`write_whole`] can write there, as far as can be known before. Nothing is left behind.
pub(crate) fn can_write(path: &Path) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&path) {
        Ok(present) if present.is_dir() => Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory; name a file",
        )),
        // Opening a pipe would wait for its reader.
        Ok(present) if !present.is_file() => Ok(()),
        _ => Part::of(&path)?.fill(b""),
    }
}

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = Part::of(path)?;
    part.fill(bytes)?;
    part.place()
}

/// A file that is being written, beside the one that it will be; gone when it is dropped, or when the
/// process is interrupted.
#[derive(Debug)]
pub(crate) struct Part {
    path: PathBuf,
    target: PathBuf,
    _unfinished: Unfinished,
}

impl Part {
    /// What will be `target`. Nothing is written yet.
    pub(crate) fn of(target: &Path) -> io::Result<Self> {
        if let Some(directory) = target.parent()
            && !directory.as_os_str().is_empty()
            && !directory.exists()
        {
            let why = format!(
                "there is no directory {}; make it first",
                directory.display()
            );
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        let path = beside(target)?;
        Ok(Self {
            _unfinished: Unfinished::new(&path),
            path,
            target: target.to_owned(),
        })
    }

    /// Where to write it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn fill(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Puts it where it belongs; an error, if something is there.
    pub(crate) fn place(self) -> io::Result<()> {
        match fs::hard_link(&self.path, &self.target) {
            // Not every file system has links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !self.target.exists() => {
                fs::rename(&self.path, &self.target)
            }
            other => other,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It has taken its place, or the first error is the one that matters.
        let _ = fs::remove_file(&self.path);
    }
}

/// A name in the same directory that nobody else uses.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it names no file",
        ));
    };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.xml");
        for text in ["long, long ago", "new"] {
            write_whole(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(directory.path()), ["report.xml"]);
        let there = write_new(&path, b"x").unwrap_err();
        assert_eq!(there.kind(), io::ErrorKind::AlreadyExists);
        let lost = write_whole(&directory.path().join("no/such"), b"x").unwrap_err();
        assert!(lost.to_string().contains("no; make it first"), "{lost}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        write_new(&directory.path().join("second"), b"x").unwrap();
        let mut names = names(directory.path());
        names.sort();
        assert_eq!(names, ["report.xml", "second"]);
    }

    #[test]
    fn a_part_that_is_not_placed_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let part = Part::of(&directory.path().join("slice.db")).unwrap();
        part.fill(b"half").unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        assert!(!directory.path().join("slice.db").exists());
        drop(part);
        assert!(names(directory.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write_whole(Path::new("/dev/null"), b"x").unwrap();
    }
}
