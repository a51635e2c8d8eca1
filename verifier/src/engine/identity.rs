//! On whose behalf a connection speaks, and where it says so.

use wsaudit_tagging::TagKind;

use super::lanes::{Lane, Line};
use super::losses::Losses;
use super::state::{ConnectionIx, Cx, Holder, SessionIx, UserIx};
use crate::finding::{Evidence, Place};
use crate::history::{Anomaly, Connection, Tag};
use crate::rules::HolderKind;

/// Whether an id was taken from a secret, or redacted in a message, and is known, or a part of it, as a
/// hash only. It cannot be compared with an id that is readable.
pub fn is_hashed(id: &str) -> bool {
    id.contains("redacted-")
}

/// The sessions for which a connection speaks, and those of its lanes, each with the users that it speaks for meanwhile.
///
/// An exchange that is answered to another session than asked says in its request who asked, and in its answer (a cookie that it
/// sets) who that one is.
pub(crate) fn with_users<'h>(
    connection: &'h Connection,
    lanes: &'h [Tag],
) -> Vec<(&'h Tag, Vec<&'h Tag>)> {
    let of = |kind: TagKind| -> Vec<(&'h Tag, u64)> {
        let tags = || connection.tags.iter().filter(move |tag| tag.kind == kind);
        let ends = tags().skip(1).map(|next| next.from);
        tags().zip(ends.chain([u64::MAX])).collect()
    };
    let (sessions, users) = (of(TagKind::Session), of(TagKind::User));
    let last = sessions.len().saturating_sub(1);
    let switches = connection.http.is_some() && last > 0;
    let shared = lanes.iter().map(|lane| (lane, u64::MAX));
    let sessions = sessions.into_iter().chain(shared).enumerate();
    sessions
        .map(|(number, (session, until))| {
            let is_there = |user: &Tag, user_until: u64| {
                if switches {
                    user.source.starts_with("set-cookie:") == (number == last)
                } else {
                    user.from < until && session.from < user_until
                }
            };
            let there = users.iter().filter(|(user, end)| is_there(user, *end));
            (session, there.map(|(user, _)| *user).collect())
        })
        .collect()
}

/// Why a session may have been seen with another user before the one that is known.
#[derive(Debug, Clone, Copy)]
pub enum OtherUser {
    /// Frames that are missing or cannot be decoded may say so.
    Missing,
    /// Two recordings have it with two users, and which of these places came first is not known.
    Crossed(Place, Place),
}

impl<'h> Cx<'h> {
    /// Everybody of that kind for whom a connection ever speaks.
    pub fn holders_ever(&self, kind: HolderKind, connection: ConnectionIx) -> Vec<Holder> {
        let state = self.connection(connection);
        let tags = |wanted: TagKind| {
            let own = state.info.tags.iter().filter(move |tag| tag.kind == wanted);
            own.filter_map(|tag| self.holder_named(kind, &tag.value))
        };
        let lanes = state.lanes.iter();
        let lanes = lanes.filter_map(|lane| self.session_named(&lane.value));
        let mut holders: Vec<_> = match kind {
            HolderKind::Session => {
                let shared = lanes.map(Holder::Session);
                tags(TagKind::Session).chain(shared).collect()
            }
            HolderKind::User => {
                let users = lanes.filter_map(|session| self.session_user(session));
                tags(TagKind::User).chain(users.map(Holder::User)).collect()
            }
            HolderKind::Connection => vec![Holder::Connection(connection)],
        };
        holders.sort_unstable();
        holders.dedup();
        holders
    }

