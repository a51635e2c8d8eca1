//! On whose behalf each connection speaks, at each place.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_recording::{ConnectionId, ReadError, Reader, Seq, TagKind, TagSpan};

/// The sessions, users and devices of a recording.
pub(super) struct Identities {
    /// By connection and kind, in the order of the places from which they hold.
    spans: BTreeMap<(ConnectionId, TagKind), Vec<TagSpan>>,
    /// By session: the connections that ever spoke for it. Looked for in `spans`, each of many sessions
    /// would cost a walk over all connections.
    speakers: BTreeMap<String, BTreeSet<ConnectionId>>,
}

impl Identities {
    pub(super) fn read(reader: &Reader) -> Result<Self, ReadError> {
        Ok(Self::of(reader.tags()?))
    }

    fn of(tags: Vec<TagSpan>) -> Self {
        let mut spans: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut speakers: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for span in tags {
            if span.tag.kind == TagKind::Session {
                let session = speakers.entry(span.tag.value.clone()).or_default();
                session.insert(span.tag.connection);
            }
            spans
                .entry((span.tag.connection, span.tag.kind))
                .or_default()
                .push(span);
        }
        for spans in spans.values_mut() {
            spans.sort_by_key(|span| span.tag.from);
        }
        Self { spans, speakers }
    }

    /// What holds for a connection at a place: the newest tag of that kind.
    pub(super) fn at(&self, connection: ConnectionId, kind: TagKind, seq: Seq) -> Option<&str> {
        let spans = self.spans.get(&(connection, kind))?;
        let newest = spans.iter().rev().find(|span| span.holds_at(seq))?;
        Some(&newest.tag.value)
    }

    /// Every value of a kind that a connection ever had, in order.
    pub(super) fn ever(&self, connection: ConnectionId, kind: TagKind) -> Vec<&str> {
        let mut values = Vec::new();
        for span in self.spans.get(&(connection, kind)).into_iter().flatten() {
            if !values.contains(&span.tag.value.as_str()) {
                values.push(span.tag.value.as_str());
            }
        }
        values
    }

    /// The sessions, by their ids.
    pub(super) fn sessions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.speakers.keys().map(String::as_str)
    }

    /// The connections that ever spoke for a session.
    pub(super) fn connections_of(&self, session: &str) -> BTreeSet<ConnectionId> {
        self.speakers.get(session).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_recording::{Provenance, TagRecord};

    use super::*;

    fn session(connection: u64, from: u64, value: &str) -> TagSpan {
        TagSpan {
            tag: TagRecord {
                connection: ConnectionId(connection),
                from: Seq(from),
                kind: TagKind::Session,
                value: value.to_owned(),
                source: "header:X".to_owned(),
                provenance: Provenance::Presented,
            },
            to: None,
        }
    }

    #[test]
    fn a_session_is_found_on_every_connection_that_ever_spoke_for_it() {
        let tags = vec![session(2, 5, "a"), session(1, 1, "a"), session(2, 9, "b")];
        let identities = Identities::of(tags);
        assert_eq!(identities.sessions().collect::<Vec<_>>(), ["a", "b"]);
        let of = |name| identities.connections_of(name).into_iter().map(|it| it.0);
        assert_eq!(of("a").collect::<Vec<_>>(), [1, 2]);
        assert_eq!(of("b").collect::<Vec<_>>(), [2]);
        assert_eq!(of("c").count(), 0);
    }
}
