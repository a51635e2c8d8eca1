//! What is known at a place in the history: who is connected, and on whose behalf.

use hashbrown::HashMap;
use wsaudit_tagging::TagKind;

use super::lanes::{Lane, Line};
use crate::finding::{Place, Subject};
use crate::history::{Connection, Outline, Tag};
use crate::rules::HolderKind;

/// A session, by its place in the order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionIx(pub u32);

/// A user, likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserIx(pub u32);

/// A connection of any of the recordings, in the order of recordings and opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionIx(pub u32);

/// Somebody who can own something or be owed something, of the kind that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A session.
    Session(SessionIx),
    /// A user.
    User(UserIx),
    /// A connection.
    Connection(ConnectionIx),
}

/// A connection at a place in the history.
#[derive(Debug)]
pub struct ConnectionState<'h> {
    /// Which recording it is of.
    pub recording: u16,
    /// What is known of it.
    pub info: &'h Connection,
    /// The path of its request target; empty where it is not known.
    pub path: String,
    /// Its session here.
    pub session: Option<SessionIx>,
    /// Its user here.
    pub user: Option<UserIx>,
    /// Its device here.
    pub device: Option<String>,
    /// Whether it is accepted and not closed here.
    pub connected: Connected,
    /// The seq from which its first session holds.
    pub identified_from: Option<u64>,
    /// How many messages and control frames it has carried so far.
    pub carried: u64,
    /// How many messages the server sent on it so far.
    pub received: u64,
    /// The seq of its last message so far that a pack could not decode.
    pub last_undecoded: Option<u64>,
    /// The sessions that it has besides its own, each from a place on: messages that name one are its.
    pub lanes: &'h [Tag],
    /// Those of them that are there here.
    sharing: Vec<SessionIx>,
}

/// Whether a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connected {
    /// Not answered yet, or refused.
    NotYet,
    /// Accepted.
    Yes,
    /// Ended.
    NoMore,
}

/// What is known at a place in the history. Checkers see it; only the engine moves it on.
#[derive(Debug)]
pub struct Cx<'h> {
    pub(super) outlines: Vec<&'h Outline>,
    lanes: &'h [Vec<Tag>],
    pub(super) connections: Vec<ConnectionState<'h>>,
    sessions: Names,
    users: Names,
    /// By session: the user it was first seen with.
    session_users: Vec<Option<UserIx>>,
    /// By session: how many connections stand.
    live_sessions: Live,
    live_users: Live,
    live_connections: u32,
    /// Whether any message so far could not be decoded.
    pub(super) any_undecoded: bool,
    /// The latest time that was observed so far.
    pub(super) now: i64,
    /// By how much the clocks of two recordings may disagree, in nanoseconds.
    pub(super) tolerance: i64,
}

/// How many standing connections each holder has, and how many have one.
#[derive(Debug, Default)]
struct Live {
    by_holder: Vec<u32>,
    holders: u32,
}

impl Live {
    fn add(&mut self, holder: u32) {
        let index = holder as usize;
        if self.by_holder.len() <= index {
            self.by_holder.resize(index + 1, 0);
        }
        self.by_holder[index] += 1;
        if self.by_holder[index] == 1 {
            self.holders += 1;
        }
    }

    fn remove(&mut self, holder: u32) {
        let count = &mut self.by_holder[holder as usize];
        *count -= 1;
        if *count == 0 {
            self.holders -= 1;
        }
    }

    fn has(&self, holder: u32) -> bool {
        self.by_holder
            .get(holder as usize)
            .is_some_and(|count| *count > 0)
    }

    /// Whether anybody but `holder` is there.
    fn others(&self, holder: Option<u32>) -> bool {
        let own = u32::from(holder.is_some_and(|holder| self.has(holder)));
        self.holders > own
    }
}

/// Names, numbered in the order of first appearance.
#[derive(Debug, Clone, Default)]
struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

