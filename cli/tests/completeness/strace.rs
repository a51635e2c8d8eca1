//! The system calls of a recorder, as `strace` prints them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::disk::Change;
use crate::harness::{not_tested, send_signal};

/// The calls that reach a disk or a peer, and those that must not, since they are not read here.
const CALLS: &str = "openat,pwrite64,write,ftruncate,link,linkat,unlink,fsync,fdatasync,sendto,\
                     pwritev,pwritev2,writev,sendmsg,sendmmsg,rename,renameat,renameat2,unlinkat,\
                     fallocate,sync_file_range";

/// What a recorder did.
#[derive(Debug)]
pub(crate) enum Event {
    /// A file of the recording was opened, and created where it was not there.
    Opened { file: String },
    /// A file of the recording is to be changed.
    Changing { file: String, change: Change },
    /// A file of the recording is to be synced, as it is now.
    Syncing { file: String, sync: usize },
    /// The sync of that number has been done.
    Synced { file: String, sync: usize },
    /// A file of the recording has one more name.
    Linked { file: String, also: String },
    /// A name of a file of the recording is gone.
    Removed { file: String },
    /// The names in the recording's directory are to be synced, as they are now.
    SyncingNames { sync: usize },
    /// The sync of that number has been done.
    SyncedNames { sync: usize },
    /// Bytes go to a peer.
    Sending { socket: String, bytes: Vec<u8> },
}

/// A command that runs another one, and logs what it does.
pub(crate) fn strace(log: &Path, program: &Path) -> Option<Command> {
    let trace = format!("-etrace={CALLS}");
    traced(log, program, &["-y", "-s", "4000000", &trace])
}

/// A command that runs another one whose syncs are delayed, or fail; `tampering` is strace's.
pub(crate) fn tampered(log: &Path, program: &Path, tampering: &str) -> Option<Command> {
    let inject = format!("-einject=fsync:{tampering}");
    traced(log, program, &["-etrace=fsync", &inject])
}

/// Ends the strace of a process: a call that is delayed goes on, and none is tampered with any more.
pub(crate) fn let_go(process: u32) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let tracer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"));
    let tracer: u32 = tracer.unwrap().trim().parse().unwrap();
    assert_ne!(tracer, 0, "nobody traces it");
    // At any other signal it waits for the call.
    send_signal(tracer, "KILL");
}

/// A command that runs another one, and logs what it does with its sockets.
pub(crate) fn sockets(log: &Path, program: &Path) -> Option<Command> {
    let trace = "-etrace=setsockopt,recvfrom,read,readv,recvmsg,sendto,write,writev,sendmsg";
    traced(log, program, &["-y", "-s", "0", trace])
}

/// A command that runs another one under strace; `None`, and a loud note, where that cannot be.
fn traced(log: &Path, program: &Path, how: &[&str]) -> Option<Command> {
    let traces = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    if !traces(Command::new("strace").args(["-f", "-o", "/dev/null", "true"])) {
        not_tested(
            "what the recorder does with the disk and its sockets: strace is missing (Debian: \
             apt-get install strace), or may not trace",
        );
        return None;
    }
    let mut command = Command::new("strace");
    // -D: the recorder is the child, and gets the signals.
    command
        .args(["-D", "-f", "-e", "signal=none"])
        .args(how)
        .arg("-o")
        .args([log, program]);
    Some(command)
}

/// Reads what strace wrote about a recorder that keeps its recording in `directory`.
///
/// A call that changes something counts from its beginning, a sync from its end.
pub(crate) fn events(log: &[u8], directory: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    // By process: the place of a call that has not returned, and how its line began.
    let mut open: BTreeMap<&[u8], (usize, Vec<u8>)> = BTreeMap::new();
    for line in log.split(|byte| *byte == b'\n') {
        let Some(space) = line.iter().position(|byte| *byte == b' ') else {
            continue;
        };
        let (process, line) = (&line[..space], line[space..].trim_ascii());
        if line.starts_with(b"+++") {
            continue;
        }
        let (at, line) = if let Some(begun) = line.strip_suffix(b"<unfinished ...>") {
            events.push(None);
            open.insert(process, (events.len() - 1, begun.to_vec()));
            if begun.starts_with(b"fsync(") || begun.starts_with(b"fdatasync(") {
                let at = events.len() - 1;
                events[at] = syncing(begun, directory, at);
            }
            continue;
        } else if line.starts_with(b"<... ") {
            let (at, mut begun) = open.remove(process).unwrap();
            let resumed = line.iter().position(|byte| *byte == b'>').unwrap();
            begun.extend_from_slice(&line[resumed + 1..]);
            (at, begun)
        } else {
            events.push(None);
            (events.len() - 1, line.to_vec())
        };
        let call = Call::parse(&line);
        if matches!(call.name, "fsync" | "fdatasync") {
            events[at] = syncing(&line, directory, at);
            events.push(call.synced(directory, at));
        } else {
            events[at] = call.event(directory);
        }
    }
    events.into_iter().flatten().collect()
}

