//! What is taken for a secret. Rather one too many than one too few: a token keeps equality visible,
//! and a leaked credential cannot be taken back.

use std::ops::Range;

use wsaudit_wire::Header;

use crate::jwt;

/// Names of query parameters and the like that hold a secret, in lower case, without `-`, `_`, `.`.
const SECRET_NAMES: [&str; 18] = [
    "assertion",
    "auth",
    "authorization",
    "bearer",
    "code",
    "credential",
    "credentials",
    "jwt",
    "key",
    "otp",
    "pass",
    "passphrase",
    "pwd",
    "sas",
    "sig",
    "signature",
    "ticket",
    "token",
];

/// Parts of names that make any name a secret's.
const SECRET_PARTS: [&str; 16] = [
    "accesskey",
    "apikey",
    // A server's cookie, which it writes into URLs where a client takes none.
    "aspsessionid",
    "authkey",
    "authtoken",
    "credential",
    "jsessionid",
    "jwt",
    "passwd",
    "password",
    "phpsessid",
    "privatekey",
    "secret",
    "signature",
    "ticket",
    "token",
];

/// Header fields that hold a credential whatever their value looks like.
const CREDENTIAL_HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
];

/// Subprotocols after which, or in front of which, a token is smuggled into the list.
const MARKERS: [&str; 10] = [
    "base64url.bearer.authorization.k8s.io",
    "access_token",
    "access-token",
    "authorization",
    "bearer",
    "id_token",
    "token",
    "ticket",
    "jwt",
    "auth",
];

/// Whether a query parameter, or another `name=value`, of that name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let plain = plain(name);
    SECRET_NAMES.contains(&plain.as_str()) || SECRET_PARTS.iter().any(|part| plain.contains(part))
}

/// Whether a header field of that name is a credential as a whole: `Authorization`, `Cookie`, ...
pub(crate) fn is_credential_header(name: &str) -> bool {
    CREDENTIAL_HEADERS
        .iter()
        .any(|credential| name.eq_ignore_ascii_case(credential))
}

/// Whether a header field of that name holds a secret: `X-Api-Key`, `X-Auth-Token`, ...
pub(crate) fn is_secret_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if is_handshake_header(&lower) || lower == "idempotency-key" || lower == "www-authenticate" {
        return false;
    }
    let words: Vec<&str> = lower.split(['-', '_']).collect();
    is_credential_header(&lower)
        || is_secret_name(&lower)
        || words
            .iter()
            .any(|word| SECRET_NAMES.contains(word) && *word != "code")
}

/// The fields of the opening handshake; the subprotocol is none of them, for tokens are smuggled in it.
pub(crate) fn is_handshake_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("sec-websocket-") && lower != "sec-websocket-protocol"
}

/// Whether a cookie of that name identifies a session or authenticates.
pub(crate) fn is_auth_cookie(name: &str) -> bool {
    let plain = plain(name);
    if plain.contains("csrf") || plain.contains("xsrf") {
        return false;
    }
    is_secret_name(name)
        || ["sess", "auth", "login", "remember", "identity"]
            .iter()
            .any(|part| plain.contains(part))
        || plain.ends_with("sid")
}

/// The places, in the head, of the subprotocols (or the parts of them) that are tokens.
pub(crate) fn secret_subprotocols<'a>(
    subprotocols: impl Iterator<Item = Header<'a>>,
) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    let mut before: Option<Header<'a>> = None;
    for subprotocol in subprotocols {
        let Range { start, end } = subprotocol.value_at.clone();
        let announced = before.is_some_and(|before| is_marker(before.value));
        if let Some(glued) = token_after_marker(subprotocol.value) {
            secrets.push(start + glued..end);
        } else if looks_like_token(subprotocol.value)
            || (announced && !is_marker(subprotocol.value))
        {
            secrets.push(start..end);
        }
        before = Some(subprotocol);
    }
    secrets
}

/// Whether this subprotocol announces that the next one is a token.
fn is_marker(subprotocol: &[u8]) -> bool {
    MARKERS
        .iter()
        .any(|marker| subprotocol.eq_ignore_ascii_case(marker.as_bytes()))
}

