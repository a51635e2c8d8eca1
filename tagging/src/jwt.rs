//! JSON Web Tokens (RFC 7519), found wherever they are written. No signature is checked: to tag a
//! connection, what its token claims is enough; whether it is true is for the backend to judge.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;

use crate::pointer::{JsonPointer, scalar_text};
use crate::source::Claim;

/// How many claims of one token are told at most.
const MAX_CLAIMS: usize = 64;

/// How long a claim may be to be told, in bytes.
const MAX_CLAIM_BYTES: usize = 512;

/// How many objects and arrays a claim may lie in to be told, the token's own object included. A client
/// chooses how deep its token is, and each level takes a piece of the stack.
const MAX_CLAIM_DEPTH: usize = 32;

/// The claims of a token: a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwt {
    claims: String,
}

impl Jwt {
    /// The first token in `text` whose claims can be read.
    pub fn find(text: &[u8]) -> Option<Self> {
        places(text)
            .into_iter()
            .find_map(|place| Self::parse(&text[place]))
    }

    /// `header.claims.signature`, each in base64url; the signature may be empty.
    fn parse(token: &[u8]) -> Option<Self> {
        let mut parts = token.split(|byte| *byte == b'.');
        let (header, claims) = (parts.next()?, parts.next()?);
        json_object(header)?;
        Some(Self {
            claims: json_object(claims)?,
        })
    }

    /// That claim as canonical text, where it is a scalar other than null.
    pub fn claim(&self, claim: &Claim) -> Option<String> {
        claim.0.scalar_in(&self.claims)
    }

    /// Every scalar claim, also of nested objects and arrays, in the order of the names.
    pub fn claims(&self) -> Vec<(Claim, String)> {
        let mut found = Vec::new();
        collect(&self.claims, None, &mut found);
        found
    }
}

fn collect(json: &str, at: Option<&JsonPointer>, found: &mut Vec<(Claim, String)>) {
    if at.map_or(0, |at| at.tokens().len()) > MAX_CLAIM_DEPTH {
        return;
    }
    let child = |name: &str| match at {
        Some(parent) => parent.child(name),
        None => JsonPointer::member(name),
    };
    let members: Vec<(JsonPointer, &RawValue)> = match json.trim_ascii_start().as_bytes().first() {
        Some(b'{') => {
            let object: BTreeMap<String, &RawValue> =
                serde_json::from_str(json).unwrap_or_default();
            object
                .into_iter()
                .map(|(name, value)| (child(&name), value))
                .collect()
        }
        Some(b'[') => {
            let array: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
            let elements = array.into_iter().enumerate();
            elements
                .map(|(i, value)| (child(&i.to_string()), value))
                .collect()
        }
        _ => {
            if let (Some(at), Some(text)) = (at, scalar_text(json))
                && found.len() < MAX_CLAIMS
                && text.len() <= MAX_CLAIM_BYTES
                && !contains(text.as_bytes())
            {
                found.push((Claim(at.clone()), text));
            }
            return;
        }
    };
    for (at, value) in members {
        collect(value.get(), Some(&at), found);
    }
}

/// Whether a token is somewhere in `text`.
pub(crate) fn contains(text: &[u8]) -> bool {
    !places(text).is_empty()
}

/// Where tokens are in `text`. Rather one too many than one too few: what looks like a token is one,
/// whether or not it can be read.
pub(crate) fn places(text: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let run = text[start..]
            .iter()
            .take_while(|byte| is_token_byte(**byte))
            .count();
        if run == 0 {
            start += 1;
            continue;
        }
        if let Some(at) = token_start(&text[start..start + run]) {
            places.push(start + at..start + run);
        }
        start += run;
    }
    places
}

/// Where a token begins in a run of base64url characters and dots. What comes after its start is all
/// taken for the token: an encrypted one has five parts.
fn token_start(run: &[u8]) -> Option<usize> {
    let mut start = 0;
    let mut parts = run.split(|byte| *byte == b'.');
    while let Some(header) = parts.next() {
        // Each header is looked at once, however many tokens may begin in it.
        if has_further_part(parts.clone())
            && let Some(at) = header_start(header)
        {
            return Some(start + at);
        }
        start += header.len() + 1;
    }
    None
}

/// Where, in a part of a run, the first header of a token begins that lasts to the part's end.
fn header_start(part: &[u8]) -> Option<usize> {
    let is_long_enough = |at: &usize| part.len() - at >= 8;
    // `{ "alg"...` does not begin with `eyJ`.
    if part.first() == Some(&b'e') && is_long_enough(&0) && json_object(part).is_some() {
        return Some(0);
    }
    // `eyJ` is `{"` in base64url. Something may be glued to its front: `bearer_eyJ...`.
    let glued = part.windows(3).position(|window| window == b"eyJ");
    glued.filter(is_long_enough)
}

