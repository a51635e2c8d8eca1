//! A set of numbers of which there are nearly always none or a few: those take no allocation once there
//! was one, and however many there are, none is slow to find.

use std::collections::BTreeSet;

/// So many are looked through one after the other.
const FEW: usize = 16;

/// A set of numbers, in order.
#[derive(Debug, Default)]
pub(super) struct Few {
    few: Vec<u64>,
    /// All of them, once they were more than a few, until there is none left.
    many: BTreeSet<u64>,
}

impl Few {
    pub(super) fn insert(&mut self, number: u64) {
        if self.many.is_empty() && self.few.len() < FEW {
            if let Err(at) = self.few.binary_search(&number) {
                self.few.insert(at, number);
            }
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(number);
        }
    }

    pub(super) fn remove(&mut self, number: u64) {
        if let Ok(at) = self.few.binary_search(&number) {
            self.few.remove(at);
        } else {
            self.many.remove(&number);
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.few.iter().chain(&self.many).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_one_set() {
        let (mut set, mut plain) = (Few::default(), BTreeSet::new());
        // Up to many, down to none, and up again; numbers come twice and out of order.
        for step in 0..400_u64 {
            let number = step * 7 % 61;
            if step % 200 < 120 {
                set.insert(number);
                plain.insert(number);
            } else {
                set.remove(number);
                plain.remove(&number);
            }
            assert!(set.iter().eq(plain.iter().copied()), "{step}: {set:?}");
            assert!(set.iter().rev().eq(plain.iter().rev().copied()), "{step}");
            assert_eq!(set.is_empty(), plain.is_empty());
        }
        assert!(plain.len() < FEW);
    }
}
