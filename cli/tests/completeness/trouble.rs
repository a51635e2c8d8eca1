//! The recorder in trouble: traffic goes on or ends as configured, what is missing is counted, what
//! was recorded is sound, and it is said aloud.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use wsaudit_recording::Reader;

use super::peers::{Ledger, Peers};
use super::strace;
use crate::harness::{DEADLINE, Ended, Recorder, has, not_tested, run, runtime};

const CLIENTS: u32 = 2;

/// A recorder under load.
struct Load {
    runtime: Runtime,
    peers: Peers,
    recorder: Recorder,
    clients: Vec<JoinHandle<()>>,
    out: PathBuf,
}

/// What it left.
struct Left {
    ended: Ended,
    reader: Reader,
    /// Frames that the peers received, and that the recording holds.
    received: u64,
    recorded: u64,
}

fn binary() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("wsaudit"))
}

impl Load {
    fn start(command: Command, directory: &Path, more: &[&str]) -> Self {
        let runtime = runtime();
        let peers = Peers::default();
        let upstream = runtime.block_on(peers.serve());
        let out = directory.join("traffic.db");
        let recorder = Recorder::start_with(command, &upstream, &out, more);
        let clients = (0..CLIENTS)
            .map(|client| {
                let address = recorder.address().to_owned();
                runtime.spawn(peers.clone().speak(client, address, u64::MAX))
            })
            .collect();
        let load = Self {
            runtime,
            peers,
            recorder,
            clients,
            out,
        };
        load.pass(50);
        load
    }

    /// Waits until that many more frames have passed.
    fn pass(&self, frames: u64) {
        let frames = self.peers.received().total() + frames;
        self.runtime.block_on(self.peers.wait_for(frames));
    }

    /// Locks the recording, as any other process can.
    fn lock(&self, sql: &str) -> rusqlite::Connection {
        let other = rusqlite::Connection::open(&self.out).unwrap();
        other.busy_timeout(DEADLINE).unwrap();
        other.execute_batch(sql).unwrap();
        other
    }

    /// Waits until the clients have ended, each after its last echo where traffic goes on.
    fn clients_end(&mut self) {
        self.runtime.block_on(async {
            for client in self.clients.drain(..) {
                client.await.unwrap();
            }
            self.peers.wait_for_the_end().await;
        });
    }

    /// Ends the traffic, then the recorder.
    fn stop(mut self) -> Left {
        self.peers.stop();
        self.clients_end();
        let received = self.peers.received().total();
        let ended = self.recorder.stop().with_code(0);
        let reader = Reader::open(&self.out).unwrap();
        reader.check().unwrap();
        let recorded = Ledger::recorded_with_gaps(&reader).total();
        Left {
            ended,
            reader,
            received,
            recorded,
        }
    }
}

impl Left {
    /// Checks that gaps hold, to a frame, what the recording does not; gives their reasons.
    fn gaps(&self) -> Vec<String> {
        let gaps = self.reader.gaps().unwrap();
        let missing: u64 = gaps.iter().map(|(_, gap)| gap.frames.unwrap()).sum();
        assert_eq!(self.recorded + missing, self.received, "{gaps:?}");
        assert!(missing > 0, "nothing was lost");
        has(&self.ended.stdout, &["not recorded): no verdict"]);
        gaps.into_iter().map(|(_, gap)| gap.why).collect()
    }

    fn is_whole(&self) {
        assert_eq!(self.recorded, self.received);
        assert_eq!(self.reader.gaps().unwrap(), []);
    }
}

#[test]
fn locked_by_another_process_traffic_goes_on_with_a_gap() {
    let directory = tempdir().unwrap();
    let mut load = Load::start(binary(), directory.path(), &[]);
    let other = load.lock("BEGIN IMMEDIATE");
    let line = load.recorder.wait_for_line("traffic goes on unrecorded");
    has(
        &line,
        &["ERROR", "another process has locked the recording"],
    );
    load.pass(200);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    load.recorder.wait_for_line("the recorder records again");
    load.pass(50);
    let gaps = load.stop().gaps();
    assert!(gaps.iter().all(|why| why.contains("locked")), "{gaps:?}");
}

