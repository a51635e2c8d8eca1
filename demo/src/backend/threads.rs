//! Threads and who may use them: the session that created one, and those it is shared to.

use super::tables::StoredThread;
use crate::protocol::ids::{SessionId, ThreadId, UserId};
use crate::protocol::{Posted, ThreadTitle};
use std::collections::{BTreeMap, BTreeSet};

/// What a session wants of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    List,
    Open,
    Write,
    Share,
    Run,
}

#[derive(Debug)]
pub(super) struct Thread {
    /// The session that created it. More than one only where an id was given twice.
    owners: BTreeSet<SessionId>,
    pub(super) user: UserId,
    pub(super) title: String,
    pub(super) shared_to: BTreeSet<SessionId>,
    pub(super) messages: Vec<Posted>,
}

impl Thread {
    /// Whether this session created it.
    pub(super) fn is_of(&self, session: &SessionId) -> bool {
        self.owners.contains(session)
    }

    /// The rule of the application: two sessions of one user are foreign to each other.
    pub(super) fn is_visible_to(&self, session: &SessionId) -> bool {
        self.owners.contains(session) || self.shared_to.contains(session)
    }

    /// Sharing is the owner's alone; all else is for whoever sees the thread.
    pub(super) fn allows(&self, session: &SessionId, access: Access) -> bool {
        match access {
            Access::Share => self.owners.contains(session),
            Access::List | Access::Open | Access::Write | Access::Run => {
                self.is_visible_to(session)
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Threads {
    by_id: BTreeMap<ThreadId, Thread>,
    /// Threads created so far.
    pub(super) created: usize,
}

impl Threads {
    /// Fresh ids make a new thread; one that is in use gains a second owner.
    pub(super) fn create(&mut self, id: ThreadId, owner: SessionId, user: UserId, title: String) {
        self.created += 1;
        let thread = self.by_id.entry(id).or_insert_with(|| Thread {
            owners: BTreeSet::new(),
            user,
            title,
            shared_to: BTreeSet::new(),
            messages: Vec::new(),
        });
        thread.owners.insert(owner);
    }

    pub(super) fn get_mut(&mut self, id: &ThreadId) -> Option<&mut Thread> {
        self.by_id.get_mut(id)
    }

    pub(super) fn get(&self, id: &ThreadId) -> Option<&Thread> {
        self.by_id.get(id)
    }

    /// A row for each; of one that was created twice, the first owner's in the order of ids.
    pub(super) fn stored(&self) -> Vec<StoredThread> {
        let rows = self.by_id.iter().filter_map(|(id, thread)| {
            Some(StoredThread {
                id: id.clone(),
                user: thread.user.clone(),
                title: thread.title.clone(),
                session: thread.owners.first()?.clone(),
            })
        });
        rows.collect()
    }

    pub(super) fn titles(&self, listed: impl Fn(&Thread) -> bool) -> Vec<ThreadTitle> {
        let listed = self.by_id.iter().filter(|(_, thread)| listed(thread));
        listed
            .map(|(id, it)| ThreadTitle {
                id: id.clone(),
                title: it.title.clone(),
            })
            .collect()
    }
}
