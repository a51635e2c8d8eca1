//! Tags anew, where a rule pack says who a connection speaks for.
//!
//! Kind by kind (session, user, device): where the pack's sources yield something on a connection,
//! that takes the place of what the recorder tagged; elsewhere the recorder's tags stay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wsaudit_tagging::{AlreadyRedacted, Issued, TagKind, TagRules, Tagger};
use wsaudit_wire::{Direction, RequestHead, ResponseHead};

use crate::history::{Connection, Outline, Source, SourceError, SourcePayload, Tag};
use crate::rules::{Pack, Pointer};

/// Two packs that want different tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "packs `{first}` and `{second}` say different things in [session]: verify with one at a time, \
     or make them agree"
)]
pub struct SessionConflict {
    /// One pack.
    pub first: String,
    /// The other.
    pub second: String,
}

/// What the packs say in `[session]`, where one says anything.
pub(super) fn rules(packs: &[Pack]) -> Result<Option<Said>, SessionConflict> {
    let mut saying = packs
        .iter()
        .filter(|pack| pack.session.all().next().is_some() || !pack.naming.at.is_empty());
    let Some(first) = saying.next() else {
        return Ok(None);
    };
    // Which events open a session, each pack says for itself: events are its own.
    let agree = |pack: &Pack| pack.session == first.session && pack.naming.at == first.naming.at;
    match saying.find(|pack| !agree(pack)) {
        Some(second) => Err(SessionConflict {
            first: first.name.clone(),
            second: second.name.clone(),
        }),
        None => Ok(Some(Said {
            tags: Arc::new(first.session.clone()),
            naming: first.naming.at.clone(),
        })),
    }
}

/// What packs say of sessions.
pub(super) struct Said {
    /// Whom a connection speaks for.
    pub(super) tags: Arc<TagRules>,
    /// Where a message names its session; empty: nowhere.
    pub(super) naming: Vec<Pointer>,
}

/// A recording's outline, tagged anew. Its messages are read only where a source is in them.
pub(super) fn tag_anew(rules: &Arc<TagRules>, source: &dyn Source) -> Result<Outline, SourceError> {
    let mut outline = source.outline().clone();
    let mut issued = Issued::default();
    for connection in &outline.connections {
        if let Ok(head) = ResponseHead::parse(&connection.response_head) {
            issued.note(&head, rules, &AlreadyRedacted);
        }
    }
    let mut retagging: Vec<_> = outline
        .connections
        .iter_mut()
        .map(|connection| Retagging::new(rules, connection))
        .collect();
    for one in &mut retagging {
        one.by_heads(&issued);
    }
    if retagging.iter().any(Retagging::wants_messages) {
        by_messages(source, &mut retagging)?;
    }
    for one in retagging {
        one.finish();
    }
    Ok(outline)
}

fn by_messages(source: &dyn Source, retagging: &mut [Retagging<'_>]) -> Result<(), SourceError> {
    // Sources of messages are about sockets; bodies are not looked into.
    let mut by_number: BTreeMap<u64, &mut Retagging<'_>> = retagging
        .iter_mut()
        .filter(|one| one.connection.http.is_none())
        .map(|one| (one.connection.number, one))
        .collect();
    let mut reading = source.reading()?;
    let mut cursor = reading.begin()?;
    while cursor.advance()?.is_some() {
        let message = cursor.current()?;
        if let SourcePayload::Whole(bytes) = message.payload
            && let Some(one) = by_number.get_mut(&message.connection)
        {
            let found = one.tagger.on_message(message.direction, bytes);
            one.add(found, message.moment.seq);
        }
    }
    Ok(())
}

/// A connection that is tagged anew.
struct Retagging<'c> {
    connection: &'c mut Connection,
    tagger: Tagger,
    found: Vec<Tag>,
}

impl<'c> Retagging<'c> {
    fn new(rules: &Arc<TagRules>, connection: &'c mut Connection) -> Self {
        Self {
            connection,
            tagger: Tagger::new(Arc::clone(rules)),
            found: Vec::new(),
        }
    }

    /// Tags by the heads, and by the claims that were recorded: the tokens themselves were not.
    fn by_heads(&mut self, issued: &Issued) {
        let opened = self.connection.opened.seq;
        // A head that does not parse yields nothing, as it did when it was recorded.
        if let Ok(head) = RequestHead::parse(&self.connection.request_head) {
            let found = self
                .tagger
                .on_request_knowing(&head, &AlreadyRedacted, issued);
            self.add(found, opened);
        }
        let claims = self
            .connection
            .tags
            .iter()
            .filter(|tag| tag.kind == TagKind::Claim);
        let found = self
            .tagger
            .on_claims(claims.map(|tag| (&*tag.source, &*tag.value)));
        self.add(found, opened);
        if let Ok(head) = ResponseHead::parse(&self.connection.response_head) {
            let found = match self.connection.http {
                None => self.tagger.on_response(&head, &AlreadyRedacted),
                Some(_) => self.tagger.on_answer(&head, &AlreadyRedacted),
            };
            let answered = self.connection.answered.map_or(opened, |moment| moment.seq);
            self.add(found, answered);
        }
    }