fn syncing(line: &[u8], directory: &Path, sync: usize) -> Option<Event> {
    let (_, arguments) = std::str::from_utf8(line).unwrap().split_once('(')?;
    if described(arguments).map(Path::new) == Some(directory) {
        return Some(Event::SyncingNames { sync });
    }
    let file = file_of(arguments, directory)?;
    Some(Event::Syncing { file, sync })
}

/// The name of the recording's file that `arguments` begin with.
fn file_of(arguments: &str, directory: &Path) -> Option<String> {
    let path = Path::new(described(arguments)?);
    (path.parent()? == directory).then(|| path.file_name().unwrap().to_str().unwrap().to_owned())
}

/// What strace says of the descriptor that `arguments` begin with: `12</path>`.
fn described(arguments: &str) -> Option<&str> {
    let (number, rest) = arguments.split_once('<')?;
    number.parse::<u32>().ok()?;
    Some(rest.split_once('>')?.0)
}

/// A call that has returned.
struct Call<'l> {
    name: &'l str,
    arguments: &'l str,
    result: i64,
}

impl<'l> Call<'l> {
    fn parse(line: &'l [u8]) -> Self {
        let line = std::str::from_utf8(line).unwrap();
        let (name, rest) = line.split_once('(').unwrap();
        // Bytes that are sent may look like anything; what a call returned is at the end.
        let (arguments, result) = rest.rsplit_once(" = ").unwrap();
        let arguments = arguments.trim_end().strip_suffix(')').unwrap().trim_end();
        let result = result
            .split(|c: char| !(c.is_ascii_digit() || c == '-'))
            .next()
            .unwrap();
        // `?`: the process ended first.
        let result = result.parse().unwrap_or(-1);
        Self {
            name,
            arguments,
            result,
        }
    }

    fn synced(&self, directory: &Path, sync: usize) -> Option<Event> {
        assert!(self.result == 0, "a sync failed: {}", self.arguments);
        if described(self.arguments).map(Path::new) == Some(directory) {
            return Some(Event::SyncedNames { sync });
        }
        let file = file_of(self.arguments, directory)?;
        Some(Event::Synced { file, sync })
    }

    fn event(&self, directory: &Path) -> Option<Event> {
        let done = usize::try_from(self.result).ok()?;
        if self.name == "openat" {
            let name = self.quoted_name(directory)?;
            let creates = self.arguments.contains("O_CREAT");
            return creates.then_some(Event::Opened { file: name });
        }
        match self.name {
            "unlink" => {
                let file = self.quoted_name(directory)?;
                return Some(Event::Removed { file });
            }
            "link" | "linkat" => {
                let (file, also) = (self.quoted_name(directory)?, self.second_name(directory)?);
                return Some(Event::Linked { file, also });
            }
            "unlinkat" | "rename" | "renameat" | "renameat2" => {
                let on = self.quoted_name(directory);
                assert_eq!(on, None, "{}, which this test does not see", self.name);
                return None;
            }
            _ => {}
        }
        let on = described(self.arguments)?;
        if on.starts_with("socket:[") {
            assert!(
                matches!(self.name, "write" | "sendto"),
                "{} sends what this test does not see",
                self.name
            );
            let (mut bytes, _) = quoted(self.arguments);
            bytes.truncate(done);
            let socket = on.to_owned();
            return Some(Event::Sending { socket, bytes });
        }
        let file = file_of(self.arguments, directory)?;
        let change = match self.name {
            "pwrite64" => {
                let (bytes, rest) = quoted(self.arguments);
                assert_eq!(bytes.len(), done, "a short write");
                let offset = rest.rsplit_once(", ").unwrap().1.parse().unwrap();
                Change::Write { offset, bytes }
            }
            "ftruncate" => {
                let length = self.arguments.rsplit_once(", ").unwrap().1;
                let length = length.parse().unwrap();
                Change::Truncate { length }
            }
            other => panic!("{other} changes {file}, which this test does not see"),
        };
        Some(Event::Changing { file, change })
    }

