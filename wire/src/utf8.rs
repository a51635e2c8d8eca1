//! Checks text for UTF-8 while it comes in pieces.

/// A check over the pieces of one text.
///
/// A character may be cut by the border of two pieces; its first bytes are kept until the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Utf8Check {
    /// The first bytes of a character that is not complete.
    cut: [u8; 4],
    cut_len: usize,
    /// How many bytes of the text are known to be valid.
    valid: u64,
}

/// The place, in bytes from the text's start, from which on it is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidFrom(pub(crate) u64);

impl Utf8Check {
    /// Checks the next piece.
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> Result<(), InvalidFrom> {
        while self.cut_len > 0 {
            let Some((first, after)) = piece.split_first() else {
                return Ok(());
            };
            self.cut[self.cut_len] = *first;
            self.cut_len += 1;
            piece = after;
            match std::str::from_utf8(&self.cut[..self.cut_len]) {
                Ok(_) => {
                    self.valid += self.cut_len as u64;
                    self.cut_len = 0;
                }
                // At most four bytes are ever needed to tell.
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(InvalidFrom(self.valid)),
            }
        }
        match std::str::from_utf8(piece) {
            Ok(_) => self.valid += piece.len() as u64,
            Err(error) => {
                self.valid += error.valid_up_to() as u64;
                if error.error_len().is_some() {
                    return Err(InvalidFrom(self.valid));
                }
                let cut = &piece[error.valid_up_to()..];
                self.cut[..cut.len()].copy_from_slice(cut);
                self.cut_len = cut.len();
            }
        }
        Ok(())
    }

    /// Checks that the text does not end within a character.
    pub(crate) fn finish(&self) -> Result<(), InvalidFrom> {
        if self.cut_len == 0 {
            Ok(())
        } else {
            Err(InvalidFrom(self.valid))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{InvalidFrom, Utf8Check};

    fn check(pieces: &[&[u8]]) -> Result<(), InvalidFrom> {
        let mut check = Utf8Check::default();
        for piece in pieces {
            check.push(piece)?;
        }
        check.finish()
    }

    #[test]
    fn a_character_may_be_cut_anywhere() {
        let text = "a\u{e9}\u{20ac}\u{1f600}b".as_bytes();
        for cut in 0..=text.len() {
            assert_eq!(check(&[&text[..cut], &text[cut..]]), Ok(()), "cut at {cut}");
        }
        assert_eq!(check(&[&text[..8]]), Err(InvalidFrom(6)));
    }

    proptest! {
        #[test]
        fn pieces_are_judged_like_the_whole(
            pieces in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![Just(0xE2u8), Just(0x82), Just(0xAC), Just(0xF0), Just(0x9F), Just(0x41), any::<u8>()],
                    0..5,
                ),
                0..6,
            ),
        ) {
            let whole = pieces.concat();
            let expected = match std::str::from_utf8(&whole) {
                Ok(_) => Ok(()),
                Err(error) => Err(InvalidFrom(error.valid_up_to() as u64)),
            };
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(check(&pieces), expected);
        }
    }
}
