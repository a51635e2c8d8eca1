//! From place to place: how the engine moves on what is known.

use wsaudit_tagging::TagKind;

use super::{Connected, ConnectionIx, Cx, SessionIx, UserIx};
use crate::engine::lanes::Lane;
use crate::engine::timeline::Mark;
use crate::finding::Place;
use crate::history::Moment;
use crate::rules::Lifecycle;

impl Cx<'_> {
    /// Goes on to a mark. A step of the connection's life is handed back, to be shown to rules; the
    /// end takes effect once they have seen it.
    pub(in crate::engine) fn mark(
        &mut self,
        connection: ConnectionIx,
        mark: Mark,
        moment: Moment,
    ) -> Option<Lifecycle> {
        let recording = self.connection(connection).recording;
        self.elsewhere.pass(recording, moment);
        match mark {
            Mark::Step(step) => {
                if step == Lifecycle::Accepted {
                    self.accept(connection);
                }
                Some(step)
            }
            Mark::Present => {
                self.accept(connection);
                None
            }
            Mark::Gone => {
                self.close(connection);
                None
            }
            Mark::Tag(number) => {
                let tags = &self.connection(connection).info.tags;
                let tag = &tags[number];
                self.tag(connection, tag.from, tag.kind, &tag.value);
                // A login says session and user at once: one of them alone is still with the other's
                // predecessor.
                if tags[number + 1..]
                    .iter()
                    .all(|other| other.from != tag.from)
                {
                    self.remember_user(connection, moment);
                }
                None
            }
            Mark::Lane(number) => {
                self.share(connection, number, moment);
                None
            }
        }
    }

    fn accept(&mut self, connection: ConnectionIx) {
        self.enter(connection);
        self.connections[connection.0 as usize].connected = Connected::Yes;
        self.live_connections += 1;
    }

    /// The session and user of a connection; before they are known, those that it turns out to speak
    /// for first.
    pub(in crate::engine) fn identity_ahead(
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
    pub(in crate::engine) fn carry(&mut self, connection: ConnectionIx, moment: Moment) {
        let state = &mut self.connections[connection.0 as usize];
        state.carried += 1;
        self.elsewhere.pass(state.recording, moment);
    }

    /// Counts a message of the server.
    pub(in crate::engine) fn receive(&mut self, connection: ConnectionIx) {
        self.connections[connection.0 as usize].received += 1;
    }

    /// Notes a message that could not be decoded.
    pub(in crate::engine) fn fail_to_decode(&mut self, connection: ConnectionIx, seq: u64) {
        let state = &mut self.connections[connection.0 as usize];
        state.first_undecoded.get_or_insert(seq);
        state.last_undecoded = Some(seq);
        self.any_undecoded = true;
    }

    pub(in crate::engine) fn close(&mut self, connection: ConnectionIx) {
        let state = &mut self.connections[connection.0 as usize];
        let stood = state.connected == Connected::Yes;
        state.connected = Connected::NoMore;
        if stood {
            self.live_connections -= 1;
            self.leave(connection);
        }
    }

    fn tag(&mut self, connection: ConnectionIx, from: u64, kind: TagKind, value: &str) {
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
        if stands {
            self.enter(connection);
        }
    }

    /// From here on the lane of that place is there.
    fn share(&mut self, connection: ConnectionIx, lane: usize, moment: Moment) {
        let index = connection.0 as usize;
        let session = self
            .sessions
            .number(&self.connections[index].lanes[lane].value);
        self.remember_user_of(SessionIx(session), connection, moment);
        let state = &mut self.connections[index];
        state.sharing.push(SessionIx(session));
        if state.connected == Connected::Yes {
            self.live_sessions.add(session);
        }
    }

    /// The lane of a message that names `session` on a connection which several share.
    pub(in crate::engine) fn lane(
        &self,
        connection: ConnectionIx,
        session: Option<&str>,
        seq: u64,
    ) -> Lane {
        let Some(name) = session else {
            return Lane::Unsaid;
        };
        let state = self.connection(connection);
        let session = self.session_named(name);
        if session.is_some() && state.session == session {
            return Lane::Own;
        }
        match session.filter(|session| state.sharing.contains(session)) {
            Some(session) => Lane::Other(session),
            None if state.blind_from.is_some_and(|from| from <= seq) => Lane::Perhaps,
            None => Lane::Own,
        }
    }

    fn remember_user(&mut self, connection: ConnectionIx, moment: Moment) {
        let state = &self.connections[connection.0 as usize];
        let sessions = state.session.iter().chain(&state.sharing);
        let sessions: Vec<_> = sessions.copied().collect();
        for session in sessions {
            self.remember_user_of(session, connection, moment);
        }
    }

    fn remember_user_of(&mut self, session: SessionIx, connection: ConnectionIx, moment: Moment) {
        let state = &self.connections[connection.0 as usize];
        if let Some(user) = state.user {
            let place = Place {
                recording: state.recording,
                seq: moment.seq,
            };
            let seen = (place, moment.at);
            self.session_users.see(session, user, seen, self.tolerance);
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
