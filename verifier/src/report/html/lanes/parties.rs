//! Who has a lane of the picture.

use std::collections::BTreeMap;

use super::MOST_FRAMES;
use crate::report::html::markup::drawn;
use crate::report::model::{Connection, Report, Violation};

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
    /// The recording of which a file is a part.
    recordings: BTreeMap<&'r str, &'r str>,
}

impl<'r> Parties<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let mut users = BTreeMap::new();
        for session in &report.sessions {
            let next = users.len();
            users.entry(&session.user_id).or_insert(next);
        }
        let mut sessions: Vec<_> = report.sessions.iter().collect();
        sessions.sort_by_key(|session| users.get(&session.user_id).copied());
        let mut abouts = BTreeMap::new();
        let mut all = Vec::new();
        for session in sessions {
            let about = [&session.user_id, &session.session_type];
            let about: Vec<_> = about.into_iter().flatten().map(|it| drawn(it)).collect();
            let party = Party::Session(&session.session_id);
            if abouts.insert(party, about.join(" · ")).is_none() {
                all.push(party);
            }
        }
        for connection in &report.connections {
            for (party, ..) in spans(connection) {
                let about = match party {
                    Party::Session(_) => String::new(),
                    Party::Connection(..) => "no session".to_owned(),
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
            recordings: files.collect(),
        }
    }

    pub(super) fn about(&self, party: Party<'_>) -> String {
        self.abouts.get(&party).cloned().unwrap_or_default()
    }

    /// Who a line of evidence is about.
    pub(super) fn of_line<'v>(
        &self,
        session: Option<&'v str>,
        recording: Option<&'v str>,
        connection: Option<u64>,
    ) -> Option<Party<'v>>
    where
        'r: 'v,
    {
        if let Some(session) = session {
            return Some(Party::Session(session));
        }
        let recording = recording?;
        let recording = self.recordings.get(recording).copied().unwrap_or(recording);
        Some(Party::Connection(recording, connection?))
    }

    /// Who received or did what a violation is about.
    pub(super) fn receiver<'v>(&self, violation: &'v Violation) -> Option<Party<'v>>
    where
        'r: 'v,
    {
        let connection = violation.connection.as_ref();
        self.of_line(
            violation.session.as_deref(),
            connection.map(|it| it.recording.as_str()),
            connection.map(|it| it.number),
        )
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
            .filter_map(|line| {
                self.of_line(
                    line.session.as_deref(),
                    line.recording.as_deref(),
                    line.connection,
                )
            });
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
