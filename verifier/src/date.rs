//! A day of the calendar. What day it is, only the caller knows.

use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar, in years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date: expected one such as 2026-11-25")]
pub struct NoDate(String);

const SECONDS_A_DAY: u64 = 86_400;

impl Date {
    /// The day, if there is one of that name.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let good = (0..=9999).contains(&year) && day >= 1 && day <= days_in(year, month)?;
        good.then_some(Self { year, month, day })
    }

    /// The day (UTC) of a Unix time, in seconds; `None` beyond the year 9999.
    pub fn of_unix_seconds(seconds: u64) -> Option<Self> {
        let first = Self {
            year: 1970,
            month: 1,
            day: 1,
        };
        first.after(u32::try_from(seconds / SECONDS_A_DAY).ok()?)
    }

    /// So many days later; `None` beyond the year 9999.
    pub fn after(self, days: u32) -> Option<Self> {
        let Self {
            mut year,
            mut month,
            day,
        } = self;
        let mut left = u32::from(day) - 1 + days;
        loop {
            if year > 9999 {
                return None;
            }
            // Whole years first: a date is at most some thousands of steps away.
            let whole = if is_leap(year) { 366 } else { 365 };
            if month == 1 && left >= whole {
                left -= whole;
                year += 1;
                continue;
            }
            let length = u32::from(days_in(year, month)?);
            if left < length {
                return Self::new(year, month, u8::try_from(left + 1).ok()?);
            }
            left -= length;
            (year, month) = match month {
                12 => (year + 1, 1),
                month => (year, month + 1),
            };
        }
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i32, month: u8) -> Option<u8> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => return None,
    })
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let parse = || {
            let (year, rest) = text.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let plain = |part: &str, length| {
                part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
            };
            let good = plain(year, 4) && plain(month, 2) && plain(day, 2);
            let date = Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
            date.filter(|_| good)
        };
        parse().ok_or_else(|| NoDate(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_counted_over_months_and_leap_years() {
        for (from, days, to) in [
            ("2026-11-25", 0, "2026-11-25"),
            ("2026-11-25", 90, "2027-02-23"),
            ("2024-02-28", 1, "2024-02-29"),
            ("2023-02-28", 1, "2023-03-01"),
            ("2000-01-31", 366, "2001-01-31"),
            ("2026-12-31", 1, "2027-01-01"),
        ] {
            assert_eq!(date(from).after(days), Some(date(to)), "{from} + {days}");
        }
        assert_eq!(date("9999-12-31").after(1), None);
        // `date -u -d @1764038522` says so.
        let day = Date::of_unix_seconds(1_764_038_522).unwrap();
        assert_eq!(day.to_string(), "2025-11-25");
        assert_eq!(Date::of_unix_seconds(0), Some(date("1970-01-01")));
        assert_eq!(Date::of_unix_seconds(u64::MAX), None);
    }

    #[test]
    fn what_no_calendar_has_is_no_date() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "26-01-01",
            "2026-1-1",
            "2026-01-01T00:00",
            "+026-01-01",
            "",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }
}