    fn quoted_name(&self, directory: &Path) -> Option<String> {
        self.name_in(directory, 1)
    }

    fn second_name(&self, directory: &Path) -> Option<String> {
        self.name_in(directory, 3)
    }

    /// The path between the quotes of that number.
    fn name_in(&self, directory: &Path, quotes: usize) -> Option<String> {
        let path = Path::new(self.arguments.split('"').nth(quotes)?);
        (path.parent()? == directory)
            .then(|| path.file_name().unwrap().to_str().unwrap().to_owned())
    }
}

/// The bytes of the first quoted string, and what follows it.
fn quoted(arguments: &str) -> (Vec<u8>, &str) {
    let start = arguments.find('"').unwrap() + 1;
    let text = arguments.as_bytes();
    let (mut bytes, mut at) = (Vec::new(), start);
    while text[at] != b'"' {
        if text[at] != b'\\' {
            bytes.push(text[at]);
            at += 1;
            continue;
        }
        at += 2;
        bytes.push(match text[at - 1] {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'v' => 0x0B,
            b'f' => 0x0C,
            digit @ b'0'..=b'7' => {
                // One to three octal digits.
                let mut value = u32::from(digit - b'0');
                let most = at + 2;
                while at < most && matches!(text[at], b'0'..=b'7') {
                    value = value * 8 + u32::from(text[at] - b'0');
                    at += 1;
                }
                u8::try_from(value).unwrap()
            }
            other => other,
        });
    }
    let rest = &arguments[at + 1..];
    assert!(!rest.starts_with("..."), "strace has cut bytes off");
    (bytes, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_two_threads_are_told_apart() {
        let log = br#"10 openat(AT_FDCWD</x>, "/d/a.db", O_RDWR|O_CREAT, 0600) = 9</d/a.db>
10 pwrite64(9</d/a.db>, "a\0\n\"\3771", 6, 8192 <unfinished ...>
11 sendto(7<socket:[5]>, "xyz", 3, MSG_NOSIGNAL, NULL, 0) = 2
10 <... pwrite64 resumed>) = 6
10 fsync(9</d/a.db> <unfinished ...>
11 pwrite64(9</d/a.db>, "b", 1, 0) = 1
10 <... fsync resumed>) = 0
11 write(2</dev/null>, "= 5", 3) = 3
10 linkat(AT_FDCWD</x>, "/d/a.db", AT_FDCWD</x>, "/d/b.db", 0) = 0
10 unlink("/d/a.db") = 0
10 unlink("/d/c.db") = -1 ENOENT (No such file or directory)
10 fsync(8</d>) = 0
10 +++ exited with 0 +++
"#;
        let events = events(log, Path::new("/d"));
        let [
            opened,
            write,
            sending,
            syncing,
            second,
            synced,
            linked,
            removed,
            Event::SyncingNames { sync: from },
            Event::SyncedNames { sync: to },
        ] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!(from, to);
        assert!(matches!(linked, Event::Linked { file, also } if file == "a.db" && also == "b.db"));
        assert!(matches!(removed, Event::Removed { file } if file == "a.db"));
        assert!(matches!(opened, Event::Opened { file } if file == "a.db"));
        let Event::Changing {
            change: Change::Write { offset, bytes },
            ..
        } = write
        else {
            panic!("{write:?}");
        };
        assert_eq!((*offset, &bytes[..]), (8192, &b"a\0\n\"\xFF1"[..]));
        assert!(matches!(sending, Event::Sending { bytes, .. } if bytes == b"xy"));
        assert!(matches!(second, Event::Changing { .. }));
        let (Event::Syncing { sync: begun, .. }, Event::Synced { sync: done, .. }) =
            (syncing, synced)
        else {
            panic!("{events:?}");
        };
        assert_eq!(begun, done);
    }
}
