//! Random JSON and random pointers: only what a pointer leads to is changed, and that always.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Value;
use wsaudit_tagging::{HmacRedactor, PayloadRule, PayloadRules, Redactor as _};

const NAMES: [&str; 5] = ["a", "b", "a/b", "é~", "0"];

/// A document, in which the planted texts occur nowhere else than in its strings.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(&NAMES[..]), inner, 0..4).prop_map(
                |members| Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect()
                )
            ),
        ]
    })
}

fn steps() -> impl Strategy<Value = Vec<&'static str>> {
    let step = prop::sample::select(vec!["a", "b", "a/b", "é~", "0", "1", "*"]);
    prop::collection::vec(step, 1..4)
}

fn pointer(steps: &[&str]) -> PayloadRule {
    let mut text = String::new();
    for step in steps {
        let step = step.replace('~', "~0").replace('/', "~1");
        write!(text, "/{step}").expect("a string takes everything");
    }
    text.parse().expect("the test's pointer is one")
}

/// What the document becomes, told the slow way: over the tree.
fn expected(value: &mut Value, steps: &[&str], redactor: &HmacRedactor) {
    let Some((step, rest)) = steps.split_first() else {
        let secret = match *value {
            Value::Null => return,
            Value::String(ref text) if text.is_empty() => return,
            Value::String(ref text) => text.clone(),
            ref other => other.to_string(),
        };
        *value = redactor.replacement(secret.as_bytes()).into();
        return;
    };
    match value {
        Value::Object(members) => members
            .iter_mut()
            .filter(|(name, _)| *step == "*" || name == step)
            .for_each(|(_, inner)| expected(inner, rest, redactor)),
        Value::Array(elements) => elements
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| *step == "*" || index.to_string() == *step)
            .for_each(|(_, inner)| expected(inner, rest, redactor)),
        _ => {}
    }
}

/// The document with every character of its strings in an escape.
fn escaped(document: &Value) -> String {
    let string = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match document {
        Value::String(text) => string(text),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(escaped).collect();
            format!("[ {} ]", elements.join("\n,"))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<_> = members
                .map(|(name, value)| format!("{} :{}", string(name), escaped(value)))
                .collect();
            format!("{{{}}} ", members.join(" , "))
        }
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn redacted_json_is_the_same_but_at_the_pointed_places(
        document in documents(),
        steps in steps(),
    ) {
        let redactor = HmacRedactor::new(&[9; 32]);
        let rules = PayloadRules::new(vec![pointer(&steps)]);
        let mut wanted = document.clone();
        expected(&mut wanted, &steps, &redactor);
        let text = document.to_string();
        let out = rules.redact(text.as_bytes(), &redactor).expect("JSON is redacted");
        let got: Value = serde_json::from_slice(&out).expect("it stays JSON");
        prop_assert_eq!(&got, &wanted);
        let again = got.to_string();
        prop_assert_eq!(again.as_bytes(), &*out, "every other byte stays");
        // However it is written. What is hashed of an object is its text, so only scalars compare.
        let text = escaped(&document);
        let out = rules.redact(text.as_bytes(), &redactor).expect("JSON is redacted");
        let got: Value = serde_json::from_slice(&out).expect("it stays JSON");
        if !has_composite(&document, &steps) {
            prop_assert_eq!(got, wanted);
        }
    }

    #[test]
    fn an_expression_leaves_no_match_and_keeps_json_json(
        document in documents(),
        written in any::<bool>(),
    ) {
        let redactor = HmacRedactor::new(&[9; 32]);
        let expression = r"/[^\x00-\x7F]/".parse().expect("the test's expression is one");
        let rules = PayloadRules::new(vec![expression]);
        let text = if written { escaped(&document) } else { document.to_string() };
        let out = rules.redact(text.as_bytes(), &redactor).expect("nothing is withheld");
        let got: Value = serde_json::from_slice(&out).expect("it stays JSON");
        prop_assert!(got.to_string().is_ascii(), "{} of {}", got, text);
    }
}

/// Whether the pointer leads to an object or an array, also on its way through equal names.
fn has_composite(value: &Value, steps: &[&str]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return value.is_object() || value.is_array();
    };
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, inner)| (*step == "*" || name == step) && has_composite(inner, rest)),
        Value::Array(elements) => elements.iter().enumerate().any(|(index, inner)| {
            (*step == "*" || index.to_string() == *step) && has_composite(inner, rest)
        }),
        _ => false,
    }
}
