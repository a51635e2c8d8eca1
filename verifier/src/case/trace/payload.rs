//! Payloads as a case writes them.

use serde::de::IgnoredAny;
use wsaudit_wire::Opcode;

use super::super::error::Problem;
use super::super::word::{self, Words};

/// A message or a control frame: JSON, `text "..."`, `hex:...`, `ping`, `pong`.
pub(super) fn read(words: &mut Words<'_>) -> Result<(Opcode, Vec<u8>), Problem> {
    words.next_line();
    let first = words.peek().ok_or(Problem::Missing("a payload"))?;
    if let Some(digits) = first.strip_prefix("hex:") {
        words.next();
        return Ok((Opcode::BINARY, word::hex(digits)?));
    }
    match first {
        "text" => {
            words.next();
            Ok((Opcode::TEXT, string(words)?.into_bytes()))
        }
        "ping" | "pong" => {
            words.next();
            let opcode = if first == "ping" {
                Opcode::PING
            } else {
                Opcode::PONG
            };
            let payload = match words.peek() {
                None => Vec::new(),
                Some(digits) => {
                    words.next();
                    word::hex(digits.strip_prefix("hex:").unwrap_or(digits))?
                }
            };
            Ok((opcode, payload))
        }
        _ => Ok((Opcode::TEXT, json::<IgnoredAny>(words)?.0.into())),
    }
}

/// A close frame's payload: nothing, or a code and a reason (RFC 6455, section 5.5.1).
pub(super) fn close(words: &mut Words<'_>) -> Result<Vec<u8>, Problem> {
    let Some(code) = words.next() else {
        return Ok(Vec::new());
    };
    let code: u16 = word::number(code, "close code (0 to 65535)")?;
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(words.free().bytes());
    Ok(payload)
}

/// A JSON value, exactly as it is written, and what it is. It ends where the value does: what looks
/// like an expectation within a string is part of it.
fn json<'t, V: serde::Deserialize<'t>>(words: &mut Words<'t>) -> Result<(&'t str, V), Problem> {
    words.next_line();
    let rest = words.rest();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter();
    let value = match values.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) => return Err(Problem::NotJson(error.to_string())),
        None => return Err(Problem::Missing("a payload")),
    };
    let end = values.byte_offset();
    words.skip(end);
    Ok((&rest[..end], value))
}

/// A string in JSON's notation.
fn string(words: &mut Words<'_>) -> Result<String, Problem> {
    json::<String>(words).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(text: &str) -> (Result<(Opcode, Vec<u8>), Problem>, String) {
        let mut words = Words::new(text);
        let payload = read(&mut words);
        (payload, words.rest().to_owned())
    }

    #[test]
    fn a_payload_ends_where_its_value_does() {
        let (read, rest) = payload("{\"a\":\"b #! expect c\"}  #! expect d");
        assert_eq!(
            read.unwrap(),
            (Opcode::TEXT, b"{\"a\":\"b #! expect c\"}".to_vec())
        );
        assert_eq!(rest, "#! expect d");
    }

    #[test]
    fn texts_bytes_and_control_frames() {
        assert_eq!(
            payload(r#"text "{\n""#).0.unwrap(),
            (Opcode::TEXT, b"{\n".to_vec())
        );
        assert_eq!(
            payload("hex:00ff").0.unwrap(),
            (Opcode::BINARY, vec![0, 255])
        );
        assert_eq!(payload("ping 01").0.unwrap(), (Opcode::PING, vec![1]));
        assert_eq!(payload("pong").0.unwrap(), (Opcode::PONG, vec![]));
    }

    #[test]
    fn a_broken_payload_says_how_to_write_one() {
        let error = payload("{\"a\":").0.unwrap_err().to_string();
        assert!(error.contains("write `text \"...\"`"), "{error}");
    }
}
