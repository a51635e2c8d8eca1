//! Prose on a terminal: broken between words.

/// A text behind `begin` columns of its first line, in lines of at most `room` columns; those after the
/// first begin with `indent`. A word that is longer than a line stands as it is.
pub(super) fn folded(text: &str, begin: usize, indent: &str, room: usize) -> String {
    let mut out = String::new();
    let mut column = begin;
    for (number, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if number > 0 {
            if column + 1 + length > room {
                out.push('\n');
                out.push_str(indent);
                column = indent.len();
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn lines_end_between_words_and_lose_nothing() {
        assert_eq!(folded("one two three", 2, "  ", 9), "one two\n  three");
        assert_eq!(folded("one  two", 0, "", usize::MAX), "one  two");
        assert_eq!(folded("a loooooong b", 0, "  ", 6), "a\n  loooooong\n  b");
        let text = "session s-1 was given thread thr_9c of session s-2, which it had asked for";
        for room in 1..90 {
            let folded = folded(text, 10, "  ", room);
            let words: Vec<_> = folded.split_whitespace().collect();
            assert_eq!(words.join(" "), text, "{room}");
        }
    }
}
