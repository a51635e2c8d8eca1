//! Where an id is found: `header:X-Session-ID`, `jwt:sub`, `message:/login/user`.

use std::fmt;
use std::str::FromStr;

use crate::Provenance;
use crate::pointer::{JsonPointer, PointerError};

/// A place where an id is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `header:NAME`: the value of a header field of the request.
    Header(String),
    /// `cookie:NAME`: the value of a cookie of the request. A secret.
    Cookie(String),
    /// `query:NAME`: the value of a query parameter of the request.
    Query(String),
    /// `path:REGEX`: what the first group matches in the request's path.
    Path(Pattern),
    /// `subprotocol:REGEX`: what the first group (or without one, all) matches in an offered
    /// subprotocol.
    Subprotocol(Pattern),
    /// `jwt:CLAIM` or `jwt:POINTER`: a claim of a JWT in the request's `Authorization`, a cookie, a
    /// query parameter or a subprotocol.
    Jwt(Claim),
    /// `message:POINTER`: a place in a message of the client.
    Message(JsonPointer),
    /// `set-cookie:NAME`: the value of a cookie that the response sets. A secret.
    SetCookie(String),
    /// `server-message:POINTER`: a place in a message of the server.
    ServerMessage(JsonPointer),
}

/// The kinds of sources, as they are written, and what follows the colon.
const KINDS: [(&str, &str); 9] = [
    ("header", "NAME"),
    ("cookie", "NAME"),
    ("query", "NAME"),
    ("path", "REGEX"),
    ("subprotocol", "REGEX"),
    ("jwt", "CLAIM"),
    ("message", "POINTER"),
    ("set-cookie", "NAME"),
    ("server-message", "POINTER"),
];

/// Why a text is no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// A name alone: it does not say where it stands.
    #[error(
        "`{text}` does not say where it is: write `header:{text}`, `cookie:{text}` or `query:{text}`; the kinds are {}",
        kinds()
    )]
    NoKind {
        /// The whole text.
        text: String,
    },
    /// The word before the colon is no kind of source.
    #[error("`{text}`: `{kind}` is no kind of source{}; the kinds are {}", suggestion(*.nearest), kinds())]
    UnknownKind {
        /// The whole text.
        text: String,
        /// The word.
        kind: String,
        /// The kind that is spelt most like it, where one is.
        nearest: Option<&'static str>,
    },
    /// Nothing follows the kind.
    #[error("`{text}` lacks what follows the kind: write `{kind}:{argument}`")]
    NoArgument {
        /// The whole text.
        text: String,
        /// The kind.
        kind: &'static str,
        /// What should follow.
        argument: &'static str,
    },
    /// The name has a character that no such name can have.
    #[error("`{text}`: `{character}` at byte {at} cannot be in the name of a {what}")]
    Name {
        /// The whole text.
        text: String,
        /// The character.
        character: char,
        /// Where it is, in bytes.
        at: usize,
        /// What is named.
        what: &'static str,
    },
    /// The regular expression does not compile.
    #[error("`{text}`: the regular expression does not compile: {why}")]
    Regex {
        /// The whole text.
        text: String,
        /// What the compiler says, with the place.
        why: String,
    },
    /// The regular expression has no group.
    #[error(
        "`{text}`: the regular expression has no group: put parentheses around the id, as in `path:^/ws/([^/]+)`"
    )]
    NoGroup {
        /// The whole text.
        text: String,
    },
    /// The pointer is malformed.
    #[error("`{text}`: {why}")]
    Pointer {
        /// The whole text.
        text: String,
        /// What is wrong with it.
        why: PointerError,
    },
}

fn suggestion(nearest: Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"))
}

fn kinds() -> String {
    KINDS
        .map(|(kind, argument)| format!("{kind}:{argument}"))
        .join(", ")
}

impl Source {
    /// Who says what it yields. What a signed token says, its issuer says.
    pub const fn provenance(&self) -> Provenance {
        match self {
            Self::Header(_)
            | Self::Cookie(_)
            | Self::Query(_)
            | Self::Path(_)
            | Self::Subprotocol(_)
            | Self::Message(_) => Provenance::Presented,
            Self::Jwt(_) | Self::SetCookie(_) | Self::ServerMessage(_) => Provenance::Issued,
        }
    }

    /// Whether what it yields is a credential by its place, and so is never kept readable.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Cookie(_) | Self::SetCookie(_) => true,
            Self::Header(name) => crate::secrets::is_credential_header(name),
            Self::Query(_)
            | Self::Path(_)
            | Self::Subprotocol(_)
            | Self::Jwt(_)
            | Self::Message(_)
            | Self::ServerMessage(_) => false,
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let (word, argument) = text.split_once(':').unwrap_or((text, ""));
        let Some((kind, what)) = KINDS.into_iter().find(|(kind, _)| *kind == word) else {
            let (text, nearest) = (text.to_owned(), nearest_kind(word));
            let is_name = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
            if nearest.is_none() && !text.is_empty() && text.chars().all(is_name) {
                return Err(SourceError::NoKind { text });
            }
            return Err(SourceError::UnknownKind {
                text,
                kind: word.to_owned(),
                nearest,
            });
        };
        if argument.is_empty() {
            return Err(SourceError::NoArgument {
                text: text.to_owned(),
                kind,
                argument: what,
            });
        }
        let pointer = || {
            argument.parse().map_err(|why| SourceError::Pointer {
                text: text.to_owned(),
                why,
            })
        };
        Ok(match kind {
            "header" => Self::Header(token(text, argument, "header field")?),
            "cookie" => Self::Cookie(token(text, argument, "cookie")?),
            "set-cookie" => Self::SetCookie(token(text, argument, "cookie")?),
            "query" => Self::Query(argument.to_owned()),
            "path" => Self::Path(Pattern::with_group(text, argument)?),
            "subprotocol" => Self::Subprotocol(Pattern::new(text, argument)?),
            "message" => Self::Message(pointer()?),
            "server-message" => Self::ServerMessage(pointer()?),
            _ => Self::Jwt(if argument.starts_with('/') {
                Claim(pointer()?)
            } else {
                Claim(JsonPointer::member(argument))
            }),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Path(pattern) => write!(f, "path:{}", pattern.as_str()),
            Self::Subprotocol(pattern) => write!(f, "subprotocol:{}", pattern.as_str()),
            Self::Jwt(claim) => write!(f, "jwt:{claim}"),
            Self::Message(pointer) => write!(f, "message:{pointer}"),
            Self::SetCookie(name) => write!(f, "set-cookie:{name}"),
            Self::ServerMessage(pointer) => write!(f, "server-message:{pointer}"),
        }
    }
}

