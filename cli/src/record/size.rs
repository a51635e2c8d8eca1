//! Sizes in flags and files.

/// `65536`, `64KiB`, `1MiB`, `2GiB`; in bytes.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|it: char| !it.is_ascii_digit());
    let factor = match text[digits.len()..].trim() {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1_u64 << 30),
        _ => None,
    };
    let number = digits.parse::<u64>().ok();
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| format!("{text:?} is no size; write it as 65536, 64KiB, 1MiB or 2GiB"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_with_and_without_a_unit() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("64KiB"), Ok(65_536));
        assert_eq!(parse("1 MiB"), Ok(1_048_576));
        for bad in ["", "KiB", "1kb", "-1", "1.5MiB", "99999999999GiB"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