    /// The id of the first holder of that kind for whom a connection speaks, now or later; `None`: it
    /// never says, or connections hold.
    pub fn first_name(&self, kind: HolderKind, connection: ConnectionIx) -> Option<&'h str> {
        let kind = match kind {
            HolderKind::Session => TagKind::Session,
            HolderKind::User => TagKind::User,
            HolderKind::Connection => return None,
        };
        let mut tags = self.connection(connection).info.tags.iter();
        tags.find(|tag| tag.kind == kind)
            .map(|tag| tag.value.as_str())
    }

    /// Why a session may have been seen with another user before the one that is known; `None`: it was not. `id` is the
    /// session's.
    pub fn other_user(&self, id: &str, losses: &Losses) -> Option<OtherUser> {
        let session = self.session_named(id);
        let first = session.and_then(|session| self.first_user(session));
        let is_lost = first.map_or(losses.any(), |first| losses.any_before(self, first.place));
        if is_lost && self.learns_from_messages() {
            return Some(OtherUser::Missing);
        }
        let first = first?;
        first.or.map(|other| OtherUser::Crossed(first.place, other))
    }

    /// The tag of that kind that holds for a connection at a place.
    pub fn tag_at(&self, kind: TagKind, connection: ConnectionIx, place: Place) -> Option<&'h Tag> {
        let mut tags = self.connection(connection).info.tags.iter();
        tags.rfind(|tag| tag.kind == kind && tag.from <= place.seq)
    }

    /// The tag that gives a lane to a session on a connection.
    pub(super) fn lane_of(&self, connection: ConnectionIx, session: SessionIx) -> Option<&'h Tag> {
        let mut lanes = self.connection(connection).lanes.iter();
        lanes.find(|lane| lane.value == self.session_name(session))
    }

    /// The session and user on whose behalf a line speaks here.
    pub(super) fn speaker(&self, line: Line) -> (Option<SessionIx>, Option<UserIx>) {
        let state = self.connection(line.connection);
        match line.other() {
            None if line.lane == Lane::Perhaps => (None, state.user),
            None => (state.session, state.user),
            Some(session) => {
                let user = state.user.or_else(|| self.session_user(session));
                (Some(session), user)
            }
        }
    }

    /// Whether that session surely has no part in a connection: several share it, all are known, and
    /// it is none of them.
    pub fn is_stranger(&self, connection: ConnectionIx, session: &str) -> bool {
        let state = self.connection(connection);
        let own = state.info.tags.iter();
        let own = own.filter(|tag| tag.kind == TagKind::Session);
        !state.lanes.is_empty()
            && state.blind_from.is_none()
            && own
                .chain(state.lanes)
                .all(|tag| tag.value != session && is_hashed(&tag.value) == is_hashed(session))
    }

    /// Whether several sessions share a connection, as far as that is known.
    pub(super) fn may_be_shared(&self, connection: ConnectionIx) -> bool {
        let state = self.connection(connection);
        !state.lanes.is_empty() || state.blind_from.is_some()
    }

    /// Whether what names nobody on a connection is of one of the sessions that share it, and nothing
    /// ever says of which.
    pub fn is_anybodys(&self, connection: ConnectionIx) -> bool {
        !self.connection(connection).lanes.is_empty()
            && self.first_name(HolderKind::Session, connection).is_none()
    }

    /// The frames that show on whose behalf a line speaks at a place: `connection 3 speaks for session
    /// s-2 (header:X-Session-ID)`.
    pub fn identity(&self, line: Line, place: Place) -> Evidence {
        let connection = line.connection;
        let state = self.connection(connection);
        let name = self.describe_connection(connection);
        let at = |seq| Place {
            recording: state.recording,
            seq,
        };
        let lane = line
            .other()
            .and_then(|session| self.lane_of(connection, session));
        if let Some(lane) = lane {
            let text = format!(
                "{name} is shared by session {} ({})",
                lane.value, lane.source
            );
            return Evidence::at(at(lane.from), text).pointing_at(lane.value.clone());
        }
        match self.tag_at(TagKind::Session, connection, place) {
            Some(tag) => Evidence::at(
                at(tag.from),
                format!("{name} speaks for session {} ({})", tag.value, tag.source),
            )
            .pointing_at(tag.value.clone()),
            None => Evidence::at(at(state.info.opened.seq), format!("{name} was opened")),
        }
    }

    /// All anomalies, with the recording that each is of.
    pub fn anomalies(&self) -> impl Iterator<Item = (u16, &'h Anomaly)> {
        (0_u16..)
            .zip(&self.outlines)
            .flat_map(|(recording, outline)| {
                outline
                    .anomalies
                    .iter()
                    .map(move |anomaly| (recording, anomaly))
            })
    }
}
