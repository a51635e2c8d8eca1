//! The page cache survives a kill, but no loss of power: what the recorder does with the disk is
//! looked at call by call.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use tempfile::tempdir;
use tokio::time::Duration;
use wsaudit_recording::{PartNames, Reader};

use super::disk::{Change, Disk, Mark, Survivors};
use super::peers::{Ledger, Numbered, Peers};
use super::strace::{Event, events, strace};
use crate::harness::{DEADLINE, Recorder, runtime};

const RECORDING: &str = "traffic.db";

/// While a log goes into its file, the power goes at every such point, too.
const MOVING: usize = 200;

/// While the next part is made and named, and the one before it ended, at every such point. A prime,
/// so that it is another one in each run.
const CUTTING: usize = 7;

/// The smallest part that there is.
const PARTS: &[&str] = &["--rotate", "1MiB"];

/// How much is recorded, and looked at.
struct Plan {
    clients: u32,
    /// Of each client; as many come back.
    frames: u64,
    /// The clients go on, with more frames, until there are so many parts.
    parts: u32,
    /// At how many points of the run the power goes.
    losses: usize,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    sent: u64,
    /// Frames that were sent to a peer before they were synced.
    early: u64,
    /// Images that were opened after a loss of power.
    images: u64,
    /// Frames that had been sent before it, and are not in the image: the most of them.
    lost: u64,
    /// Writes to the file itself, from the log, with traffic after them.
    checkpointed: u64,
    /// Images of a recording that was being cut.
    cutting: u64,
    /// The most parts that an image had.
    parts: usize,
}