/// Whether what comes after a header makes a token of it.
fn has_further_part<'p>(mut after: impl Iterator<Item = &'p [u8]>) -> bool {
    let second = after.next().map_or(0, <[u8]>::len);
    // An encrypted token with a directly shared key has an empty second part.
    second >= 3 || after.next().is_some_and(|third| third.len() >= 3)
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=')
}

/// Decodes a part of a token to the JSON object that it must be.
fn json_object(part: &[u8]) -> Option<String> {
    let padding = part.iter().rev().take_while(|byte| **byte == b'=').count();
    let bytes = URL_SAFE_NO_PAD.decode(&part[..part.len() - padding]).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    serde_json::from_str::<BTreeMap<String, &RawValue>>(&text).ok()?;
    Some(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{Jwt, contains, places};

    /// A token with these claims and a signature that is none.
    pub(crate) fn token(claims: &str) -> String {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        format!(
            "{}.{}.c2lnbmF0dXJl",
            part(r#"{"alg":"HS256"}"#),
            part(claims)
        )
    }

    fn told(claims: &str) -> Vec<(String, String)> {
        let jwt = Jwt::find(token(claims).as_bytes()).unwrap();
        let claims = jwt.claims();
        claims
            .into_iter()
            .map(|(c, v)| (c.to_string(), v))
            .collect()
    }

    #[test]
    fn a_token_is_found_in_any_text_around_it() {
        let token = token(r#"{"sub":"u1"}"#);
        for (before, after) in [
            ("", ""),
            ("Bearer ", ""),
            ("a=b; t=\"", "\"; c"),
            ("bearer_", ""),
            ("x.", " y"),
        ] {
            let text = format!("{before}{token}{after}");
            let found = places(text.as_bytes());
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(&text[found[0].clone()], token, "{text}");
            assert!(Jwt::find(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn unsigned_spaced_and_encrypted_tokens_are_tokens() {
        let unsigned = token("{}").replace("c2lnbmF0dXJl", "");
        let spaced = URL_SAFE_NO_PAD.encode("{ \"alg\": \"none\" }") + ".e30.";
        let encrypted = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir"}"#) + "..aXY.Y2lwaGVy.dGFn";
        for token in [unsigned, spaced, encrypted] {
            assert_eq!(places(token.as_bytes()), vec![0..token.len()], "{token}");
        }
    }

    #[test]
    fn what_is_no_token_is_left_alone() {
        for text in [
            "example-of-a-host.example.com",
            "eyJ",
            "eyJhbGciOiJub25lIn0",
            "1.2.3",
            "graphql-transport-ws",
            "",
        ] {
            assert!(!contains(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn however_many_tokens_may_begin_in_a_run_each_byte_is_looked_at_once() {
        // In a moment; it would take many minutes if each beginning were a reason to look at all after it.
        let run = "eyJ".repeat(100_000);
        assert!(!contains(run.as_bytes()));
        assert!(!contains(format!("{run}.").as_bytes()));
        let token = format!("{run}.abc.");
        assert_eq!(places(token.as_bytes()), vec![0..token.len()]);
    }

    #[test]
    fn every_scalar_claim_is_told_with_its_place() {
        let claims = told(
            r#"{"sub":"u1","exp":1700000000,"admin":true,"none":null,"realm":{"roles":["a","b"]},"a/b":1}"#,
        );
        let claims: Vec<_> = claims
            .iter()
            .map(|(c, v)| (c.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            claims,
            [
                ("a/b", "1"),
                ("admin", "true"),
                ("exp", "1700000000"),
                ("/realm/roles/0", "a"),
                ("/realm/roles/1", "b"),
                ("sub", "u1"),
            ]
        );
    }

    #[test]
    fn a_token_of_any_depth_is_read_and_its_shallow_claims_are_told() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        for (levels, expected) in [(31, 2), (32, 1), (20_000, 1)] {
            let claims = told(&format!(r#"{{"deep":{},"sub":"u1"}}"#, deep(levels)));
            assert_eq!(claims.len(), expected, "{levels}");
            assert!(claims.contains(&("sub".to_owned(), "u1".to_owned())));
        }
    }

    #[test]
    fn a_token_within_a_claim_is_not_told() {
        let inner = token("{}");
        assert_eq!(told(&format!(r#"{{"act":"{inner}"}}"#)), []);
    }

    #[test]
    fn a_claim_is_found_by_name_or_pointer() {
        let jwt = Jwt::find(token(r#"{"sub":"u1","realm":{"user":7}}"#).as_bytes()).unwrap();
        let claim = |text: &str| match text.parse() {
            Ok(crate::Source::Jwt(claim)) => jwt.claim(&claim),
            other => panic!("{other:?}"),
        };
        assert_eq!(claim("jwt:sub").as_deref(), Some("u1"));
        assert_eq!(claim("jwt:/realm/user").as_deref(), Some("7"));
        assert_eq!(claim("jwt:realm"), None);
    }
}
