//! The application's ids: opaque text, one type each, so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

id! {
    /// A person: `u-…`. One user has many sessions.
    UserId
    /// One place from which a user is signed in: `s-…`.
    SessionId
    /// A conversation: `thr_…`, owned by the session that created it.
    ThreadId
    /// One execution of an agent: `run_…`.
    RunId
    /// The agent instance of one run: `agt_…`.
    AgentId
    /// The authentication context of one connection: `ctx_…`.
    ContextId
    /// A client's request: `req-…`, random, so unique over all clients.
    RequestId
    /// The id of an issued token, its claim `jti`: `tok-…`.
    TokenId
    /// One posted message of a thread: `msg_…`.
    MessageId
}

/// Makes random ids; the same seed makes the same ids in the same order.
#[derive(Debug, Clone)]
pub(crate) struct Mint(fastrand::Rng);

impl Mint {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// `prefix` and twelve hexadecimal digits.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{:012x}", self.0.u64(..) >> 16)
    }

    pub(crate) fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.0
    }
}