/// A place among the claims of a JWT: `sub`, or `/realm/user` for a nested one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim(pub JsonPointer);

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.tokens() {
            // A name that begins with a slash, or is empty, would be read as a pointer.
            [name] if !name.is_empty() && !name.starts_with('/') => f.write_str(name),
            _ => self.0.fmt(f),
        }
    }
}

/// A compiled regular expression; two are equal where their texts are.
#[derive(Debug, Clone)]
pub struct Pattern(regex::Regex);

impl Pattern {
    fn new(text: &str, regex: &str) -> Result<Self, SourceError> {
        regex::Regex::new(regex)
            .map(Self)
            .map_err(|error| SourceError::Regex {
                text: text.to_owned(),
                why: error.to_string(),
            })
    }

    fn with_group(text: &str, regex: &str) -> Result<Self, SourceError> {
        let pattern = Self::new(text, regex)?;
        if pattern.0.captures_len() < 2 {
            let text = text.to_owned();
            return Err(SourceError::NoGroup { text });
        }
        Ok(pattern)
    }

    /// The regular expression as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What the first group matches, or the whole expression where it has none.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let captures = self.0.captures(text)?;
        let group = usize::from(self.0.captures_len() > 1);
        captures.get(group).map(|found| found.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for Pattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

fn nearest_kind(word: &str) -> Option<&'static str> {
    KINDS
        .into_iter()
        .map(|(kind, _)| (strsim::damerau_levenshtein(word, kind), kind))
        .filter(|(distance, kind)| *distance <= kind.len() / 2)
        .min()
        .map(|(_, kind)| kind)
}

/// A name made of token characters (RFC 9110, section 5.6.2).
fn token(text: &str, name: &str, what: &'static str) -> Result<String, SourceError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match name.char_indices().find(|(_, c)| !allowed(*c)) {
        None => Ok(name.to_owned()),
        Some((at, character)) => Err(SourceError::Name {
            text: text.to_owned(),
            character,
            at: text.len() - name.len() + at,
            what,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, SourceError};
    use crate::Provenance;

    #[test]
    fn display_gives_the_text_back() {
        for text in [
            "header:X-Session-ID",
            "cookie:connect.sid",
            "query:session_id",
            "query:a:b",
            "path:^/ws/([^/]+)",
            "subprotocol:^sid\\.",
            "jwt:sub",
            "jwt:https://example.com/tenant",
            "jwt:/realm/user",
            "message:/login/user",
            "set-cookie:sid",
            "server-message:/0/id",
        ] {
            let source: Source = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
            assert_eq!(source.to_string().parse(), Ok(source));
        }
    }

    #[test]
    fn errors_name_the_place_and_the_nearest_word() {
        let message = |text: &str| text.parse::<Source>().unwrap_err().to_string();
        assert!(message("haeder:X").contains("did you mean `header`?"));
        assert!(message("set_cookie:X").contains("did you mean `set-cookie`?"));
        assert!(!message("zzzzzzzzzzz:X").contains("did you mean"));
        assert!(message("X-Session-ID").contains("header:NAME"));
        assert_eq!(
            message("header"),
            "`header` lacks what follows the kind: write `header:NAME`"
        );
        assert_eq!(
            message("header:X Y"),
            "`header:X Y`: ` ` at byte 8 cannot be in the name of a header field"
        );
        assert!(message("path:^/ws/[^/]+").contains("no group"));
        assert!(message("path:(").contains("does not compile"));
        assert!(message("message:session").contains("write `/session`"));
        assert!(matches!(
            "jwt:/a~".parse::<Source>(),
            Err(SourceError::Pointer { .. })
        ));
    }

    #[test]
    fn a_signed_claim_and_what_the_server_says_count_as_issued() {
        let provenance = |text: &str| text.parse::<Source>().unwrap().provenance();
        for text in ["jwt:sub", "set-cookie:a", "server-message:/a"] {
            assert_eq!(provenance(text), Provenance::Issued, "{text}");
        }
        for text in [
            "header:a",
            "cookie:a",
            "query:a",
            "message:/a",
            "subprotocol:a",
        ] {
            assert_eq!(provenance(text), Provenance::Presented, "{text}");
        }
    }

    #[test]
    fn cookies_and_credential_headers_are_secret() {
        let secret = |text: &str| text.parse::<Source>().unwrap().is_secret();
        assert!(secret("cookie:sid"));
        assert!(secret("set-cookie:sid"));
        assert!(secret("header:authorization"));
        assert!(!secret("header:X-Session-ID"));
        assert!(!secret("query:token"));
    }
}
