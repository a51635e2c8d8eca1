//! The body of a message over plain HTTP: what pointers lead into, whatever its media type says.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use wsaudit_wire::percent_decode;

/// What a body is, as far as it is looked into.
#[derive(Debug, PartialEq, Eq)]
pub enum Body<'b> {
    /// It says that it is JSON: one document, or an error.
    Json,
    /// JSON documents; pointers lead into each of them.
    Documents {
        /// In their order.
        documents: Vec<Cow<'b, str>>,
        /// The whole body, where some of it is text that is no JSON; else nothing.
        text: &'b str,
    },
    /// Text in which no pointer leads anywhere.
    Text(&'b str),
    /// Bytes that are not even text.
    Binary,
}

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

/// Whether a media type says that the body is one JSON document.
pub fn is_json(media_type: &str) -> bool {
    match media_type {
        "application/json" | "text/json" => true,
        // Spring's: one document after the other.
        "application/stream+json" => false,
        other => other.ends_with("+json"),
    }
}

impl<'b> Body<'b> {
    /// A body that is whole. `media_type`: in lower case, without parameters.
    pub fn of(media_type: Option<&str>, bytes: &'b [u8]) -> Self {
        if bytes.is_empty() {
            return Self::all(Vec::new());
        }
        if media_type.is_some_and(is_json) {
            return Self::Json;
        }
        let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
            return Self::Binary;
        };
        // Servers send JSON as text/html, pages as text/plain (`navigator.sendBeacon`), curl as a form.
        if let Some(documents) = documents(text) {
            return Self::all(documents);
        }
        match media_type {
            Some("text/event-stream") => event_stream(text).unwrap_or(Self::Text(text)),
            media_type if media_type == FORM => Self::all(vec![Cow::Owned(form(text))]),
            _ => Self::Text(text),
        }
    }

    /// The beginning of a body of which the rest is not known: the documents of a stream that are there whole.
    pub fn of_beginning(media_type: Option<&str>, kept: &'b [u8]) -> Self {
        let text = match std::str::from_utf8(kept) {
            Ok(text) => text,
            // It may end within a sign.
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&kept[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => return Self::Binary,
        };
        let (whole, rest) = match media_type {
            Some("text/event-stream") => {
                let end =
                    ["\n\n", "\r\n\r\n"].map(|blank| text.rfind(blank).map(|at| at + blank.len()));
                text.split_at(end[0].max(end[1]).unwrap_or(0))
            }
            // Of one document that is cut off, nothing is known.
            _ => text.split_at(text.rfind('\n').map_or(0, |at| at + 1)),
        };
        let is_stream = media_type == Some("text/event-stream") || !whole.is_empty();
        match Self::of(media_type, whole.as_bytes()) {
            Self::Documents {
                documents,
                text: known,
            } if is_stream && media_type != FORM => Self::Documents {
                documents,
                text: if known.is_empty() { rest } else { text },
            },
            _ => Self::Text(text),
        }
    }

    fn all(documents: Vec<Cow<'b, str>>) -> Self {
        Self::Documents {
            documents,
            text: "",
        }
    }
}

/// An object or an array, or several of any kind after it (NDJSON); nothing where any of it is no JSON.
fn documents(text: &str) -> Option<Vec<Cow<'_, str>>> {
    if !begins_as_json(text) {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut documents = Vec::new();
    let mut begin = 0;
    while let Some(document) = stream.next() {
        document.ok()?;
        let end = stream.byte_offset();
        documents.push(Cow::Borrowed(&text[begin..end]));
        begin = end;
    }
    Some(documents)
}

fn begins_as_json(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '['])
}

/// What ends a stream of the `OpenAI` API, and of those that follow it.
const DONE: &str = "[DONE]";

/// The data of each event, by <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>;
/// the last event counts also where the blank line behind it is missing. Data that is no JSON is a string.
/// Nothing where some of it begins like JSON and is none.
fn event_stream(text: &str) -> Option<Body<'_>> {
    let mut documents = Vec::new();
    let mut has_text = false;
    let mut data = Vec::new();
    let stream = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = stream.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
    });
    for line in lines.chain([""]) {
        if let Some(value) = field(line, "data") {
            data.push(value);
        }
        if !line.is_empty() || data.is_empty() {
            continue;
        }
        let whole = std::mem::take(&mut data).join("\n");
        if serde_json::from_str::<IgnoredAny>(&whole).is_ok() {
            documents.push(Cow::Owned(whole));
        } else if whole.trim() == DONE || whole.trim().is_empty() {
        } else if begins_as_json(&whole) {
            return None;
        } else {
            has_text = true;
            documents.push(Cow::Owned(quoted(&whole)));
        }
    }
    let text = if has_text { text } else { "" };
    Some(Body::Documents { documents, text })
}

/// The value of a line that is that field.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let value = line.strip_prefix(name)?.strip_prefix(':')?;
    Some(value.strip_prefix(' ').unwrap_or(value))
}

