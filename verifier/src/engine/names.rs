//! Names and ids as numbers.

use std::hash::BuildHasher as _;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts, numbered in the order of first appearance: one after the other, without an allocation for each,
/// so that those of a whole history stay in a core's caches.
#[derive(Debug, Clone, Default)]
pub struct Names {
    text: String,
    /// By number: where it ends in `text`; it begins where the one before ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Names {
    /// The number of a name; the next one where it is met for the first time.
    pub fn number(&mut self, name: &str) -> u32 {
        let hash = self.hasher.hash_one(name);
        if let Some(number) = self.find(hash, name) {
            return number;
        }
        let number = u32::try_from(self.ends.len()).expect("fewer than 2^32 names");
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let Self {
            text, ends, hasher, ..
        } = self;
        self.numbers.insert_unique(hash, number, |other| {
            hasher.hash_one(nth(text, ends, *other))
        });
        number
    }

    /// The number of a name, or of `others` where it is new and so many are known: who makes up names does not fill the
    /// memory.
    pub fn number_within(&mut self, most: usize, name: &str, others: &str) -> u32 {
        let is_full = self.ends.len() >= most;
        self.known(name)
            .unwrap_or_else(|| self.number(if is_full { others } else { name }))
    }

    /// The number of a name that was met before.
    pub fn known(&self, name: &str) -> Option<u32> {
        self.find(self.hasher.hash_one(name), name)
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> &str {
        nth(&self.text, &self.ends, number)
    }

    /// All numbers so far.
    pub fn all(&self) -> Range<u32> {
        0..u32::try_from(self.ends.len()).expect("fewer than 2^32 names")
    }

    fn find(&self, hash: u64, name: &str) -> Option<u32> {
        let is_it = |number: &u32| self.name(*number) == name;
        self.numbers.find(hash, is_it).copied()
    }
}

fn nth<'t>(text: &'t str, ends: &[usize], number: u32) -> &'t str {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &text[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_keeps_its_number_however_many_there_are() {
        // Names that are beginnings of others, and the empty one.
        let name = |number: u32| "7".repeat(number as usize % 100) + &(number / 100).to_string();
        let all: Vec<_> = std::iter::once(String::new())
            .chain((0..5_000).map(name))
            .collect();
        let mut names = Names::default();
        assert_eq!(names.known(""), None);
        for _ in 0..2 {
            for (number, name) in (0..).zip(&all) {
                assert_eq!(names.number(name), number);
            }
        }
        for (number, name) in (0..).zip(&all) {
            assert_eq!(
                (names.known(name), names.name(number)),
                (Some(number), &name[..])
            );
        }
        assert_eq!((names.known("never"), names.all()), (None, 0..5_001));
    }
}
