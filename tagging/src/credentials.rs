//! What a connection proves itself with: tokens of its secrets, and what its JWTs claim.

use std::collections::BTreeSet;

use wsaudit_wire::RequestHead;

use crate::jwt::{self, Jwt};
use crate::secrets::{is_auth_cookie, is_secret_name, secret_subprotocols};
use crate::tagger::tokens;
use crate::{Provenance, Redactor, Source, Tag, TagKind};

/// The credentials of a request, each as its keyed hash, and every scalar claim of its JWTs. To be
/// taken before the head is redacted; what the head then shows of a credential is the same text.
///
/// Credentials come first; each tag comes once.
pub fn credentials(request: &RequestHead, redactor: &dyn Redactor) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut credential = |source: String, secret: &[u8]| {
        if !secret.is_empty() {
            tags.push(Tag {
                kind: TagKind::Credential,
                value: redactor.replacement(secret),
                source,
                provenance: Provenance::Presented,
            });
        }
    };
    for field in request.headers().all("Authorization") {
        credential(
            "header:Authorization".to_owned(),
            credential_part(field.value),
        );
    }
    for cookie in request.cookies() {
        let name = String::from_utf8_lossy(cookie.name);
        if is_auth_cookie(&name) || jwt::contains(cookie.value) {
            credential(format!("cookie:{name}"), cookie.value);
        }
    }
    for pair in request.query_pairs() {
        if is_secret_name(&pair.name) || jwt::contains(pair.value.as_bytes()) {
            credential(format!("query:{}", pair.name), pair.value.as_bytes());
        }
    }
    for at in secret_subprotocols(request.subprotocols()) {
        credential("subprotocol".to_owned(), &request.raw()[at]);
    }
    for text in tokens(request) {
        for (claim, value) in Jwt::find(&text).iter().flat_map(Jwt::claims) {
            let source = Source::Jwt(claim);
            tags.push(Tag {
                kind: TagKind::Claim,
                value,
                provenance: source.provenance(),
                source: source.to_string(),
            });
        }
    }
    let mut seen = BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags
}

/// The schemes that are told from a credential: the registered ones, and some that are in use.
///
/// <https://www.iana.org/assignments/http-authschemes/http-authschemes.xhtml>
const SCHEMES: [&str; 20] = [
    "apikey",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "digest",
    "dpop",
    "gnap",
    "hawk",
    "hoba",
    "jwt",
    "key",
    "mutual",
    "negotiate",
    "ntlm",
    "oauth",
    "privatetoken",
    "scram-sha-1",
    "scram-sha-256",
    "token",
    "vapid",
];

/// An `Authorization` value without its scheme: `abc` of `Bearer abc`. Without a known one, all of it.
pub(crate) fn credential_part(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let Some(space) = value.iter().position(u8::is_ascii_whitespace) else {
        return value;
    };
    let (word, rest) = value.split_at(space);
    let is_scheme = |scheme: &str| word.eq_ignore_ascii_case(scheme.as_bytes());
    if SCHEMES.into_iter().any(is_scheme) {
        rest.trim_ascii()
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_wire::RequestHead;

    use super::{credential_part, credentials};
    use crate::jwt::tests::token;
    use crate::{HmacRedactor, Provenance, Redactor as _, TagKind};

    #[test]
    fn the_scheme_is_no_part_of_a_credential() {
        assert_eq!(credential_part(b"Bearer  abc "), b"abc");
        assert_eq!(credential_part(b"abc"), b"abc");
        assert_eq!(credential_part(b"my secret"), b"my secret");
        assert_eq!(credential_part(b""), b"");
    }

    #[test]
    fn equal_secrets_are_equal_wherever_they_are_presented() {
        let redactor = HmacRedactor::new(&[3; 32]);
        let jwt = token(r#"{"sub":"u1"}"#);
        let raw = format!(
            "GET /ws?access_token={jwt}&session_id=s-1&key= HTTP/1.1\r\n\
             Authorization: Bearer {jwt}\r\n\
             Cookie: theme=dark; connect.sid=abc\r\n\
             Sec-WebSocket-Protocol: chat, bearer, opaque\r\n\r\n"
        );
        let request = RequestHead::parse(raw.as_bytes()).unwrap();
        let tags = credentials(&request, &redactor);
        let told: Vec<_> = tags
            .iter()
            .map(|tag| (tag.kind, tag.source.as_str(), tag.value.clone()))
            .collect();
        let hash = |secret: &str| redactor.replacement(secret.as_bytes());
        let expected = [
            (TagKind::Credential, "header:Authorization", hash(&jwt)),
            (TagKind::Credential, "cookie:connect.sid", hash("abc")),
            (TagKind::Credential, "query:access_token", hash(&jwt)),
            (TagKind::Credential, "subprotocol", hash("opaque")),
            (TagKind::Claim, "jwt:sub", "u1".to_owned()),
        ];
        assert_eq!(told, expected);
        let issued = tags.iter().filter(|t| t.provenance == Provenance::Issued);
        assert_eq!(issued.count(), 1);
    }

    #[test]
    fn a_request_without_credentials_has_none() {
        let raw = b"GET /ws?session_id=s-1 HTTP/1.1\r\nCookie: theme=dark\r\n\r\n";
        let request = RequestHead::parse(raw).unwrap();
        assert_eq!(credentials(&request, &HmacRedactor::new(&[3; 32])), []);
    }
}
