//! Durations as they are written: `2s`, `500ms`, `1m30s`.

use std::time::Duration;

/// No limit of a rule is longer: beyond it, a digit is a slip of the hand.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The duration that `text` writes: numbers with the units `h`, `m`, `s` and `ms`, each unit at
/// most once, the longer first. `None` for anything else, and for more than a year.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut milliseconds = 0_u64;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..unit_at].parse().ok()?;
        rest = &rest[unit_at..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let place = units
            .iter()
            .position(|(unit, _)| *unit == &rest[..unit_end])?;
        milliseconds = number
            .checked_mul(units[place].1)?
            .checked_add(milliseconds)?;
        units = &units[place + 1..];
        rest = &rest[unit_end..];
    }
    let duration = Duration::from_millis(milliseconds);
    (!text.is_empty() && duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up_from_the_longest_to_the_shortest() {
        assert_eq!(duration("2s"), Some(Duration::from_secs(2)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(
            duration("1h1m30s5ms"),
            Some(Duration::from_millis(3_690_005))
        );
        assert_eq!(duration("0s"), Some(Duration::ZERO));
    }

    #[test]
    fn anything_else_is_no_duration() {
        let no = [
            "", "2", "s", "2 s", "-2s", "2s1m", "2s2s", "1.5s", "2sec", "9000h", "２s",
        ];
        for text in no {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(duration("99999999999999999999s"), None);
    }
}
