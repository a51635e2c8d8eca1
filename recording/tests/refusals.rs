//! What is no readable recording is refused, each with its own error; nothing is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use proptest::prelude::*;
use tempfile::TempDir;
use wsaudit_recording::{
    ConnectionId, ConnectionOpened, Filter, FormatVersion, FrameRecord, Nanos, OpenError, Payload,
    Payloads, ReadError, Reader, Record, Seq, Writer, WriterOptions,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

fn recording() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    let writer = Writer::create(&path, WriterOptions::default()).expect("created");
    let mut records = vec![Record::Opened(ConnectionOpened {
        id: ConnectionId(1),
        seq: Seq(1),
        at: Nanos(0),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    })];
    records.extend((2..2_000).map(|seq| {
        Record::Frame(FrameRecord {
            seq: Seq(seq),
            connection: ConnectionId(1),
            direction: Direction::ServerToClient,
            first_at: Nanos(seq),
            last_at: Nanos(seq),
            header: FrameHeader {
                first_byte: 0x81,
                masking_key: None,
                length_form: LengthForm::Bits16,
                declared_length: 300,
            },
            payload: Payload::Whole(vec![b'x'; 300]),
        })
    }));
    writer.sender().send(records, None);
    writer.close().expect("closed");
    (directory, path)
}

/// Every file beside `path` with its bytes and time.
fn surroundings(path: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let directory = path.parent().expect("a parent");
    let entries = fs::read_dir(directory).expect("listed");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let modified = entry.metadata().and_then(|known| known.modified());
            let bytes = fs::read(entry.path()).unwrap_or_default();
            (entry.path(), (bytes, modified.expect("known")))
        })
        .collect()
}

/// The error of opening `path`, which must name it and change nothing.
fn refused(path: &Path) -> OpenError {
    let before = surroundings(path);
    let error = Reader::open(path).expect_err("refused");
    assert_eq!(surroundings(path), before);
    let message = error.to_string();
    assert!(
        message.starts_with(&path.display().to_string()),
        "{message}"
    );
    error
}

fn bytes_in_a_file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    fs::write(&path, bytes).expect("written");
    (directory, path)
}

#[test]
fn a_file_that_is_not_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = refused(&directory.path().join("none.db"));
    assert!(matches!(error, OpenError::NotFound { .. }), "{error}");
}

#[test]
fn a_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("inner");
    fs::create_dir(&path).expect("made");
    let error = refused(&path);
    assert!(matches!(error, OpenError::Directory { .. }), "{error}");
}

/// Opening a pipe would wait for a writer that never comes, and a device has no end.
#[cfg(unix)]
#[test]
fn what_is_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket.db");
    let _socket = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    for path in [path.as_path(), Path::new("/dev/null")] {
        let error = Reader::open(path).expect_err("refused");
        assert!(matches!(error, OpenError::NoFile { .. }), "{error}");
    }
}

#[test]
fn an_empty_file() {
    let (_directory, path) = bytes_in_a_file(b"");
    let error = refused(&path);
    assert!(matches!(error, OpenError::Empty { .. }), "{error}");
}

#[test]
fn a_text_file() {
    let (_directory, path) = bytes_in_a_file(b"{\"log\": {}}");
    let error = refused(&path);
    assert!(matches!(error, OpenError::NotSqlite { .. }), "{error}");
    assert!(error.to_string().contains(r#"{\"log\": {}}"#), "{error}");
}

#[test]
fn a_pointer_of_git_lfs() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let (_directory, path) = bytes_in_a_file(pointer);
    let error = refused(&path);
    assert!(
        error
            .to_string()
            .ends_with("`git lfs pull` fetches the recording"),
        "{error}"
    );
}

#[test]
fn the_first_bytes_of_sqlite_only() {
    let (_directory, path) = bytes_in_a_file(b"SQLite format 3\0\x20\0");
    let error = refused(&path);
    assert!(
        matches!(error, OpenError::Truncated { found: 18, .. }),
        "{error}"
    );
}

#[test]
fn another_applications_database() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("other.db");
    let other = rusqlite::Connection::open(&path).expect("made");
    other
        .execute_batch("PRAGMA application_id = 7; CREATE TABLE run (id INTEGER)")
        .expect("written");
    drop(other);
    let error = refused(&path);
    assert!(
        matches!(error, OpenError::Foreign { found: 7, .. }),
        "{error}"
    );
    let append = Writer::append(&path, WriterOptions::default()).expect_err("refused");
    assert!(append.to_string().contains("not a wsaudit recording"));
}

