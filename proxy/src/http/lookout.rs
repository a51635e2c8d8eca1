//! Looks for the first line of a message where no message should begin: in bodies, and in what nobody
//! asked for. Where one is, the other end may see messages that the proxy does not.

use memchr::memmem;

/// A first line that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstLine {
    /// A request's, of any method: it ends in its version, and with a real end of line. In JSON, that is
    /// an escape, so that text about HTTP is no request.
    Request,
    /// That of a 101.
    Switch,
}

/// The longest part of a line that tells it from others: `HTTP/1.1 101`.
const LONGEST: usize = 12;

/// Follows bytes in any portions.
#[derive(Debug)]
pub(crate) struct Lookout {
    line: FirstLine,
    seen: bool,
    /// The last bytes of those before: a line may be cut anywhere.
    last: [u8; LONGEST],
    kept: usize,
}

impl Lookout {
    pub(crate) const fn new(line: FirstLine) -> Self {
        Self {
            line,
            seen: false,
            last: [0; LONGEST],
            kept: 0,
        }
    }

    /// Whether such a line was among the bytes.
    pub(crate) const fn has_seen(&self) -> bool {
        self.seen
    }

    /// The next bytes.
    pub(crate) fn look(&mut self, bytes: &[u8]) {
        if self.seen {
            return;
        }
        let front = &bytes[..bytes.len().min(LONGEST)];
        let mut joint = [0; 2 * LONGEST];
        joint[..self.kept].copy_from_slice(&self.last[..self.kept]);
        joint[self.kept..self.kept + front.len()].copy_from_slice(front);
        let joint = &joint[..self.kept + front.len()];
        self.seen = self.line.is_in(joint) || self.line.is_in(bytes);
        let end = if bytes.len() >= LONGEST { bytes } else { joint };
        let end = &end[end.len().saturating_sub(LONGEST)..];
        self.last[..end.len()].copy_from_slice(end);
        self.kept = end.len();
    }
}

impl FirstLine {
    fn is_in(self, bytes: &[u8]) -> bool {
        const VERSION: &[u8] = b"HTTP/1.";
        memmem::find_iter(bytes, VERSION).any(|at| {
            let (before, after) = (&bytes[..at], &bytes[at + VERSION.len()..]);
            match self {
                Self::Request => {
                    matches!(before, [.., b' ' | b'\t'])
                        && matches!(after, [b'0'..=b'9', b'\r' | b'\n', ..])
                }
                Self::Switch => matches!(after, [b'0'..=b'9', b' ', b'1', b'0', b'1', ..]),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_seen_in_any_portions_and_nothing_else_is() {
        for (line, bytes, seen) in [
            (FirstLine::Request, &b"xyGET /ws HTTP/1.1\r\nHost"[..], true),
            (FirstLine::Request, b"GET /ws HTTP/1.0\n", true),
            (FirstLine::Request, b"HHTTP/HTTP/1.GET * HTTP/1.1\r", true),
            (FirstLine::Request, br"GET /ws HTTP/1.1\r\nHost", false),
            (FirstLine::Request, b"HTTP/1.1\r\n", false),
            (FirstLine::Request, b"GET /ws HTTP/2.0\r\n", false),
            (FirstLine::Request, b"GET /ws HTTP/1.1", false),
            (FirstLine::Switch, b"..HTTP/1.1 101 Switching", true),
            (FirstLine::Switch, b"HTTP/1.0 101", true),
            (FirstLine::Switch, b"HTTP/1.1 200 101", false),
            (FirstLine::Switch, b"HTTP/1.1 10", false),
        ] {
            for portion in 1..=bytes.len() {
                let mut lookout = Lookout::new(line);
                bytes.chunks(portion).for_each(|part| lookout.look(part));
                let shown = bytes.escape_ascii();
                assert_eq!(lookout.has_seen(), seen, "{shown} in portions of {portion}");
            }
        }
    }
}
