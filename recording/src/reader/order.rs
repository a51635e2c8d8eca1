//! Whether rows come in the order of their keys.
//!
//! A damaged file, or one that was made for it, may lead to the same pages again and again, to more
//! rows than anybody can wait for. Their keys betray it: they do not go up.

use super::ReadError;
use super::error::Place;

/// The key of the last row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KeyOrder {
    last: Option<(i64, i64)>,
}

impl KeyOrder {
    /// The next row has this key, as the column holds it; the second part is 0 where there is none.
    #[inline]
    pub(super) fn next(&mut self, place: &Place<'_>, key: (i64, i64)) -> Result<(), ReadError> {
        match self.last.replace(key) {
            Some(last) if last >= key => Err(place.damaged(&format!(
                "a row with the key {} comes after one with {}",
                key.0, last.0
            ))),
            _ => Ok(()),
        }
    }
}
