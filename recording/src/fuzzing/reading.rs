//! Whatever is in a file, reading it gives rows or errors, and changes nothing.

use std::fmt::Display;
use std::fs;

use super::tampered::{Tampered, with_bytes, with_values};
use crate::reader::{Filter, FrameBytes, MessagePayload, ReadError, Reader, ReaderOptions};

/// How many bytes of a payload in chunks are asked for.
const CAP: usize = 1_000;

/// A recording of which bytes were changed is read or refused.
pub fn recording_bytes(data: &[u8]) {
    read(&with_bytes(data));
}

/// A recording of which columns hold other values is read or refused.
pub fn recording_values(data: &[u8]) {
    read(&with_values(data));
}

/// Reads all there is. No panic, no payload beyond the cap, no more rows than the file has bytes,
/// every error names the file, and the file is not touched.
fn read(recording: &Tampered) {
    let path = recording.path();
    let before = fs::read(&path).expect("it was just written");
    let options = ReaderOptions {
        message_cap: CAP,
        scratch: Some(recording.scratch().to_owned()),
        attempts: 2,
    };
    let shown = path.display().to_string();
    let names_it = |error: &dyn Display| {
        let said = error.to_string();
        assert!(said.starts_with(&shown), "{said}");
    };
    match Reader::open_with(&path, options) {
        Err(error) => names_it(&error),
        Ok(reader) => {
            let steps = [
                frames(&reader, before.len()),
                messages(&reader, before.len()),
                exchanges(&reader, before.len()),
                around(&reader),
            ];
            for error in steps.into_iter().filter_map(Result::err) {
                names_it(&error);
            }
            // Damage that nothing met on its way is found here; none is no proof of anything.
            if let Err(error) = reader.check() {
                names_it(&error);
            }
        }
    }
    let after = fs::read(&path).expect("a reader removes nothing");
    assert!(after == before, "the file was changed");
}

fn frames(reader: &Reader, most: usize) -> Result<(), ReadError> {
    let mut query = reader.frames(Filter::ALL)?;
    let mut rows = query.rows()?;
    let mut count = 0;
    while let Some(frame) = rows.next()? {
        count += 1;
        assert!(count <= most, "more frames than bytes");
        if let FrameBytes::Chunked(chunks) = frame.payload {
            assert!(reader.joined(chunks, CAP)?.len() <= CAP);
        }
        for run in reader.runs() {
            reader.time(run.id, frame.last_at);
        }
        frame.to_record();
    }
    reader.frame_range()?;
    Ok(())
}

fn messages(reader: &Reader, most: usize) -> Result<(), ReadError> {
    let mut query = reader.messages(Filter::ALL)?;
    let mut rows = query.rows()?;
    let mut count = 0;
    while rows.advance()? {
        count += 1;
        assert!(count <= most, "more messages than bytes");
        let message = rows.current()?.expect("there is one where it stopped");
        let kept = match message.payload {
            MessagePayload::Bytes(bytes) => bytes.len(),
            MessagePayload::Truncated { kept, .. } => kept.len(),
            MessagePayload::Undecodable(why) | MessagePayload::Withheld(why) => why.len(),
        };
        assert!(kept <= most.max(CAP), "more bytes than the file has");
        message.to_message();
    }
    Ok(())
}

fn exchanges(reader: &Reader, most: usize) -> Result<(), ReadError> {
    for exchange in reader.exchanges()? {
        reader.time(exchange.run, exchange.opened.at);
    }
    let mut query = reader.http_messages()?;
    let mut rows = query.rows()?;
    let mut count = 0;
    while rows.advance()? {
        count += 1;
        assert!(count <= most, "more messages than bytes");
        let message = rows.current()?.expect("there is one where it stopped");
        message.to_message();
    }
    Ok(())
}

fn around(reader: &Reader) -> Result<(), ReadError> {
    for tag in reader.tags()? {
        tag.holds_at(tag.tag.from);
    }
    reader.connections()?;
    reader.gaps()?;
    reader.anomalies()?;
    reader.tails()?;
    reader.counts()?;
    Ok(())
}
