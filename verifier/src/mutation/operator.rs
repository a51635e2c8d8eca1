//! What can go wrong in a clean history, by name.

use std::fmt;

/// One way in which a server, or a client, could misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// A message comes on a connection of another session, instead of its own.
    Move,
    /// A copy of a server's message goes to another session too.
    Copy,
    /// A server's message is not delivered.
    Drop,
    /// A server's message is delivered twice, where a rule speaks of how often it comes.
    Duplicate,
    /// Two neighbours of one connection that share an id come the other way round.
    Swap,
    /// A server's message, and all that follows, comes a day later.
    Delay,
    /// A refusal is not sent.
    Unrefuse,
    /// A server's message names another session, or user, than the one it goes to.
    Readdress,
    /// A message names another session's id in the place of its own.
    Borrow,
    /// A connection speaks for another connection's session.
    Takeover,
    /// A connection presents no credential.
    NoCredential,
    /// A connection presents another session's credential.
    ShareCredential,
    /// A credential stands in the address of a connection.
    TokenInUrl,
    /// A handshake is refused.
    Refuse,
    /// A client's frame is not masked.
    Anomaly,
}

impl Operator {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 15] = [
        Self::Move,
        Self::Copy,
        Self::Drop,
        Self::Duplicate,
        Self::Swap,
        Self::Delay,
        Self::Unrefuse,
        Self::Readdress,
        Self::Borrow,
        Self::Takeover,
        Self::NoCredential,
        Self::ShareCredential,
        Self::TokenInUrl,
        Self::Refuse,
        Self::Anomaly,
    ];

    /// Its name in cases and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Drop => "drop",
            Self::Duplicate => "duplicate",
            Self::Swap => "swap",
            Self::Delay => "delay",
            Self::Unrefuse => "unrefuse",
            Self::Readdress => "readdress",
            Self::Borrow => "borrow",
            Self::Takeover => "takeover",
            Self::NoCredential => "no-credential",
            Self::ShareCredential => "share-credential",
            Self::TokenInUrl => "token-in-url",
            Self::Refuse => "refuse",
            Self::Anomaly => "anomaly",
        }
    }

    /// The operator of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.as_str() == word)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
