//! What a value must be: compiled once, evaluated for each message.

use std::cmp::Ordering;

use regex::Regex;

use crate::decode::Value;

/// What a value must be.
///
/// ```toml
/// "/code"  = "forbidden"                       # equal
/// "/code"  = ["forbidden", "not_found"]        # one of
/// "/type"  = { regex = "^agent_" }
/// "/type"  = { prefix = "agent_" }
/// "/error" = { exists = false }
/// "/n"     = { at-least = 1, below = 10 }      # at-least, above, at-most, below
/// "/type"  = { not = "ping" }
/// ```
#[derive(Debug, Clone)]
pub enum Matcher {
    /// Equal to one of these.
    AnyOf(Vec<Literal>),
    /// A string that the expression finds a match in.
    Regex(Regex),
    /// A string that begins so.
    Prefix(String),
    /// There (whatever it is), or not there.
    Exists,
    /// Not there.
    Absent,
    /// A number on the right side of a limit.
    Compare(Comparison, f64),
    /// Not that. A missing value is not that either.
    Not(Box<Matcher>),
    /// All of these.
    All(Vec<Matcher>),
}

/// On which side of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `at-least`.
    AtLeast,
    /// `above`.
    Above,
    /// `at-most`.
    AtMost,
    /// `below`.
    Below,
}

/// A value written in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A string.
    Text(String),
    /// A number, as canonical text.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
}

impl Matcher {
    /// Whether one of `values` (all that a pointer yields) matches.
    pub fn matches_any<'v>(&self, mut values: impl Iterator<Item = Value<'v>> + Clone) -> bool {
        match self {
            Self::Exists => values.next().is_some(),
            Self::Absent => values.next().is_none(),
            Self::Not(inner) => !inner.matches_any(values),
            Self::All(all) => all.iter().all(|one| one.matches_any(values.clone())),
            Self::AnyOf(_) | Self::Regex(_) | Self::Prefix(_) | Self::Compare(..) => {
                values.any(|value| self.matches(value))
            }
        }
    }

    /// Whether a text matches: a message's name, a path, an id.
    pub fn matches_text(&self, text: &str) -> bool {
        self.matches_any(std::iter::once(Value::Text(text)))
    }

    fn matches(&self, value: Value<'_>) -> bool {
        match self {
            Self::AnyOf(literals) => literals.iter().any(|literal| literal.equals(value)),
            Self::Regex(regex) => value.as_id().is_some_and(|text| regex.is_match(text)),
            Self::Prefix(prefix) => value.as_id().is_some_and(|text| text.starts_with(prefix)),
            Self::Exists => true,
            Self::Absent => false,
            Self::Compare(comparison, limit) => value
                .as_number()
                .and_then(|number| number.partial_cmp(limit))
                .is_some_and(|ordering| comparison.allows(ordering)),
            Self::Not(inner) => !inner.matches(value),
            Self::All(all) => all.iter().all(|one| one.matches(value)),
        }
    }
}

impl Comparison {
    const fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::AtLeast => ordering.is_ge(),
            Self::Above => ordering.is_gt(),
            Self::AtMost => ordering.is_le(),
            Self::Below => ordering.is_lt(),
        }
    }
}

impl Literal {
    /// Ids are compared as canonical text: the number 42 equals the string "42".
    fn equals(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(ours) | Self::Number(ours), Value::Text(text) | Value::Number(text)) => {
                ours == text
            }
            (Self::Bool(ours), Value::Bool(theirs)) => *ours == theirs,
            (Self::Text(_) | Self::Number(_) | Self::Bool(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(matcher: &Matcher, value: Value<'_>) -> bool {
        matcher.matches_any(std::iter::once(value))
    }

    #[test]
    fn elements_are_ids_and_nothing_to_a_condition() {
        let list = [Value::Composite, Value::Element("a")];
        let equal = || Matcher::AnyOf(vec![Literal::Text("a".into())]);
        let prefix = Matcher::Prefix("a".into());
        for matcher in [equal(), prefix, Matcher::Regex(Regex::new("a").unwrap())] {
            assert!(!matcher.matches_any(list.into_iter()), "{matcher:?}");
        }
        assert!(Matcher::Not(Box::new(equal())).matches_any(list.into_iter()));
        assert!(Matcher::Exists.matches_any(list.into_iter()));
    }

    #[test]
    fn ids_are_compared_as_canonical_text() {
        let matcher = Matcher::AnyOf(vec![Literal::Number("42".into())]);
        assert!(one(&matcher, Value::Text("42")));
        assert!(one(&matcher, Value::Number("42")));
        assert!(!one(&matcher, Value::Text("042")));
        assert!(!one(&matcher, Value::Bool(true)));
    }

    #[test]
    fn a_missing_value_is_absent_and_not_anything() {
        let nothing = std::iter::empty::<Value<'_>>;
        assert!(Matcher::Absent.matches_any(nothing()));
        assert!(!Matcher::Exists.matches_any(nothing()));
        let not = Matcher::Not(Box::new(Matcher::Prefix("a".into())));
        assert!(not.matches_any(nothing()));
        assert!(!not.matches_text("ab"));
    }

    #[test]
    fn limits_include_what_their_names_say() {
        let at_least = Matcher::Compare(Comparison::AtLeast, 10.0);
        let above = Matcher::Compare(Comparison::Above, 10.0);
        assert!(one(&at_least, Value::Number("10")));
        assert!(!one(&above, Value::Number("10")));
        assert!(one(&above, Value::Number("10.5")));
        assert!(!one(&above, Value::Text("eleven")));
    }
}
