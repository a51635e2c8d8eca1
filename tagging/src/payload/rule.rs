//! What is to be replaced: a JSON Pointer, `/user/email`, or a regular expression, `/card-\d+/`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use regex::bytes::Regex;

use crate::pointer::{JsonPointer, PointerError};

/// What is to be replaced in messages.
#[derive(Debug, Clone)]
pub enum PayloadRule {
    /// The values to which the pointer leads; a token that is `*` alone matches every member and
    /// every element.
    Pointer(JsonPointer),
    /// What the first group matches, or the whole expression where it has none.
    Pattern(Regex),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadRuleError {
    /// There is nothing in it.
    #[error(
        "nothing is named: write a JSON Pointer (`/user/email`, `/items/*/token`), or a regular expression \
         between slashes (`/card-\\d+/`); `/(?s).+/` replaces every message"
    )]
    Empty,
    /// It does not begin with a slash.
    #[error(
        "`{text}` begins with no `/`: write `/{text}` for a JSON Pointer, `/{text}/` for a regular expression"
    )]
    NoSlash {
        /// The text.
        text: String,
    },
    /// The pointer is malformed.
    #[error(transparent)]
    Pointer(#[from] PointerError),
    /// A slash within a regular expression.
    #[error(
        "`{text}` may be a JSON Pointer or a regular expression, for it ends in `/`: leave out the last `/` \
         for the pointer (`*` is any name, the empty one too), or write `\\/` for the `/` at byte {at} of the \
         expression"
    )]
    Ambiguous {
        /// The text.
        text: String,
        /// Where the slash is, in bytes.
        at: usize,
    },
    /// A regular expression that finds one text only.
    #[error(
        "`{text}` is a regular expression that finds only what it says, and the recording's settings would \
         say it: write `{pointer}` for the JSON Pointer, or an expression that does not contain what is secret"
    )]
    Literal {
        /// The text.
        text: String,
        /// The same without its last slash.
        pointer: String,
    },
    /// A regular expression that matches everywhere.
    #[error(
        "`{text}` matches the empty text, and so everywhere: write an expression that matches one character \
         at least"
    )]
    Everywhere {
        /// The text.
        text: String,
    },
    /// The regular expression does not compile.
    #[error("`{text}`: the regular expression does not compile: {why}")]
    Regex {
        /// The text.
        text: String,
        /// What the compiler says, with the place.
        why: String,
    },
}

impl FromStr for PayloadRule {
    type Err = PayloadRuleError;

    fn from_str(text: &str) -> Result<Self, PayloadRuleError> {
        if text.is_empty() {
            return Err(PayloadRuleError::Empty);
        }
        let Some(rest) = text.strip_prefix('/') else {
            let text = text.to_owned();
            return Err(PayloadRuleError::NoSlash { text });
        };
        match rest.strip_suffix('/') {
            None if rest.is_empty() => Err(PayloadRuleError::Empty),
            None => Ok(Self::Pointer(text.parse()?)),
            Some("") => Err(PayloadRuleError::Empty),
            Some(expression) => pattern(text, expression).map(Self::Pattern),
        }
    }
}

/// A regular expression that no JSON Pointer can be taken for.
fn pattern(text: &str, expression: &str) -> Result<Regex, PayloadRuleError> {
    let text = || text.to_owned();
    if let Some(at) = bare_slash(expression) {
        return Err(PayloadRuleError::Ambiguous {
            text: text(),
            at: at + 1,
        });
    }
    if !expression.contains(|c: char| r"\.+*?()|[]{}^$".contains(c)) {
        return Err(PayloadRuleError::Literal {
            text: text(),
            pointer: format!("/{expression}"),
        });
    }
    let regex = Regex::new(expression).map_err(|error| PayloadRuleError::Regex {
        text: text(),
        why: error.to_string(),
    })?;
    if regex.is_match(b"") {
        return Err(PayloadRuleError::Everywhere { text: text() });
    }
    Ok(regex)
}

/// The first `/` without a `\` before it.
fn bare_slash(expression: &str) -> Option<usize> {
    let mut escaped = false;
    expression.bytes().position(|byte| {
        let bare = byte == b'/' && !escaped;
        escaped = byte == b'\\' && !escaped;
        bare
    })
}

