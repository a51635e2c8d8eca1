//! The keyed hash that stands for a secret: equal secrets stay equal, and none can be read.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Replaces secrets.
pub trait Redactor {
    /// What stands for `secret`: equal for equal secrets, and of lowercase hexadecimal digits.
    fn token(&self, secret: &[u8]) -> String;

    /// What is written in place of `secret`, in heads and in tags: `redacted-` and its token.
    fn replacement(&self, secret: &[u8]) -> String {
        format!("redacted-{}", self.token(secret))
    }
}

/// HMAC-SHA-256, cut to 128 bits (RFC 2104, section 5).
#[derive(Clone)]
pub struct HmacRedactor {
    mac: Hmac<Sha256>,
    key_id: String,
}

impl HmacRedactor {
    /// The redactor of that key. The key must be random, and is as secret as what it replaces: who
    /// has it can test a guess.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut id = Sha256::new();
        id.update(b"wsaudit redaction key id");
        id.update(key);
        // RFC 2104, section 2: a key shorter than a block is filled up with zeros.
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(key);
        Self {
            mac: Hmac::new(&block.into()),
            key_id: hex(&id.finalize()[..8]),
        }
    }

    /// Tells keys apart: 16 hexadecimal digits of a hash of the key. Tokens of recordings with
    /// different key ids cannot be compared.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

impl Redactor for HmacRedactor {
    fn token(&self, secret: &[u8]) -> String {
        let mut mac = self.mac.clone();
        mac.update(secret);
        hex(&mac.finalize().into_bytes()[..16])
    }
}

impl std::fmt::Debug for HmacRedactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HmacRedactor")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// For heads out of a recording, whose secrets were replaced before they were written: what stands
/// there is taken as it is, so that tagging anew gives the values that tagging gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyRedacted;

impl Redactor for AlreadyRedacted {
    fn token(&self, secret: &[u8]) -> String {
        let text = String::from_utf8_lossy(secret);
        text.strip_prefix("redacted-").unwrap_or(&text).to_owned()
    }

    fn replacement(&self, secret: &[u8]) -> String {
        String::from_utf8_lossy(secret).into_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits.filter_map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::{AlreadyRedacted, HmacRedactor, Redactor};

    /// RFC 4231 has no test case with a key of 32 bytes; this value was computed with Python's `hmac`.
    #[test]
    fn a_token_is_the_first_half_of_the_hmac() {
        let redactor = HmacRedactor::new(&[7; 32]);
        assert_eq!(redactor.token(b"secret"), EXPECTED);
        assert_eq!(
            redactor.replacement(b"secret"),
            format!("redacted-{EXPECTED}")
        );
    }

    const EXPECTED: &str = "e8f9acc76498c028a66162edc9e6597a";

    #[test]
    fn keys_differ_in_their_ids_and_tokens_and_are_not_shown() {
        let (a, b) = (HmacRedactor::new(&[1; 32]), HmacRedactor::new(&[2; 32]));
        assert_ne!(a.key_id(), b.key_id());
        assert_eq!(a.key_id().len(), 16);
        assert_ne!(a.token(b"x"), b.token(b"x"));
        assert_ne!(a.token(b"x"), a.token(b"y"));
        let shown = format!("{a:?}");
        assert_eq!(
            shown,
            format!("HmacRedactor {{ key_id: {:?}, .. }}", a.key_id())
        );
    }

    #[test]
    fn what_is_redacted_already_stays() {
        let text = HmacRedactor::new(&[1; 32]).replacement(b"x");
        assert_eq!(AlreadyRedacted.replacement(text.as_bytes()), text);
    }
}
