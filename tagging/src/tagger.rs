//! Takes the ids out of a connection's heads and messages.

use std::sync::Arc;

use memchr::memmem;
use wsaudit_wire::{Direction, RequestHead, ResponseHead};

use crate::credentials::credential_part;
use crate::issued::{self, Issued};
use crate::jwt::{self, Jwt};
use crate::pointer::JsonPointer;
use crate::{Provenance, Redactor, Source, Tag, TagKind};

/// Which sources say who a connection speaks for; of each list the first that yields wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagRules {
    /// The application's session id.
    pub session: Vec<Source>,
    /// The user's id.
    pub user: Vec<Source>,
    /// The device, or type of session.
    pub device: Vec<Source>,
}

/// The kinds of tags that sources are configured for.
const KINDS: [TagKind; 3] = [TagKind::Session, TagKind::User, TagKind::Device];

impl TagRules {
    /// The sources of one kind; none for kinds that are not configured but found.
    pub fn sources(&self, kind: TagKind) -> &[Source] {
        match kind {
            TagKind::Session => &self.session,
            TagKind::User => &self.user,
            TagKind::Device => &self.device,
            TagKind::Credential | TagKind::Claim => &[],
        }
    }

    /// Whether a source is about a cookie of that name: one that is presented, or set.
    pub fn names_cookie(&self, name: &[u8]) -> bool {
        self.all().any(|source| match source {
            Source::Cookie(named) | Source::SetCookie(named) => named.as_bytes() == name,
            _ => false,
        })
    }

    /// Whether any source is about a cookie.
    pub fn name_cookies(&self) -> bool {
        self.all()
            .any(|source| matches!(source, Source::Cookie(_) | Source::SetCookie(_)))
    }

    /// All sources, whatever their kind.
    pub fn all(&self) -> impl Iterator<Item = &Source> {
        KINDS.into_iter().flat_map(|kind| self.sources(kind))
    }
}

/// Tags one connection.
///
/// It gives a tag when a value is first known, and again when it changes. A source outranks those
/// after it in its list: what they yield later does not change what it yielded.
#[derive(Debug, Clone)]
pub struct Tagger {
    rules: Arc<TagRules>,
    held: [Option<Held>; KINDS.len()],
}

/// The value that holds, and the place of its source in the list.
#[derive(Debug, Clone)]
struct Held {
    rank: usize,
    tag: Tag,
}

impl Tagger {
    /// A tagger for a connection of which nothing is known yet.
    pub fn new(rules: Arc<TagRules>) -> Self {
        Self {
            rules,
            held: [const { None }; KINDS.len()],
        }
    }

    /// Takes the ids out of the request's head, before it is redacted.
    pub fn on_request(&mut self, request: &RequestHead, redactor: &dyn Redactor) -> Vec<Tag> {
        self.on_request_knowing(request, redactor, &Issued::default())
    }

    /// The same, knowing which cookies the server has set before: an id that it issued, and that comes
    /// back, is more than one that a client presents.
    pub fn on_request_knowing(
        &mut self,
        request: &RequestHead,
        redactor: &dyn Redactor,
        issued: &Issued,
    ) -> Vec<Tag> {
        self.each(|source| match source {
            Source::Cookie(name) | Source::SetCookie(name) => {
                let found = Found::plainly(source, presented(name, request, redactor)?);
                if issued.has(name, &found.value) {
                    Some(Found {
                        provenance: Provenance::Issued,
                        ..found
                    })
                } else {
                    // Nobody but the client says so.
                    matches!(source, Source::Cookie(_)).then_some(found)
                }
            }
            _ => from_request(source, request, redactor).map(|value| Found::plainly(source, value)),
        })
    }

