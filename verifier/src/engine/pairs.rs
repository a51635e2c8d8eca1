//! What is known of pairs: of something that has a number, and of somebody who comes with it.

use std::hash::Hash;

use hashbrown::HashMap;

use super::numbered::grown;

/// A map from pairs of a number, counted from 0, and something else.
///
/// Nearly every number comes with one partner alone: what is known of these two lies at the number's place,
/// where one look into memory finds it. Where there are thousands of numbers, a lookup by hash takes three that
/// no cache answers.
#[derive(Debug, Clone)]
pub struct Pairs<K, V> {
    /// By number: who came with it first.
    first: Vec<Option<(K, V)>>,
    others: HashMap<(u32, K), V>,
}

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            others: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash, V> Pairs<K, V> {
    /// What is known of a pair.
    pub fn get(&self, number: u32, with: K) -> Option<&V> {
        match self.first.get(number as usize)? {
            Some((first, value)) if *first == with => Some(value),
            Some(_) => self.others.get(&(number, with)),
            None => None,
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, number: u32, with: K) -> Option<&mut V> {
        match self.first.get_mut(number as usize)? {
            Some((first, value)) if *first == with => Some(value),
            Some(_) => self.others.get_mut(&(number, with)),
            None => None,
        }
    }

    /// The same, where the pair may be met for the first time.
    pub fn get_or_insert_with(
        &mut self,
        number: u32,
        with: K,
        value: impl FnOnce() -> V,
    ) -> &mut V {
        let first = grown(&mut self.first, number as usize);
        if matches!(first, Some((other, _)) if *other != with) {
            return self.others.entry((number, with)).or_insert_with(value);
        }
        let (_, value) = first.get_or_insert_with(|| (with, value()));
        value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_pair_keeps_its_own_whoever_came_first() {
        let mut pairs = Pairs::default();
        let mut plain = BTreeMap::new();
        // Numbers and partners out of order; some numbers are left out, some have many partners.
        for step in 0..400_u32 {
            let (number, with) = (step * 7 % 31, step * 5 % 13 % (1 + step % 3));
            let pair = (number, with);
            assert_eq!(pairs.get(number, with), plain.get(&pair));
            *pairs.get_or_insert_with(number, with, || 1_000) += step;
            *plain.entry(pair).or_insert(1_000) += step;
            if let Some(value) = pairs.get_mut(number, with) {
                *value += 1;
            }
            plain.entry(pair).and_modify(|value| *value += 1);
        }
        assert_eq!(pairs.get(5, 99), None);
        assert_eq!(pairs.get_mut(5, 99), None);
        assert_eq!(pairs.get(1_000, 0), None);
        for ((number, with), value) in &plain {
            assert_eq!(pairs.get(*number, *with), Some(value));
        }
        assert!(plain.len() > 40, "{plain:?}");
    }
}
