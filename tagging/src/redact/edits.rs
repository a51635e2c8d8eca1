//! Replacements in a head's bytes.

use std::ops::Range;

use crate::Redactor;

/// Replacements, none of which overlaps another.
pub(super) struct Edits<'a> {
    raw: &'a [u8],
    redactor: &'a dyn Redactor,
    /// Places, and what is written there.
    places: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(raw: &'a [u8], redactor: &'a dyn Redactor) -> Self {
        Self {
            raw,
            redactor,
            places: Vec::new(),
        }
    }

    /// Replaces the bytes at `at` by what stands for `secret`: the bytes, decoded.
    ///
    /// What lies within an earlier replacement is replaced already. What overlaps earlier ones
    /// without lying within one is joined with them to one.
    pub(super) fn replace(&mut self, mut at: Range<usize>, secret: &[u8]) {
        let covers = |outer: &Range<usize>| outer.start <= at.start && at.end <= outer.end;
        if at.is_empty() || self.places.iter().any(|(earlier, _)| covers(earlier)) {
            return;
        }
        let alone = at.clone();
        self.places.retain(|(earlier, _)| {
            let overlaps = earlier.start < at.end && at.start < earlier.end;
            if overlaps {
                at = at.start.min(earlier.start)..at.end.max(earlier.end);
            }
            !overlaps
        });
        let secret = if at == alone {
            secret
        } else {
            &self.raw[at.clone()]
        };
        self.places.push((at, self.redactor.replacement(secret)));
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
    pub(super) fn apply(mut self) -> Vec<u8> {
        self.places.sort_by_key(|(at, _)| at.start);
        let mut out = Vec::with_capacity(self.raw.len());
        let mut done = 0;
        for (at, replacement) in self.places {
            out.extend_from_slice(&self.raw[done..at.start]);
            out.extend_from_slice(replacement.as_bytes());
            done = at.end;
        }
        out.extend_from_slice(&self.raw[done..]);
        out
    }
}
