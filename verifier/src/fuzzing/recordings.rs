//! A recording from somebody else: tampered with, it is verified or refused.

use std::sync::LazyLock;

use wsaudit_recording::fuzzing::{with_bytes, with_values};

use super::told::told;
use crate::engine::Input;
use crate::facts::Facts;
use crate::history::{RecordingSource, Source};
use crate::rules::Pack;

static PACKS: LazyLock<Vec<Pack>> = LazyLock::new(|| {
    let names = Pack::shipped_names().into_iter();
    names
        .map(|name| Pack::shipped(name).expect("shipped packs are valid"))
        .collect()
});

/// Every shipped rule over a recording that somebody has changed: a report or an error, and twice the
/// same.
pub fn recordings(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let tampered = if kind & 1 == 0 {
        with_values(data)
    } else {
        with_bytes(data)
    };
    let source = match RecordingSource::open(&tampered.path(), "traffic.db") {
        Ok(source) => source,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let sources: [Box<dyn Source>; 1] = [Box::new(source)];
    let input = Input {
        packs: &PACKS,
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    assert!(told(&input) == told(&input), "two runs, two reports");
}