#[test]
fn locked_by_another_process_traffic_ends_where_that_is_wanted() {
    for durability in ["batch", "strict"] {
        let directory = tempdir().unwrap();
        let more = ["--on-recorder-failure", "close", "--durability", durability];
        let mut load = Load::start(binary(), directory.path(), &more);
        let other = load.lock("BEGIN IMMEDIATE");
        load.clients_end();
        let received = load.peers.received();
        let ended = load.recorder.wait().with_code(2);
        has(&ended.stderr, &["ERROR", "traffic ends", "locked"]);
        drop(other);
        let reader = Reader::open(&load.out).unwrap();
        reader.check().unwrap();
        assert!(reader.unclean().is_some());
        let lost = received.missing_in(&Ledger::recorded(&reader));
        assert_eq!(lost > 0, durability == "batch", "{durability}: {lost}");
    }
}

/// The binary, whose syncs are tampered with; `None` where strace is not there.
fn with_syncs(directory: &TempDir, tampered: &str) -> Option<Command> {
    let log = directory.path().join("calls");
    strace::tampered(&log, assert_cmd::cargo::cargo_bin!("wsaudit"), tampered)
}

#[test]
fn a_disk_that_stalls_for_seconds_leaves_a_gap_that_counts_what_is_missing() {
    let directory = tempdir().unwrap();
    // The start takes fewer syncs than that. This one hangs until it is let go.
    let Some(command) = with_syncs(&directory, "delay_enter=1000s:when=25") else {
        return;
    };
    let more = ["--max-stall", "200ms", "--admin", "127.0.0.1:0"];
    let mut load = Load::start(command, directory.path(), &more);
    let admin = load.recorder.wait_for_line("serving /metrics");
    load.recorder.wait_for_line("the recorder stalls");
    // On a busy machine it may have stalled by itself before, for a moment.
    let started = Instant::now();
    while metric(&admin, "wsaudit_lost_frames_total") == 0 {
        assert!(started.elapsed() < DEADLINE, "nothing is lost");
    }
    strace::let_go(load.recorder.pid());
    load.recorder.wait_for_line("the recorder goes on");
    load.pass(50);
    let gaps = load.stop().gaps();
    let why = "the recorder stalled for 200ms";
    assert!(gaps.iter().all(|found| found == why), "{gaps:?}");
}

/// A figure of the recorder that says in `line` where it serves them.
fn metric(line: &str, name: &str) -> u64 {
    let address = line.rsplit("http://").next().unwrap();
    let mut admin = TcpStream::connect(address).unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    admin.write_all(request).unwrap();
    let mut answer = String::new();
    admin.read_to_string(&mut answer).unwrap();
    let mut lines = answer.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines.find(|(found, _)| *found == name).unwrap();
    value.parse().unwrap()
}

#[test]
fn strict_waits_for_a_disk_that_stalls_and_loses_nothing() {
    let directory = tempdir().unwrap();
    // Ten times --max-stall, whatever passes meanwhile.
    let Some(command) = with_syncs(&directory, "delay_enter=2s:when=25..26") else {
        return;
    };
    let more = ["--durability", "strict", "--max-stall", "200ms"];
    let load = Load::start(command, directory.path(), &more);
    load.pass(300);
    load.stop().is_whole();
}

#[test]
fn a_disk_that_fails_to_sync_leaves_a_gap_and_a_sound_recording() {
    let directory = tempdir().unwrap();
    let Some(command) = with_syncs(&directory, "error=EIO:when=25..26") else {
        return;
    };
    let mut load = Load::start(command, directory.path(), &[]);
    load.recorder.wait_for_line("traffic goes on unrecorded");
    load.recorder.wait_for_line("the recorder records again");
    load.pass(50);
    let gaps = load.stop().gaps();
    assert!(gaps.iter().all(|why| why.contains("disk I/O")), "{gaps:?}");
}

/// No write to a file without a name fails.
#[test]
fn a_recording_that_is_removed_or_replaced_is_told_of_and_one_that_is_put_back_is_whole() {
    for back in [Back::Same, Back::Another, Back::Not] {
        let directory = tempdir().unwrap();
        let mut load = Load::start(binary(), directory.path(), &[]);
        let away = directory.path().join("away.db");
        std::fs::rename(&load.out, &away).unwrap();
        let line = load.recorder.wait_for_line("traffic goes on unrecorded");
        has(&line, &["ERROR", "removed, moved or replaced"]);
        load.pass(50);
        match back {
            Back::Same => {
                std::fs::rename(&away, &load.out).unwrap();
                load.recorder.wait_for_line("is in its place again");
                load.stop().is_whole();
                continue;
            }
            Back::Another => std::fs::write(&load.out, "mine").unwrap(),
            Back::Not => {}
        }
        load.peers.stop();
        load.clients_end();
        let ended = load.recorder.stop().with_code(2);
        has(&ended.stderr, &["error: ", "removed, moved or replaced"]);
    }
}

