//! Who has a lane of the picture.

use std::collections::BTreeMap;

use super::MOST_FRAMES;
use crate::report::html::markup::drawn;
use crate::report::model::{Connection, Evidence, Report, Violation};

/// Who has a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party<'r> {
    Session(&'r str),
    /// The recording's name, and the connection's number there.
    Connection(&'r str, u64),
}

impl Party<'_> {
    pub(super) fn name(self) -> String {
        match self {
            Party::Session(id) => drawn(id),
            Party::Connection(_, number) => format!("connection {number}"),
        }
    }
}

/// Everybody who has a lane, in the order of the lanes: the sessions of one user beside each other.
pub(super) struct Parties<'r> {
    pub(super) all: Vec<Party<'r>>,
    abouts: BTreeMap<Party<'r>, String>,
    /// Whose a session is, or a connection that has none.
    users: BTreeMap<Party<'r>, &'r str>,
    /// The recording of which a file is a part.
    recordings: BTreeMap<&'r str, &'r str>,
}

impl<'r> Parties<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let mut order = BTreeMap::new();
        for session in &report.sessions {
            let next = order.len();
            order.entry(&session.user_id).or_insert(next);
        }
        let mut sessions: Vec<_> = report.sessions.iter().collect();
        sessions.sort_by_key(|session| order.get(&session.user_id).copied());
        let mut abouts = BTreeMap::new();
        let mut users = BTreeMap::new();
        let mut all = Vec::new();
        for session in sessions {
            let about = [&session.user_id, &session.session_type];
            let about: Vec<_> = about.into_iter().flatten().map(|it| drawn(it)).collect();
            let party = Party::Session(&session.session_id);
            if abouts.insert(party, about.join(" · ")).is_none() {
                all.push(party);
            }
            users.extend(session.user_id.as_deref().map(|user| (party, user)));
        }
        for connection in &report.connections {
            for (party, ..) in spans(connection) {
                let about = match party {
                    Party::Session(_) => String::new(),
                    Party::Connection(..) => {
                        users.extend(connection.user.as_deref().map(|user| (party, user)));
                        "no session".to_owned()
                    }
                };
                abouts.entry(party).or_insert_with(|| {
                    all.push(party);
                    about
                });
            }
        }
        let files = report.recordings.iter().flat_map(|recording| {
            let own = recording.files.iter();
            own.map(|file| (file.as_str(), recording.name.as_str()))
        });
        Self {
            all,
            abouts,
            users,
            recordings: files.collect(),
        }
    }

    pub(super) fn about(&self, party: Party<'_>) -> String {
        self.abouts.get(&party).cloned().unwrap_or_default()
    }

    /// Whose the frame of a line of evidence is.
    pub(super) fn of_line<'v>(&self, line: &'v Evidence) -> Option<Party<'v>>
    where
        'r: 'v,
    {
        if let Some(session) = line.session.as_deref() {
            return Some(Party::Session(session));
        }
        Some(self.of_connection(line.recording.as_deref()?, line.connection?))
    }

    fn of_connection<'v>(&self, recording: &'v str, number: u64) -> Party<'v>
    where
        'r: 'v,
    {
        let recording = self.recordings.get(recording).copied().unwrap_or(recording);
        Party::Connection(recording, number)
    }

    /// Who received or did what a violation is about. Where users are held against each other it names
    /// no session: the offending frame does.
    pub(super) fn receiver<'v>(&self, violation: &'v Violation) -> Option<Party<'v>>
    where
        'r: 'v,
    {
        if let Some(session) = violation.session.as_deref() {
            return Some(Party::Session(session));
        }
        let offending = &violation.offending;
        let mut lines = violation.evidence.iter().filter(|line| {
            line.seq == Some(offending.seq)
                && line.recording.as_deref() == Some(offending.recording.as_str())
        });
        let connection = violation.connection.as_ref();
        lines
            .find_map(|line| self.of_line(line))
            .or_else(|| connection.map(|it| self.of_connection(&it.recording, it.number)))
    }

    /// Whether a violation is at this one's cost: it is the owner, or one of the user who is.
    pub(super) fn is_owner(&self, party: Party<'_>, violation: &Violation) -> bool {
        match (&violation.owner_session, &violation.owner_user) {
            (Some(session), _) => party == Party::Session(session),
            (None, Some(user)) => self.users.get(&party) == Some(&user.as_str()),
            (None, None) => false,
        }
    }

    pub(super) fn concerned<'v>(&self, violation: &'v Violation) -> Vec<Party<'v>>
    where
        'r: 'v,
    {
        let owner = violation.owner_session.as_deref().map(Party::Session);
        let lines = violation
            .evidence
            .iter()
            .take(MOST_FRAMES)
            .filter_map(|line| self.of_line(line));
        owner
            .into_iter()
            .chain(self.receiver(violation))
            .chain(lines)
            .collect()
    }
}

/// Whose a connection is, and from when to when.
pub(super) fn spans(connection: &Connection) -> Vec<(Party<'_>, f64, Option<f64>)> {
    let held = &connection.sessions;
    if held.is_empty() {
        let own = Party::Connection(&connection.recording, connection.number);
        return vec![(own, connection.opened, connection.closed)];
    }
    let mut spans = Vec::new();
    for (number, one) in held.iter().enumerate() {
        let from = one.at.filter(|_| number > 0).unwrap_or(connection.opened);
        let to = held
            .get(number + 1)
            .map_or(connection.closed, |next| next.at);
        spans.push((Party::Session(&one.session), from, to));
    }
    spans
}
