//! Taking a fuzzer's input apart.

/// The front of an input, which says how the rest of it is used. An input that is used up gives zeros.
#[derive(Debug, Clone, Copy)]
pub struct Control<'a> {
    rest: &'a [u8],
}

impl<'a> Control<'a> {
    /// At the front of `data`.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }

    /// The next bytes, as many as one byte before them says; fewer where the input ends.
    pub fn part(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.rest.len());
        let (part, rest) = self.rest.split_at(length);
        self.rest = rest;
        part
    }

    /// All that is left.
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }
}

/// Cuts `data` into chunks of the lengths in `plan`, over and over; a length of 0 is an empty chunk.
pub fn chunks<'a>(plan: &[u8], data: &'a [u8]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut rest = data;
    if plan.iter().any(|length| *length > 0) {
        for length in plan.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(usize::from(*length).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
    } else {
        chunks.push(rest);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::{Control, chunks};

    #[test]
    fn a_plan_is_followed_over_and_over() {
        assert_eq!(chunks(&[1, 0, 2], b"abcd"), [&b"a"[..], b"", b"bc", b"d"]);
        assert_eq!(chunks(&[0, 0], b"abcd"), [b"abcd"]);
        assert_eq!(chunks(&[], b""), [b""]);
    }

    #[test]
    fn an_input_that_is_used_up_gives_nothing() {
        let mut control = Control::new(&[7, 3, 1, 2]);
        assert_eq!(control.byte(), 7);
        assert_eq!(control.part(), [1, 2]);
        assert_eq!(
            (control.byte(), control.part(), control.rest()),
            (0, &[][..], &[][..])
        );
    }
}
