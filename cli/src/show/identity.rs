//! On whose behalf each connection speaks, at each place.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_recording::{ConnectionId, ReadError, Reader, Seq, TagKind, TagSpan};

/// The sessions, users and devices of a recording.
pub(super) struct Identities {
    /// By connection and kind, in the order of the places from which they hold.
    spans: BTreeMap<(ConnectionId, TagKind), Vec<TagSpan>>,
}

impl Identities {
    pub(super) fn read(reader: &Reader) -> Result<Self, ReadError> {
        let mut spans: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for span in reader.tags()? {
            spans
                .entry((span.tag.connection, span.tag.kind))
                .or_default()
                .push(span);
        }
        for spans in spans.values_mut() {
            spans.sort_by_key(|span| span.tag.from);
        }
        Ok(Self { spans })
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
    pub(super) fn sessions(&self) -> BTreeSet<&str> {
        self.spans_of(TagKind::Session)
            .map(|span| span.tag.value.as_str())
            .collect()
    }

    /// The connections that ever spoke for a session.
    pub(super) fn connections_of(&self, session: &str) -> BTreeSet<ConnectionId> {
        self.spans_of(TagKind::Session)
            .filter(|span| span.tag.value == session)
            .map(|span| span.tag.connection)
            .collect()
    }

    fn spans_of(&self, kind: TagKind) -> impl Iterator<Item = &TagSpan> {
        self.spans
            .iter()
            .filter(move |((_, of), _)| *of == kind)
            .flat_map(|(_, spans)| spans)
    }
}
