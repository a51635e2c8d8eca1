//! The words of a line, and what people write in them: times, numbers, bytes.

use super::error::Problem;
use crate::rules::read::{nearest, one_of};

/// Begins an expectation; everything before it belongs to the line itself.
pub(super) const MARKER: &str = "#!";

/// What is left of a statement.
#[derive(Debug)]
pub(super) struct Words<'t> {
    rest: &'t str,
    /// The expectations of lines that were taken.
    marks: Vec<&'t str>,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            rest: text.trim_start(),
            marks: Vec::new(),
        }
    }

    /// Goes on to the next line of the statement, if this one is at its end.
    pub(super) fn next_line(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// The next word; `None` at the line's end, or where an expectation begins.
    pub(super) fn next(&mut self) -> Option<&'t str> {
        let word = self.peek()?;
        self.skip(word.len());
        Some(word)
    }

    /// The next word, which is not taken.
    pub(super) fn peek(&self) -> Option<&'t str> {
        let end = self
            .rest
            .find(char::is_whitespace)
            .unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        (!word.is_empty() && !word.starts_with(MARKER)).then_some(word)
    }

    /// The next word, or an error that says what was expected.
    pub(super) fn expect(&mut self, what: &'static str) -> Result<&'t str, Problem> {
        self.next().ok_or(Problem::Missing(what))
    }

    /// Free text: all that is left before an expectation, also on the lines below.
    pub(super) fn free(&mut self) -> &'t str {
        let end = marker(self.rest).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text.trim_end()
    }

    /// Free text to the line's end, before an expectation.
    pub(super) fn free_line(&mut self) -> &'t str {
        let line = self.rest.lines().next().unwrap_or_default();
        let text = &line[..marker(line).unwrap_or(line.len())];
        self.skip(text.len());
        text.trim_end()
    }

    /// All lines that are left, each before its expectations, which are kept.
    pub(super) fn lines(&mut self) -> Vec<&'t str> {
        let rest = std::mem::take(&mut self.rest);
        let cut = |line: &'t str| line.split_at(marker(line).unwrap_or(line.len()));
        let (texts, marks): (Vec<_>, Vec<_>) = rest.lines().map(cut).unzip();
        self.marks.extend(marks);
        texts
    }

    /// The expectations: of the lines that were taken, then what is left.
    pub(super) fn into_marks(self) -> impl Iterator<Item = &'t str> {
        self.marks.into_iter().chain([self.rest])
    }

    /// All that is left, also an expectation.
    pub(super) fn rest(&self) -> &'t str {
        self.rest
    }

    /// Goes on after that many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start_matches([' ', '\t', '\r']);
    }
}

/// Where an expectation begins: at a marker that is a word's beginning.
fn marker(text: &str) -> Option<usize> {
    text.match_indices(MARKER).map(|(at, _)| at).find(|at| {
        text[..*at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace)
    })
}

/// An error that names what could stand there, and the nearest of `known`.
pub(super) fn unknown(word: &str, known: &[&str], others: &[&str]) -> Problem {
    Problem::UnknownWord {
        word: word.to_owned(),
        expected: expected(known, others),
        meant: nearest(word, known.iter().copied()).map(str::to_owned),
    }
}

fn expected(known: &[&str], others: &[&str]) -> String {
    match (known, others) {
        (_, []) => one_of(known.iter().copied()),
        ([], _) => others.join(" or "),
        _ => {
            let words: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("{}, {}", words.join(", "), others.join(" or "))
        }
    }
}

/// Seconds with up to nine decimals, as nanoseconds.
pub(super) fn time(word: &str) -> Result<i64, Problem> {
    let bad = || Problem::BadTime(word.to_owned());
    let (seconds, fraction) = word.split_once('.').unwrap_or((word, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    // Nine digits of seconds are three centuries, and fit with nine decimals into 64 bits.
    if !digits(seconds, 9) || !digits(fraction, 9) {
        return Err(bad());
    }
    format!("{seconds}{fraction:0<9}")
        .parse()
        .map_err(|_| bad())
}

/// A number of that kind.
pub(super) fn number<N: std::str::FromStr>(word: &str, what: &'static str) -> Result<N, Problem> {
    word.parse().map_err(|_| Problem::BadNumber {
        word: word.to_owned(),
        what,
    })
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(digits: &str) -> Result<Vec<u8>, Problem> {
    let bad = || Problem::NotHex(digits.to_owned());
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return Err(bad());
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| bad()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        assert_eq!(time("0").unwrap(), 0);
        assert_eq!(time("1.5").unwrap(), 1_500_000_000);
        assert_eq!(time("0.000000001").unwrap(), 1);
        for bad in [
            "",
            ".5",
            "1.",
            "-1",
            "1e3",
            "1.0000000001",
            "9999999999",
            "1.2.3",
        ] {
            assert_eq!(time(bad), Err(Problem::BadTime(bad.into())));
        }
    }

    #[test]
    fn bytes_are_pairs_of_digits() {
        assert_eq!(hex("00fF10").unwrap(), [0, 255, 16]);
        assert!(hex("").unwrap().is_empty());
        assert!(hex("0").is_err() && hex("0g").is_err() && hex("é").is_err());
    }

    #[test]
    fn an_expectation_ends_the_line_only_as_a_word() {
        let mut words = Words::new("gap#! stalled #! expect x");
        assert_eq!(words.next(), Some("gap#!"));
        assert_eq!(words.free(), "stalled");
        assert_eq!(words.next(), None);
        assert_eq!(words.rest(), "#! expect x");
    }
}
