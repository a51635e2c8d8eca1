//! The word that somebody may have meant.

/// A longer word is a slip of another kind, and comparing it takes time and memory.
const LONGEST: usize = 100;

/// The known word nearest to `word`, if one is near enough to be meant. Case, `_` and `-` do not
/// count.
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = normal(word);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&word, &normal(known)), known))
        .min_by_key(|(distance, known)| (*distance, *known))
        .filter(|(distance, known)| {
            let lengths = (word.chars().count(), known.chars().count());
            let most = (lengths.0.max(lengths.1) / 3).max(1);
            // Two short words without a common letter are not alike.
            *distance <= most && *distance < lengths.0.min(lengths.1)
        })
        .map(|(_, known)| known)
}

fn normal(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_a_near_word_is_meant() {
        let known = ["claimed-by", "shared-by", "used-by"];
        assert_eq!(nearest("clamed-by", known), Some("claimed-by"));
        assert_eq!(nearest("Used_By", known), Some("used-by"));
        assert_eq!(nearest("within", known), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("gaps", ["gap"]), Some("gap"));
        assert_eq!(nearest("session", ["session"]), Some("session"));
    }
}
