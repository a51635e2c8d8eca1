//! The gaps of a recording, by the connection whose frames may be in them.

use hashbrown::HashMap;

use super::{Connection, Gap, Outline};

/// [`Outline::gaps`], to be asked for each of many connections, and again and again.
#[derive(Debug)]
pub struct Gaps<'o> {
    of_all: Vec<&'o Gap>,
    /// By the connection's number.
    of_one: HashMap<u64, Vec<&'o Gap>>,
}

impl<'o> Gaps<'o> {
    /// Those of a recording.
    pub fn new(outline: &'o Outline) -> Self {
        let mut gaps = Self {
            of_all: Vec::new(),
            of_one: HashMap::new(),
        };
        for gap in &outline.gaps {
            match gap.connection {
                None => gaps.of_all.push(gap),
                Some(connection) => gaps.of_one.entry(connection).or_default().push(gap),
            }
        }
        gaps
    }

    /// The gaps in which frames of a connection may be: none, where it was refused.
    pub fn of(&self, connection: &Connection) -> impl Iterator<Item = &'o Gap> {
        let own = self.of_one.get(&connection.number).into_iter().flatten();
        let all = self.of_all.iter().chain(own).copied();
        let refused = connection.refused();
        all.filter(move |_| !refused)
    }
}
