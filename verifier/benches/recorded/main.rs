//! From a recording to a verdict: a million JSON frames of 300 bytes, 100 sessions, 10,000 threads.
//!
//! `cargo bench -p wsaudit-verifier --bench recorded -- [--frames N] [--rounds N] [--only NAME,NAME]`.
//! Each figure is taken by a process of its own, so that its peak of memory is its own; the contenders take turns,
//! so that a busy machine is busy for all of them.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run is to stop")]

mod workload;

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use mimalloc::MiMalloc;
use wsaudit_verifier::engine::{Input, verify, verify_with};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{RecordingSource, Source, SourcePayload};
use wsaudit_verifier::rules::Pack;

/// As the tool does.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What is measured.
const CONTENDERS: [(&str, &str); 9] = [
    ("read", "reading all messages, and nothing else"),
    ("sql", "one rule (foreign thread) as a query by hand"),
    ("plain", "one rule (foreign thread), owners only"),
    ("shared", "the same with shares"),
    ("revocable", "the same with shares and revocations"),
    ("packs", "protocol, handshake and agent-platform"),
    ("packs-2", "the same with 2 threads"),
    ("packs-3", "the same with 3 threads"),
    ("packs-4", "the same with 4 threads"),
];

/// The rule that the query also checks.
const FOREIGN_THREAD: &str = r#"
[pack]
name = "bench"
format = 1
[message]
codec = "json"
name = "/type"
[fields]
session = "/session_id"
thread = "/thread_id"
[events]
created = { from = "server", name = "thread_created" }
shared = { from = "server", name = "thread_shared", bind = { to = "/to_session" } }
unshared = { from = "server", name = "thread_unshared", bind = { to = "/from_session" } }
sent = { from = "client", name = "send_message" }
[[rule]]
id = "foreign-thread"
title = "a thread is seen only by the session that created it"
kind = "owned"
resource = "thread"
owner = "session"
claimed-by = { event = "created", owner-at = "session" }
used-by = "sent"
"#;

const SHARES: &str = "shared-by = { event = \"shared\", with = \"to\" }\n";
const REVOCATIONS: &str = "revoked-by = { event = \"unshared\", with = \"to\" }\n";

/// What somebody would write with the schema at hand: frames that show a thread to a session that
/// neither created it nor was given it.
const QUERY: &str = "
    WITH said AS MATERIALIZED (
      SELECT connection_id, direction, text ->> '$.type' AS type, text ->> '$.thread_id' AS thread,
             text ->> '$.session_id' AS session, text ->> '$.to_session' AS shared_with
      FROM (SELECT connection_id, direction, CAST(payload AS TEXT) AS text FROM frame
            WHERE first_byte = 129)
    ),
    may AS (
      SELECT thread, session FROM said WHERE type = 'thread_created'
      UNION SELECT thread, shared_with FROM said WHERE type = 'thread_shared'
    )
    SELECT count(*), (SELECT count(*) FROM may)
    FROM said JOIN tag ON tag.connection_id = said.connection_id AND tag.kind = 'session'
    WHERE said.direction = 1 AND said.thread IS NOT NULL
      AND (said.thread, tag.value) NOT IN (SELECT thread, session FROM may)";

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|it| it == name)?;
        arguments.get(at + 1).cloned()
    };
    if let Some(contender) = value("--contender") {
        return take_part(&contender, Path::new(&value("--recording").unwrap()));
    }
    let number = |name: &str, default: u64| value(name).map_or(default, |it| it.parse().unwrap());
    let (frames, rounds) = (number("--frames", 1_000_000), number("--rounds", 5));
    let only = value("--only");
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("traffic.db");
    workload::write(&recording, frames);
    let mut taken = vec![Vec::new(); CONTENDERS.len()];
    for _ in 0..rounds {
        for ((name, _), taken) in CONTENDERS.iter().zip(&mut taken) {
            if only
                .as_deref()
                .is_none_or(|only| only.split(',').any(|it| it == *name))
            {
                taken.push(in_a_process(name, &recording));
            }
        }
    }
    tell(&mut taken);
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Taken {
    frames_per_second: f64,
    /// By the second of all its threads together.
    frames_per_cpu_second: f64,
    /// All that was resident at once.
    peak_kib: u64,
    /// What is still its own at the end.
    own_kib: u64,
}

