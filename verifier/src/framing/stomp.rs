//! Frames of STOMP 1.0 to 1.2: a command, headers, and a body that ends with a NUL.
//! <https://stomp.github.io/stomp-specification-1.2.html>

use std::borrow::Cow;

/// A frame.
#[derive(Debug)]
pub(crate) struct Frame<'f> {
    /// `SEND`, say.
    pub(crate) command: &'f str,
    /// As they are written.
    headers: Vec<(&'f str, &'f str)>,
    /// What it carries.
    pub(crate) body: &'f [u8],
}

impl<'f> Frame<'f> {
    /// The first frame, and what follows it; `None`: it is not complete.
    pub(crate) fn read(bytes: &'f [u8]) -> Option<(Self, &'f [u8])> {
        let heart_beats = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let bytes = &bytes[heart_beats.count()..];
        let mut frame = Self {
            command: "",
            headers: Vec::new(),
            body: &[],
        };
        let mut rest = bytes;
        loop {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            rest = &rest[end + 1..];
            // What is no UTF-8 is no header that matters.
            let line = std::str::from_utf8(line).unwrap_or("?");
            match line.split_once(':') {
                _ if frame.command.is_empty() => frame.command = line,
                Some(header) => frame.headers.push(header),
                None if line.is_empty() => break,
                None => {}
            }
        }
        let length = frame.header("content-length");
        let body = match length.and_then(|length| length.parse::<usize>().ok()) {
            Some(length) if rest.len() <= length => return None,
            Some(length) if rest[length] == 0 => length,
            // The length is wrong, or there is none.
            Some(_) | None => rest.iter().position(|byte| *byte == 0)?,
        };
        frame.body = &rest[..body];
        Some((frame, &rest[body + 1..]))
    }

    /// The first of headers of that name is the one that counts.
    pub(crate) fn header(&self, name: &str) -> Option<Cow<'f, str>> {
        let (_, value) = self.headers.iter().find(|(header, _)| *header == name)?;
        Some(unescaped(value))
    }

    /// All headers, without their escapes.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (Cow<'f, str>, Cow<'f, str>)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (unescaped(name), unescaped(value)))
    }
}

fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('c') => ':',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    Cow::Owned(text)
}
