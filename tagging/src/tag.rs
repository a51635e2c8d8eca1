//! What is said of a connection, and by whom.

/// What a tag says of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagKind {
    /// The application's session id.
    Session,
    /// The user's id.
    User,
    /// The device, or type of session.
    Device,
    /// The token (keyed hash) of a credential that was presented.
    Credential,
    /// A claim of a JWT; the source names it: `jwt:sub`.
    Claim,
}

impl TagKind {
    /// Every kind, in the order in which they are written.
    pub const ALL: [Self; 5] = [
        Self::Session,
        Self::User,
        Self::Device,
        Self::Credential,
        Self::Claim,
    ];

    /// The word that recordings and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
            Self::Device => "device",
            Self::Credential => "credential",
            Self::Claim => "claim",
        }
    }

    /// The kind of that word; `None` for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// The client: it can claim any id that it likes.
    Presented,
    /// The server, or a token that it signed.
    Issued,
}

impl Provenance {
    /// Both, the weaker one first.
    pub const ALL: [Self; 2] = [Self::Presented, Self::Issued];

    /// The word that recordings and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Presented => "presented",
            Self::Issued => "issued",
        }
    }

    /// The provenance of that word; `None` for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|who| who.as_str() == word)
    }
}

/// One thing said of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// What it says.
    pub kind: TagKind,
    /// The id; a keyed hash where it is a secret.
    pub value: String,
    /// The source that yielded it, as the user wrote it: `header:X-Session-ID`.
    pub source: String,
    /// Who said it.
    pub provenance: Provenance,
}

#[cfg(test)]
mod tests {
    use super::{Provenance, TagKind};

    #[test]
    fn every_word_names_its_own_value_only() {
        for kind in TagKind::ALL {
            assert_eq!(TagKind::from_word(kind.as_str()), Some(kind));
        }
        for who in Provenance::ALL {
            assert_eq!(Provenance::from_word(who.as_str()), Some(who));
        }
        assert_eq!(TagKind::from_word("Session"), None);
        assert_eq!(Provenance::from_word(""), None);
    }
}
