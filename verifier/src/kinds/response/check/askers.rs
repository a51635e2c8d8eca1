//! Who asked with which id. It is kept to the end, since an answer may come however late: one for each
//! request, and so as small as can be.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};

use crate::engine::Holder;
use crate::finding::Place;

/// By id: whoever asked with it.
#[derive(Debug, Default)]
pub(super) struct Askers {
    /// All ids, one after the other: without an allocation for each.
    ids: String,
    /// Who asked first, in the order in which ids were first asked with.
    first: Vec<Asked>,
    /// Places in `first`, by their id.
    by_id: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// By place in `first`: who else asked. Nearly always nobody.
    others: HashMap<u32, HashSet<Holder>>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    holder: Holder,
    place: Place,
    /// Where the id ends in `ids`; it begins where the one before ends.
    end: usize,
}

impl Askers {
    /// Somebody asks with an id.
    pub(super) fn ask(&mut self, id: &str, holder: Holder, place: Place) {
        if let Some(number) = self.find(id) {
            if self.first[number as usize].holder != holder {
                self.others.entry(number).or_default().insert(holder);
            }
            return;
        }
        let number = u32::try_from(self.first.len()).expect("fewer than 2^32 different ids");
        self.ids.push_str(id);
        self.first.push(Asked {
            holder,
            place,
            end: self.ids.len(),
        });
        let Self {
            ids,
            first,
            by_id,
            hasher,
            ..
        } = self;
        by_id.insert_unique(hasher.hash_one(id), number, |other| {
            hasher.hash_one(nth(ids, first, *other))
        });
    }

    /// Whoever asked first with an id, and where.
    pub(super) fn first(&self, id: &str) -> Option<(Holder, Place)> {
        let Asked { holder, place, .. } = self.first[self.find(id)? as usize];
        Some((holder, place))
    }

    /// Whether somebody asked with an id.
    pub(super) fn has(&self, id: &str, holder: Holder) -> bool {
        self.find(id).is_some_and(|number| {
            let others = self.others.get(&number);
            self.first[number as usize].holder == holder
                || others.is_some_and(|others| others.contains(&holder))
        })
    }

    fn find(&self, id: &str) -> Option<u32> {
        let is_it = |number: &u32| nth(&self.ids, &self.first, *number) == id;
        let found = self.by_id.find(self.hasher.hash_one(id), is_it);
        found.copied()
    }
}

fn nth<'i>(ids: &'i str, first: &[Asked], number: u32) -> &'i str {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| first[before].end);
    &ids[start..first[number].end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ConnectionIx;

    #[test]
    fn each_id_has_its_askers_however_many_there_are() {
        let holder = |number| Holder::Connection(ConnectionIx(number));
        let place = |seq| Place { recording: 0, seq };
        let mut askers = Askers::default();
        // Ids that are beginnings of others, and the empty one.
        let id = |number: u32| "7".repeat(number as usize % 100) + &(number / 100).to_string();
        let ids: Vec<_> = std::iter::once(String::new())
            .chain((0..5_000).map(id))
            .collect();
        for (number, id) in (0..).zip(&ids) {
            askers.ask(id, holder(number % 7), place(number.into()));
            askers.ask(id, holder(number % 7), place(99_999));
        }
        for (number, id) in (0..).zip(&ids).filter(|(number, _)| number % 3 == 0) {
            askers.ask(id, holder(number % 7 + 10), place(99_999));
        }
        for (number, id) in (0..).zip(&ids) {
            let found = askers.first(id);
            assert_eq!(
                found,
                Some((holder(number % 7), place(number.into()))),
                "{id}"
            );
            assert!(askers.has(id, holder(number % 7)), "{id}");
            let others = askers.has(id, holder(number % 7 + 10));
            assert_eq!(others, number % 3 == 0, "{id}");
            assert!(!askers.has(id, holder(99)), "{id}");
        }
        assert_eq!(askers.first("never"), None);
        assert!(!askers.has("never", holder(0)));
    }
}
