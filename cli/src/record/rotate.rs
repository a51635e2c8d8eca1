//! `--rotate`: when the recording goes on in its next part.

use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use wsaudit_recording::Rotation;

use super::size;

/// One value of `--rotate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RotateAt {
    /// Bytes in a file.
    Size(u64),
    /// After this time.
    Every(Duration),
}

const WANTED: &str = "write a size as 64MiB or 1GiB, a time as 30s, 15min, 1h or 1day";

impl FromStr for RotateAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit = text
            .trim_start_matches(|it: char| it.is_ascii_digit())
            .trim();
        if unit.is_empty() && !text.is_empty() {
            return Err(format!("{text:?} says neither bytes nor seconds; {WANTED}"));
        }
        if unit.ends_with('B') {
            let size = size::parse(text)?;
            if size < Rotation::SMALLEST {
                return Err(format!(
                    "{text:?} is too small: the tables alone take a good part of it; take 1MiB or more"
                ));
            }
            return Ok(Self::Size(size));
        }
        // For humantime `M` is a month; who writes 64M means a size.
        let every = if unit.chars().any(|it| it.is_ascii_uppercase()) {
            None
        } else {
            humantime::parse_duration(text).ok()
        };
        let Some(every) = every else {
            return Err(format!("{text:?} is neither a size nor a time; {WANTED}"));
        };
        if every < Rotation::SHORTEST {
            return Err(format!("{text:?} is too short; take 1s or more"));
        }
        Ok(Self::Every(every))
    }
}

/// What the values say together; `None` where there is none.
pub(super) fn rotation(values: &[RotateAt]) -> anyhow::Result<Option<Rotation>> {
    let mut rotation = Rotation::default();
    for value in values {
        let twice = match value {
            RotateAt::Size(size) => rotation.size.replace(*size).map(|_| "sizes"),
            RotateAt::Every(every) => rotation.every.replace(*every).map(|_| "times"),
        };
        if let Some(what) = twice {
            bail!("--rotate is given two {what}; give one size, one time, or one of each");
        }
    }
    Ok((!values.is_empty()).then_some(rotation))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RotateAt, rotation};

    #[test]
    fn sizes_and_times() {
        let parse = |text: &str| text.parse::<RotateAt>();
        assert_eq!(parse("1GiB"), Ok(RotateAt::Size(1 << 30)));
        assert_eq!(parse("1048576B"), Ok(RotateAt::Size(1 << 20)));
        let hour = RotateAt::Every(Duration::from_secs(3_600));
        assert_eq!(parse("1h"), Ok(hour));
        assert_eq!(parse("60min"), Ok(hour));
        for (bad, why) in [
            ("", "neither a size nor a time"),
            ("0", "neither bytes nor seconds"),
            ("3600", "neither bytes nor seconds"),
            ("0s", "too short"),
            ("999ms", "too short"),
            ("0B", "too small"),
            ("1023KiB", "too small"),
            ("1M", "neither a size nor a time"),
            ("1GB", "is no size"),
            ("1.5GiB", "is no size"),
            ("-1h", "neither a size nor a time"),
            ("hourly", "neither a size nor a time"),
            ("99999999999GiB", "is no size"),
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn one_of_each() {
        let (size, every) = (
            RotateAt::Size(1 << 20),
            RotateAt::Every(Duration::from_secs(1)),
        );
        assert_eq!(rotation(&[]).unwrap(), None);
        let both = rotation(&[size, every]).unwrap().unwrap();
        assert_eq!(
            (both.size, both.every),
            (Some(1 << 20), Some(Duration::from_secs(1)))
        );
        let error = rotation(&[size, size]).unwrap_err().to_string();
        assert!(error.contains("two sizes"), "{error}");
        assert!(rotation(&[every, every]).is_err());
    }
}
