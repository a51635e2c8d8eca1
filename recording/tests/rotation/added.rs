//! A run that is added to a recording in parts, or of an older format.

use std::fs;
use std::path::Path;

use wsaudit_recording::{
    ConnectionId, PartNames, Reader, RunId, Seq, StartError, Writer, WriterOptions,
};

use super::records::{at_each_commit, closed, commit, commit_and_cut, frame, out, seqs};
use super::spoken::opened;

#[test]
fn a_run_that_is_added_begins_its_own_part_and_numbers_go_on() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let (id, opening) = opened(&writer);
    let end = closed(&writer, id);
    commit_and_cut(&writer, vec![opening, end]);
    writer.close().unwrap();
    let before = fs::read(names.path(2)).unwrap();

    let added = Writer::append(&out, at_each_commit()).unwrap();
    assert_eq!(added.path(), names.path(3));
    assert_eq!(added.run().id(), RunId(2));
    assert_eq!(added.run().first_seq(), Seq(3));
    let (id, opening) = opened(&added);
    assert_eq!(id, ConnectionId(2), "the newest part holds no connection");
    // A recorder that still writes is not joined by a second one.
    let error = Writer::append(&out, at_each_commit()).unwrap_err();
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    commit(&added, vec![opening]);
    added.close().unwrap();
    assert_eq!(fs::read(names.path(2)).unwrap(), before);
    let reader = Reader::open(names.path(3)).unwrap();
    assert_eq!(reader.runs()[0].part, 1);
}

#[test]
fn a_part_that_goes_on_elsewhere_is_not_added_to() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let (id, opening) = opened(&writer);
    let end = closed(&writer, id);
    commit_and_cut(&writer, vec![opening, end]);
    writer.close().unwrap();
    let error = Writer::append(names.path(1), WriterOptions::default()).unwrap_err();
    assert!(matches!(error, StartError::Continued { .. }), "{error}");
    // The last part is like any recording; its numbers are behind those of the parts before it.
    let last = Writer::append(names.path(2), WriterOptions::default()).unwrap();
    assert_eq!(last.run().next_connection(), ConnectionId(2));
    assert_eq!(last.run().first_seq(), Seq(3));
    last.close().unwrap();
    let reader = Reader::open(names.path(2)).unwrap();
    let parts: Vec<_> = reader
        .runs()
        .iter()
        .map(|run| (run.part, run.continued))
        .collect();
    assert_eq!(parts, [(2, false), (1, false)]);
}

#[test]
fn a_recording_of_format_version_1_is_read_and_added_to() {
    let (_directory, out) = out();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden/chat-sound.db");
    fs::copy(golden, &out).unwrap();
    let before = Reader::open(&out).unwrap();
    let runs = before.runs().to_vec();
    assert!(!runs[0].continued);
    let frames = seqs(&before).len();
    drop(before);
    let writer = Writer::append(&out, WriterOptions::default()).unwrap();
    let (id, opening) = opened(&writer);
    commit(&writer, vec![opening, frame(&writer, id)]);
    writer.close().unwrap();
    let after = Reader::open(&out).unwrap();
    assert_eq!(after.runs()[..runs.len()], runs);
    assert_eq!(after.runs().len(), runs.len() + 1);
    assert_eq!(seqs(&after).len(), frames + 1);
}