impl fmt::Display for PayloadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) => pointer.fmt(f),
            Self::Pattern(regex) => write!(f, "/{}/", regex.as_str()),
        }
    }
}

impl PartialEq for PayloadRule {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// Everything that is to be replaced in messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PayloadRules {
    rules: Vec<PayloadRule>,
    pointers: Vec<JsonPointer>,
}

impl PayloadRules {
    /// These rules; none: every message stays as it is.
    pub fn new(rules: Vec<PayloadRule>) -> Self {
        let pointers = rules.iter().filter_map(|rule| match rule {
            PayloadRule::Pointer(pointer) => Some(pointer.clone()),
            PayloadRule::Pattern(_) => None,
        });
        Self {
            pointers: pointers.collect(),
            rules,
        }
    }

    /// Whether every message stays as it is.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &PayloadRule> {
        self.rules.iter()
    }

    pub(super) const fn has_pointers(&self) -> bool {
        !self.pointers.is_empty()
    }

    pub(super) const fn has_patterns(&self) -> bool {
        self.rules.len() > self.pointers.len()
    }

    pub(super) fn pointers(&self) -> &[JsonPointer] {
        &self.pointers
    }

    /// Gives every place that a pattern finds in `text`; none is empty.
    pub(super) fn matches(&self, text: &[u8], found: &mut dyn FnMut(Range<usize>)) {
        for rule in &self.rules {
            let PayloadRule::Pattern(regex) = rule else {
                continue;
            };
            let has_group = regex.captures_len() > 1;
            if !has_group {
                for one in regex.find_iter(text) {
                    if !one.is_empty() {
                        found(one.range());
                    }
                }
                continue;
            }
            for captures in regex.captures_iter(text) {
                // A group that took no part says nothing about where the secret is.
                let Some(one) = captures.get(1).or_else(|| captures.get(0)) else {
                    continue;
                };
                if !one.is_empty() {
                    found(one.range());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PayloadRule, PayloadRuleError};

    #[test]
    fn what_ends_in_a_slash_is_an_expression_and_what_does_not_is_a_pointer() {
        for text in ["/a", "/a/*/b", "/*", "/a~1b/0"] {
            let rule: PayloadRule = text.parse().unwrap();
            assert!(matches!(rule, PayloadRule::Pointer(_)), "{text}");
            assert_eq!(rule.to_string(), text);
        }
        for text in [r"/card-\d+/", r"/a\/b+/", "/(?i)token=([^&]+)/", "/./"] {
            let rule: PayloadRule = text.parse().unwrap();
            assert!(matches!(rule, PayloadRule::Pattern(_)), "{text}");
            assert_eq!(rule.to_string(), text);
        }
    }

    /// One may be taken for the other only where a slash too many, or too few, says nothing else: then
    /// it is an error, for a rule that finds nothing lets every secret pass.
    #[test]
    fn what_may_be_both_is_an_error_that_says_how_to_write_either() {
        let error = |text: &str| text.parse::<PayloadRule>().unwrap_err();
        let ambiguous = error("/user/token/");
        let text = "/user/token/".to_owned();
        assert_eq!(ambiguous, PayloadRuleError::Ambiguous { text, at: 5 });
        assert!(ambiguous.to_string().contains("leave out the last `/`"));
        let literal = error("/token/").to_string();
        assert!(
            literal.contains("write `/token` for the JSON Pointer"),
            "{literal}"
        );
        let none = error("token").to_string();
        assert!(
            none.contains("`/token`") && none.contains("`/token/`"),
            "{none}"
        );
        assert!(matches!(error("/a~2"), PayloadRuleError::Pointer(_)));
        assert!(error("/a(/").to_string().contains("does not compile"));
        for empty in ["", "/", "//"] {
            assert_eq!(error(empty), PayloadRuleError::Empty, "{empty}");
        }
        for everywhere in ["/x*/", "/(a)?/", "/()/"] {
            assert!(matches!(
                error(everywhere),
                PayloadRuleError::Everywhere { .. }
            ));
        }
    }
}
