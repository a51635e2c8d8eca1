//! Who is there: holders by their standing connections.

use crate::engine::numbered::grown;

/// How many standing connections each holder has, and how many have one.
#[derive(Debug, Default)]
pub(super) struct Live {
    by_holder: Vec<u32>,
    holders: u32,
}

impl Live {
    pub(super) fn add(&mut self, holder: u32) {
        let count = grown(&mut self.by_holder, holder as usize);
        *count += 1;
        if *count == 1 {
            self.holders += 1;
        }
    }

    pub(super) fn remove(&mut self, holder: u32) {
        let count = &mut self.by_holder[holder as usize];
        *count -= 1;
        if *count == 0 {
            self.holders -= 1;
        }
    }

    pub(super) fn has(&self, holder: u32) -> bool {
        self.by_holder
            .get(holder as usize)
            .is_some_and(|count| *count > 0)
    }

    /// Whether anybody but `holder` is there.
    pub(super) fn others(&self, holder: Option<u32>) -> bool {
        let own = u32::from(holder.is_some_and(|holder| self.has(holder)));
        self.holders > own
    }
}
