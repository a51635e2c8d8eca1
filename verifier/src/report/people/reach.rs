//! Whom a finding is about: sessions and their users.

use std::collections::{BTreeMap, BTreeSet};

use super::Person;
use crate::engine::{ConnectionIx, SessionIx, UserIx, Verification};
use crate::finding::Subject;

/// Who holds which session. One that several users held belongs to each of them.
pub(super) struct Holders {
    by_session: BTreeMap<SessionIx, BTreeSet<UserIx>>,
    by_user: BTreeMap<UserIx, BTreeSet<SessionIx>>,
    /// By connection: its session at the end.
    connections: Vec<Option<SessionIx>>,
    /// Those of a user at the end.
    of_user: BTreeMap<UserIx, Vec<ConnectionIx>>,
}

impl Holders {
    pub(super) fn new(verification: &Verification) -> Self {
        let mut pairs = BTreeSet::new();
        for (session, stats) in (0..).map(SessionIx).zip(&verification.sessions) {
            pairs.extend(stats.user.map(|user| (session, user)));
        }
        for connection in &verification.connections {
            pairs.extend(connection.session.zip(connection.user));
        }
        let (mut by_session, mut by_user) = (BTreeMap::new(), BTreeMap::new());
        for (session, user) in pairs {
            by_session
                .entry(session)
                .or_insert_with(BTreeSet::new)
                .insert(user);
            by_user
                .entry(user)
                .or_insert_with(BTreeSet::new)
                .insert(session);
        }
        let connections = verification.connections.iter();
        let connections = connections.map(|connection| connection.session).collect();
        let mut of_user: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, connection) in (0..).map(ConnectionIx).zip(&verification.connections) {
            if let Some(user) = connection.user {
                of_user.entry(user).or_default().push(index);
            }
        }
        Self {
            by_session,
            by_user,
            connections,
            of_user,
        }
    }

    /// The connections of somebody.
    pub(super) fn connections(
        &self,
        verification: &Verification,
        person: Person,
    ) -> BTreeSet<ConnectionIx> {
        let (sessions, own) = match person {
            Person::Session(session) => ([session].into(), None),
            Person::User(user) => (self.sessions(user), self.of_user.get(&user)),
        };
        let sessions = sessions.iter();
        let of_sessions =
            sessions.flat_map(|session| &verification.sessions[session.0 as usize].connections);
        of_sessions
            .chain(own.into_iter().flatten())
            .copied()
            .collect()
    }

    /// The sessions of a user.
    pub(super) fn sessions(&self, user: UserIx) -> BTreeSet<SessionIx> {
        self.by_user.get(&user).cloned().unwrap_or_default()
    }

    /// The users whom a finding is about.
    pub(super) fn users(&self, subject: Subject) -> BTreeSet<UserIx> {
        let session = self.session(subject);
        let of_session = session.and_then(|session| self.by_session.get(&session));
        let mut users = of_session.cloned().unwrap_or_default();
        users.extend(subject.user);
        users
    }

    fn session(&self, subject: Subject) -> Option<SessionIx> {
        let of_connection = || {
            subject
                .connection
                .and_then(|index| self.connections[index.0 as usize])
        };
        subject.session.or_else(of_connection)
    }
}

/// The people whom findings of a rule are about, each with the first one's message.
#[derive(Default)]
pub(super) struct Reach<'v> {
    everybody: Option<&'v str>,
    sessions: BTreeMap<SessionIx, &'v str>,
    users: BTreeMap<UserIx, &'v str>,
}

impl<'v> Reach<'v> {
    /// Adds a finding about `subject`. False if nobody is known of it.
    pub(super) fn extend(&mut self, holders: &Holders, subject: Subject, message: &'v str) -> bool {
        let users = holders.users(subject);
        let sessions = match (holders.session(subject), subject.user) {
            (Some(session), _) => BTreeSet::from([session]),
            // About a user as a whole: about each of its sessions.
            (None, Some(user)) => holders.sessions(user),
            (None, None) => return false,
        };
        for session in sessions {
            self.sessions.entry(session).or_insert(message);
        }
        for user in users {
            self.users.entry(user).or_insert(message);
        }
        true
    }

    /// Adds those who share a session with the users whom a finding is about: it may turn out to be about that session.
    pub(super) fn extend_to_companions(
        &mut self,
        holders: &Holders,
        subject: Subject,
        message: &'v str,
    ) {
        let sessions = holders.users(subject).into_iter();
        for session in sessions.flat_map(|user| holders.sessions(user)) {
            for user in holders.by_session.get(&session).into_iter().flatten() {
                self.users.entry(*user).or_insert(message);
            }
        }
    }

    pub(super) fn extend_to_everybody(&mut self, message: &'v str) {
        self.everybody.get_or_insert(message);
    }

    /// The message of the first finding about somebody.
    pub(super) fn message(&self, person: Person) -> Option<&'v str> {
        let own = match person {
            Person::Session(session) => self.sessions.get(&session),
            Person::User(user) => self.users.get(&user),
        };
        own.copied().or(self.everybody)
    }
}