    /// Takes the ids out of the answer to a plain request, before it is redacted: a cookie that it
    /// sets, and that a source names, is an id that the server issues, whether the source is about
    /// presented cookies or about those that are set.
    pub fn on_answer(&mut self, response: &ResponseHead, redactor: &dyn Redactor) -> Vec<Tag> {
        self.each(|source| match source {
            Source::Cookie(name) | Source::SetCookie(name) => {
                let mut cookies = issued::cookies(response);
                let cookie = cookies.find(|cookie| cookie.name == name.as_bytes())?;
                Some(Found {
                    value: redactor.replacement(cookie.value),
                    source: Source::SetCookie(name.clone()).to_string(),
                    provenance: Provenance::Issued,
                })
            }
            _ => None,
        })
    }

    /// Takes the ids out of claims that were recorded: pairs of a claim's source (`jwt:sub`) and its
    /// value. The tokens that they came from are not in a recording.
    pub fn on_claims<'c>(
        &mut self,
        claims: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Vec<Tag> {
        let claims: Vec<_> = claims.into_iter().collect();
        self.each(|source| match source {
            Source::Jwt(_) => {
                let wanted = source.to_string();
                let found = claims.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| Found::plainly(source, (*value).to_owned()))
            }
            _ => None,
        })
    }

    /// Takes the ids out of the response's head, before it is redacted.
    pub fn on_response(&mut self, response: &ResponseHead, redactor: &dyn Redactor) -> Vec<Tag> {
        self.each(|source| match source {
            Source::SetCookie(name) => issued::cookies(response)
                .find(|cookie| cookie.name == name.as_bytes())
                .map(|cookie| Found::plainly(source, redactor.replacement(cookie.value))),
            _ => None,
        })
    }

    /// Whether messages of that direction can still yield a tag; where not, they need not be given.
    pub fn wants_messages(&self, direction: Direction) -> bool {
        KINDS.iter().zip(&self.held).any(|(kind, held)| {
            let sources = self.rules.sources(*kind);
            let last = held.as_ref().map_or(sources.len(), |held| held.rank + 1);
            sources[..last]
                .iter()
                .any(|source| message_pointer(source, direction).is_some())
        })
    }

    /// Takes the ids out of a message: joined, inflated, as JSON text. One that is no JSON text
    /// yields nothing.
    pub fn on_message(&mut self, direction: Direction, message: &[u8]) -> Vec<Tag> {
        if !self.wants_messages(direction) {
            return Vec::new();
        }
        let mut checked: Option<Option<&str>> = None;
        self.each(|source| {
            let pointer = message_pointer(source, direction)?;
            if !may_hold(message, pointer) {
                return None;
            }
            let text = *checked.get_or_insert_with(|| std::str::from_utf8(message).ok());
            let value = pointer.scalar_in(text?);
            value
                .filter(|value| !value.is_empty())
                .map(|value| Found::plainly(source, value))
        })
    }

    /// The tags that hold now.
    pub fn held(&self) -> impl Iterator<Item = &Tag> {
        self.held.iter().flatten().map(|held| &held.tag)
    }

    /// Asks each kind's sources in their order, down to the one that yielded what holds.
    fn each(&mut self, mut find: impl FnMut(&Source) -> Option<Found>) -> Vec<Tag> {
        let mut changed = Vec::new();
        for (kind, held) in KINDS.into_iter().zip(&mut self.held) {
            let sources = self.rules.sources(kind);
            let last = held.as_ref().map_or(sources.len(), |held| held.rank + 1);
            let found = sources[..last]
                .iter()
                .enumerate()
                .find_map(|(rank, source)| Some((rank, find(source)?)));
            let Some((rank, found)) = found else {
                continue;
            };
            let tag = Tag {
                kind,
                value: found.value,
                source: found.source,
                provenance: found.provenance,
            };
            let is_new = held.as_ref().is_none_or(|held| {
                // A session id that the server now issues is more than one that a client presented.
                held.tag.value != tag.value || held.tag.provenance != tag.provenance
            });
            if is_new {
                changed.push(tag.clone());
                *held = Some(Held { rank, tag });
            } else if let Some(held) = held {
                held.rank = rank;
            }
        }
        changed
    }
}

