//! Codecs whose messages are no JSON, and hold some: from a message to the JSON values in it.
//!
//! | codec | a message | is read as |
//! |---|---|---|
//! | `socket.io` | `42/chat,13["open",{"id":1}]` | `{"type":"event","nsp":"/chat","id":"13","data":["open",{"id":1}]}` |
//! | `signalr` | JSON, each up to a 0x1E | each |
//! | `sockjs` | `a["{\"type\":\"open\"}"]` | each string |
//! | `stomp` | a command, headers and a body | `{"command":"SEND","headers":{"destination":"/chat"},"body":{"id":1}}` |
//! | `ndjson` | JSON, each on a line | each |

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::DecodeError;
use crate::framing::socket_io::Packet;
use crate::framing::stomp::Frame;
use crate::rules::Codec;

/// The JSON values that a message holds, in its order: none, where it is a heart-beat or speaks of the framing itself.
/// They need not be valid.
pub fn records(codec: Codec, message: &str) -> Result<Vec<Cow<'_, str>>, DecodeError> {
    let records = match codec {
        Codec::Auto | Codec::Json => Ok(vec![Cow::Borrowed(message)]),
        Codec::Text => Ok(Vec::new()),
        Codec::SocketIo => socket_io(message),
        Codec::SignalR => Ok(between(message, '\u{1e}')),
        Codec::NdJson => Ok(between(message, '\n')),
        Codec::SockJs => sockjs(message),
        Codec::Stomp => stomp(message),
    };
    records.map_err(|why| DecodeError::NotFramed {
        codec: codec.as_str(),
        why,
    })
}

/// The elements of a document that is an array of objects, such as a batch of JSON-RPC; nothing where it is anything
/// else.
pub fn batch(document: &str) -> Option<Vec<Cow<'_, str>>> {
    if !may_be_batch(document.as_bytes()) {
        return None;
    }
    let elements: Vec<&RawValue> = serde_json::from_str(document).ok()?;
    let elements = elements
        .into_iter()
        .map(|element| Cow::Borrowed(element.get()));
    let elements: Vec<_> = elements.collect();
    let is_batch = !elements.is_empty() && elements.iter().all(|element| element.starts_with('{'));
    is_batch.then_some(elements)
}

/// Whether a document begins as an array.
#[inline]
pub fn may_be_batch(document: &[u8]) -> bool {
    document.trim_ascii_start().first() == Some(&b'[')
}

type Records<'m> = Result<Vec<Cow<'m, str>>, String>;

fn between(message: &str, end: char) -> Vec<Cow<'_, str>> {
    let records = message.split(end).map(str::trim);
    let records = records.filter(|record| !record.is_empty());
    records.map(Cow::Borrowed).collect()
}