/// Records under strace, then looks at what would be left if the power had gone.
fn lose_power(plan: &Plan, more: &[&str]) -> Option<Found> {
    let scratch = tempdir().unwrap();
    let log = scratch.path().join("calls");
    let directory = scratch.path().canonicalize().unwrap().join("recording");
    std::fs::create_dir(&directory).unwrap();
    let command = strace(&log, assert_cmd::cargo::cargo_bin!("wsaudit"))?;
    let runtime = runtime();
    let peers = Peers::default();
    let upstream = runtime.block_on(peers.serve());
    let out = directory.join(RECORDING);
    let recorder = Recorder::start_with(command, &upstream, &out, more);
    let clients: Vec<_> = (0..plan.clients)
        .map(|client| {
            let address = recorder.address().to_owned();
            let frames = if plan.parts > 0 {
                u64::MAX
            } else {
                plan.frames
            };
            runtime.spawn(peers.clone().speak(client, address, frames))
        })
        .collect();
    runtime.block_on(async {
        if plan.parts > 0 {
            let newest = PartNames::of(&out).path(plan.parts);
            let started = Instant::now();
            while !newest.exists() {
                assert!(started.elapsed() < DEADLINE, "it is never cut");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let frames = u64::from(plan.clients) * plan.frames;
            peers.wait_for(peers.received().total() + frames).await;
            peers.stop();
        }
        for client in clients {
            client.await.unwrap();
        }
    });
    recorder.stop().with_code(0);
    wait_for_the_end_of(&log);

    let events = events(&std::fs::read(&log).unwrap(), &directory);
    let found = replay(&events, plan.losses);
    assert_eq!(found.sent, peers.received().total(), "sends went unseen");
    println!("{more:?}: {found:?}");
    Some(found)
}

/// strace may end after the process that it traces.
fn wait_for_the_end_of(log: &Path) {
    let started = Instant::now();
    while !std::fs::read(log)
        .unwrap()
        .ends_with(b"+++ exited with 0 +++\n")
    {
        assert!(started.elapsed() < DEADLINE, "strace does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn replay(events: &[Event], losses: usize) -> Found {
    let mut replay = Replay::default();
    let every = (events.len() / losses).max(1);
    for (at, event) in events.iter().enumerate() {
        replay.step(event);
        // Before anything is sent, a recording may not be there yet.
        if replay.sent.total() == 0 {
            continue;
        }
        let moving = replay
            .disk
            .names()
            .any(|name| is_recording(name) && replay.disk.pending(name) > 0);
        let cutting = replay.disk.pending_names() > 0
            || replay.disk.names().any(|name| has_extension(name, "new"));
        if at % every == 0 || moving && at % MOVING == 0 || cutting && at % CUTTING == 0 {
            replay.found.cutting += 3 * u64::from(cutting);
            for survivors in [Survivors::None, Survivors::Some(at as u64), Survivors::All] {
                replay.lose(survivors);
            }
        }
    }
    replay.found
}

/// Whether a file is a recording, or a part of one, and no log or other file beside it.
fn is_recording(name: &str) -> bool {
    has_extension(name, "db")
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|it| it == extension)
}

#[derive(Default)]
struct Replay {
    disk: Disk,
    /// Syncs that have begun: what of a file, or of the names, was there then.
    syncs: BTreeMap<usize, Mark>,
    /// Frames that a synced log holds.
    safe: BTreeSet<Numbered>,
    /// By socket: what follows the last whole frame; `None` before the end of the head.
    sockets: BTreeMap<String, (Vec<u8>, Head)>,
    sent: Ledger,
    /// Writes to the file since the last frame.
    moved: u64,
    found: Found,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Head {
    #[default]
    Open,
    Whole,
}

impl Replay {
    fn step(&mut self, event: &Event) {
        match event {
            Event::Opened { file } => self.disk.create(file),
            Event::Changing { file, change } => {
                self.moved += u64::from(is_recording(file));
                self.disk.change(file, change.clone());
            }
            Event::Syncing { file, sync } => {
                self.syncs.insert(*sync, self.disk.mark(file));
            }
            Event::Synced { file, sync } => {
                let mark = self.syncs.remove(sync).unwrap();
                for change in self.disk.sync(file, mark) {
                    if let Change::Write { bytes, .. } = change {
                        self.safe.extend(markers(&bytes));
                    }
                }
            }
            Event::Linked { file, also } => self.disk.link(file, also),
            Event::Removed { file } => self.disk.remove(file),
            Event::SyncingNames { sync } => {
                self.syncs.insert(*sync, self.disk.mark_names());
            }
            Event::SyncedNames { sync } => {
                let mark = self.syncs.remove(sync).unwrap();
                self.disk.sync_names(mark);
            }
            Event::Sending { socket, bytes } => {
                let (rest, head) = self.sockets.entry(socket.clone()).or_default();
                rest.extend_from_slice(bytes);
                if *head == Head::Open {
                    let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") else {
                        return;
                    };
                    rest.drain(..end + 4);
                    *head = Head::Whole;
                }
                while let Some(frame) = Numbered::take(rest) {
                    self.sent.add(frame);
                    self.found.sent += 1;
                    let moved = std::mem::take(&mut self.moved);
                    if self.found.sent > 1 {
                        self.found.checkpointed += moved;
                    }
                    self.found.early += u64::from(!self.safe.contains(&frame));
                }
            }
        }
    }

    /// The power goes now: what is left must be a sound recording.
    fn lose(&mut self, survivors: Survivors) {
        let directory = tempdir().unwrap();
        self.disk.write_after_loss(directory.path(), survivors);
        let what = || format!("{survivors:?}, after {} frames", self.sent.total());
        let out = directory.path().join(RECORDING);
        let names = PartNames::of(&out);
        let newest = names.newest().unwrap().unwrap_or_default();
        let files = match newest {
            0 => vec![out],
            _ => (1..=newest).map(|number| names.path(number)).collect(),
        };
        let readers: Vec<_> = files
            .iter()
            .map(|file| {
                let reader =
                    Reader::open(file).unwrap_or_else(|error| panic!("{}: {error}", what()));
                let checked = reader.check();
                checked.unwrap_or_else(|error| panic!("{}: {error}", what()));
                reader
            })
            .collect();
        let recorded = Ledger::recorded_in_parts(&readers);
        self.found.parts = self.found.parts.max(readers.len());
        self.found.images += 1;
        self.found.lost = self.found.lost.max(self.sent.missing_in(&recorded));
    }
}

/// The frames whose payloads begin in `bytes`.
fn markers(bytes: &[u8]) -> impl Iterator<Item = Numbered> {
    bytes
        .windows("c-00000-00000000;".len())
        .filter(|window| matches!(window[0], b'c' | b's') && window[1] == b'-' && window[7] == b'-')
        .filter_map(|window| std::str::from_utf8(window).ok()?.parse().ok())
}

fn strict(plan: &Plan, more: &[&str]) -> Option<Found> {
    let flags: Vec<_> = ["--durability", "strict"]
        .iter()
        .chain(more)
        .copied()
        .collect();
    let found = lose_power(plan, &flags)?;
    assert_eq!(found.early, 0, "sent before synced: {found:?}");
    assert_eq!(found.lost, 0, "{found:?}");
    assert!(found.images > 0);
    Some(found)
}

#[test]
fn strict_syncs_before_it_sends_and_loses_nothing_with_the_power() {
    let plan = Plan {
        clients: 3,
        frames: 40,
        parts: 0,
        losses: 30,
    };
    strict(&plan, &[]);
}

#[test]
fn batch_sends_before_it_syncs_and_is_sound_after_a_loss_of_power() {
    let plan = Plan {
        clients: 3,
        frames: 60,
        parts: 0,
        losses: 30,
    };
    if let Some(found) = lose_power(&plan, &[]) {
        // Otherwise these tests could not tell `batch` from `strict`.
        assert!(found.early > 0 && found.lost > 0, "{found:?}");
    }
}

/// Some frames in the second part, too.
const CUT: Plan = Plan {
    clients: 3,
    frames: 10,
    parts: 2,
    losses: 10,
};

impl Found {
    fn was_cut(&self) {
        assert!(self.parts > 1 && self.cutting > 10, "{self:?}");
    }
}

#[test]
fn strict_loses_nothing_with_the_power_while_the_next_part_is_made() {
    if let Some(found) = strict(&CUT, PARTS) {
        found.was_cut();
    }
}

#[test]
fn batch_leaves_whole_parts_and_the_beginning_of_one_after_a_loss_of_power() {
    if let Some(found) = lose_power(&CUT, PARTS) {
        found.was_cut();
        assert!(found.early > 0, "{found:?}");
    }
}

#[test]
#[ignore = "long: .ci/long runs it"]
fn long_strict_loses_nothing_with_the_power_while_the_log_goes_into_the_file() {
    let plan = Plan {
        clients: 4,
        frames: 1_800,
        parts: 0,
        losses: 20,
    };
    if let Some(found) = strict(&plan, &[]) {
        assert!(found.checkpointed > 1_000, "no checkpoint: {found:?}");
    }
}