#[derive(Clone, Copy)]
enum Back {
    Same,
    Another,
    Not,
}

#[test]
fn traffic_ends_with_a_recording_that_is_removed_where_that_is_wanted() {
    let directory = tempdir().unwrap();
    let more = ["--on-recorder-failure", "close"];
    let mut load = Load::start(binary(), directory.path(), &more);
    std::fs::remove_file(&load.out).unwrap();
    load.clients_end();
    let ended = load.recorder.wait().with_code(2);
    has(
        &ended.stderr,
        &["traffic ends", "removed, moved or replaced"],
    );
}

/// A file system in memory, until it is dropped.
struct Mounted(TempDir);

impl Mounted {
    /// `None`, and a loud note, where that is not permitted.
    fn new(options: &str) -> Option<Self> {
        let directory = tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(directory.path())
            .output();
        if !mount.is_ok_and(|mount| mount.status.success()) {
            not_tested(&format!(
                "a file system ({options}), which cannot be mounted: no root"
            ));
            return None;
        }
        Some(Self(directory))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn on_a_full_disk_traffic_goes_on_with_a_gap() {
    let Some(disk) = Mounted::new("size=64m") else {
        return;
    };
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![1; 60 << 20]).unwrap();
    let mut load = Load::start(binary(), disk.0.path(), &[]);
    let line = load.recorder.wait_for_line("traffic goes on unrecorded");
    has(&line, &["ERROR", "the disk is full"]);
    load.pass(100);
    std::fs::remove_file(filler).unwrap();
    load.recorder.wait_for_line("the recorder records again");
    load.pass(20);
    let gaps = load.stop().gaps();
    assert!(gaps.iter().all(|why| why.contains("full")), "{gaps:?}");
}

/// The transaction that failed is kept; all of it may be more than what has become free.
#[test]
fn on_a_small_disk_what_has_become_free_is_used() {
    let Some(disk) = Mounted::new("size=12m") else {
        return;
    };
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![1; 2 << 20]).unwrap();
    let mut load = Load::start(binary(), disk.0.path(), &[]);
    load.recorder.wait_for_line("traffic goes on unrecorded");
    let recorded = || -> i64 {
        let other = rusqlite::Connection::open(&load.out).unwrap();
        other
            .query_row("SELECT count(*) FROM frame", [], |row| row.get(0))
            .unwrap()
    };
    let before = recorded();
    std::fs::remove_file(&filler).unwrap();
    // Whether all of it fits or not.
    let started = Instant::now();
    while recorded() == before {
        assert!(started.elapsed() < DEADLINE, "no room is used");
        thread::sleep(Duration::from_millis(20));
    }
    let received = {
        load.peers.stop();
        load.clients_end();
        load.peers.received().total()
    };
    // It ends cleanly or not, as the room allows; what is there is sound.
    load.recorder.stop();
    let reader = Reader::open(&load.out).unwrap();
    reader.check().unwrap();
    assert!(Ledger::recorded_with_gaps(&reader).total() < received);
}

#[test]
fn a_read_only_file_system_is_refused() {
    let Some(disk) = Mounted::new("ro") else {
        return;
    };
    let out = disk.0.path().join("traffic.db");
    let record = [
        "record",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        "http://127.0.0.1:9",
        "--out",
    ];
    let refused = run(record
        .map(AsRef::as_ref)
        .into_iter()
        .chain([out.as_os_str()]));
    has(refused.ends_with(2).error(), &["Read-only file system"]);
}

#[test]
fn a_reader_that_stays_open_loses_nothing_and_is_told_of() {
    let directory = tempdir().unwrap();
    let load = Load::start(binary(), directory.path(), &[]);
    let other = load.lock("BEGIN; SELECT count(*) FROM frame");
    load.pass(500);
    let left = load.stop();
    left.is_whole();
    has(
        &left.ended.stdout,
        &["another process has it open", "keep", "-wal"],
    );
    drop(other);
}
