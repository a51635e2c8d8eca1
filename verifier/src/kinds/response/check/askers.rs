//! Who asked with which id. An answer may come however late, but nearly always it comes soon: of many
//! requests the last ones are kept, and it is known that others are not.

use std::mem;

use hashbrown::{HashMap, HashSet};

use crate::engine::{Holder, Names};
use crate::finding::Place;

/// By id: whoever asked with it, a while ago at most.
#[derive(Debug)]
pub(super) struct Askers {
    recent: Generation,
    /// Those before.
    older: Generation,
    /// How many ids a generation has.
    most: usize,
    forgot: bool,
}

/// Some ids, and who asked with them.
#[derive(Debug, Default)]
struct Generation {
    ids: Names,
    /// By the number of the id: who asked first.
    first: Vec<Asked>,
    /// Likewise: who else asked. Nearly always nobody.
    others: HashMap<u32, HashSet<Holder>>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    holder: Holder,
    place: Place,
}

impl Askers {
    /// Keeps `most` ids, and less than as many older ones.
    pub(super) fn of_the_last(most: usize) -> Self {
        Self {
            recent: Generation::default(),
            older: Generation::default(),
            most,
            forgot: false,
        }
    }

    /// Keeps all of them.
    pub(super) fn of_all() -> Self {
        Self::of_the_last(usize::MAX)
    }

    /// Somebody asks with an id.
    pub(super) fn ask(&mut self, id: &str, holder: Holder, place: Place) {
        if self.recent.first.len() >= self.most {
            let older = mem::replace(&mut self.older, mem::take(&mut self.recent));
            self.forgot |= !older.first.is_empty();
        }
        self.recent.ask(id, holder, place);
    }

    /// Whether it may be that somebody asked and nothing here says so, or that somebody asked before the
    /// one who is said to be the first.
    pub(super) fn forgot(&self) -> bool {
        self.forgot
    }

    /// Whoever asked first with an id, and where.
    pub(super) fn first(&self, id: &str) -> Option<(Holder, Place)> {
        let asked = self.older.first(id).or_else(|| self.recent.first(id))?;
        Some((asked.holder, asked.place))
    }

    /// Whether somebody asked with an id.
    pub(super) fn has(&self, id: &str, holder: Holder) -> bool {
        self.recent.has(id, holder) || self.older.has(id, holder)
    }
}

impl Generation {
    fn ask(&mut self, id: &str, holder: Holder, place: Place) {
        let number = self.ids.number(id);
        match self.first.get(number as usize) {
            None => self.first.push(Asked { holder, place }),
            Some(first) if first.holder == holder => {}
            Some(_) => {
                self.others.entry(number).or_default().insert(holder);
            }
        }
    }

    fn first(&self, id: &str) -> Option<Asked> {
        let number = self.ids.known(id)?;
        Some(self.first[number as usize])
    }

    fn has(&self, id: &str, holder: Holder) -> bool {
        self.ids.known(id).is_some_and(|number| {
            let others = self.others.get(&number);
            self.first[number as usize].holder == holder
                || others.is_some_and(|others| others.contains(&holder))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ConnectionIx;

    #[test]
    fn each_id_has_its_askers() {
        let holder = |number| Holder::Connection(ConnectionIx(number));
        let place = |seq| Place { recording: 0, seq };
        let mut askers = Askers::of_all();
        for (id, asker, seq) in [
            ("a", 1, 1),
            ("b", 2, 2),
            ("a", 1, 3),
            ("a", 2, 4),
            ("a", 3, 5),
        ] {
            askers.ask(id, holder(asker), place(seq));
        }
        assert_eq!(askers.first("a"), Some((holder(1), place(1))));
        assert_eq!(askers.first("b"), Some((holder(2), place(2))));
        assert_eq!(askers.first("never"), None);
        let asked = |id| {
            (1..5)
                .map(holder)
                .map(|holder| askers.has(id, holder))
                .collect::<Vec<_>>()
        };
        assert_eq!(asked("a"), [true, true, true, false]);
        assert_eq!(asked("b"), [false, true, false, false]);
        assert_eq!(asked("never"), [false; 4]);
    }

    #[test]
    fn of_many_ids_the_last_ones_are_known_and_that_others_are_not() {
        let holder = Holder::Connection(ConnectionIx(1));
        let mut askers = Askers::of_the_last(2);
        let place = |seq| Place { recording: 0, seq };
        for (id, seq) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            askers.ask(id, holder, place(seq));
        }
        let has = |askers: &Askers| ["a", "b", "c", "d", "e"].map(|id| askers.has(id, holder));
        assert_eq!(has(&askers), [true, true, true, false, false]);
        assert_eq!(askers.first("a"), Some((holder, place(1))));
        assert!(!askers.forgot());
        askers.ask("d", holder, place(5));
        askers.ask("e", holder, place(6));
        assert_eq!(has(&askers), [true, false, true, true, true]);
        assert!(askers.forgot());
    }
}
