//! No secret of a message survives where a rule names it, and nothing else is lost by it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use memchr::memmem;
use serde::de::IgnoredAny;
use wsaudit_wire::fuzzing::Control;

use super::planted::SECRET;
use crate::{HmacRedactor, PayloadRules, Redactor as _};

static REDACTOR: LazyLock<HmacRedactor> = LazyLock::new(|| HmacRedactor::new(&[9; 32]));

fn rules(texts: &[&str]) -> PayloadRules {
    let rules = texts.iter().map(|text| text.parse());
    PayloadRules::new(
        rules
            .collect::<Result<_, _>>()
            .expect("the rules are valid"),
    )
}

static POINTERS: LazyLock<PayloadRules> = LazyLock::new(|| rules(&["/a/*/s", "/a/*/0"]));
static PATTERNS: LazyLock<PayloadRules> = LazyLock::new(|| rules(&["/z+Q5ecretQz/"]));
static BOTH: LazyLock<PayloadRules> =
    LazyLock::new(|| rules(&["/a/*/s", "/a/*/0", "/z+Q5ecretQz/", r#"/"pin":"?(\w+)/"#]));

/// A planted secret is not in what is kept; every byte beside it is; JSON stays JSON.
pub fn redact_payload(data: &[u8]) {
    let mut control = Control::new(data);
    match control.byte() % 4 {
        0 => pointed_at(&mut control),
        1 => matched_in_json(&mut control),
        2 => matched_in_bytes(&mut control),
        _ => anything(control.rest()),
    }
}

/// A JSON string that reads as these bytes, read lossily; every `how`th character is in an escape.
fn string(bytes: &[u8], how: u8) -> String {
    let text = String::from_utf8_lossy(bytes);
    let every = usize::from(how);
    let mut out = String::from('"');
    for (index, character) in text.chars().enumerate() {
        if every > 0 && index % every == 0 || character < ' ' || "\"\\".contains(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a string takes everything");
            }
        } else {
            out.push(character);
        }
    }
    out.push('"');
    out
}

/// Noise before and after a string.
struct Around {
    noise: String,
    before: String,
    after: String,
}

impl Around {
    fn new(control: &mut Control<'_>) -> Self {
        let noise = string(control.part(), control.byte());
        let (array, twice) = (control.byte() & 1 == 1, control.byte() & 1 == 1);
        let name = string(b"s", control.byte() % 2);
        let inner = match (array, twice) {
            (true, _) => "[".to_owned(),
            (false, false) => format!("{{\"t\" : {noise},{name}: "),
            (false, true) => format!("{{{name}:null,\"t\":[{noise}] ,{name}: "),
        };
        let end = if array { "]" } else { ",\"u\":{\"s\":1e999}}" };
        Self {
            before: format!("{{\"s\":{noise},\"a\":[{{}},\n{inner}"),
            after: format!("{end},0],\"z\":{noise}}} "),
            noise,
        }
    }
}

fn pointed_at(control: &mut Control<'_>) {
    let around = Around::new(control);
    let mut secret = control.part().to_vec();
    secret.extend_from_slice(SECRET);
    secret.extend_from_slice(control.part());
    let value = match control.byte() % 3 {
        0 => string(&secret, control.byte()),
        1 => format!("[{}, {{}}]", string(&secret, 0)),
        _ => format!("{{\"x\":[]  , {}:-1}}", string(&secret, 0)),
    };
    let Around { before, after, .. } = around;
    let message = [before.as_bytes(), value.as_bytes(), after.as_bytes()].concat();
    let out = kept(&POINTERS, &message);
    let middle = out
        .strip_prefix(before.as_bytes())
        .and_then(|rest| rest.strip_suffix(after.as_bytes()))
        .expect("what is around the value stays");
    let hashed: Cow<'_, [u8]> = match serde_json::from_str::<String>(&value) {
        Ok(text) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(value.as_bytes()),
    };
    let token = format!("\"{}\"", REDACTOR.replacement(&hashed));
    assert_eq!(middle, token.as_bytes());
    // The same value at the same place, whatever else is asked for.
    assert!(memmem::find(&kept(&BOTH, &message), token.as_bytes()).is_some());
}

fn matched_in_json(control: &mut Control<'_>) {
    let mut around = Around::new(control);
    let mut text = control.part().to_vec();
    text.extend_from_slice(SECRET);
    text.extend_from_slice(control.part());
    let mut value = string(&text, control.byte());
    for _ in 0..control.byte() % 3 {
        // JSON in a string of JSON.
        value = string(format!("[{value}]").as_bytes(), control.byte());
    }
    if control.byte() & 1 == 1 {
        // A name.
        around.before.push('{');
        around.after.insert_str(0, ":1}");
    }
    let message = [&around.before, &value, &around.after]
        .map(String::as_str)
        .concat();
    let out = kept(&PATTERNS, message.as_bytes());
    assert!(!reads_anywhere(
        std::str::from_utf8(&out).expect("text stays text"),
        5
    ));
    // What holds the secret itself goes, and what may.
    let stays = !reads_anywhere(&around.before, 5) && !is_in_doubt(&around.noise, 5);
    assert!(out.starts_with(around.before.as_bytes()) || !stays);
}

fn matched_in_bytes(control: &mut Control<'_>) {
    let mut message = control.part().to_vec();
    message.extend_from_slice(SECRET);
    message.extend_from_slice(control.rest());
    let out = kept(&PATTERNS, &message);
    assert!(memmem::find(&out, SECRET).is_none());
}

fn anything(message: &[u8]) {
    for rules in [&*POINTERS, &*PATTERNS, &*BOTH] {
        let is_json = |bytes| serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        match rules.redact(message, &*REDACTOR) {
            Ok(out) => assert!(!is_json(message) || is_json(&out)),
            Err(_) => assert!(!is_json(message) || std::str::from_utf8(message).is_err()),
        }
    }
}

fn kept(rules: &PayloadRules, message: &[u8]) -> Vec<u8> {
    let out = rules.redact(message, &*REDACTOR);
    out.expect("it can be redacted").into_owned()
}

/// Whether there may be an escape in it of which nobody can say what it stands for, half a surrogate
/// pair, be it in a string of JSON in a string. The string is replaced then.
fn is_in_doubt(text: &str, depth: usize) -> bool {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::String(text)) => depth > 0 && is_in_doubt(&text, depth - 1),
        Ok(value) => value.to_string().contains("\\u"),
        Err(_) => text.contains("\\u"),
    }
}

/// Whether the secret is in the text, or in what its strings stand for, or in the strings of JSON there.
fn reads_anywhere(text: &str, depth: usize) -> bool {
    if memmem::find(text.as_bytes(), SECRET).is_some() {
        return true;
    }
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
        return false;
    };
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        match value {
            serde_json::Value::String(text) if depth > 0 && reads_anywhere(&text, depth - 1) => {
                return true;
            }
            serde_json::Value::Array(elements) => values.extend(elements),
            serde_json::Value::Object(members) => {
                for (name, value) in members {
                    values.extend([name.into(), value]);
                }
            }
            _ => {}
        }
    }
    false
}
