//! What was agreed on: extensions (RFC 6455, section 9.1) and permessage-deflate's parameters
//! (RFC 7692, section 7.1).

use crate::{Anomaly, AnomalyKind, Direction};

/// An extension with its parameters, as `Sec-WebSocket-Extensions` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name, as it was written.
    pub name: String,
    /// Its parameters in order; a quoted value is given without its quotes.
    pub parameters: Vec<(String, Option<String>)>,
}

impl Extension {
    /// Reads the values of all `Sec-WebSocket-Extensions` fields of a head, in order.
    ///
    /// What is malformed is an anomaly; the extensions around it are still read.
    pub fn parse_list<'a>(
        values: impl IntoIterator<Item = &'a [u8]>,
        anomalies: &mut Vec<Anomaly>,
    ) -> Vec<Self> {
        let mut extensions = Vec::new();
        for value in values {
            let text = String::from_utf8_lossy(value);
            for element in split_unquoted(&text, ',') {
                if element.trim().is_empty() {
                    continue;
                }
                let mut parts = split_unquoted(element, ';').into_iter();
                let name = parts.next().unwrap_or_default().trim().to_owned();
                if !is_token(&name) {
                    let detail = format!("`{}` is no extension", element.trim());
                    anomalies.push(Anomaly::new(AnomalyKind::InvalidExtensions, detail));
                }
                let parameters = parts.map(parameter).collect();
                extensions.push(Self { name, parameters });
            }
        }
        extensions
    }

    /// Whether the name is `name`; ASCII case does not count.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Whether a sender's window outlives a message (RFC 7692, section 7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContextTakeover {
    /// It does: a message may refer to those before it.
    Kept,
    /// It does not: `server_no_context_takeover` or `client_no_context_takeover` was agreed.
    Reset,
}

/// The size of a sender's window, as the base-2 logarithm of bytes: 8 to 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 32 KiB, which holds where nothing was agreed.
    pub const MAX: Self = Self(15);

    /// That many bits; `None` below 8 and above 15.
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The number of bits, 8 to 15.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// What one sender compresses with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateSide {
    /// Whether its window outlives a message.
    pub takeover: ContextTakeover,
    /// How large its window is at most.
    pub window: WindowBits,
}

/// The parameters of an agreed permessage-deflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateParameters {
    /// What the client compresses with.
    pub client: DeflateSide,
    /// What the server compresses with.
    pub server: DeflateSide,
}

impl DeflateParameters {
    /// What the sender of a direction compresses with.
    pub const fn side(&self, direction: Direction) -> DeflateSide {
        match direction {
            Direction::ClientToServer => self.client,
            Direction::ServerToClient => self.server,
        }
    }

    fn from_extension(extension: &Extension, anomalies: &mut Vec<Anomaly>) -> Self {
        let plain = DeflateSide {
            takeover: ContextTakeover::Kept,
            window: WindowBits::MAX,
        };
        let (mut client, mut server) = (plain, plain);
        for (name, value) in &extension.parameters {
            let value = value.as_deref();
            let bits = value
                .and_then(|digits| digits.parse().ok())
                .and_then(WindowBits::new);
            let lower = name.to_ascii_lowercase();
            match (lower.as_str(), value, bits) {
                ("client_no_context_takeover", None, _) => client.takeover = ContextTakeover::Reset,
                ("server_no_context_takeover", None, _) => server.takeover = ContextTakeover::Reset,
                ("client_max_window_bits", _, Some(bits)) => client.window = bits,
                ("server_max_window_bits", _, Some(bits)) => server.window = bits,
                _ => {
                    let written = value.map_or_else(|| name.clone(), |v| format!("{name}={v}"));
                    anomalies.push(Anomaly::new(
                        AnomalyKind::InvalidExtensions,
                        format!("permessage-deflate has no parameter `{written}`"),
                    ));
                }
            }
        }
        Self { client, server }
    }
}

/// What a server agreed to, as its response says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions {
    /// The parameters of permessage-deflate; `None` where it was not agreed.
    pub deflate: Option<DeflateParameters>,
    /// The names of the other extensions: what they do to frames is not known.
    pub unknown: Vec<String>,
}

impl Extensions {
    /// Reads the values of all `Sec-WebSocket-Extensions` fields of a *response*, in order.
    pub fn from_response<'a>(
        values: impl IntoIterator<Item = &'a [u8]>,
        anomalies: &mut Vec<Anomaly>,
    ) -> Self {
        let mut agreed = Self::default();
        for extension in Extension::parse_list(values, anomalies) {
            if extension.is_named("permessage-deflate") && agreed.deflate.is_none() {
                agreed.deflate = Some(DeflateParameters::from_extension(&extension, anomalies));
            } else {
                agreed.unknown.push(extension.name);
            }
        }
        agreed
    }
}

/// Splits at `separator`, but not within a quoted string.
fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (i, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else if c == separator && !quoted {
            parts.push(&text[start..i]);
            start = i + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parameter(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        None => (text.trim().to_owned(), None),
        Some((name, value)) => (name.trim().to_owned(), Some(unquoted(value.trim()))),
    }
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::{ContextTakeover, Extensions, WindowBits};
    use crate::{Anomaly, AnomalyKind, Direction};

    fn agreed(values: &[&str]) -> (Extensions, Vec<Anomaly>) {
        let mut anomalies = Vec::new();
        let values = values.iter().map(|v| v.as_bytes());
        (Extensions::from_response(values, &mut anomalies), anomalies)
    }

    #[test]
    fn nothing_agreed() {
        assert_eq!(agreed(&[]), (Extensions::default(), vec![]));
        assert_eq!(agreed(&["", " , "]), (Extensions::default(), vec![]));
    }

    #[test]
    fn parameters_belong_to_their_sides() {
        let (extensions, anomalies) = agreed(&[
            "Permessage-Deflate; server_no_context_takeover ;client_max_window_bits=\"1\\0\"",
        ]);
        assert_eq!(anomalies, []);
        let deflate = extensions.deflate.unwrap();
        let server = deflate.side(Direction::ServerToClient);
        let client = deflate.side(Direction::ClientToServer);
        assert_eq!(server.takeover, ContextTakeover::Reset);
        assert_eq!(server.window, WindowBits::MAX);
        assert_eq!(client.takeover, ContextTakeover::Kept);
        assert_eq!(client.window.get(), 10);
    }

    #[test]
    fn other_extensions_are_named_also_from_a_second_field() {
        let (extensions, _) = agreed(&["x-mux; q=\"a,b;c\", permessage-deflate", "x-crc"]);
        assert!(extensions.deflate.is_some());
        assert_eq!(extensions.unknown, ["x-mux", "x-crc"]);
    }

    #[test]
    fn malformed_lists_and_parameters_are_anomalies() {
        for value in [
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; unheard_of",
            "a b",
            "; x",
        ] {
            let (_, anomalies) = agreed(&[value]);
            let kinds: Vec<_> = anomalies.iter().map(|a| a.kind).collect();
            assert_eq!(kinds, [AnomalyKind::InvalidExtensions], "{value}");
        }
    }
}