fn tell(taken: &mut [Vec<Taken>]) {
    println!(
        "| | frames/s: median | least | most | to reading | by CPU second | peak MiB | own MiB |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|"
    );
    let mut reading = None;
    for ((name, what), taken) in CONTENDERS.iter().zip(taken) {
        if taken.is_empty() {
            continue;
        }
        let figures = |figure: fn(&Taken) -> f64| {
            let mut figures: Vec<_> = taken.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            (
                figures[0],
                figures[figures.len() / 2],
                figures[figures.len() - 1],
            )
        };
        let (least, median, most) = figures(|taken| taken.frames_per_second);
        let (_, by_cpu, _) = figures(|taken| taken.frames_per_cpu_second);
        let (_, _, peak) = figures(|taken| taken.peak_kib as f64 / 1024.0);
        let (_, _, own) = figures(|taken| taken.own_kib as f64 / 1024.0);
        let to_reading = median / *reading.get_or_insert(median);
        println!(
            "| `{name}`: {what} | {median:.0} | {least:.0} | {most:.0} | {to_reading:.2} | {by_cpu:.0} \
             | {peak:.1} | {own:.1} |"
        );
    }
}

fn in_a_process(contender: &str, recording: &Path) -> Taken {
    let own = std::env::current_exe().unwrap();
    let mut command = Command::new(own);
    command
        .args(["--contender", contender, "--recording"])
        .arg(recording);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<_> = said.split_whitespace().collect();
    let [speed, by_cpu, peak, own] = said[..] else {
        panic!("{contender} said {said:?}");
    };
    Taken {
        frames_per_second: speed.parse().unwrap(),
        frames_per_cpu_second: by_cpu.parse().unwrap(),
        peak_kib: peak.parse().unwrap(),
        own_kib: own.parse().unwrap(),
    }
}

/// Runs one contender, from the file to the result, and prints its speed and this process's memory.
fn take_part(contender: &str, recording: &Path) {
    let started = Instant::now();
    let frames = match contender {
        "read" => read(recording),
        "sql" => query(recording),
        "plain" => one_rule(recording, ""),
        "shared" => one_rule(recording, SHARES),
        "revocable" => one_rule(recording, &format!("{SHARES}{REVOCATIONS}")),
        "packs" => packs(recording, 1),
        "packs-2" => packs(recording, 2),
        "packs-3" => packs(recording, 3),
        "packs-4" => packs(recording, 4),
        other => panic!("no contender {other}"),
    };
    let taken = started.elapsed().as_secs_f64();
    println!(
        "{} {} {} {}",
        frames as f64 / taken,
        frames as f64 / cpu_seconds(),
        kib("VmHWM:"),
        kib("RssAnon:")
    );
}

/// A figure of this process, in KiB; 0 where the system does not tell.
fn kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.unwrap_or(0)
}

/// User and system time of this process so far; proc(5): fields 14 and 15, in hundredths.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields
        .map(|field| field.parse::<f64>().unwrap() / 100.0)
        .sum()
}

fn read(recording: &Path) -> u64 {
    let source = RecordingSource::open(recording, "bench").unwrap();
    let mut reading = source.reading().unwrap();
    let mut cursor = reading.begin().unwrap();
    let (mut messages, mut bytes) = (0, 0);
    while cursor.advance().unwrap().is_some() {
        if let SourcePayload::Whole(payload) = cursor.current().unwrap().payload {
            bytes += payload.len();
        }
        messages += 1;
    }
    assert!(bytes > 0);
    messages
}

fn query(recording: &Path) -> u64 {
    let sqlite = rusqlite::Connection::open(recording).unwrap();
    let (violations, threads): (i64, i64) = sqlite
        .query_row(QUERY, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert!(violations == 0 && threads > 0, "{violations} of {threads}");
    let count = "SELECT max(seq) - min(seq) + 1 FROM frame";
    let frames: i64 = sqlite.query_row(count, [], |row| row.get(0)).unwrap();
    u64::try_from(frames).unwrap()
}

fn one_rule(recording: &Path, more: &str) -> u64 {
    let text = format!("{FOREIGN_THREAD}{more}");
    let pack = Pack::from_texts(&[("bench.toml", &text)]).unwrap();
    let sources = open(recording);
    let shared = !more.is_empty();
    let input = Input {
        packs: &[pack],
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    let verification = verify(&input, &mut |_| {}).unwrap();
    let violations = verification.rules[0].outcome.violations.len();
    // Without shares, whoever was given a thread has seen a foreign one.
    assert_eq!(violations == 0, shared);
    verification.messages
}

fn packs(recording: &Path, threads: usize) -> u64 {
    let names = ["protocol", "handshake", "agent-platform"];
    let packs = names.map(|name| Pack::shipped(name).unwrap());
    let sources = open(recording);
    let input = Input {
        packs: &packs,
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    let threads = NonZeroUsize::new(threads).unwrap();
    let verification = verify_with(&input, threads, &mut |_| {}).unwrap();
    for rule in &verification.rules {
        let id = &packs[rule.pack].rules[rule.rule].id;
        if let Some(violation) = rule.outcome.violations.first() {
            panic!("{id}: {}", violation.message);
        }
    }
    verification.messages
}

fn open(recording: &Path) -> Vec<Box<dyn Source>> {
    vec![Box::new(RecordingSource::open(recording, "bench").unwrap())]
}
