//! Whose sessions are: the user that each was first seen with.

use super::{SessionIx, UserIx};
use crate::engine::numbered::grown;
use crate::finding::Place;

/// By session.
#[derive(Debug, Default)]
pub(super) struct SessionUsers(Vec<Option<First>>);

/// The user that a session was first seen with.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct First {
    user: UserIx,
    pub(in crate::engine) place: Place,
    /// Nanoseconds since the Unix epoch.
    at: i64,
    /// Where another recording shows it with another user, so soon after that it may have been before.
    pub(in crate::engine) or: Option<Place>,
}

impl SessionUsers {
    /// A session is with a user, where and when (in nanoseconds since the Unix epoch); the clocks of two recordings may
    /// disagree by `tolerance`.
    pub(super) fn see(
        &mut self,
        session: SessionIx,
        user: UserIx,
        (place, at): (Place, i64),
        tolerance: i64,
    ) {
        let slot = grown(&mut self.0, session.0 as usize);
        let Some(first) = slot else {
            *slot = Some(First {
                user,
                place,
                at,
                or: None,
            });
            return;
        };
        let is_elsewhere = place.recording != first.place.recording;
        if user != first.user && is_elsewhere && at.saturating_sub(first.at) <= tolerance {
            first.or.get_or_insert(place);
        }
    }

    pub(super) fn first(&self, session: SessionIx) -> Option<&First> {
        self.0.get(session.0 as usize)?.as_ref()
    }

    pub(super) fn user(&self, session: SessionIx) -> Option<UserIx> {
        self.first(session).map(|first| first.user)
    }
}