/// What a source yields.
struct Found {
    value: String,
    source: String,
    provenance: Provenance,
}

impl Found {
    /// A value, with what its source says of it.
    fn plainly(source: &Source, value: String) -> Self {
        Self {
            value,
            source: source.to_string(),
            provenance: source.provenance(),
        }
    }
}

/// A cookie that the request presents, redacted.
pub(crate) fn presented(
    name: &str,
    request: &RequestHead,
    redactor: &dyn Redactor,
) -> Option<String> {
    request
        .cookies()
        .find(|cookie| cookie.name == name.as_bytes() && !cookie.value.is_empty())
        .map(|cookie| redactor.replacement(cookie.value))
}

fn message_pointer(source: &Source, direction: Direction) -> Option<&JsonPointer> {
    match (source, direction) {
        (Source::Message(pointer), Direction::ClientToServer)
        | (Source::ServerMessage(pointer), Direction::ServerToClient) => Some(pointer),
        _ => None,
    }
}

/// Whether parsing can yield anything: the pointer's last name is in the message, or may be there in
/// escapes.
fn may_hold(message: &[u8], pointer: &JsonPointer) -> bool {
    if !matches!(message.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return pointer.tokens().is_empty();
    }
    let name = pointer.tokens().last().map_or("", String::as_str);
    let is_index = name.bytes().all(|byte| byte.is_ascii_digit());
    is_index
        || memmem::find(message, name.as_bytes()).is_some()
        || memchr::memchr(b'\\', message).is_some()
}

fn from_request(source: &Source, request: &RequestHead, redactor: &dyn Redactor) -> Option<String> {
    let readable = |value: &str| {
        let value = value.trim();
        if jwt::contains(value.as_bytes()) {
            // Whatever holds a token is a secret, also where a source names it.
            return Some(redactor.replacement(value.as_bytes()));
        }
        (!value.is_empty()).then(|| value.to_owned())
    };
    match source {
        Source::Header(name) => {
            let mut values = request.headers().all(name).map(|field| field.value);
            if source.is_secret() {
                let value = values
                    .map(credential_part)
                    .find(|value| !value.is_empty())?;
                return Some(redactor.replacement(value));
            }
            values.find_map(|value| readable(&String::from_utf8_lossy(value)))
        }
        Source::Cookie(name) => presented(name, request, redactor),
        Source::Query(name) => request
            .query_pairs()
            .iter()
            .filter(|pair| pair.name == name.as_str())
            .find_map(|pair| readable(&pair.value)),
        Source::Path(pattern) => readable(pattern.find(request.path())?),
        Source::Subprotocol(pattern) => request.subprotocols().find_map(|offer| {
            let offer = String::from_utf8_lossy(offer.value);
            readable(pattern.find(&offer)?)
        }),
        Source::Jwt(claim) => tokens(request)
            .iter()
            .filter_map(|text| Jwt::find(text))
            .find_map(|token| token.claim(claim))
            .filter(|value| !value.is_empty() && !jwt::contains(value.as_bytes())),
        Source::Message(_) | Source::SetCookie(_) | Source::ServerMessage(_) => None,
    }
}

/// The texts in which a request may present a JWT, in the order in which they are looked at.
pub(crate) fn tokens(request: &RequestHead) -> Vec<Vec<u8>> {
    let headers = request.headers();
    let authorization = headers.all("Authorization").map(|f| f.value.to_vec());
    let cookies = request.cookies().map(|cookie| cookie.value.to_vec());
    let query = request.query_pairs().into_iter();
    let query = query.map(|pair| pair.value.into_owned().into_bytes());
    let subprotocols = request.subprotocols().map(|offer| offer.value.to_vec());
    authorization
        .chain(cookies)
        .chain(query)
        .chain(subprotocols)
        .collect()
}