/// Binary attachments follow in messages of their own, which are not read.
fn socket_io(message: &str) -> Records<'_> {
    let packet = match message.as_bytes().first() {
        Some(b'0') => {
            let data = whole_value(&message[1..])?;
            return Ok(vec![format!(r#"{{"type":"open","data":{data}}}"#).into()]);
        }
        Some(b'1' | b'2' | b'3' | b'5' | b'6') => return Ok(Vec::new()),
        Some(b'4') => Packet::read(&message[1..]),
        Some(_) | None => None,
    };
    let packet = packet.ok_or("it begins with no packet's type")?;
    let (name, carries) = match packet.kind {
        b'0' => ("connect", "data"),
        b'1' => ("disconnect", "data"),
        b'2' | b'5' => ("event", "data"),
        // What comes first there is no event's name.
        b'3' | b'6' => ("ack", "args"),
        b'4' => ("connect_error", "data"),
        _ => return Err("it has no packet type that there is".to_owned()),
    };
    let nsp = Value::from(packet.namespace);
    let mut record = format!(r#"{{"type":"{name}","nsp":{nsp}"#);
    if !packet.ack.is_empty() {
        let _ = write!(record, r#","id":"{}""#, packet.ack);
    }
    if !packet.json.is_empty() {
        let _ = write!(record, r#","{carries}":{}"#, whole_value(packet.json)?);
    }
    record.push('}');
    Ok(vec![record.into()])
}

/// What is one JSON value: nothing else is to be written into another one.
fn whole_value(json: &str) -> Result<&str, String> {
    let read = serde_json::from_str::<IgnoredAny>(json);
    read.map(|_| json).map_err(|error| error.to_string())
}

/// The server's `a[…]`, `o`, `h` and `c[…]`, and the client's array.
fn sockjs(message: &str) -> Records<'_> {
    let strings = match message.as_bytes().first() {
        Some(b'o' | b'h' | b'c') => return Ok(Vec::new()),
        Some(b'a') => &message[1..],
        Some(_) | None => message,
    };
    let strings: Vec<String> = serde_json::from_str(strings).map_err(|error| error.to_string())?;
    Ok(strings.into_iter().map(Cow::Owned).collect())
}

/// Frames that are not split over messages. Of a header that comes twice, the first one counts; a body that is no JSON
/// is a string.
fn stomp(message: &str) -> Records<'_> {
    let mut records = Vec::new();
    let mut rest = message.as_bytes();
    while let Some((frame, more)) = Frame::read(rest) {
        let mut headers = Map::new();
        for (name, value) in frame.headers() {
            headers.entry(name).or_insert_with(|| Value::from(value));
        }
        let body = std::str::from_utf8(frame.body).map_err(|error| error.to_string())?;
        let body = whole_value(body)
            .map_or_else(|_| Cow::Owned(Value::from(body).to_string()), Cow::Borrowed);
        let (command, headers) = (Value::from(frame.command), Value::Object(headers));
        let record = format!(r#"{{"command":{command},"headers":{headers},"body":{body}}}"#);
        records.push(record.into());
        rest = more;
    }
    if rest.iter().all(|byte| matches!(byte, b'\n' | b'\r')) {
        Ok(records)
    } else {
        Err("a frame is not complete".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(codec: Codec, message: &str) -> Vec<String> {
        let records = records(codec, message).unwrap();
        records.into_iter().map(Cow::into_owned).collect()
    }

    fn refuses(codec: Codec, messages: &[&str]) {
        for message in messages {
            assert!(records(codec, message).is_err(), "{message:?}");
        }
    }

    #[test]
    fn packets_of_socket_io() {
        for (message, record) in [
            (r#"0{"sid":"a"}"#, r#"{"type":"open","data":{"sid":"a"}}"#),
            ("40", r#"{"type":"connect","nsp":"/"}"#),
            (
                r#"40/a?t=1,{"t":1}"#,
                r#"{"type":"connect","nsp":"/a","data":{"t":1}}"#,
            ),
            ("41", r#"{"type":"disconnect","nsp":"/"}"#),
            (r#"42["x"]"#, r#"{"type":"event","nsp":"/","data":["x"]}"#),
            (
                r#"42/a,13["x",{}]"#,
                r#"{"type":"event","nsp":"/a","id":"13","data":["x",{}]}"#,
            ),
            ("4307[]", r#"{"type":"ack","nsp":"/","id":"07","args":[]}"#),
            (
                r#"44{"message":"no"}"#,
                r#"{"type":"connect_error","nsp":"/","data":{"message":"no"}}"#,
            ),
            (
                r#"451-["x",{"_placeholder":true,"num":0}]"#,
                r#"{"type":"event","nsp":"/","data":["x",{"_placeholder":true,"num":0}]}"#,
            ),
        ] {
            assert_eq!(read(Codec::SocketIo, message), [record]);
        }
        for nothing in ["1", "2", "3", "2probe", "3probe", "5", "6"] {
            assert!(read(Codec::SocketIo, nothing).is_empty(), "{nothing}");
        }
        refuses(
            Codec::SocketIo,
            &[
                "",
                "x",
                r#"42[],"nsp":"/""#,
                "4",
                "49",
                "45[]",
                "[]",
                "\u{e9}",
            ],
        );
    }

    #[test]
    fn a_batch_is_an_array_of_objects() {
        let elements = batch(" [{\"a\":[1]} , {}]").unwrap();
        assert_eq!(elements, ["{\"a\":[1]}", "{}"]);
        for other in ["[]", "[{},1]", "[[{}]]", "{}", "[{}", "[{}] 1", "", "1"] {
            assert_eq!(batch(other), None, "{other}");
        }
    }

    #[test]
    fn records_that_end_and_lines() {
        let signalr = read(Codec::SignalR, "{}\u{1e}{\"type\":6}\u{1e}");
        assert_eq!(signalr, ["{}", "{\"type\":6}"]);
        assert_eq!(read(Codec::NdJson, "{}\r\n\n[1]\n"), ["{}", "[1]"]);
    }

    #[test]
    fn frames_of_sockjs() {
        assert_eq!(
            read(Codec::SockJs, r#"a["{\"a\":1}","2"]"#),
            [r#"{"a":1}"#, "2"]
        );
        assert_eq!(read(Codec::SockJs, r#"["{}"]"#), ["{}"]);
        for nothing in ["o", "h", r#"c[3000,"Go away!"]"#] {
            assert!(read(Codec::SockJs, nothing).is_empty(), "{nothing}");
        }
        refuses(Codec::SockJs, &["", "x", "a[1]", "a[\"\"", "{}"]);
    }

    #[test]
    fn frames_of_stomp() {
        assert!(read(Codec::Stomp, "\n").is_empty(), "a heart-beat");
        assert_eq!(
            read(
                Codec::Stomp,
                "SEND\ndestination:/a\\cb\ndestination:/no\n\n{\"id\":1}\0\n"
            ),
            [r#"{"command":"SEND","headers":{"destination":"/a:b"},"body":{"id":1}}"#]
        );
        assert_eq!(
            read(
                Codec::Stomp,
                "SEND\r\nx:1\r\n\r\nplain\0SEND\ncontent-length:3\n\na\0b\0"
            ),
            [
                r#"{"command":"SEND","headers":{"x":"1"},"body":"plain"}"#,
                r#"{"command":"SEND","headers":{"content-length":"3"},"body":"a\u0000b"}"#
            ]
        );
        refuses(
            Codec::Stomp,
            &["SEND", "SEND\n\nno end", "SEND\ncontent-length:9\n\na\0"],
        );
    }
}
