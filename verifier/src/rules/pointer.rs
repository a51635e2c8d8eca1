//! JSON Pointers (RFC 6901), with `*` for any member or element.

use std::fmt;
use std::str::FromStr;

/// A compiled JSON Pointer: `/payload/threads/*/id`.
///
/// A reference token that is `*` alone matches every member and every element; a member that is
/// named `*` cannot be addressed. <https://www.rfc-editor.org/rfc/rfc6901>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer {
    text: String,
    steps: Vec<Step>,
}

/// One reference token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A member's name, or an element's index.
    Name(String),
    /// `*`.
    Any,
}

/// Why a text is no pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It does not begin with `/`, and is not empty.
    #[error("a JSON Pointer begins with `/`: did you mean `/{0}`?")]
    NoSlash(String),
    /// A `~` that is not `~0` or `~1`.
    #[error("`~` at character {at} of `{text}`: write `~0` for `~` and `~1` for `/`")]
    BadEscape {
        /// The pointer.
        text: String,
        /// The place, from 1.
        at: usize,
    },
}

impl Pointer {
    /// The reference tokens, unescaped.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether it leads into a document that is an array: it begins with an index or `*`.
    pub fn begins_in_an_array(&self) -> bool {
        match self.steps.first() {
            Some(Step::Name(name)) => {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
            }
            Some(Step::Any) => true,
            None => false,
        }
    }

    /// Whether it may lead into what another one leads to.
    pub fn may_lead_into(&self, other: &Self) -> bool {
        let same = |(own, theirs): (&Step, &Step)| {
            own == theirs || *own == Step::Any || *theirs == Step::Any
        };
        self.steps.len() > other.steps.len() && self.steps.iter().zip(&other.steps).all(same)
    }

    /// The pointer as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        if !text.is_empty() && !text.starts_with('/') {
            return Err(PointerError::NoSlash(text.to_owned()));
        }
        if let Some(at) = bad_escape(text) {
            return Err(PointerError::BadEscape {
                text: text.to_owned(),
                at,
            });
        }
        let steps = text
            .split('/')
            .skip(1)
            .map(|token| match token {
                "*" => Step::Any,
                name => Step::Name(name.replace("~1", "/").replace("~0", "~")),
            })
            .collect();
        Ok(Self {
            text: text.to_owned(),
            steps,
        })
    }
}

/// The place (from 1, in characters) of the first `~` that escapes nothing.
fn bad_escape(text: &str) -> Option<usize> {
    let mut characters = text.chars().enumerate().peekable();
    while let Some((at, character)) = characters.next() {
        if character == '~' && !matches!(characters.peek(), Some((_, '0' | '1'))) {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_unescaped() {
        let pointer: Pointer = "/a~1b/~01/*/0".parse().unwrap();
        assert_eq!(
            pointer.steps(),
            [
                Step::Name("a/b".into()),
                Step::Name("~1".into()),
                Step::Any,
                Step::Name("0".into())
            ]
        );
        assert_eq!(pointer.to_string(), "/a~1b/~01/*/0");
    }

    #[test]
    fn an_index_or_a_star_leads_into_an_array() {
        let begins = |text: &str| text.parse::<Pointer>().unwrap().begins_in_an_array();
        assert!(begins("/0") && begins("/12/a") && begins("/*/id"));
        assert!(!begins("") && !begins("/") && !begins("/a/0") && !begins("/0a"));
    }

    #[test]
    fn a_pointer_leads_into_what_a_shorter_one_leads_to() {
        let into = |long: &str, short: &str| {
            let [long, short] = [long, short].map(|text| text.parse::<Pointer>().unwrap());
            long.may_lead_into(&short)
        };
        assert!(
            into("/a/b", "/a") && into("/*/b", "/a") && into("/a/0/b", "/a/*") && into("/a", "")
        );
        assert!(!into("/a", "/a") && !into("/b/a", "/a") && !into("/a", "/a/b"));
    }

    #[test]
    fn the_empty_pointer_is_the_whole_message() {
        assert!("".parse::<Pointer>().unwrap().steps().is_empty());
    }

    #[test]
    fn errors_say_what_to_write() {
        assert_eq!(
            "thread_id".parse::<Pointer>().unwrap_err().to_string(),
            "a JSON Pointer begins with `/`: did you mean `/thread_id`?"
        );
        assert_eq!(
            "/a/b~c".parse::<Pointer>().unwrap_err(),
            PointerError::BadEscape {
                text: "/a/b~c".into(),
                at: 5
            }
        );
    }
}
