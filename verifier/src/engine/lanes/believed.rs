//! Which of the sessions that messages name count.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::{Provenance, TagKind};

use super::{By, Met};
use crate::finding::Place;
use crate::history::{Connection, Tag};
use crate::rules::Pointer;

/// By connection and session: what gives it its lane.
pub(super) type ByName = BTreeMap<(u32, String), Tag>;

/// The names that count.
#[derive(Debug, Default)]
pub(super) struct Believed {
    pub(super) lanes: ByName,
    /// Sessions that another user may have named first.
    pub(super) doubtful: BTreeMap<String, NamedFirst>,
}

/// Why another user may have named a session first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedFirst {
    /// Frames that are missing or cannot be decoded may say so.
    Unseen,
    /// Two recordings have it named by two users, and which of these places came first is not known.
    Crossed(Place, Place),
}

/// The names that count.
///
/// What the server opens, it opens. A client is believed where the connection was issued no session,
/// and where the session is none of a user that was issued to others only: of two users, the one whom
/// the server said it of; else who named it first. That is in doubt where frames of another user's connection
/// are missing by then (or anywhere, where the server may have opened the session there: `opens`), and where another
/// recording has another user name it, so soon after that it may have been before: the clocks may disagree by
/// `tolerance`, in nanoseconds.
pub(super) fn believed(
    naming: &[Pointer],
    opens: bool,
    connections: &[&mut Connection],
    met: &[Met],
    blind_from: &[Option<Place>],
    tolerance: i64,
) -> Believed {
    let mut believed = Believed::default();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for connection in connections {
        for session in issued(connection, TagKind::Session) {
            let users = users.entry(session).or_default();
            users.extend(issued(connection, TagKind::User));
        }
    }
    for one in met.iter().filter(|met| met.by == By::Opening) {
        let users = users.entry(&one.session).or_default();
        users.extend(issued(connections[one.connection as usize], TagKind::User));
        believed.lanes.insert(one.name(), one.tag(naming));
    }
    let lossy = Lossy::all(connections, blind_from);
    let mut claims: Vec<_> = met.iter().filter(|met| met.by == By::Client).collect();
    claims.sort_by_key(|met| (met.at, met.place));
    // The claims by which sessions are somebody's.
    let mut decided_by: BTreeMap<&str, &Met> = BTreeMap::new();
    for claim in claims {
        let connection = &connections[claim.connection as usize];
        if issued(connection, TagKind::Session).next().is_some() {
            continue;
        }
        let own: BTreeSet<_> = issued(connection, TagKind::User).collect();
        let theirs = users.entry(&claim.session).or_default();
        let may_be_late = || {
            lossy
                .iter()
                .any(|lossy| lossy.may_come_before(claim, &own, opens))
        };
        if theirs.is_empty() && may_be_late() {
            let name = claim.session.clone();
            believed.doubtful.insert(name, NamedFirst::Unseen);
        }
        if theirs.is_empty() && !own.is_empty() {
            theirs.extend(&own);
            decided_by.insert(&claim.session, claim);
        }
        if !own.is_empty() && !theirs.is_empty() && own.is_disjoint(theirs) {
            let first = decided_by.get(&claim.session[..]);
            if let Some(first) = first.filter(|first| first.may_come_after(claim, tolerance)) {
                let why = NamedFirst::Crossed(first.place, claim.place);
                let known = believed.doubtful.entry(claim.session.clone());
                let known = known.or_insert(why);
                if *known == NamedFirst::Unseen {
                    *known = why;
                }
            }
            continue;
        }
        // It may speak for the session before the server says that it may.
        let tag = claim.tag(naming);
        let known = believed.lanes.entry(claim.name());
        let known = known.or_insert_with(|| tag.clone());
        if tag.from < known.from {
            *known = tag;
        }
    }
    believed
}

/// A connection of somebody, of which something is missing or cannot be decoded.
struct Lossy<'c> {
    connection: u32,
    /// From where on.
    from: Place,
    /// The users that it was issued.
    users: BTreeSet<&'c str>,
}

impl<'c> Lossy<'c> {
    fn all(connections: &'c [&mut Connection], blind_from: &[Option<Place>]) -> Vec<Self> {
        let all = (0..).zip(connections).zip(blind_from);
        let lossy = all.filter_map(|((number, connection), from)| {
            let users: BTreeSet<_> = issued(connection, TagKind::User).collect();
            let speaks = connection.http.is_none() && !users.is_empty();
            speaks.then_some(Self {
                connection: number,
                from: (*from)?,
                users,
            })
        });
        lossy.collect()
    }

    /// Whether what is missing may give a session to somebody else than the users who claim it.
    fn may_come_before(&self, claim: &Met, own: &BTreeSet<&str>, opens: bool) -> bool {
        let is_before = self.from.recording != claim.place.recording || self.from < claim.place;
        (opens || is_before)
            && self.connection != claim.connection
            && !own.is_empty()
            && own.is_disjoint(&self.users)
    }
}

fn issued(connection: &Connection, kind: TagKind) -> impl Iterator<Item = &str> {
    connection
        .tags
        .iter()
        .filter(move |tag| tag.kind == kind && tag.provenance == Provenance::Issued)
        .map(|tag| tag.value.as_str())
}
