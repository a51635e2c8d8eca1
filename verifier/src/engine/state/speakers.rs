//! Which connections speak for whom, over the whole history.

use hashbrown::HashMap;
use wsaudit_tagging::TagKind;

use super::{ConnectionIx, ConnectionState};
use crate::rules::HolderKind;

/// By what the tags and lanes of connections say, wherever they say it.
#[derive(Debug, Default)]
pub(in crate::engine) struct Speakers<'h> {
    sessions: HashMap<&'h str, Vec<ConnectionIx>>,
    users: HashMap<&'h str, Vec<ConnectionIx>>,
    shared: Vec<ConnectionIx>,
    without_session: Vec<Nobodys>,
    without_user: Vec<Nobodys>,
}

/// A connection that was opened before anything said whose it is.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Nobodys {
    pub(in crate::engine) connection: ConnectionIx,
    /// The last seq at which nothing says it yet; `u64::MAX - 1`: nothing ever does.
    pub(in crate::engine) last: u64,
}

impl<'h> Speakers<'h> {
    pub(super) fn new(connections: &[ConnectionState<'h>]) -> Self {
        let mut speakers = Self::default();
        for (connection, state) in (0..).map(ConnectionIx).zip(connections) {
            let tags = state.info.tags.iter();
            for tag in tags.chain(state.lanes) {
                let all = match tag.kind {
                    TagKind::Session => &mut speakers.sessions,
                    TagKind::User => &mut speakers.users,
                    TagKind::Device | TagKind::Credential | TagKind::Claim => continue,
                };
                let all = all.entry(&tag.value).or_default();
                if all.last() != Some(&connection) {
                    all.push(connection);
                }
            }
            if !state.lanes.is_empty() {
                speakers.shared.push(connection);
            }
            let nobodys = |kind| {
                let mut tags = state.info.tags.iter();
                let first = tags.find(|tag| tag.kind == kind);
                let last = first.map_or(u64::MAX, |tag| tag.from).checked_sub(1)?;
                (state.info.opened.seq <= last).then_some(Nobodys { connection, last })
            };
            speakers.without_session.extend(nobodys(TagKind::Session));
            speakers.without_user.extend(nobodys(TagKind::User));
        }
        speakers
    }

    /// The connections that ever speak for the session of that id, in order.
    pub(in crate::engine) fn of_session(&self, id: &str) -> &[ConnectionIx] {
        self.sessions.get(id).map_or(&[], Vec::as_slice)
    }

    /// Those that ever speak for the user of that id, in order, but for those of [`Self::shared`] that do
    /// so by their sessions alone.
    pub(in crate::engine) fn of_user(&self, id: &str) -> &[ConnectionIx] {
        self.users.get(id).map_or(&[], Vec::as_slice)
    }

    /// Those that have lanes: whose users these sessions are becomes known on the way.
    pub(in crate::engine) fn shared(&self) -> &[ConnectionIx] {
        &self.shared
    }

    /// Those of which nothing says for whom they speak, or does so only some time after they were opened.
    pub(in crate::engine) fn nobodys(&self, kind: HolderKind) -> &[Nobodys] {
        match kind {
            HolderKind::Session => &self.without_session,
            HolderKind::User => &self.without_user,
            HolderKind::Connection => &[],
        }
    }
}