    fn wants_messages(&self) -> bool {
        Direction::BOTH
            .into_iter()
            .any(|direction| self.tagger.wants_messages(direction))
    }

    fn add(&mut self, found: Vec<wsaudit_tagging::Tag>, from: u64) {
        self.found.extend(found.into_iter().map(|tag| Tag {
            from,
            kind: tag.kind,
            value: tag.value,
            source: tag.source,
            provenance: tag.provenance,
        }));
    }

    fn finish(self) {
        let kinds: BTreeSet<_> = self.found.iter().map(|tag| tag.kind).collect();
        let tags = &mut self.connection.tags;
        tags.retain(|tag| !kinds.contains(&tag.kind));
        tags.extend(self.found);
        tags.sort_by_key(|tag| tag.from);
        self.connection.speak_from_the_beginning();
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_tagging::Provenance;
    use wsaudit_wire::Opcode;

    use super::*;
    use crate::history::{MemoryMessage, MemorySource, Moment};

    fn tag(kind: TagKind, value: &str, source: &str) -> Tag {
        Tag {
            from: 1,
            kind,
            value: value.into(),
            source: source.into(),
            provenance: Provenance::Issued,
        }
    }

    /// A connection whose recorder knew the device and a token's claim, and whose client logs in.
    fn source() -> MemorySource {
        let connection = Connection {
            answered: Some(Moment { seq: 2, at: 0 }),
            status: Some(101),
            request_head: b"GET /ws?device=phone HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            tags: vec![
                tag(TagKind::Device, "laptop", "header:X-Device"),
                tag(TagKind::Session, "s-old", "header:X-Session"),
                tag(TagKind::Claim, "u-7", "jwt:sub"),
            ],
            ..Connection::new(1, Moment { seq: 1, at: 0 })
        };
        let login = MemoryMessage {
            moment: Moment { seq: 5, at: 0 },
            connection: 1,
            direction: Direction::ClientToServer,
            opcode: Opcode::TEXT,
            payload: br#"{"type":"login","session":"s-new"}"#.to_vec(),
        };
        let outline = Outline {
            connections: vec![connection],
            ..Outline::default()
        };
        MemorySource::new(outline, vec![login])
    }

    fn tagged(session: &str, user: &str, device: &str) -> Vec<(TagKind, String, u64)> {
        let list = |text: &str| {
            text.split_whitespace()
                .map(|one| one.parse().unwrap())
                .collect()
        };
        let rules = TagRules {
            session: list(session),
            user: list(user),
            device: list(device),
        };
        let outline = tag_anew(&Arc::new(rules), &source()).unwrap();
        let tags = &outline.connections[0].tags;
        tags.iter()
            .map(|tag| (tag.kind, tag.value.clone(), tag.from))
            .collect()
    }

    #[test]
    fn what_the_sources_yield_takes_the_place_of_what_was_recorded() {
        let tags = tagged("message:/session", "jwt:sub", "query:device");
        assert!(tags.contains(&(TagKind::Session, "s-new".into(), 5)));
        assert!(
            !tags
                .iter()
                .any(|(_, value, _)| value == "s-old" || value == "laptop")
        );
        assert!(tags.contains(&(TagKind::User, "u-7".into(), 1)));
        assert!(tags.contains(&(TagKind::Device, "phone".into(), 1)));
    }

    #[test]
    fn packs_agree_on_where_messages_name_their_session() {
        let pack = |name: &str, session: &str| {
            let text = format!(
                "[pack]\nname = \"{name}\"\nformat = 1\n{session}\n[events]\na = {{ name = \"a\" }}\n\
                 [[rule]]\nid = \"r\"\ntitle = \"t\"\nkind = \"never\"\nevent = \"a\"\n"
            );
            Pack::from_texts(&[("pack.toml", &text)]).unwrap()
        };
        let naming = "[session]\nmessage = \"/session\"";
        let others = "[session]\nmessage = \"/sid\"";
        let said = rules(&[pack("a", ""), pack("b", naming), pack("c", naming)]).unwrap();
        assert_eq!(said.unwrap().naming, ["/session".parse().unwrap()]);
        let conflict = rules(&[pack("a", naming), pack("b", others)])
            .err()
            .unwrap();
        assert_eq!((&*conflict.first, &*conflict.second), ("a", "b"));
        assert!(rules(&[pack("a", "")]).unwrap().is_none());
    }

    #[test]
    fn what_they_do_not_yield_stays_as_it_was_recorded() {
        let tags = tagged("header:X-Other", "", "message:/nothing");
        assert!(tags.contains(&(TagKind::Session, "s-old".into(), 1)));
        assert!(tags.contains(&(TagKind::Device, "laptop".into(), 1)));
    }
}
