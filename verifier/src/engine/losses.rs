//! What the connections of somebody carried, and nobody can read any more.

use hashbrown::HashMap;

use super::state::{ConnectionIx, Cx, Holder};
use crate::finding::Place;
use crate::rules::HolderKind;

/// The connections of which something is missing or cannot be decoded, once the whole history is known.
#[derive(Debug)]
pub struct Losses {
    all: Vec<ConnectionIx>,
    of: HashMap<Holder, Vec<ConnectionIx>>,
}

impl Losses {
    /// Of everybody.
    pub fn new(cx: &Cx<'_>) -> Self {
        let mut of: HashMap<_, Vec<_>> = HashMap::new();
        let lossy = cx.connections().filter(|(connection, state)| {
            let end = Place {
                recording: state.recording,
                seq: u64::MAX,
            };
            cx.lost_between(*connection, None, end) || cx.elsewhere.lacks_anything()
        });
        let all: Vec<_> = lossy.map(|(connection, _)| connection).collect();
        for connection in all.iter().copied() {
            let kinds = [
                HolderKind::Session,
                HolderKind::User,
                HolderKind::Connection,
            ];
            let holders = kinds.map(|kind| cx.holders_ever(kind, connection));
            for holder in holders.into_iter().flatten() {
                of.entry(holder).or_default().push(connection);
            }
        }
        Self { all, of }
    }

    /// Whether something of any connection is missing or cannot be decoded.
    pub const fn any(&self) -> bool {
        !self.all.is_empty()
    }

    /// Whether something of any connection before a place is missing or cannot be decoded.
    pub fn any_before(&self, cx: &Cx<'_>, to: Place) -> bool {
        let mut all = self.all.iter();
        all.any(|connection| cx.lost_between(*connection, None, to))
    }

    /// Whether something of somebody's connections between two places is missing or cannot be decoded;
    /// `None`: from the beginning on.
    pub fn between(&self, cx: &Cx<'_>, holder: Holder, from: Option<Place>, to: Place) -> bool {
        let mut lossy = self.of.get(&holder).into_iter().flatten();
        lossy.any(|connection| cx.lost_between(*connection, from, to))
    }
}