impl<'h> Cx<'h> {
    /// `lanes` are those of the connections; no lanes where none has any. `tolerance` is in nanoseconds.
    pub(super) fn new(outlines: Vec<&'h Outline>, lanes: &'h [Vec<Tag>], tolerance: i64) -> Self {
        let mut lanes_of = lanes.iter();
        let mut connections = Vec::new();
        for (recording, outline) in (0_u16..).zip(&outlines) {
            connections.extend(outline.connections.iter().map(|info| ConnectionState {
                recording,
                info,
                path: path(&info.request_head),
                session: None,
                user: None,
                device: None,
                connected: Connected::NotYet,
                identified_from: None,
                carried: 0,
                received: 0,
                last_undecoded: None,
                lanes: lanes_of.next().map_or(&[], Vec::as_slice),
                sharing: Vec::new(),
            }));
        }
        let now = outlines
            .iter()
            .map(|outline| outline.started_at)
            .min()
            .unwrap_or(0);
        Self {
            outlines,
            lanes,
            connections,
            sessions: Names::default(),
            users: Names::default(),
            session_users: Vec::new(),
            live_sessions: Live::default(),
            live_users: Live::default(),
            live_connections: 0,
            any_undecoded: false,
            now,
            tolerance,
        }
    }

    /// The same history, from its beginning; who is who is known already.
    pub(super) fn rewound(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            users: self.users.clone(),
            session_users: self.session_users.clone(),
            ..Self::new(self.outlines.clone(), self.lanes, self.tolerance)
        }
    }

    /// A connection.
    pub fn connection(&self, connection: ConnectionIx) -> &ConnectionState<'h> {
        &self.connections[connection.0 as usize]
    }

    /// All connections, also those not opened yet.
    pub fn connections(&self) -> impl Iterator<Item = (ConnectionIx, &ConnectionState<'h>)> {
        (0..).map(ConnectionIx).zip(&self.connections)
    }

    /// The id of a session.
    pub fn session_name(&self, session: SessionIx) -> &str {
        &self.sessions.names[session.0 as usize]
    }

    /// The id of a user.
    pub fn user_name(&self, user: UserIx) -> &str {
        &self.users.names[user.0 as usize]
    }

    /// The session of that id, if any connection had it so far.
    pub fn session_named(&self, id: &str) -> Option<SessionIx> {
        self.sessions.numbers.get(id).copied().map(SessionIx)
    }

    /// The user of that id, likewise.
    pub fn user_named(&self, id: &str) -> Option<UserIx> {
        self.users.numbers.get(id).copied().map(UserIx)
    }

    /// The user that a session was first seen with.
    pub fn session_user(&self, session: SessionIx) -> Option<UserIx> {
        self.session_users
            .get(session.0 as usize)
            .copied()
            .flatten()
    }

    /// All sessions so far, in the order of first appearance.
    pub fn sessions(&self) -> impl Iterator<Item = SessionIx> + use<> {
        (0..u32::try_from(self.sessions.names.len()).unwrap_or(u32::MAX)).map(SessionIx)
    }

    /// All users so far, likewise.
    pub fn users(&self) -> impl Iterator<Item = UserIx> + use<> {
        (0..u32::try_from(self.users.names.len()).unwrap_or(u32::MAX)).map(UserIx)
    }

    /// On whose behalf a connection speaks here, in the terms of a rule; `None`: not known.
    pub fn holder(&self, kind: HolderKind, connection: ConnectionIx) -> Option<Holder> {
        let state = self.connection(connection);
        match kind {
            HolderKind::Session => state.session.map(Holder::Session),
            HolderKind::User => state.user.map(Holder::User),
            HolderKind::Connection => Some(Holder::Connection(connection)),
        }
    }

    /// The same on a line: for whom its messages are.
    pub fn holder_on(&self, kind: HolderKind, line: Line) -> Option<Holder> {
        match (kind, line.other()) {
            (HolderKind::Session, Some(session)) => Some(Holder::Session(session)),
            (HolderKind::User, Some(session)) => {
                let own = self.connection(line.connection).user;
                own.or_else(|| self.session_user(session)).map(Holder::User)
            }
            (HolderKind::Connection, _) | (_, None) => self.holder(kind, line.connection),
        }
    }

    /// The holder of that id, if any connection had it so far. Connections have no id of the
    /// application's.
    pub fn holder_named(&self, kind: HolderKind, id: &str) -> Option<Holder> {
        match kind {
            HolderKind::Session => self.session_named(id).map(Holder::Session),
            HolderKind::User => self.user_named(id).map(Holder::User),
            HolderKind::Connection => None,
        }
    }

    /// Whether somebody else of that kind is connected here.
    pub fn others_connected(&self, kind: HolderKind, holder: Option<Holder>) -> bool {
        match (kind, holder) {
            (HolderKind::Session, Some(Holder::Session(session))) => {
                self.live_sessions.others(Some(session.0))
            }
            (HolderKind::User, Some(Holder::User(user))) => self.live_users.others(Some(user.0)),
            (HolderKind::Connection, Some(Holder::Connection(connection))) => {
                let own = self.connection(connection).connected == Connected::Yes;
                self.live_connections > u32::from(own)
            }
            (HolderKind::Session, _) => self.live_sessions.others(None),
            (HolderKind::User, _) => self.live_users.others(None),
            (HolderKind::Connection, _) => self.live_connections > 0,
        }
    }

    /// How a holder is called in a sentence: `session s-1`.
    pub fn describe(&self, holder: Holder) -> String {
        match holder {
            Holder::Session(session) => format!("session {}", self.session_name(session)),
            Holder::User(user) => format!("user {}", self.user_name(user)),
            Holder::Connection(connection) => self.describe_connection(connection),
        }
    }

    /// How a recording is called in a sentence.
    pub fn recording_name(&self, recording: u16) -> &str {
        &self.outlines[usize::from(recording)].name
    }

    /// How a connection is called in a sentence: `connection 3`, with its recording where there are
    /// several.
    pub fn describe_connection(&self, connection: ConnectionIx) -> String {
        let state = self.connection(connection);
        let number = state.info.number;
        let what = match state.info.http {
            None => "connection",
            Some(_) => "HTTP exchange",
        };
        if self.outlines.len() == 1 {
            return format!("{what} {number}");
        }
        let recording = &self.outlines[usize::from(state.recording)].name;
        format!("{what} {number} of {recording}")
    }

    /// How whoever a line is of is called in a sentence: the session, else the connection.
    pub fn describe_peer(&self, line: Line) -> String {
        match self.holder_on(HolderKind::Session, line) {
            Some(session) => self.describe(session),
            None => self.describe_connection(line.connection),
        }
    }

    /// A holder as the subject of a finding.
    pub fn subject(&self, holder: Holder) -> Subject {
        match holder {
            Holder::Session(session) => Subject {
                session: Some(session),
                user: self.session_user(session),
                connection: None,
            },
            Holder::User(user) => Subject {
                user: Some(user),
                ..Subject::default()
            },
            Holder::Connection(connection) => {
                let state = self.connection(connection);
                Subject {
                    session: state.session,
                    user: state.user,
                    connection: Some(connection),
                }
            }
        }
    }

    /// When the recording that `place` is in ends, in nanoseconds since the Unix epoch.
    pub fn recording_ends_at(&self, place: Place) -> i64 {
        self.outlines[usize::from(place.recording)].ended_at
    }

    /// When a connection was closed; `None`: it was open when its recording ended.
    pub fn closed_at(&self, connection: ConnectionIx) -> Option<i64> {
        self.connection(connection)
            .info
            .closed
            .map(|moment| moment.at)
    }

    /// Until when a connection was watched: its end, or its recording's.
    pub fn watched_until(&self, connection: ConnectionIx) -> i64 {
        let state = self.connection(connection);
        self.closed_at(connection)
            .unwrap_or(self.outlines[usize::from(state.recording)].ended_at)
    }

    /// The seconds from the beginning of the history to `at`.
    pub fn seconds(&self, at: i64) -> f64 {
        let start = self
            .outlines
            .iter()
            .map(|outline| outline.started_at)
            .min()
            .unwrap_or(0);
        (at - start) as f64 / 1e9
    }

    pub(super) fn accept(&mut self, connection: ConnectionIx) {
        self.enter(connection);
        self.connections[connection.0 as usize].connected = Connected::Yes;
        self.live_connections += 1;
    }

    /// The session and user of a connection; before they are known, those that it turns out to speak
    /// for first.
    pub(super) fn identity_ahead(
        &mut self,
        connection: ConnectionIx,
    ) -> (Option<SessionIx>, Option<UserIx>) {
        let state = &self.connections[connection.0 as usize];
        let (info, session, user) = (state.info, state.session, state.user);
        let first = |kind| info.tags.iter().find(move |tag| tag.kind == kind);
        let session = session.or_else(|| {
            let tag = first(TagKind::Session)?;
            Some(SessionIx(self.sessions.number(&tag.value)))
        });
        let session = session.or_else(|| {
            let lane = self.connections[connection.0 as usize].lanes.first()?;
            Some(SessionIx(self.sessions.number(&lane.value)))
        });
        let user = user.or_else(|| {
            let tag = first(TagKind::User)?;
            Some(UserIx(self.users.number(&tag.value)))
        });
        (session, user)
    }

    /// Counts a message or control frame of a connection.
    pub(super) fn carry(&mut self, connection: ConnectionIx) {
        self.connections[connection.0 as usize].carried += 1;
    }

    /// Counts a message of the server.
    pub(super) fn receive(&mut self, connection: ConnectionIx) {
        self.connections[connection.0 as usize].received += 1;
    }

    /// Notes a message that could not be decoded.
    pub(super) fn fail_to_decode(&mut self, connection: ConnectionIx, seq: u64) {
        self.connections[connection.0 as usize].last_undecoded = Some(seq);
        self.any_undecoded = true;
    }

    pub(super) fn close(&mut self, connection: ConnectionIx) {
        let state = &mut self.connections[connection.0 as usize];
        let stood = state.connected == Connected::Yes;
        state.connected = Connected::NoMore;
        if stood {
            self.live_connections -= 1;
            self.leave(connection);
        }
    }

    pub(super) fn tag(&mut self, connection: ConnectionIx, from: u64, kind: TagKind, value: &str) {
        let index = connection.0 as usize;
        let stands = self.connections[index].connected == Connected::Yes;
        if stands {
            self.leave(connection);
        }
        match kind {
            TagKind::Session => {
                let session = SessionIx(self.sessions.number(value));
                let state = &mut self.connections[index];
                state.session = Some(session);
                state.identified_from.get_or_insert(from);
            }
            TagKind::User => {
                let user = UserIx(self.users.number(value));
                let state = &mut self.connections[index];
                state.user = Some(user);
            }
            TagKind::Device => {
                let state = &mut self.connections[index];
                state.device = Some(value.to_owned());
            }
            TagKind::Credential | TagKind::Claim => {}
        }
        self.remember_user(connection);
        if stands {
            self.enter(connection);
        }
    }

    /// From here on the lane of that place is there.
    pub(super) fn share(&mut self, connection: ConnectionIx, lane: usize) {
        let index = connection.0 as usize;
        let session = self
            .sessions
            .number(&self.connections[index].lanes[lane].value);
        self.remember_user_of(SessionIx(session), connection);
        let state = &mut self.connections[index];
        state.sharing.push(SessionIx(session));
        if state.connected == Connected::Yes {
            self.live_sessions.add(session);
        }
    }

    /// The lane of a message that names `session` on a connection which several share.
    pub(super) fn lane(&self, connection: ConnectionIx, session: Option<&str>) -> Lane {
        let Some(name) = session else {
            return Lane::Unsaid;
        };
        let state = self.connection(connection);
        let session = self.session_named(name);
        match session.filter(|session| state.sharing.contains(session)) {
            Some(session) if state.session != Some(session) => Lane::Other(session),
            Some(_) | None => Lane::Own,
        }
    }

    fn remember_user(&mut self, connection: ConnectionIx) {
        let session = self.connections[connection.0 as usize].session;
        if let Some(session) = session {
            self.remember_user_of(session, connection);
        }
    }

    fn remember_user_of(&mut self, session: SessionIx, connection: ConnectionIx) {
        let state = &self.connections[connection.0 as usize];
        let index = session.0 as usize;
        if self.session_users.len() <= index {
            self.session_users.resize(index + 1, None);
        }
        if self.session_users[index].is_none() {
            self.session_users[index] = state.user;
        }
    }

    fn enter(&mut self, connection: ConnectionIx) {
        let state = &self.connections[connection.0 as usize];
        for session in state.session.iter().chain(&state.sharing) {
            self.live_sessions.add(session.0);
        }
        if let Some(user) = state.user {
            self.live_users.add(user.0);
        }
    }

    fn leave(&mut self, connection: ConnectionIx) {
        let state = &self.connections[connection.0 as usize];
        for session in state.session.iter().chain(&state.sharing) {
            self.live_sessions.remove(session.0);
        }
        if let Some(user) = state.user {
            self.live_users.remove(user.0);
        }
    }
}

/// The path of a request's target; empty where the head does not parse.
fn path(request_head: &[u8]) -> String {
    let line = request_head
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(path).into_owned()
}
