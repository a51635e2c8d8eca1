//! A pointer's scalar, against `serde_json::Value` as the oracle.

use serde_json::Value;
use wsaudit_wire::fuzzing::Control;

use crate::JsonPointer;

/// A pointer gives what the same pointer gives in a parsed document.
pub fn pointer(data: &[u8]) {
    let mut control = Control::new(data);
    let (pointer, json) = (control.part(), control.rest());
    let (Ok(text), Ok(json)) = (std::str::from_utf8(pointer), std::str::from_utf8(json)) else {
        return;
    };
    let Ok(pointer) = text.parse::<JsonPointer>() else {
        return;
    };
    let got = pointer.scalar_in(json);
    // The oracle refuses more: numbers beyond a double, half surrogates in members nobody asks for.
    let Ok(document) = serde_json::from_str::<Value>(json) else {
        return;
    };
    match (document.pointer(text), got) {
        (Some(Value::String(expected)), Some(got)) => assert_eq!(got, *expected),
        (Some(Value::Bool(expected)), Some(got)) => assert_eq!(got, expected.to_string()),
        (Some(Value::Number(expected)), Some(got)) => {
            // Ours keeps the digits, the oracle the number.
            let number: Value = serde_json::from_str(&got).expect("a number's digits");
            assert_eq!(number, Value::Number(expected.clone()));
        }
        (None | Some(Value::Null | Value::Array(_) | Value::Object(_)), None) => {}
        (expected, got) => panic!("{got:?} at {text}, expected {expected:?}"),
    }
}
