//! Masking (RFC 6455, section 5.3): byte `i` of a payload is combined by XOR with byte `i mod 4` of the key.

/// Masks or unmasks `bytes` in place; the two are the same operation.
///
/// `offset` is the place of `bytes[0]` in the payload, in bytes: a payload may come in pieces.
pub fn apply_mask(key: [u8; 4], offset: u64, bytes: &mut [u8]) {
    let mut rotated = key;
    // The remainder is below 4.
    rotated.rotate_left((offset % 4) as usize);
    let [a, b, c, d] = rotated;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let mut eight = [0; 8];
        eight.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(eight) ^ wide).to_ne_bytes());
    }
    for (byte, key_byte) in words
        .into_remainder()
        .iter_mut()
        .zip(rotated.iter().cycle())
    {
        *byte ^= key_byte;
    }
}

/// Appends a piece of a payload as it was before masking; without a key, as it is.
///
/// `offset` is the piece's place in the payload, in bytes.
pub fn append_unmasked(key: Option<[u8; 4]>, offset: u64, piece: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(piece);
    if let Some(key) = key {
        apply_mask(key, offset, &mut out[start..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{append_unmasked, apply_mask};

    proptest! {
        #[test]
        fn equals_the_definition_byte_by_byte(
            key: [u8; 4],
            offset: u64,
            bytes in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let mut fast = bytes.clone();
            apply_mask(key, offset, &mut fast);
            for (i, (masked, plain)) in fast.iter().zip(&bytes).enumerate() {
                let place = (u128::from(offset) + i as u128) % 4;
                prop_assert_eq!(*masked, plain ^ key[place as usize]);
            }
        }

        #[test]
        fn pieces_give_what_the_whole_gives(
            key: [u8; 4],
            bytes in prop::collection::vec(any::<u8>(), 0..70),
            cut in 0usize..70,
        ) {
            let cut = cut.min(bytes.len());
            let mut whole = Vec::new();
            append_unmasked(Some(key), 0, &bytes, &mut whole);
            let mut pieces = Vec::new();
            append_unmasked(Some(key), 0, &bytes[..cut], &mut pieces);
            append_unmasked(Some(key), cut as u64, &bytes[cut..], &mut pieces);
            prop_assert_eq!(whole, pieces);
        }
    }
}
