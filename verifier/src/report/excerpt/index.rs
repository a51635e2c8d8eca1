//! Many values in one payload: each is looked up, where reading the payload for each would take time by their
//! product.

use std::ops::Range;

use hashbrown::HashMap;

use super::{is_word, stands_as_a_name};

/// Where values stand in a text, as [`find`](super::find) finds them.
pub(super) struct Index<'t> {
    text: &'t str,
    /// What stands between two quotes and is no member's name.
    strings: HashMap<&'t str, usize>,
    /// Runs of letters, digits and underscores.
    words: HashMap<&'t str, usize>,
}

impl<'t> Index<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut strings = HashMap::new();
        let quotes: Vec<_> = text.match_indices('"').map(|(at, _)| at).collect();
        for pair in quotes.windows(2) {
            let (begin, end) = (pair[0] + 1, pair[1]);
            if !stands_as_a_name(text, end) {
                strings.entry(&text[begin..end]).or_insert(begin);
            }
        }
        let mut words = HashMap::new();
        for word in text.split(|character| !is_word(character)) {
            let at = word.as_ptr().addr() - text.as_ptr().addr();
            words.entry(word).or_insert(at);
        }
        Self {
            text,
            strings,
            words,
        }
    }

    pub(super) fn find(&self, value: &str) -> Option<Range<usize>> {
        let is_plain =
            |character: char| !matches!(character, '"' | '\\') && !character.is_control();
        let known = if value.is_empty() || !value.chars().all(is_plain) {
            // It is written with escapes, where it is a string.
            None
        } else {
            let word = || self.words.get(value).filter(|_| value.chars().all(is_word));
            self.strings.get(value).or_else(word)
        };
        match known {
            Some(at) => Some(*at..at + value.len()),
            None => super::find(self.text, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_up_is_what_is_found() {
        let text = r#"{"a":"a","n":[7,17,"x y","say \"x\"",""],"a b":"_7","7":"b"} a ü é"ü""#;
        let index = Index::of(text);
        for value in [
            "a",
            "n",
            "7",
            "17",
            "1",
            "x y",
            "say \"x\"",
            "x",
            "",
            "a b",
            "_7",
            "b",
            "ü",
            "é",
            "ab",
            "y\",",
            "\\",
        ] {
            assert_eq!(
                index.find(value),
                super::super::find(text, value),
                "{value}"
            );
        }
    }
}
