//! The start of a rule pack, from what a recording holds: what it calls its messages, where ids are, and
//! the rules that these suggest. A guess is written as a comment; what is written as a rule held in the
//! recording by what was counted, which its comment says.

mod graphql;
mod observe;
mod write;

use wsaudit_tagging::{Candidates, Provenance, Tag, TagKind};
use wsaudit_wire::{RequestHead, ResponseHead};

use crate::history::{Connection, Source, SourceError};
use crate::kinds::correlated::Framing;
use crate::rules::Codec;

use observe::Observed;

/// The text of a pack of that name, which passes `wsaudit rules check`.
pub fn draft(name: &str, sources: &[Box<dyn Source>]) -> Result<String, SourceError> {
    let mut observed = Observed::new(codec(sources));
    let mut candidates = Candidates::new();
    let mut tagged = Vec::new();
    for source in sources {
        for connection in &source.outline().connections {
            add(&mut candidates, connection);
            tagged.extend(
                connection
                    .tags
                    .iter()
                    .map(|tag| (tag.kind, tag.source.clone())),
            );
        }
        observed.read(source.as_ref())?;
    }
    tagged.retain(|(kind, _)| matches!(kind, TagKind::Session | TagKind::User | TagKind::Device));
    tagged.sort();
    tagged.dedup();
    Ok(write::pack(name, &observed, &tagged, &candidates.list()))
}

/// What most connections need, by their handshakes.
fn codec(sources: &[Box<dyn Source>]) -> Codec {
    let connections = sources
        .iter()
        .flat_map(|source| &source.outline().connections)
        .filter(|connection| connection.http.is_none());
    let (mut socket_io, mut stomp, mut others) = (0, 0, 0);
    for connection in connections {
        match Framing::of_handshake(connection) {
            Some(Framing::SocketIo) => socket_io += 1,
            Some(Framing::Stomp) => stomp += 1,
            Some(_) | None => others += 1,
        }
    }
    if socket_io > stomp + others {
        Codec::SocketIo
    } else if stomp > socket_io + others {
        Codec::Stomp
    } else {
        Codec::Auto
    }
}

/// What a connection's heads and claims could say of whom it speaks for.
fn add(candidates: &mut Candidates, connection: &Connection) {
    let Ok(request) = RequestHead::parse(&connection.request_head) else {
        return;
    };
    let response = ResponseHead::parse(&connection.response_head).ok();
    let claims = connection
        .tags
        .iter()
        .filter(|tag| tag.kind == TagKind::Claim);
    let claims: Vec<_> = claims
        .map(|tag| Tag {
            kind: tag.kind,
            value: tag.value.clone(),
            source: tag.source.clone(),
            provenance: Provenance::Issued,
        })
        .collect();
    candidates.add(&request, response.as_ref(), &claims);
}