/// An object of strings. A name that comes twice stands in it twice: pointers yield both.
fn form(text: &str) -> String {
    let decoded = |part| quoted(&String::from_utf8_lossy(&percent_decode(part)));
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let members = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        format!("{}:{}", decoded(name), decoded(value))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The words of a text, as an id may stand in it: runs of letters, digits, `_` and `-`, and of these with the
/// signs that ids, paths and addresses have in them. A word may come as both.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_plain = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-');
    let is_wide =
        move |sign: char| is_plain(sign) || matches!(sign, '.' | ':' | '@' | '/' | '+' | '~');
    let wide = text.split(move |sign| !is_wide(sign));
    wide.flat_map(move |wide| {
        let plain = wide.split(move |sign| !is_plain(sign));
        let plain = plain.filter(move |plain| plain.len() < wide.len());
        [wide].into_iter().chain(plain)
    })
    .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(media_type: &str, body: &str) -> Vec<String> {
        match Body::of(Some(media_type), body.as_bytes()) {
            Body::Documents { documents, .. } => documents
                .into_iter()
                .map(|it| it.trim().to_owned())
                .collect(),
            Body::Text(_) => vec!["text".to_owned()],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_is_known_by_how_it_begins() {
        for media_type in [
            "text/html",
            "text/plain",
            "application/octet-stream",
            "text/event-stream",
        ] {
            assert_eq!(read(media_type, " {\"a\":1}\n"), ["{\"a\":1}"]);
        }
        assert_eq!(read("text/plain", "[1]\n2 {}"), ["[1]", "2", "{}"]);
        for text in [
            "{\"a\":",
            "[INFO] started",
            "{} no",
            "<p>{}</p>",
            "\"a\"",
            "17",
        ] {
            assert_eq!(read("text/plain", text), ["text"], "{text}");
        }
        assert_eq!(
            Body::of(None, b"[1]"),
            Body::all(vec![Cow::Borrowed("[1]")])
        );
        assert_eq!(Body::of(None, b"[\xff]"), Body::Binary);
        assert_eq!(Body::of(Some("application/problem+json"), b"x"), Body::Json);
        assert_eq!(Body::of(Some("application/json"), b""), Body::all(vec![]));
    }

    #[test]
    fn an_event_stream_is_the_data_of_its_events() {
        let read = |body| read("text/event-stream", body);
        assert_eq!(
            read(": hello\nid: 1\ndata: {\"a\":1}\n\nevent: x\ndata:{\"a\":\ndata: 2}\n\n"),
            ["{\"a\":1}", "{\"a\":\n2}"]
        );
        assert_eq!(
            read("data: 1\r\n\r\ndata: 2\r\rdata: [DONE]\n\ndata\n\ndata:\n\n"),
            ["1", "2"]
        );
        assert_eq!(read("data: {\"a\":1}"), ["{\"a\":1}"], "cut off behind it");
        assert_eq!(read("data: {\"a\":"), ["text"], "cut off in it");
        assert_eq!(read(": nothing yet\n\n"), [""; 0]);
        let mixed = "data: ping\n\ndata: {\"a\":1}\n\n";
        assert_eq!(read(mixed), ["\"ping\"", "{\"a\":1}"]);
        let body = Body::of(Some("text/event-stream"), mixed.as_bytes());
        assert!(matches!(body, Body::Documents { text, .. } if text == mixed));
    }

    #[test]
    fn of_a_stream_that_is_cut_off_what_is_whole_is_read() {
        let read = |media_type, kept| match Body::of_beginning(Some(media_type), kept) {
            Body::Documents { documents, .. } => documents.concat(),
            Body::Text(text) => format!("text {text}"),
            other => panic!("{other:?}"),
        };
        let stream = b"data: {\"a\":1}\n\ndata: {\"b\":";
        assert_eq!(read("text/event-stream", stream), "{\"a\":1}");
        assert_eq!(read("text/event-stream", b"data: {\"a\":1}"), "");
        assert_eq!(
            read("application/x-ndjson", b"{\"a\":1}\n{\"b"),
            "{\"a\":1}"
        );
        assert_eq!(read("application/x-ndjson", b"{\"a\":1}"), "text {\"a\":1}");
        assert_eq!(read("text/html", b"<p>\xC3"), "text <p>");
        assert_eq!(Body::of_beginning(None, b"\xFF\xFE"), Body::Binary);
    }

    #[test]
    fn a_form_is_an_object_of_strings() {
        let read = |body| read("application/x-www-form-urlencoded", body);
        assert_eq!(read("note=a%20b+c&&x"), ["{\"note\":\"a b c\",\"x\":\"\"}"]);
        assert_eq!(
            read("a=1&a=2&q=%22=%3d"),
            ["{\"a\":\"1\",\"a\":\"2\",\"q\":\"\\\"==\"}"]
        );
        assert_eq!(read("{\"curl\":\"-d\"}"), ["{\"curl\":\"-d\"}"]);
    }

    #[test]
    fn an_id_is_a_word_of_a_page() {
        let page = "<a href='/notes/note_1?x=u.v@w'>note-2.</a> id=org:7,8";
        let words: Vec<_> = words(page).collect();
        for id in ["note_1", "/notes/note_1", "u.v@w", "note-2", "org:7", "8"] {
            assert!(words.contains(&id), "{id}: {words:?}");
        }
        assert!(!words.contains(&"note"));
    }
}
