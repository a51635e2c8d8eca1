//! Quotes that are not as RFC 4180 has them. `csv` reads on there without a word: all that stands behind
//! a quote which a damaged export never closes would be one field, and its rows gone.

use std::io::{self, Read};

use thiserror::Error;

/// What is wrong with a quote. Lines are counted from 1.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub(super) enum BadQuote {
    #[error("a quote that is opened in line {opened} is not closed")]
    Open { opened: u64 },
    #[error(
        "a quote that is opened in line {opened} is closed in line {line} before `{}`, where a comma or the end of the line should follow",
        .before.escape_ascii()
    )]
    Within { opened: u64, line: u64, before: u8 },
}

/// Passes a table's text on up to its first wrong quote, which is an error.
#[derive(Debug)]
pub(super) struct Quotes<R> {
    text: R,
    at: At,
    line: u64,
    wrong: Option<BadQuote>,
}

/// Where the next byte stands.
#[derive(Debug, Clone, Copy)]
enum At {
    /// At the beginning of a field: only there a quote opens.
    Start,
    Plain,
    Quoted {
        opened: u64,
    },
    /// Behind a quote in a quoted field: a second one makes both a quote of the field's text.
    Closed {
        opened: u64,
    },
}

impl<R> Quotes<R> {
    pub(super) fn of(text: R) -> Self {
        Self {
            text,
            at: At::Start,
            line: 1,
            wrong: None,
        }
    }

    /// RFC 4180, 2.5 to 2.7: <https://www.rfc-editor.org/rfc/rfc4180#section-2>.
    fn pass(&mut self, byte: u8) -> Result<(), BadQuote> {
        self.at = match (self.at, byte) {
            (At::Start, b'"') => At::Quoted { opened: self.line },
            (At::Quoted { opened }, b'"') => At::Closed { opened },
            (At::Quoted { opened }, _) | (At::Closed { opened }, b'"') => At::Quoted { opened },
            // Spreadsheets put a byte order mark before the first field.
            (At::Start, 0xEF | 0xBB | 0xBF)
            | (At::Start | At::Plain | At::Closed { .. }, b',' | b'\r' | b'\n') => At::Start,
            (At::Start | At::Plain, _) => At::Plain,
            (At::Closed { opened }, before) => {
                let line = self.line;
                return Err(BadQuote::Within {
                    opened,
                    line,
                    before,
                });
            }
        };
        self.line += u64::from(byte == b'\n');
        Ok(())
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(wrong) = &self.wrong {
            return Err(io::Error::other(wrong.clone()));
        }
        let read = self.text.read(buffer)?;
        if let (0, At::Quoted { opened }) = (read, self.at)
            && !buffer.is_empty()
        {
            return Err(io::Error::other(BadQuote::Open { opened }));
        }
        for (index, byte) in buffer[..read].iter().enumerate() {
            if let Err(wrong) = self.pass(*byte) {
                self.wrong = Some(wrong);
                // What comes before it may be wrong in another way, and is told first.
                return match index {
                    0 => self.read(&mut []),
                    passed => Ok(passed),
                };
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is passed on, in reads of `size` bytes, or what is wrong.
    fn passed(text: &str, size: usize) -> Result<String, String> {
        let mut quotes = Quotes::of(text.as_bytes());
        let mut passed = Vec::new();
        let mut buffer = vec![0; size];
        loop {
            match quotes.read(&mut buffer) {
                Ok(0) => return Ok(String::from_utf8(passed).unwrap()),
                Ok(read) => passed.extend(&buffer[..read]),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    #[test]
    fn well_formed_text_passes_as_it_is() {
        for text in [
            "id,owner\r\n1,\"a\r\nb, \"\"c\"\"\"\r\n\"2\",\"\"\r\n",
            "\u{FEFF}\"id\",owner\n1,\"a\"",
            "id,owner\n1,5\" disk\n2,a\"b\"\n",
            "",
        ] {
            for size in [1, 2, 1024] {
                assert_eq!(passed(text, size), Ok(text.to_owned()));
            }
        }
    }

    #[test]
    fn a_wrong_quote_is_told_with_its_line() {
        let within = "a quote that is opened in line 2 is closed in line 3 before `x`, \
                      where a comma or the end of the line should follow";
        for (text, wrong) in [
            (
                "id,owner\n1,\"a\n2,b\n",
                "a quote that is opened in line 2 is not closed",
            ),
            (
                "id,owner\n1,\"\"\"",
                "a quote that is opened in line 2 is not closed",
            ),
            ("id,owner\n1,\"a\n2,\"x\"\n", within),
        ] {
            for size in [1, 2, 1024] {
                assert_eq!(passed(text, size), Err(wrong.to_owned()));
            }
        }
    }
}
