//! What pointers yield, against `serde_json` walking the document one step at a time.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use wsaudit_wire::fuzzing::Control;

use crate::decode::{ExtractorBuilder, Value};
use crate::rules::{Codec, Pointer, PointerStep};

/// Up to four pointers yield what a step-by-step walk yields, in order, duplicates included. Ids are looked for at every
/// other one.
pub fn extractor(data: &[u8]) {
    let mut control = Control::new(data);
    let mut builder = ExtractorBuilder::default();
    let mut pointers = Vec::new();
    for _ in 0..=control.byte() % 4 {
        let text = std::str::from_utf8(control.part()).unwrap_or_default();
        if let Ok(pointer) = text.parse::<Pointer>() {
            let slot = match pointers.len() % 2 {
                0 => builder.slot(&pointer),
                _ => builder.id_slot(&pointer),
            };
            pointers.push((slot, pointer));
        }
    }
    let mut extractor = builder.build();
    let message = control.rest();
    let read = extractor.read(Codec::Json, message);
    let document = std::str::from_utf8(message).ok();
    // The oracle refuses more: numbers beyond a double, deeper nesting in what nobody asks for.
    let valid = document.is_some_and(|it| serde_json::from_str::<serde_json::Value>(it).is_ok());
    if let Err(error) = &read {
        assert!(!valid, "{error}");
        assert!(
            pointers
                .iter()
                .all(|(slot, _)| !extractor.values().has(*slot))
        );
    }
    let (Some(document), true) = (document, valid) else {
        return;
    };
    let of_ids = pointers.iter().skip(1).step_by(2);
    let of_ids: Vec<_> = of_ids.map(|(slot, _)| *slot).collect();
    for (slot, pointer) in &pointers {
        let mut found = Vec::new();
        walk(document, pointer.steps(), &mut found);
        let mut expected = Vec::new();
        for json in found {
            expected.push(leaf(json));
            if of_ids.contains(slot) {
                elements(json, &mut expected);
            }
        }
        let got: Vec<_> = extractor.values().of(*slot).map(shown).collect();
        assert_eq!(got, expected, "at {pointer}");
    }
}

fn shown(value: Value<'_>) -> String {
    format!("{value:?}")
}

/// What `steps` lead to in `json`.
fn walk<'j>(json: &'j str, steps: &[PointerStep], found: &mut Vec<&'j str>) {
    let json = json.trim_ascii();
    let Some((step, rest)) = steps.split_first() else {
        found.push(json);
        return;
    };
    let children: Vec<(Cow<'j, str>, &'j RawValue)> = match json.as_bytes().first() {
        Some(b'{') => {
            let members: Members<'j> = serde_json::from_str(json).expect("checked before");
            members.0
        }
        Some(b'[') => {
            let elements: Vec<&'j RawValue> = serde_json::from_str(json).expect("checked before");
            let numbered = elements.into_iter().enumerate();
            numbered
                .map(|(at, it)| (at.to_string().into(), it))
                .collect()
        }
        _ => return,
    };
    for (name, child) in children {
        let follows = match step {
            PointerStep::Any => true,
            PointerStep::Name(wanted) => *wanted == name,
        };
        if follows {
            walk(child.get(), rest, found);
        }
    }
}

fn leaf(json: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(json).expect("checked before") {
        serde_json::Value::String(text) => shown(Value::Text(&text)),
        serde_json::Value::Number(_) => shown(Value::Number(json)),
        serde_json::Value::Bool(value) => shown(Value::Bool(value)),
        serde_json::Value::Null => shown(Value::Null),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => shown(Value::Composite),
    }
}

/// What ids an array is, and where more may be in it, or in an object.
fn elements(json: &str, found: &mut Vec<String>) {
    let has_more = |json: &str| match serde_json::from_str(json).expect("checked before") {
        serde_json::Value::Array(elements) => !elements.is_empty(),
        serde_json::Value::Object(members) => !members.is_empty(),
        _ => false,
    };
    if json.trim_ascii_start().starts_with('{') && has_more(json) {
        found.push(shown(Value::Deeper));
    }
    let elements: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
    for element in elements {
        match serde_json::from_str(element.get()).expect("checked before") {
            serde_json::Value::String(text) => found.push(shown(Value::Element(&text))),
            serde_json::Value::Number(_) => found.push(shown(Value::Element(element.get()))),
            _ if has_more(element.get()) => found.push(shown(Value::Deeper)),
            _ => {}
        }
    }
}

/// The members of an object, in order, duplicates included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name.into(), value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
