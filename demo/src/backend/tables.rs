//! What the product would have in its database.

use super::state::State;
use crate::protocol::Device;
use crate::protocol::ids::{RunId, SessionId, ThreadId, UserId};

/// The rows of the product's tables, each table in the order of its ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// `users`.
    pub users: Vec<UserId>,
    /// `user_sessions`.
    pub sessions: Vec<StoredSession>,
    /// `user_threads`.
    pub threads: Vec<StoredThread>,
    /// `enterprise_agent_executions`.
    pub runs: Vec<StoredRun>,
}

/// A row of `user_sessions`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The `session_type`.
    pub device: Device,
}

/// A row of `user_threads`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredThread {
    /// Its id.
    pub id: ThreadId,
    /// The user of the session that created it.
    pub user: UserId,
    /// Its title.
    pub title: String,
    /// The session that created it.
    pub session: SessionId,
}

/// A row of `enterprise_agent_executions`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredRun {
    /// Its id.
    pub id: RunId,
    /// The session that started it.
    pub session: SessionId,
    /// The thread it runs on.
    pub thread: ThreadId,
}

impl State {
    /// What is stored at this moment.
    pub(super) fn tables(&self) -> Tables {
        let mut sessions = self.stored_sessions();
        sessions.sort();
        let mut users: Vec<_> = sessions.iter().map(|it| it.user.clone()).collect();
        users.sort();
        users.dedup();
        let mut runs = self.runs.clone();
        runs.sort();
        self.faults.stored(Tables {
            users,
            sessions,
            threads: self.threads.stored(),
            runs,
        })
    }
}
