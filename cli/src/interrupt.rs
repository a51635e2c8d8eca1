//! Ctrl-C, SIGTERM and SIGHUP while a command works: what is half made is removed, and the process ends
//! by that signal, which is how shells and `make` know that it was interrupted. `wsaudit record` does
//! otherwise: it ends in order.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

/// What must be gone before the process is.
static LEFT: Mutex<Left> = Mutex::new(Left {
    paths: BTreeSet::new(),
    bars: Vec::new(),
});

struct Left {
    paths: BTreeSet<PathBuf>,
    bars: Vec<ProgressBar>,
}

/// A file, or a directory with all that is in it, that is of no use before it is whole. It need not be
/// there yet. What it is in the end is its owner's to say: while this lives, an interrupted process
/// removes it.
#[derive(Debug)]
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    pub(crate) fn new(path: &Path) -> Self {
        left().paths.insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        left().paths.remove(&self.0);
    }
}

/// Has an interrupted process take this bar from the terminal.
pub(crate) fn takes_away(bar: &ProgressBar) {
    left().bars.push(bar.clone());
}

fn left() -> MutexGuard<'static, Left> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Left {
    fn clear(&mut self) {
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
        }
        for path in std::mem::take(&mut self.paths) {
            remove(&path);
        }
    }
}

/// Other threads go on until the process has ended, and may make one more file in a directory.
fn remove(path: &Path) {
    for _ in 0..100 {
        let gone = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        if gone.is_ok() || !path.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Listens from here on.
#[cfg(unix)]
pub(crate) fn listen() -> anyhow::Result<()> {
    use anyhow::Context as _;

    use crate::ignored::{AtStart, at_start};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let ends = |signal| match at_start(signal) {
        AtStart::Ended => true,
        AtStart::Ignored => false,
        // A `nohup` must hold.
        AtStart::Unknown => signal != SIGHUP,
    };
    let wanted = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|it| ends(*it));
    let mut signals = Signals::new(wanted).context("cannot listen for signals")?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Held until the end: nothing is begun any more.
                let mut left = left();
                left.clear();
                let _ = emulate_default_handler(signal);
                std::process::exit(128 + signal);
            }
        })
        .context("cannot listen for signals")?;
    Ok(())
}

/// Elsewhere, Ctrl-C ends the process.
#[cfg(not(unix))]
pub(crate) fn listen() -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_nobodys_to_remove() {
        let path = Path::new("a report that nobody writes");
        let unfinished = Unfinished::new(path);
        assert!(left().paths.contains(path));
        drop(unfinished);
        assert!(!left().paths.contains(path));
    }

    #[test]
    fn what_is_left_is_removed_and_what_is_done_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        fs::write(path("done"), "x").unwrap();
        fs::write(path("file"), "x").unwrap();
        fs::create_dir(path("directory")).unwrap();
        fs::write(path("directory").join("inside"), "x").unwrap();
        let mut left = Left {
            paths: ["file", "directory", "never made"].map(path).into(),
            bars: vec![ProgressBar::hidden()],
        };
        left.clear();
        let names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["done"]);
        assert!(left.paths.is_empty() && left.bars.is_empty());
    }
}
