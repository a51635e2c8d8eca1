//! Sessions that several users hold: rules about sessions take them for one.
//!
//! Who presents the id of somebody else's session is that session to every rule about sessions, and what it gets is its own. So
//! such a rule says nothing of a session that the server gave to two users, other than that it is broken.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::Provenance;

use super::super::identity::with_users;
use super::super::state::Cx;
use crate::finding::{Doubt, Place, Subject};
use crate::history::Tag;
use crate::verdict::Reason;

/// A doubt of the rules about sessions, where one of the connections that a pack is about has a session of another user.
pub(super) fn by_several<'h>(cx: &Cx<'h>, is_meant: &[bool]) -> Option<Doubt> {
    let mut users: BTreeMap<&'h str, BTreeMap<&'h str, Place>> = BTreeMap::new();
    let meant = cx.connections().zip(is_meant).filter(|(_, meant)| **meant);
    for ((_, state), _) in meant {
        let is_issued = |user: &&&Tag| user.provenance == Provenance::Issued;
        let mut hold = |session: &'h Tag, user: &'h Tag| {
            let place = Place {
                recording: state.recording,
                seq: session.from.max(user.from),
            };
            let of = users.entry(&session.value).or_default();
            let first = of.entry(&user.value).or_insert(place);
            *first = place.min(*first);
        };
        for (session, users) in with_users(state.info, state.lanes) {
            for user in users.iter().filter(is_issued) {
                hold(session, user);
            }
        }
    }
    users.retain(|_, users| users.len() > 1);
    let (session, whose) = users.iter().next()?;
    let names: BTreeSet<_> = whose.keys().copied().collect();
    let names: Vec<_> = names.into_iter().collect();
    let (last, others) = names.split_last()?;
    let more = match users.len() - 1 {
        0 => String::new(),
        1 => ", and so is 1 session more".to_owned(),
        more => format!(", and so are {more} sessions more"),
    };
    Some(Doubt {
        reason: Reason::Undecided,
        message: format!(
            "session {session} is held by users {} and {last}{more}: a rule about sessions cannot tell them apart",
            others.join(", ")
        ),
        settle: "take a rule of kind `handshake` with one-holder = [\"user\"] into the pack, which is violated by it; where \
                 messages name the session, say so with `message` in [session]; or let users own"
            .to_owned(),
        place: whose.values().max().copied(),
        subject: Subject {
            session: cx.session_named(session),
            ..Subject::default()
        },
    })
}
