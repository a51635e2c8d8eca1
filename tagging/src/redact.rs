//! Replaces the secrets of a head by their keyed hashes, and keeps everything else byte for byte.
//!
//! Default-deny: what may be a credential is replaced. The exceptions are named by the user: an id
//! that a configured source names stays readable, unless it is a credential by its place (a cookie,
//! `Authorization`) or holds a JWT.

mod edits;
mod text;

use std::ops::Range;

use edits::Edits;
use text::secrets_in;
use wsaudit_wire::{Header, RequestHead, ResponseHead};

use crate::credentials::credential_part;
use crate::jwt;
use crate::secrets::{is_handshake_header, is_secret_header, is_secret_name, secret_subprotocols};
use crate::{Redactor, Source, TagRules};

/// The request's head with every secret replaced; it parses as before, to the same names.
///
/// Replaced are the values of `Authorization` (its scheme stays), cookies, fields named like secrets,
/// query parameters named like secrets, subprotocols that are tokens, user information in URLs, and
/// JWTs wherever they are.
pub fn redact_request_head(
    request: &RequestHead,
    rules: &TagRules,
    redactor: &dyn Redactor,
) -> Vec<u8> {
    let mut edits = Edits::new(request.raw(), redactor);
    for pair in request.query_pairs() {
        let named = rules
            .all()
            .any(|s| matches!(s, Source::Query(name) if *name == pair.name));
        let secret = is_secret_name(&pair.name) && !named;
        if secret || jwt::contains(pair.value.as_bytes()) {
            edits.replace(pair.value_at, pair.value.as_bytes());
        }
    }
    let readable = |name: &str| {
        rules
            .all()
            .any(|s| matches!(s, Source::Query(n) if n == name))
    };
    // Each part on its own: a value in the path ends where the query begins.
    let (target, path) = (request.target_at(), request.path_at());
    for part in [target.start..path.start, path.clone(), path.end..target.end] {
        edits.replace_all(part, |text| secrets_in(text, &readable));
    }
    for field in request.headers().iter() {
        redact_field(&field, rules, &mut edits);
    }
    for at in secret_subprotocols(request.subprotocols()) {
        if !names_subprotocol(rules, &request.raw()[at.clone()]) {
            edits.replace_range(at);
        }
    }
    edits.apply()
}

/// The response's head with every secret replaced; it parses as before, to the same names.
///
/// `request` is the one that it answers: a token that was offered as a subprotocol, and chosen, is
/// replaced here too.
pub fn redact_response_head(
    response: &ResponseHead,
    request: &RequestHead,
    rules: &TagRules,
    redactor: &dyn Redactor,
) -> Vec<u8> {
    let mut edits = Edits::new(response.raw(), redactor);
    for field in response.headers().iter() {
        redact_field(&field, rules, &mut edits);
    }
    let chosen = || response.headers().elements("Sec-WebSocket-Protocol");
    let mut secrets = secret_subprotocols(chosen());
    for at in secret_subprotocols(request.subprotocols()) {
        let offered = &request.raw()[at];
        let same = chosen().filter(|element| element.value == offered);
        secrets.extend(same.map(|element| element.value_at));
    }
    for at in secrets {
        if !names_subprotocol(rules, &response.raw()[at.clone()]) {
            edits.replace_range(at);
        }
    }
    edits.apply()
}

fn redact_field(field: &Header<'_>, rules: &TagRules, edits: &mut Edits<'_>) {
    let at = field.value_at.clone();
    let lower = field.name.to_ascii_lowercase();
    let named = rules.all().any(|source| {
        matches!(source, Source::Header(name) if name.eq_ignore_ascii_case(&lower))
            && !source.is_secret()
    });
    match lower.as_str() {
        "authorization" | "proxy-authorization" => {
            let credential = credential_part(field.value);
            // The credential is the value's end.
            edits.replace_range(at.end - credential.len()..at.end);
        }
        "cookie" | "cookie2" => {
            for part in parts(field) {
                redact_cookie(field, part, edits);
            }
        }
        "set-cookie" => {
            let mut parts = parts(field).into_iter();
            if let Some(cookie) = parts.next() {
                redact_cookie(field, cookie, edits);
            }
            for attribute in parts {
                edits.replace_all(attribute, |text| secrets_in(text, &|_| false));
            }
        }
        // Its secrets are told from its elements.
        "sec-websocket-protocol" => edits.replace_all(at, jwt::places),
        _ if is_handshake_header(&lower) => {}
        _ if named => {
            if jwt::contains(field.value) {
                edits.replace_range(at);
            }
        }
        _ if is_secret_header(&lower) => edits.replace_range(at),
        _ => edits.replace_all(at, |text| secrets_in(text, &|_| false)),
    }
}

/// The places, in the head, of the parts of a value between semicolons, trimmed.
fn parts(field: &Header<'_>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = field.value_at.start;
    for part in field.value.split(|byte| *byte == b';') {
        let leading = part.len() - part.trim_ascii_start().len();
        let trimmed = part.trim_ascii();
        if !trimmed.is_empty() {
            parts.push(start + leading..start + leading + trimmed.len());
        }
        start += part.len() + 1;
    }
    parts
}

/// Replaces the value of `name=value`; of what is no such pair, all. Quotes around a value stay: what stands for
/// the cookie is the same with them and without.
fn redact_cookie(field: &Header<'_>, at: Range<usize>, edits: &mut Edits<'_>) {
    let within = at.start - field.value_at.start..at.end - field.value_at.start;
    let cookie = &field.value[within];
    match cookie.iter().position(|byte| *byte == b'=') {
        None => edits.replace_range(at),
        Some(equals) => {
            let (name, value) = (&cookie[..equals], &cookie[equals + 1..]);
            let leading = value.len() - value.trim_ascii_start().len();
            let value_at = at.start + equals + 1 + leading..at.end;
            edits.replace_range(match value.trim_ascii() {
                [b'"', .., b'"'] => value_at.start + 1..value_at.end - 1,
                _ => value_at,
            });
            if jwt::contains(name) {
                edits.replace_range(at.start..at.start + equals);
            }
        }
    }
}

/// Whether a configured source finds an id in this subprotocol, and it may be shown.
fn names_subprotocol(rules: &TagRules, subprotocol: &[u8]) -> bool {
    let text = String::from_utf8_lossy(subprotocol);
    let found = |source: &Source| matches!(source, Source::Subprotocol(pattern) if pattern.find(&text).is_some());
    rules.all().any(found) && !jwt::contains(subprotocol)
}
