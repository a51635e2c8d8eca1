//! Who asked with which id. It is kept to the end, since an answer may come however late: one for each
//! request, and so as small as can be.

use hashbrown::{HashMap, HashSet};

use crate::engine::{Holder, Names};
use crate::finding::Place;

/// By id: whoever asked with it.
#[derive(Debug, Default)]
pub(super) struct Askers {
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
    /// Somebody asks with an id.
    pub(super) fn ask(&mut self, id: &str, holder: Holder, place: Place) {
        let number = self.ids.number(id);
        match self.first.get(number as usize) {
            None => self.first.push(Asked { holder, place }),
            Some(first) if first.holder == holder => {}
            Some(_) => {
                self.others.entry(number).or_default().insert(holder);
            }
        }
    }

    /// Whoever asked first with an id, and where.
    pub(super) fn first(&self, id: &str) -> Option<(Holder, Place)> {
        let number = self.ids.known(id)?;
        let Asked { holder, place } = self.first[number as usize];
        Some((holder, place))
    }

    /// Whether somebody asked with an id.
    pub(super) fn has(&self, id: &str, holder: Holder) -> bool {
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
        let mut askers = Askers::default();
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
}
