//! Ctrl-C while a command works.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::tempdir;
use wsaudit_recording::Reader;

use crate::harness::{DEADLINE, by_default_signals, send_signal};
use crate::terminal::Terminal;

/// How many files are in a directory and below it.
fn files(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

/// A demo that takes a minute; its recordings go below `directory`.
fn demo(exec: &str, directory: &Path, more: &str) -> Child {
    let binary = assert_cmd::cargo::cargo_bin!("wsaudit").display();
    let script = format!("{exec} '{binary}' demo --leaky all {more}");
    Command::new("sh")
        .args(["-c", &script])
        .current_dir(directory)
        .env("TMPDIR", directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until there are more files than so many; tells how many.
fn more_than(few: usize, directory: &Path) -> usize {
    let started = Instant::now();
    loop {
        let count = files(directory);
        if count > few {
            return count;
        }
        assert!(started.elapsed() < DEADLINE, "nothing more is recorded");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn recordings_that_nobody_would_find_are_removed() {
    // The shell sees by what it was ended.
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let directory = tempdir().unwrap();
        let exec = format!("exec {}", by_default_signals().join(" "));
        let mut demo = demo(&exec, directory.path(), "");
        more_than(0, directory.path());
        send_signal(demo.id(), name);
        let status = demo.wait().unwrap();
        assert_eq!(status.signal(), Some(number), "{status}");
        let left = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 0, "SIG{name} left something");
    }
}

#[test]
fn what_is_ignored_from_the_start_stays_so() {
    let directory = tempdir().unwrap();
    let mut demo = demo("trap '' INT; exec", directory.path(), "--out kept");
    let before = more_than(0, directory.path());
    send_signal(demo.id(), "INT");
    more_than(before, directory.path());
    send_signal(demo.id(), "TERM");
    let status = demo.wait().unwrap();
    assert_eq!(status.signal(), Some(15), "{status}");
}

/// Half a recording would be in the way of the next run.
#[test]
fn in_a_directory_that_was_named_only_recordings_that_are_whole_are_left() {
    let directory = tempdir().unwrap();
    let kept = directory.path().join("kept");
    let exec = format!("exec {}", by_default_signals().join(" "));
    let mut demo = demo(&exec, directory.path(), "--out kept");
    let recordings = || {
        let mut names = names(&kept, ".database.toml");
        names.retain(|name| kept.join(format!("{name}.db")).is_file());
        names
    };
    let started = Instant::now();
    while recordings().is_empty() {
        assert!(started.elapsed() < DEADLINE, "no run has ended");
        thread::sleep(Duration::from_millis(5));
    }
    send_signal(demo.id(), "INT");
    let status = demo.wait().unwrap();
    assert_eq!(status.signal(), Some(2), "{status}");
    let whole = recordings();
    assert!(!whole.is_empty());
    for name in whole {
        Reader::open(kept.join(format!("{name}.db"))).unwrap();
        assert!(kept.join(format!("{name}.app.db")).is_file(), "{name}");
    }
    let playing = names(&kept, "").into_iter();
    let playing: Vec<_> = playing.filter(|name| name.starts_with('.')).collect();
    assert!(playing.is_empty(), "{playing:?}");
}

/// What files of that suffix are called without it.
fn names(directory: &Path, suffix: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter_map(|name| name.strip_suffix(suffix).map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[test]
fn the_terminal_is_left_clean() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
    let terminal = Terminal::run(&format!("test --mutate '{fixtures}'"));
    terminal.wait_for("mutating ");
    let (code, shown) = terminal.end_by("INT");
    assert_eq!(code, Some(128 + 2), "{shown:?}");
    let (_, after) = shown.rsplit_once("mutating ").unwrap();
    let (_, after) = after.split_once("\u{1b}[2K").expect("the bar is gone");
    assert!(!after.contains(char::is_alphanumeric), "{after:?}");
    // Of 200 columns, there is room for the `^C` that a keyboard has echoed.
    for line in shown.split('\r').filter(|line| line.contains("mutating ")) {
        let (_, bar) = line.split_once("mutating ").unwrap();
        let width = "mutating ".len() + bar.chars().count();
        assert!(width <= 197, "{width}: {line:?}");
    }
}
