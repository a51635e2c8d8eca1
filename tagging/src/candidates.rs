//! Which sources would have worked: told after a recording, for who did not know them before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use wsaudit_wire::{RequestHead, ResponseHead};

use crate::{AlreadyRedacted, Renewal, Source, Tag, TagKind};

/// Distinct values are counted up to here, per source.
const MAX_VALUES: usize = 10_000;

/// Sources are noted up to here: names are the clients' to choose, and memory must not be.
const MAX_SOURCES: usize = 200;

/// A source that would have yielded an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Of what it looks like the id.
    pub kind: TagKind,
    /// The source, as it is written.
    pub source: String,
    /// On how many connections it yields.
    pub connections: u64,
    /// How many connections there are.
    pub of: u64,
    /// How many distinct values it yields, up to 10,000.
    pub distinct: usize,
    /// How often an answer set another value for whoever presented one: then no value stays as long as a session does.
    pub renewed: u64,
}

impl Candidate {
    /// That it is renewed, as a clause; `None`: it is not.
    pub fn renewals(&self) -> Option<String> {
        let times = match self.renewed {
            0 => return None,
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        Some(format!("renewed {times} by answers to its own holder"))
    }

    /// The flag that takes it: `--session query:session_id`, quoted for a shell where it must be.
    pub fn flag(&self) -> String {
        let source = &self.source;
        let plain = |c: char| c.is_ascii_alphanumeric() || ":/._-".contains(c);
        if source.chars().all(plain) {
            format!("--{} {source}", self.kind.as_str())
        } else {
            format!(
                "--{} '{}'",
                self.kind.as_str(),
                source.replace('\'', "'\\''")
            )
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = if self.of == 1 {
            "connection"
        } else {
            "connections"
        };
        let values = if self.distinct == 1 {
            "value"
        } else {
            "values"
        };
        write!(
            f,
            "{} on {} of {} {connections}, {} {values}",
            self.source, self.connections, self.of, self.distinct,
        )?;
        if let Some(renewals) = self.renewals() {
            write!(f, ", {renewals}")?;
        }
        write!(f, ": {}", self.flag())
    }
}

/// Collects candidates over the connections of a recording.
///
/// Heads may be redacted or not: hashes are as distinct as what they stand for.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    connections: u64,
    /// By kind and source.
    seen: BTreeMap<(TagKind, String), Seen>,
    /// By the name of a cookie: how often it was renewed.
    renewed: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    connections: u64,
    /// Hashes of the values.
    values: BTreeSet<u64>,
}

impl Candidates {
    /// No connection yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a connection: its request, the response where there is one, and the claims that
    /// [`credentials`](crate::credentials()) told of it (a redacted head has no JWT any more).
    pub fn add(&mut self, request: &RequestHead, response: Option<&ResponseHead>, tags: &[Tag]) {
        self.connections += 1;
        let mut found = Found::default();
        for field in request.headers().iter() {
            if is_id_header(field.name) {
                // Names of header fields differ in case from client to client.
                let source = format!("header:{}", field.name.to_ascii_lowercase());
                found.note(field.name, source, field.value);
            }
        }
        for pair in request.query_pairs() {
            let source = format!("query:{}", pair.name);
            found.note(&pair.name, source, pair.value.as_bytes());
        }
        for cookie in request.cookies() {
            let name = String::from_utf8_lossy(cookie.name);
            found.note(&name, format!("cookie:{name}"), cookie.value);
        }
        for cookie in response.iter().flat_map(|response| response.set_cookies()) {
            let name = String::from_utf8_lossy(cookie.name);
            found.note(&name, format!("set-cookie:{name}"), cookie.value);
        }
        if let Some(response) = response {
            self.answered(request, response);
        }
        let segments: Vec<&str> = request.path().split('/').collect();
        for pair in segments.windows(2) {
            let source = format!("path:/{}/([^/]+)", regex::escape(pair[0]));
            found.note(pair[0], source, pair[1].as_bytes());
        }
        for tag in tags.iter().filter(|tag| tag.kind == TagKind::Claim) {
            let name = tag.source.rsplit([':', '/']).next().unwrap_or_default();
            found.note(name, tag.source.clone(), tag.value.as_bytes());
        }
        for (key, value) in found.0 {
            if self.seen.len() >= MAX_SOURCES && !self.seen.contains_key(&key) {
                continue;
            }
            let seen = self.seen.entry(key).or_default();
            seen.connections += 1;
            if seen.values.len() < MAX_VALUES {
                seen.values.insert(value);
            }
        }
    }

