//! What is known at a place in the history: who is connected, and on whose behalf.

mod advance;
mod live;
mod speakers;
mod users;

use self::live::Live;
use self::speakers::Speakers;
use self::users::{First, SessionUsers};
use super::elsewhere::Elsewhere;
use super::lanes::{Lane, Lanes, Line};
use super::names::Names;
use super::parts;
use super::renewed::Renewed;
use crate::finding::{Place, Subject};
use crate::history::{Connection, Gaps, Outline, Tag};
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
    /// How many messages and control frames it has carried; to be asked at the end.
    pub carried: u64,
    /// How many messages the server sent on it; likewise.
    pub received: u64,
    /// The seq of its last message so far that a pack could not decode.
    pub last_undecoded: Option<u64>,
    /// The seq of the first one.
    pub first_undecoded: Option<u64>,
    /// Whether it goes on from long polling: what was said there is not seen.
    pub goes_on: bool,
    /// The sessions that it has besides its own, each from a place on: messages that name one are its.
    pub lanes: &'h [Tag],
    /// Those of them that are there here.
    sharing: Vec<SessionIx>,
    /// Where messages name sessions: the seq from which what would give one a lane may be missing, or not
    /// decoded.
    pub blind_from: Option<u64>,
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
    /// By recording.
    pub(super) gaps: Vec<Gaps<'h>>,
    pub(super) elsewhere: Elsewhere,
    lanes: &'h Lanes,
    renewed: &'h Renewed,
    pub(super) connections: Vec<ConnectionState<'h>>,
    pub(super) speakers: Speakers<'h>,
    sessions: Names,
    users: Names,
    session_users: SessionUsers,
    /// By session: how many connections stand.
    live_sessions: Live,
    live_users: Live,
    live_connections: u32,
    /// Whether any connection goes on from something that is not seen.
    pub(super) any_goes_on: bool,
    /// Whether any message so far could not be decoded.
    pub(super) any_undecoded: bool,
    /// Whether frames are missing, and all of them are in parts of the run that are not here.
    pub(super) lacks_only_parts: bool,
    /// By how much the clocks of two recordings may disagree, in nanoseconds.
    pub(super) tolerance: i64,
}

impl<'h> Cx<'h> {
    /// `lanes` are those of the connections, whose tags have the names that `renewed` gives. `tolerance` is in
    /// nanoseconds.
    pub(super) fn new(
        outlines: Vec<&'h Outline>,
        lanes: &'h Lanes,
        renewed: &'h Renewed,
        tolerance: i64,
    ) -> Self {
        let mut lanes_of = lanes.by_connection.iter();
        let mut blind = lanes.blind_from.iter();
        let mut connections = Vec::new();
        for (recording, outline) in (0_u16..).zip(&outlines) {
            connections.extend(outline.connections.iter().map(|info| ConnectionState {
                recording,
                info,
                path: path(info.target()),
                session: None,
                user: None,
                device: None,
                connected: Connected::NotYet,
                identified_from: None,
                carried: 0,
                received: 0,
                last_undecoded: None,
                first_undecoded: None,
                goes_on: info.http.is_none() && goes_on(info.target()),
                lanes: lanes_of.next().map_or(&[], Vec::as_slice),
                sharing: Vec::new(),
                blind_from: blind.next().copied().flatten(),
            }));
        }
        Self {
            gaps: outlines.iter().map(|outline| Gaps::new(outline)).collect(),
            elsewhere: Elsewhere::new(&outlines, tolerance),
            lacks_only_parts: parts::are_all_that_lacks(&outlines),
            outlines,
            lanes,
            renewed,
            speakers: Speakers::new(&connections),
            any_goes_on: connections.iter().any(|connection| connection.goes_on),
            connections,
            sessions: Names::default(),
            users: Names::default(),
            session_users: SessionUsers::default(),
            live_sessions: Live::default(),
            live_users: Live::default(),
            live_connections: 0,
            any_undecoded: false,
            tolerance,
        }
    }

    /// The same history, from its beginning; everybody keeps the number that they have. Whose a session is
    /// becomes known where it became known before.
    pub(super) fn rewound(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            users: self.users.clone(),
            ..Self::new(
                self.outlines.clone(),
                self.lanes,
                self.renewed,
                self.tolerance,
            )
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
        self.sessions.name(session.0)
    }

    /// The id of a user.
    pub fn user_name(&self, user: UserIx) -> &str {
        self.users.name(user.0)
    }

    /// The session of that id, if any connection had it so far.
    pub fn session_named(&self, id: &str) -> Option<SessionIx> {
        let name = self.renewed.name(id);
        self.sessions.known(name).map(SessionIx)
    }

    /// The user of that id, likewise.
    pub fn user_named(&self, id: &str) -> Option<UserIx> {
        self.users.known(id).map(UserIx)
    }

    /// The user that a session was first seen with.
    pub fn session_user(&self, session: SessionIx) -> Option<UserIx> {
        self.session_users.user(session)
    }

    /// The same, with where that was.
    pub(super) fn first_user(&self, session: SessionIx) -> Option<&First> {
        self.session_users.first(session)
    }

    /// Whether messages say on whose behalf connections speak: who cannot read all of them does not know.
    pub fn learns_from_messages(&self) -> bool {
        let in_message = |tag: &Tag| {
            tag.source.starts_with("message:") || tag.source.starts_with("server-message:")
        };
        let mut all = self.connections.iter();
        self.lanes.are_named() || all.any(|state| state.info.tags.iter().any(in_message))
    }

    /// All sessions so far, in the order of first appearance.
    pub fn sessions(&self) -> impl Iterator<Item = SessionIx> + use<> {
        self.sessions.all().map(SessionIx)
    }

    /// All users so far, likewise.
    pub fn users(&self) -> impl Iterator<Item = UserIx> + use<> {
        self.users.all().map(UserIx)
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
            (HolderKind::Session, None) if line.lane == Lane::Perhaps => None,
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
        let recording = self.recording_name(state.recording);
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

    /// When the history begins, in nanoseconds since the Unix epoch.
    pub(super) fn begins_at(&self) -> i64 {
        beginning(&self.outlines)
    }

    /// The seconds from the beginning of the history to `at`.
    pub fn seconds(&self, at: i64) -> f64 {
        (at - self.begins_at()) as f64 / 1e9
    }
}

fn beginning(outlines: &[&Outline]) -> i64 {
    let starts = outlines.iter().map(|outline| outline.started_at);
    starts.min().unwrap_or(0)
}

/// The path of a request's target.
fn path(target: &[u8]) -> String {
    let mut parts = target.split(|byte| *byte == b'?');
    String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned()
}

/// Whether a request's target says that Engine.IO goes on from polling: `EIO=4&transport=websocket&sid=...`.
/// <https://socket.io/docs/v4/engine-io-protocol/#upgrade>
fn goes_on(target: &[u8]) -> bool {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    let query = parts.nth(1).unwrap_or_default();
    let has = |wanted: &[u8]| {
        let mut parameters = query.split(|byte| *byte == b'&');
        parameters.any(|parameter| parameter.starts_with(wanted))
    };
    has(b"EIO=") && has(b"transport=websocket") && has(b"sid=")
}
