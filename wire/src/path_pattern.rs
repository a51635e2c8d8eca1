//! Paths, by a pattern: those that pass unrecorded, and those of which plain HTTP is recorded.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A path, or several: `/livereload`, `/_next/*`, `*.map`.
///
/// `*` stands for any bytes, also none, also `/`. Without one, the pattern is the path itself or
/// what is below it: `/dev` stands for `/dev` and `/dev/socket`, not for `/device`. A query is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(String);

/// A pattern that no path matches.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("path {0:?} begins neither with / nor with *, as every path does; write /{0}")]
pub struct PathPatternError(String);

impl PathPattern {
    /// Whether a request for `target` (a path, with or without a query) is meant.
    pub fn matches(&self, target: &[u8]) -> bool {
        let path = target
            .split(|byte| *byte == b'?')
            .next()
            .unwrap_or_default();
        let pattern = self.0.as_bytes();
        if pattern.contains(&b'*') {
            return glob(pattern, path);
        }
        let below = pattern.strip_suffix(b"/").unwrap_or(pattern);
        path == pattern
            || path == below
            || path
                .strip_prefix(below)
                .is_some_and(|rest| rest.starts_with(b"/"))
    }
}

/// Whether `pattern` with its `*`s covers all of `text`: greedy, going back to the last `*` only, so
/// at most the product of the two lengths in steps.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(byte) if *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            Some(_) | None => match star {
                Some((pattern_mark, text_mark)) => {
                    star = Some((pattern_mark, text_mark + 1));
                    at_pattern = pattern_mark + 1;
                    at_text = text_mark + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, PathPatternError> {
        if text.starts_with(['/', '*']) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PathPatternError(text.to_owned()))
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_they_say() {
        for (pattern, path, expected) in [
            ("/dev", "/dev", true),
            ("/dev", "/dev?x=1", true),
            ("/dev", "/dev/socket", true),
            ("/dev", "/device", false),
            ("/dev/", "/dev", true),
            ("/", "/anything", true),
            ("/_next/*", "/_next/hmr?page=/", true),
            ("/_next/*", "/_nex", false),
            ("*.map", "/a/b.map", true),
            ("*.map", "/a/b.mapper", false),
            ("/a*b*c", "/aXbXbXc", true),
            ("/a*b*c", "/aXcXb", false),
        ] {
            let pattern_of: PathPattern = pattern.parse().unwrap();
            assert_eq!(
                pattern_of.matches(path.as_bytes()),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn a_pattern_that_never_matches_is_an_error() {
        let error = "dev".parse::<PathPattern>().unwrap_err();
        assert!(error.to_string().contains("write /dev"), "{error}");
    }
}