/// Where the token begins in a subprotocol such as `bearer.TOKEN`; `None` where it has none.
fn token_after_marker(subprotocol: &[u8]) -> Option<usize> {
    MARKERS.iter().find_map(|marker| {
        let (front, rest) = subprotocol.split_at_checked(marker.len())?;
        let separated = matches!(
            rest.first(),
            Some(b'.' | b'-' | b'_' | b':' | b'=' | b'|' | b'~')
        );
        let is_glued = front.eq_ignore_ascii_case(marker.as_bytes()) && separated && rest.len() > 1;
        is_glued.then_some(marker.len() + 1)
    })
}

/// Whether a subprotocol is a token by its look: a JWT, or 20 and more characters of hexadecimal or
/// base64 that are no words.
fn looks_like_token(subprotocol: &[u8]) -> bool {
    if jwt::contains(subprotocol) {
        return true;
    }
    let compact: Vec<u8> = subprotocol
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'='))
        .collect();
    if compact.len() < 20 || !compact.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let digits = compact.iter().filter(|byte| byte.is_ascii_digit()).count();
    let changes_of_case = compact
        .windows(2)
        .filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase())
        .count();
    digits >= 3 || changes_of_case >= 5
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | '[' | ']'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        is_auth_cookie, is_secret_header, is_secret_name, looks_like_token, token_after_marker,
    };

    #[test]
    fn names_of_secrets() {
        for name in [
            "token",
            "access_token",
            "id_token",
            "auth",
            "api_key",
            "apikey",
            "key",
            "ticket",
            "jwt",
            "secret",
            "password",
            "sig",
            "signature",
            "code",
            "X-Amz-Security-Token",
            "authToken",
            "client_secret",
            "X-Amz-Credential",
            "jsessionid",
            "PHPSESSID",
            "ASPSESSIONIDABCD",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "session_id",
            "sid",
            "user",
            "v",
            "EIO",
            "transport",
            "keyboard",
            "codec",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn header_fields_with_secrets() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "Set-Cookie2",
            "X-Api-Key",
            "X-Auth-Token",
            "X-CSRF-Token",
            "X-Client-Secret",
            "X-Auth",
            "Api-Key",
            "Ocp-Apim-Subscription-Key",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in [
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Accept",
            "Host",
            "Origin",
            "X-Session-ID",
            "User-Agent",
            "Idempotency-Key",
            "WWW-Authenticate",
            "X-Status-Code",
        ] {
            assert!(!is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn cookies_that_authenticate() {
        for name in [
            "sid",
            "connect.sid",
            "PHPSESSID",
            "JSESSIONID",
            "auth",
            "access_token",
        ] {
            assert!(is_auth_cookie(name), "{name}");
        }
        for name in ["theme", "_ga", "csrftoken", "XSRF-TOKEN", "lang"] {
            assert!(!is_auth_cookie(name), "{name}");
        }
    }

    #[test]
    fn subprotocols_that_are_tokens() {
        for token in [
            "550e8400-e29b-41d4-a716-446655440000",
            "9f86d081884c7d659a2feaa0",
            "dGhpcyBpcyBhIHNlY3JldA",
        ] {
            assert!(looks_like_token(token.as_bytes()), "{token}");
        }
        for name in [
            "graphql-transport-ws",
            "actioncable-v1-json",
            "actioncable-unsupported",
            "v12.stomp",
            "wamp.2.msgpack.batched",
            "mqtt",
            "ocpp2.0.1",
            "com.example.chat-v10.protocol",
        ] {
            assert!(!looks_like_token(name.as_bytes()), "{name}");
        }
        assert_eq!(token_after_marker(b"Bearer.abc"), Some(7));
        assert_eq!(
            token_after_marker(b"base64url.bearer.authorization.k8s.io.abc"),
            Some(38)
        );
        assert_eq!(token_after_marker(b"authority"), None);
        assert_eq!(token_after_marker(b"bearer"), None);
    }
}
