//! The bearer token: shaped like a JWT (RFC 7519), with a signature that nobody checks.
//!
//! The backend compares a token with those it issued, so a signature would prove nothing more;
//! what matters here is that a recorder finds claims where real applications have them.

use crate::protocol::Device;
use crate::protocol::ids::{SessionId, TokenId, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// What a token says of its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: UserId,
    pub(crate) sid: SessionId,
    pub(crate) jti: TokenId,
    pub(crate) device: Device,
}

/// Header, claims and 32 bytes in the place of a signature, each base64url, joined by dots.
pub(crate) fn encode(claims: &Claims, signature: [u8; 32]) -> String {
    let claims = serde_json::to_vec(claims).expect("claims are strings");
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    format!(
        "{header}.{}.{}",
        URL_SAFE_NO_PAD.encode(claims),
        URL_SAFE_NO_PAD.encode(signature)
    )
}

/// The claims of a token of the right shape, else none.
pub(crate) fn decode(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (Some(_header), Some(claims), Some(_signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_survive_the_token_and_other_shapes_have_none() {
        let claims = Claims {
            sub: UserId("u-ada".into()),
            sid: SessionId("s-1".into()),
            jti: TokenId("tok-1".into()),
            device: Device::DesktopApp,
        };
        let token = encode(&claims, [7; 32]);
        assert_eq!(decode(&token), Some(claims));
        for bad in ["", "a.b", "a.!.c", "e30.e30.e30", &format!("{token}.more")] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
