//! Why a run of the scenarios ended early.

use crate::ClientError;
use crate::protocol::ids::SessionId;

/// The scenarios could not be driven to their end.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A client could not go on.
    #[error("session {session}: {doing} failed")]
    Client {
        /// Whose client.
        session: SessionId,
        /// What it was doing.
        doing: &'static str,
        /// What happened.
        source: ClientError,
    },
    /// Nobody could sign in, or the server did not answer at all.
    #[error("signing in failed")]
    SignIn(#[source] ClientError),
    /// The server gave another reply than a sound one does.
    #[error("session {session}: {doing} was answered with {got:?}, not with {wanted:?}")]
    Unexpected {
        /// Whose client.
        session: SessionId,
        /// What it asked for.
        doing: &'static str,
        /// The type of the reply that a sound server gives.
        wanted: &'static str,
        /// The reply, as JSON.
        got: String,
    },
}