    /// Notes which cookies an answer renews, that of a plain request, too, which is no connection.
    pub fn answered(&mut self, request: &RequestHead, response: &ResponseHead) {
        let names: BTreeSet<_> = response.set_cookies().map(|cookie| cookie.name).collect();
        for name in names {
            let name = String::from_utf8_lossy(name);
            let renewal = Renewal::of(&name, request, response, &AlreadyRedacted);
            let renews = |one: Renewal| one.before.is_some_and(|before| before != one.now);
            if kind_of(&name).is_none() || !renewal.is_some_and(renews) {
                continue;
            }
            if self.renewed.len() < MAX_SOURCES || self.renewed.contains_key(&*name) {
                *self.renewed.entry(name.into_owned()).or_default() += 1;
            }
        }
    }

    /// The candidates: by kind, then those that stay as they are, then those on most connections, then by name.
    pub fn list(&self) -> Vec<Candidate> {
        let mut list: Vec<_> = self
            .seen
            .iter()
            // A name may have characters that no source can have.
            .filter(|((_, source), _)| source.parse::<Source>().is_ok())
            .map(|((kind, source), seen)| Candidate {
                kind: *kind,
                source: source.clone(),
                connections: seen.connections,
                of: self.connections,
                distinct: seen.values.len(),
                renewed: self.renewals(source),
            })
            .collect();
        list.sort_by_cached_key(|one| {
            let most = std::cmp::Reverse(one.connections);
            (one.kind, one.renewed > 0, most, one.source.clone())
        });
        list
    }

    fn renewals(&self, source: &str) -> u64 {
        let name = source.strip_prefix("set-").unwrap_or(source);
        let name = name.strip_prefix("cookie:");
        let times = name.and_then(|name| self.renewed.get(name));
        times.copied().unwrap_or_default()
    }
}

/// The hash of the first value that each source yields on one connection.
#[derive(Default)]
struct Found(BTreeMap<(TagKind, String), u64>);

impl Found {
    fn note(&mut self, name: &str, source: String, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        if let Some(kind) = kind_of(name) {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            let hash = hasher.finish();
            self.0.entry((kind, source)).or_insert(hash);
        }
    }
}

/// Of what something of that name looks like the id.
fn kind_of(name: &str) -> Option<TagKind> {
    let words = words(name);
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let ends_in_session_id = words
        .iter()
        .any(|word| word.ends_with("sessid") || word.ends_with("sessionid"));
    if has(&["csrf", "xsrf", "version", "timeout", "ip"]) {
        None
    } else if has(&DEVICE_WORDS) {
        Some(TagKind::Device)
    } else if has(&SESSION_WORDS) || ends_in_session_id {
        Some(TagKind::Session)
    } else if has(&USER_WORDS) && !has(&["agent"]) {
        Some(TagKind::User)
    } else {
        None
    }
}

const DEVICE_WORDS: [&str; 5] = ["device", "deviceid", "client", "clientid", "platform"];
const SESSION_WORDS: [&str; 4] = ["session", "sessions", "sess", "sid"];
/// Tenants too: they own things, as users do.
const USER_WORDS: [&str; 13] = [
    "user", "users", "uid", "userid", "username", "account", "accounts", "email", "sub", "login",
    "tenant", "tenants", "tenantid",
];

/// Not those whose names speak of clients and platforms, and that are no ids; nor the cookies, which
/// are candidates one by one.
fn is_id_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !lower.starts_with("sec-") && !lower.starts_with("x-forwarded-") && lower != "cookie"
}