#[test]
fn a_recording_of_a_newer_format() {
    let (_directory, path) = recording();
    let newer = rusqlite::Connection::open(&path).expect("opened");
    newer
        .pragma_update(None, "user_version", FormatVersion::NEWEST.0 + 1)
        .expect("written");
    drop(newer);
    let error = refused(&path);
    let expected = FormatVersion(FormatVersion::NEWEST.0 + 1);
    assert!(
        matches!(error, OpenError::Newer { found, .. } if found == expected),
        "{error}"
    );
}

#[test]
fn a_truncated_file() {
    let (_directory, path) = recording();
    let length = fs::metadata(&path).expect("known").len();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("opened");
    file.set_len(length - 10_000).expect("cut");
    let error = refused(&path);
    assert!(
        matches!(error, OpenError::Truncated { expected, .. } if expected == length),
        "{error}"
    );
}

#[test]
fn a_recording_without_a_table() {
    let (_directory, path) = recording();
    let changed = rusqlite::Connection::open(&path).expect("opened");
    changed
        .execute_batch("DROP VIEW session_message; DROP VIEW message_view; DROP TABLE tail")
        .expect("changed");
    drop(changed);
    let error = refused(&path);
    assert!(matches!(error, OpenError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("table tail"), "{error}");
}

#[test]
fn damage_in_the_middle_names_the_table_and_the_place() {
    let (_directory, path) = recording();
    let mut bytes = fs::read(&path).expect("read");
    let middle = bytes.len() / 2 / 8_192 * 8_192;
    bytes[middle..middle + 8_192].fill(0xA5);
    fs::write(&path, bytes).expect("written");

    let reader = Reader::open(&path).expect("its ends are sound");
    let mut query = reader.messages(Filter::ALL).expect("prepared");
    let mut rows = query.rows().expect("begun");
    let mut last = 0;
    let error = loop {
        match rows.next() {
            Ok(Some(row)) => last = row.seq.0,
            Ok(None) => panic!("the damage was passed over"),
            Err(error) => break error,
        }
    };
    let ReadError::Sqlite { at, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((at.table, at.key), ("frame", Some(last)));
    let whole = reader.check().expect_err("damaged");
    assert!(
        matches!(whole, ReadError::Damaged { .. } | ReadError::Sqlite { .. }),
        "{whole}"
    );
}

/// The file without its log, as it is where somebody copied one of the two.
#[test]
fn a_recording_of_which_the_log_is_missing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    let writer = Writer::create(&path, WriterOptions::default()).expect("created");
    let bytes = fs::read(&path).expect("read");
    let (_copied, copy) = bytes_in_a_file(&bytes);
    let error = refused(&copy);
    assert!(matches!(error, OpenError::WithoutLog { .. }), "{error}");
    let log = format!("{}-wal, which is missing", copy.display());
    assert!(error.to_string().contains(&log), "{error}");
    writer.close().expect("closed");
}

#[test]
fn a_value_that_the_format_does_not_know() {
    let (_directory, path) = recording();
    let changed = rusqlite::Connection::open(&path).expect("opened");
    changed
        .execute_batch("UPDATE frame SET direction = 2 WHERE seq = 7")
        .expect("changed");
    drop(changed);
    let reader = Reader::open(&path).expect("opened");
    let error = reader.frame(Seq(7)).expect_err("no direction");
    assert!(
        error.to_string().contains("column direction holds 2"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn reading_changes_nothing_also_where_nothing_can_be_changed() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, path) = recording();
    let before = surroundings(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("set");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).expect("set");
    let reader = Reader::open(&path).expect("a recording");
    assert_eq!(reader.counts().expect("counted").frames, 1_998);
    assert_eq!(surroundings(&path), before);
    drop(reader);
    assert_eq!(surroundings(&path), before);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("set");
}

/// Reads everything, and gives up at the first error.
fn read_all(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let reader = Reader::open(path)?;
    reader.connections()?;
    reader.tags()?;
    reader.gaps()?;
    reader.anomalies()?;
    reader.tails()?;
    let mut query = reader.frames(Filter::ALL)?;
    let mut rows = query.rows()?;
    while rows.next()?.is_some() {}
    let mut query = reader.messages(Filter::ALL)?;
    let mut rows = query.rows()?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// A recording's bytes.
static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (_directory, path) = recording();
    fs::read(path).expect("read")
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_anywhere_is_an_error_or_is_harmless(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let mut bytes = SOUND.clone();
        let reach = 100_000.min(bytes.len());
        for (at, byte) in damage {
            bytes[at.index(reach)] = byte;
        }
        let (_directory, path) = bytes_in_a_file(&bytes);
        // No panic; the file is not changed.
        let _ = read_all(&path);
        prop_assert_eq!(fs::read(&path).expect("read"), bytes);
    }
}
