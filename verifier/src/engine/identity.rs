//! On whose behalf a connection speaks, and where it says so.

use wsaudit_tagging::TagKind;

use super::state::{ConnectionIx, Cx, Holder};
use crate::finding::{Evidence, Place};
use crate::history::{Anomaly, Connection, Tag};
use crate::rules::HolderKind;

/// Whether an id was taken from a secret, or redacted in a message, and is known, or a part of it, as a
/// hash only. It cannot be compared with an id that is readable.
pub fn is_hashed(id: &str) -> bool {
    id.contains("redacted-")
}

impl<'h> Cx<'h> {
    /// Everybody of that kind for whom a connection ever speaks.
    pub(super) fn holders_ever(
        &self,
        kind: HolderKind,
        connection: ConnectionIx,
        info: &Connection,
    ) -> Vec<Holder> {
        let tags = |wanted: TagKind| {
            let own = info.tags.iter().filter(move |tag| tag.kind == wanted);
            own.filter_map(|tag| self.holder_named(kind, &tag.value))
        };
        let mut holders: Vec<_> = match kind {
            HolderKind::Session => tags(TagKind::Session).collect(),
            HolderKind::User => tags(TagKind::User).collect(),
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

    /// The tag of that kind that holds for a connection at a place.
    pub fn tag_at(&self, kind: TagKind, connection: ConnectionIx, place: Place) -> Option<&'h Tag> {
        let mut tags = self.connection(connection).info.tags.iter();
        tags.rfind(|tag| tag.kind == kind && tag.from <= place.seq)
    }

    /// The frames that show on whose behalf a connection speaks at a place: `connection 3 speaks for
    /// session s-2 (header:X-Session-ID)`.
    pub fn identity(&self, connection: ConnectionIx, place: Place) -> Evidence {
        let state = self.connection(connection);
        let name = self.describe_connection(connection);
        let at = |seq| Place {
            recording: state.recording,
            seq,
        };
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
