//! Replacements in a head's bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Redactor;

/// Replacements, none of which overlaps another.
pub(super) struct Edits<'a> {
    raw: &'a [u8],
    redactor: &'a dyn Redactor,
    /// By where they begin: where they end, and what is written there. A head may have thousands.
    places: BTreeMap<usize, (usize, String)>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(raw: &'a [u8], redactor: &'a dyn Redactor) -> Self {
        Self {
            raw,
            redactor,
            places: BTreeMap::new(),
        }
    }

    /// Replaces the bytes at `at` by what stands for `secret`: the bytes, decoded.
    ///
    /// What lies within an earlier replacement is replaced already. What overlaps earlier ones
    /// without lying within one is joined with them to one.
    pub(super) fn replace(&mut self, mut at: Range<usize>, secret: &[u8]) {
        let before = self.places.range(..=at.start).next_back();
        if at.is_empty() || before.is_some_and(|(_, (end, _))| at.end <= *end) {
            return;
        }
        let alone = at.clone();
        // None overlaps another, so those that this one overlaps lie side by side.
        while let Some((&start, &(end, _))) = self.places.range(..at.end).next_back()
            && at.start < end
        {
            at = at.start.min(start)..at.end.max(end);
            self.places.remove(&start);
        }
        let secret = if at == alone {
            secret
        } else {
            &self.raw[at.clone()]
        };
        let replacement = self.redactor.replacement(secret);
        self.places.insert(at.start, (at.end, replacement));
    }

    /// Replaces the bytes at `at`.
    pub(super) fn replace_range(&mut self, at: Range<usize>) {
        let raw = self.raw;
        self.replace(at.clone(), &raw[at]);
    }

    /// Replaces what `find` finds in the bytes at `at`; it gives places within those.
    pub(super) fn replace_all(
        &mut self,
        at: Range<usize>,
        find: impl FnOnce(&[u8]) -> Vec<Range<usize>>,
    ) {
        let raw = self.raw;
        for found in find(&raw[at.clone()]) {
            self.replace_range(at.start + found.start..at.start + found.end);
        }
    }

    /// The bytes with all replacements.
    pub(super) fn apply(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw.len());
        let mut done = 0;
        for (start, (end, replacement)) in self.places {
            out.extend_from_slice(&self.raw[done..start]);
            out.extend_from_slice(replacement.as_bytes());
            done = end;
        }
        out.extend_from_slice(&self.raw[done..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Edits;
    use crate::HmacRedactor;

    #[test]
    fn places_that_overlap_are_joined_and_what_lies_within_one_is_replaced_already() {
        let redactor = HmacRedactor::new(&[1; 32]);
        let token = |secret: &[u8]| crate::Redactor::replacement(&redactor, secret);
        for (places, expected) in [
            (
                &[2..4, 0..1][..],
                vec![token(b"0"), "1".into(), token(b"23"), "456789".into()],
            ),
            // In any order.
            (
                &[2..8, 3..5, 2..8, 2..3],
                vec!["01".into(), token(b"234567"), "89".into()],
            ),
            (
                &[2..4, 4..6, 6..8, 3..7],
                vec!["01".into(), token(b"234567"), "89".into()],
            ),
            (
                &[4..6, 2..5],
                vec!["01".into(), token(b"2345"), "6789".into()],
            ),
            (
                &[4..6, 5..9],
                vec!["0123".into(), token(b"45678"), "9".into()],
            ),
            (
                &[4..6, 4..9],
                vec!["0123".into(), token(b"45678"), "9".into()],
            ),
            (
                &[4..6, 6..7, 3..3],
                vec!["0123".into(), token(b"45"), token(b"6"), "789".into()],
            ),
        ] {
            let mut edits = Edits::new(b"0123456789", &redactor);
            for at in places {
                edits.replace_range(at.clone());
            }
            let replaced = String::from_utf8(edits.apply()).unwrap();
            assert_eq!(replaced, expected.concat(), "{places:?}");
        }
    }
}
