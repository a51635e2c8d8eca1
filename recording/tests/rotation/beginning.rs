//! Where the next part is begun, or cannot be.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wsaudit_recording::{PartNames, Reader, StartError, Writer, WriterOptions};

use super::records::{at_each_commit, commit, commit_and_cut, files, frame, out, parts_of, seqs};
use super::spoken::{opened, wait_for};

#[test]
fn names_that_are_taken_are_refused() {
    let (_directory, out) = out();
    let taken = PartNames::of(&out).path(3);
    fs::write(&taken, "mine").unwrap();
    let error = Writer::create(&out, parts_of(1 << 20)).unwrap_err();
    assert!(
        matches!(&error, StartError::Exists { path } if *path == taken),
        "{error}"
    );
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
}

#[test]
fn where_the_next_part_cannot_be_begun_the_old_one_goes_on() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let sender = writer.sender();
    fs::create_dir(names.path(2)).unwrap();
    let (id, opening) = opened(&writer);
    commit(&writer, vec![opening, frame(&writer, id)]);
    wait_for("the trouble", || sender.rotation_failure().is_some());
    let why = sender.rotation_failure().unwrap();
    assert!(
        why.contains("traffic-000002.db") && why.contains("exists"),
        "{why}"
    );
    commit(&writer, vec![frame(&writer, id)]);
    assert_eq!(writer.path(), names.path(1));
    fs::remove_dir(names.path(2)).unwrap();
    wait_for("the next part", || writer.path() == names.path(2));
    assert_eq!(sender.rotation_failure(), None);
    commit(&writer, vec![frame(&writer, id)]);
    let done = writer.close().unwrap();
    let found: Vec<_> = files(&out)
        .iter()
        .map(|it| seqs(&Reader::open(it).unwrap()).len())
        .collect();
    assert_eq!(found.iter().sum::<usize>(), 3, "{found:?}");
    assert_eq!(found[0], 2);
    assert_eq!((done.stats.gaps, done.stats.lost_frames), (0, 0));
}

#[test]
fn a_disk_that_is_full_at_a_cut_loses_nothing() {
    let (_directory, out) = out();
    let limit = Arc::new(AtomicU32::new(0));
    let options = WriterOptions {
        page_limit: Some(Arc::clone(&limit)),
        ..at_each_commit()
    };
    let writer = Writer::create(&out, options).unwrap();
    let sender = writer.sender();
    let (id, opening) = opened(&writer);
    // Room for what is written, and for no further file.
    limit.store(8, Ordering::SeqCst);
    let names = PartNames::of(&out);
    commit(&writer, vec![opening]);
    wait_for("the trouble", || sender.rotation_failure().is_some());
    let why = sender.rotation_failure().unwrap();
    assert!(why.contains("disk is full"), "{why}");
    assert!(!names.path(2).exists());
    limit.store(0, Ordering::SeqCst);
    wait_for("the next part", || writer.path() == names.path(2));
    commit(&writer, vec![frame(&writer, id)]);
    let done = writer.close().unwrap();
    assert_eq!(done.stats.gaps, 0);
    let first = Reader::open(names.path(1)).unwrap();
    first.check().unwrap();
    assert_eq!(first.connections().unwrap().len(), 1);
    assert!(seqs(&Reader::open(names.path(2)).unwrap()).len() == 1);
}

#[test]
fn what_a_killed_recorder_left_half_made_is_replaced() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let mut left = names.path(2).into_os_string();
    left.push(".new");
    fs::write(&left, "half a part").unwrap();
    let (_, opening) = opened(&writer);
    commit_and_cut(&writer, vec![opening]);
    writer.close().unwrap();
    assert!(!Path::new(&left).exists());
    Reader::open(names.path(2)).unwrap();
}
