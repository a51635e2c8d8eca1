//! Times in sentences.

use std::time::Duration;

use super::state::Cx;

/// A time in nanoseconds; what does not fit (292 years) is the longest that does.
pub fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A time in nanoseconds, for a person: `61 s`, `4.87 s`, `250 ms`, `0.4 ms`.
pub fn in_words(nanoseconds: i64) -> String {
    let (value, unit) = match nanoseconds.unsigned_abs() {
        1_000_000_000.. => (nanoseconds as f64 / 1e9, "s"),
        _ => (nanoseconds as f64 / 1e6, "ms"),
    };
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} {unit}")
}

impl Cx<'_> {
    /// A place in time, counted from the beginning of the history: `+61 s`.
    pub fn clock(&self, at: i64) -> String {
        match at - self.begins_at() {
            0 => "+0 s".to_owned(),
            since => format!("+{}", in_words(since)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_short_as_they_are_exact() {
        for (nanoseconds, words) in [
            (61_000_000_000, "61 s"),
            (4_870_000_000, "4.87 s"),
            (1_000_499_999, "1 s"),
            (250_000_000, "250 ms"),
            (400_000, "0.4 ms"),
            (0, "0 ms"),
            (-2_500_000_000, "-2.5 s"),
        ] {
            assert_eq!(in_words(nanoseconds), words);
        }
        assert_eq!(nanoseconds(Duration::MAX), i64::MAX);
    }
}