/// `X-Session-ID`, `session_id`, `sessionId`: their words in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins =
            !c.is_ascii_alphanumeric() || (before.is_ascii_lowercase() && c.is_ascii_uppercase());
        if begins {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use wsaudit_wire::{RequestHead, ResponseHead};

    use super::Candidates;
    use crate::{Provenance, Tag, TagKind};

    fn told(heads: &[(&str, Option<&str>, &[Tag])]) -> Vec<String> {
        let mut candidates = Candidates::new();
        for (request, response, tags) in heads {
            let request = RequestHead::parse(request.as_bytes()).unwrap();
            let response = response.map(|raw| ResponseHead::parse(raw.as_bytes()).unwrap());
            candidates.add(&request, response.as_ref(), tags);
        }
        let list = candidates.list();
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_without_end_take_memory_up_to_a_limit() {
        let mut candidates = Candidates::new();
        for number in 0..1_000 {
            let head = format!("GET /?session_{number}=1&session_id=2 HTTP/1.1\r\n\r\n");
            let request = RequestHead::parse(head.as_bytes()).unwrap();
            candidates.add(&request, None, &[]);
        }
        let list = candidates.list();
        assert_eq!(list.len(), super::MAX_SOURCES);
        assert_eq!(list[0].source, "query:session_id");
        assert_eq!(list[0].connections, 1_000);
    }

    #[test]
    fn sources_are_told_with_their_counts_and_flags() {
        let claim = Tag {
            kind: TagKind::Claim,
            value: "u1".to_owned(),
            source: "jwt:sub".to_owned(),
            provenance: Provenance::Issued,
        };
        let a = "GET /ws?session_id=1&v=2 HTTP/1.1\r\nUser-Agent: x\r\nX-Device-Type: web\r\n\r\n";
        let b = "GET /users/u1/ws?session_id=2 HTTP/1.1\r\nCookie: connect.sid=x; theme=y\r\n\r\n";
        let answer = "HTTP/1.1 101 S\r\nSet-Cookie: PHPSESSID=z\r\n\r\n";
        assert_eq!(
            told(&[(a, None, &[claim]), (b, Some(answer), &[])]),
            [
                "query:session_id on 2 of 2 connections, 2 values: --session query:session_id",
                "cookie:connect.sid on 1 of 2 connections, 1 value: --session cookie:connect.sid",
                "set-cookie:PHPSESSID on 1 of 2 connections, 1 value: --session set-cookie:PHPSESSID",
                "jwt:sub on 1 of 2 connections, 1 value: --user jwt:sub",
                "path:/users/([^/]+) on 1 of 2 connections, 1 value: --user 'path:/users/([^/]+)'",
                "header:x-device-type on 1 of 2 connections, 1 value: --device header:x-device-type",
            ]
        );
    }

    #[test]
    fn a_cookie_that_is_renewed_comes_after_what_stays() {
        let open =
            |sid: &str| format!("GET /ws?session_id=1 HTTP/1.1\r\nCookie: sid={sid}\r\n\r\n");
        let mut candidates = Candidates::new();
        let parsed = |raw: &str| RequestHead::parse(raw.as_bytes()).unwrap();
        candidates.add(&parsed(&open("a")), None, &[]);
        let other = "GET /ws HTTP/1.1\r\nCookie: sid=b\r\n\r\n";
        let answer = |set: &str| {
            let raw = format!("HTTP/1.1 200 OK\r\nSet-Cookie: {set}\r\n\r\n");
            ResponseHead::parse(raw.as_bytes()).unwrap()
        };
        candidates.add(&parsed(other), Some(&answer("theme=x")), &[]);
        for set in ["sid=b; Path=/", "sid=gone; Max-Age=0", "sid=c", "sid=\"d\""] {
            candidates.answered(&parsed(other), &answer(set));
        }
        let list: Vec<_> = candidates.list().iter().map(ToString::to_string).collect();
        assert_eq!(
            list,
            [
                "query:session_id on 1 of 2 connections, 1 value: --session query:session_id",
                "cookie:sid on 2 of 2 connections, 2 values, renewed 2 times by answers to its own holder: \
                 --session cookie:sid",
            ]
        );
    }

    #[test]
    fn what_speaks_of_no_id_is_no_candidate() {
        let a = "GET /chat?transport=ws HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\n\
                 Sec-CH-UA-Platform: y\r\nX-Client-Version: 1\r\n\r\n";
        assert_eq!(told(&[(a, None, &[])]), Vec::<String>::new());
    }
}
