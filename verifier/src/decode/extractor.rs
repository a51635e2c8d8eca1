//! All pointers as one trie, and one message through it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::json::{self, Trie};
use super::{DecodeError, SlotId, Value, Values, records};
use crate::rules::{Codec, Pointer};

/// Collects the pointers that rules ask for; equal ones share a slot.
#[derive(Debug, Default)]
pub struct ExtractorBuilder {
    slots: BTreeMap<Pointer, SlotId>,
    /// Those at which ids are looked for.
    ids: BTreeMap<SlotId, Pointer>,
    /// Slots of values that no pointer leads to.
    others: usize,
}

impl ExtractorBuilder {
    /// The slot of `pointer`.
    pub fn slot(&mut self, pointer: &Pointer) -> SlotId {
        let next = self.next();
        *self.slots.entry(pointer.clone()).or_insert(next)
    }

    /// The slot of `pointer`, at which ids are looked for: of an array, each of its elements is one.
    pub fn id_slot(&mut self, pointer: &Pointer) -> SlotId {
        let slot = self.slot(pointer);
        self.ids.entry(slot).or_insert_with(|| pointer.clone());
        slot
    }

    /// The pointer at which a slot's ids are looked for.
    pub fn id_pointer(&self, slot: SlotId) -> Option<&Pointer> {
        self.ids.get(&slot)
    }

    /// A slot for values that no pointer leads to; see [`Extractor::push`].
    pub fn other_slot(&mut self) -> SlotId {
        let next = self.next();
        self.others += 1;
        next
    }

    fn next(&self) -> SlotId {
        let count = self.slots.len() + self.others;
        SlotId(u16::try_from(count).expect("fewer than 65,536 pointers"))
    }

    /// Compiles them.
    pub fn build(self) -> Extractor {
        let slots = self.slots.len() + self.others;
        let values = Values::with_slots(slots);
        let pointers: Vec<_> = self.slots.into_iter().collect();
        let trie = Trie::new(
            pointers
                .iter()
                .map(|(pointer, slot)| (pointer.steps(), *slot)),
            &self.ids,
        );
        Extractor {
            trie: Arc::new(trie),
            values,
            yielded: vec![0; slots],
            pointers,
        }
    }
}

/// Reads messages; what the pointers lead to is in [`Extractor::values`] until the next one.
#[derive(Debug)]
pub struct Extractor {
    trie: Arc<Trie>,
    values: Values,
    pointers: Vec<(Pointer, SlotId)>,
    /// By slot: how many values there were so far.
    yielded: Vec<u64>,
}

impl Extractor {
    /// Reads one message, with all that it holds. After an error there are no values.
    pub fn read(&mut self, codec: Codec, message: &[u8]) -> Result<(), DecodeError> {
        let read = read(&self.trie, codec, message, &mut self.values);
        self.values.count(&mut self.yielded);
        read
    }

    /// Reads a message of several JSON documents: what pointers lead to in each of them. After an error there are
    /// no values.
    pub fn read_each(&mut self, documents: &[Cow<'_, str>]) -> Result<(), DecodeError> {
        self.values.clear();
        for document in documents {
            if let Err(error) = json::read(&self.trie, document, &mut self.values) {
                self.values.clear();
                return Err(error);
            }
        }
        self.values.count(&mut self.yielded);
        Ok(())
    }

    /// Counts a message that was read ahead as one that it read; [`Self::values`] stay as they are.
    pub fn count(&mut self, ahead: &ReadAhead) {
        ahead.values.count(&mut self.yielded);
    }

    /// Reads messages ahead, by the same pointers, on whatever thread.
    pub fn ahead(&self) -> AheadReader {
        AheadReader {
            trie: Arc::clone(&self.trie),
            slots: self.yielded.len(),
        }
    }

    /// Adds a value that no pointer leads to, to those of the last message.
    pub fn push(&mut self, slot: SlotId, text: &str) {
        self.values.push(&[slot], Value::Text(text));
        self.yielded[slot.index()] += 1;
    }

    /// What the last message yielded.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// How many values each pointer led to so far, in the pointers' order.
    pub fn yielded(&self) -> impl Iterator<Item = (&Pointer, u64)> {
        self.pointers()
            .map(|(pointer, slot)| (pointer, self.yielded[slot.index()]))
    }

    /// The pointers and their slots, in the pointers' order.
    pub fn pointers(&self) -> impl Iterator<Item = (&Pointer, SlotId)> {
        self.pointers.iter().map(|(pointer, slot)| (pointer, *slot))
    }
}

/// Reads messages before their turn has come; see [`Extractor::count`].
#[derive(Debug, Clone)]
pub struct AheadReader {
    trie: Arc<Trie>,
    slots: usize,
}

/// What a message yielded that was read ahead.
#[derive(Debug)]
pub struct ReadAhead {
    codec: Codec,
    values: Values,
    read: Result<(), DecodeError>,
}

impl ReadAhead {
    /// As what it was read.
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// What it yielded.
    pub fn values(&self) -> Result<&Values, &DecodeError> {
        match &self.read {
            Ok(()) => Ok(&self.values),
            Err(error) => Err(error),
        }
    }

    /// How many bytes it keeps for the next message.
    pub fn size(&self) -> usize {
        self.values.size()
    }
}

impl AheadReader {
    /// Room for a message.
    pub fn room(&self) -> ReadAhead {
        ReadAhead {
            codec: Codec::Auto,
            values: Values::with_slots(self.slots),
            read: Ok(()),
        }
    }

    /// Reads one message.
    pub fn read(&self, codec: Codec, message: &[u8], into: &mut ReadAhead) {
        into.codec = codec;
        into.read = read(&self.trie, codec, message, &mut into.values);
    }
}

/// Reads one message. After an error there are no values.
fn read(trie: &Trie, codec: Codec, message: &[u8], values: &mut Values) -> Result<(), DecodeError> {
    values.clear();
    let text = utf8(message)?;
    let read = match codec {
        Codec::Auto | Codec::Json => json::read(trie, text, values),
        Codec::Text => Ok(()),
        Codec::SocketIo | Codec::SignalR | Codec::SockJs | Codec::Stomp | Codec::NdJson => {
            records(codec, text).and_then(|records| {
                let mut records = records.iter();
                records.try_for_each(|record| json::read(trie, record, values))
            })
        }
    };
    if read.is_err() {
        values.clear();
    }
    read
}

pub(crate) fn utf8(message: &[u8]) -> Result<&str, DecodeError> {
    simdutf8::basic::from_utf8(message).map_err(|_| {
        let at = match std::str::from_utf8(message) {
            Ok(_) => message.len(),
            Err(error) => error.valid_up_to(),
        };
        DecodeError::NotUtf8 { at }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `pointer` yields in `message`, as text.
    fn yields(pointers: &[&str], message: &str) -> Vec<Vec<String>> {
        let mut builder = ExtractorBuilder::default();
        let slots: Vec<_> = pointers
            .iter()
            .map(|text| match text.strip_prefix("id:") {
                Some(text) => builder.id_slot(&text.parse().unwrap()),
                None => builder.slot(&text.parse().unwrap()),
            })
            .collect();
        let mut extractor = builder.build();
        extractor.read(Codec::Json, message.as_bytes()).unwrap();
        slots
            .iter()
            .map(|slot| {
                extractor
                    .values()
                    .of(*slot)
                    .map(|value| format!("{value:?}"))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn pointers_lead_to_scalars_and_composites() {
        let message = r#"{"a":{"b":["x",2,null,true,{"c":1}]},"d":"q\"uote"}"#;
        assert_eq!(
            yields(
                &["/a/b/0", "/a/b/1", "/a/b/4/c", "/d", "/a", "/a/b/9", "/e"],
                message
            ),
            [
                vec![r#"Text("x")"#.to_owned()],
                vec![r#"Number("2")"#.to_owned()],
                vec![r#"Number("1")"#.to_owned()],
                vec![r#"Text("q\"uote")"#.to_owned()],
                vec!["Composite".to_owned()],
                vec![],
                vec![],
            ]
        );
    }

    #[test]
    fn where_ids_are_looked_for_the_elements_of_an_array_are_some() {
        let message = r#"{"to":["a\u0062", 7,null,true,["x"],{"y":"z"},-1e2],"cc":["c"],"no":[ {},[ ] ],"o":{"p":"q"}}"#;
        assert_eq!(
            yields(&["id:/to", "/cc", "id:/no", "id:/o", "id:/to/0"], message),
            [
                vec![
                    "Composite".to_owned(),
                    r#"Element("ab")"#.to_owned(),
                    r#"Element("7")"#.to_owned(),
                    "Deeper".to_owned(),
                    "Deeper".to_owned(),
                    r#"Element("-1e2")"#.to_owned(),
                ],
                vec!["Composite".to_owned()],
                vec!["Composite".to_owned()],
                vec!["Composite".to_owned(), "Deeper".to_owned()],
                vec![r#"Text("ab")"#.to_owned()],
            ]
        );
        let mut builder = ExtractorBuilder::default();
        builder.id_slot(&"/to".parse().unwrap());
        let mut extractor = builder.build();
        extractor.read(Codec::Json, message.as_bytes()).unwrap();
        let counts: Vec<_> = extractor.yielded().map(|(_, count)| count).collect();
        assert_eq!(counts, [1], "a list is one value");
    }

    #[test]
    fn strings_are_the_same_however_they_and_their_names_are_written() {
        for message in [
            r#"{"id":"tab\t1"}"#,
            r#"{"\u0069d":"tab\t1"}"#,
            "{\"id\" \r\n:\t \"tab\\t1\"}",
            r#"{"deep":[{"id":"other"}],"id":"tab\u00091"}"#,
        ] {
            let expected = vec![r#"Text("tab\t1")"#.to_owned()];
            assert_eq!(yields(&["/id", "/id/below"], message)[0], expected);
        }
    }

    #[test]
    fn a_string_that_is_none_is_an_error_where_a_pointer_leads() {
        let mut builder = ExtractorBuilder::default();
        builder.slot(&"/id".parse().unwrap());
        let mut extractor = builder.build();
        for message in [
            r#"{"id":"\ud800"}"#,
            r#"{"id":"\x"}"#,
            "{\"id\":\"\n\"}",
            r#"{"id":"#,
        ] {
            extractor.read(Codec::Json, message.as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn names_are_told_apart() {
        // The same length and the same ends.
        let message = r#"{"abcd":"1","axyd":"2","a":"3","":"4","ad":"5"}"#;
        let of_each = ["/axyd", "/abcd", "/", "/a", "/ad", "/aqqd"];
        let expected = ["2", "1", "4", "3", "5"].map(|text| vec![format!("Text({text:?})")]);
        let yielded = yields(&of_each, message);
        assert_eq!(yielded[..5], expected);
        assert!(yielded[5].is_empty());
    }

    #[test]
    fn a_star_matches_members_and_elements_beside_named_ones() {
        let message = r#"{"threads":[{"id":"t1"},{"id":"t2","x":1}],"by":{"k":{"id":7}}}"#;
        assert_eq!(
            yields(
                &["/threads/*/id", "/threads/1/id", "/*/*/id", "/by/*/id"],
                message
            ),
            [
                vec![r#"Text("t1")"#.to_owned(), r#"Text("t2")"#.to_owned()],
                vec![r#"Text("t2")"#.to_owned()],
                vec![
                    r#"Text("t1")"#.to_owned(),
                    r#"Text("t2")"#.to_owned(),
                    r#"Number("7")"#.to_owned()
                ],
                vec![r#"Number("7")"#.to_owned()],
            ]
        );
    }

    #[test]
    fn long_integers_and_duplicate_keys_survive() {
        let digits = "123456789012345678901234567890";
        let message = format!(r#"{{"id":{digits},"id":"second"}}"#);
        assert_eq!(
            yields(&["/id"], &message),
            [vec![
                format!("Number({digits:?})"),
                r#"Text("second")"#.to_owned()
            ]]
        );
        let mut builder = ExtractorBuilder::default();
        builder.slot(&"/id".parse().unwrap());
        let mut extractor = builder.build();
        extractor.read(Codec::Json, message.as_bytes()).unwrap();
        assert_eq!(extractor.values().duplicate_keys(), 1);
    }

    #[test]
    fn names_are_duplicates_of_themselves_alone_however_many_there_are() {
        let mut builder = ExtractorBuilder::default();
        let mut names = Vec::new();
        for number in 0..200 {
            names.push(format!("\"n{number}\":0"));
            builder.slot(&format!("/n{number}").parse().unwrap());
        }
        let mut extractor = builder.build();
        let mut duplicates = |names: &[String]| {
            let message = format!("{{{}}}", names.join(","));
            extractor.read(Codec::Json, message.as_bytes()).unwrap();
            extractor.values().duplicate_keys()
        };
        assert_eq!(duplicates(&names), 0);
        names.extend_from_within(..);
        assert_eq!(duplicates(&names), 200);
    }

    #[test]
    fn the_last_message_leaves_nothing_behind() {
        let mut builder = ExtractorBuilder::default();
        let slot = builder.slot(&"/id".parse().unwrap());
        let mut extractor = builder.build();
        extractor.read(Codec::Json, br#"{"id":"a"}"#).unwrap();
        assert!(extractor.values().of(slot).eq([Value::Text("a")]));
        extractor.read(Codec::Json, br#"{"id":"b""#).unwrap_err();
        assert!(!extractor.values().has(slot));
        extractor.read(Codec::Json, b"{}").unwrap();
        assert!(!extractor.values().has(slot));
    }

    #[test]
    fn what_is_not_json_says_where() {
        let mut extractor = ExtractorBuilder::default().build();
        for (message, part) in [
            (&b"\"a\" x"[..], "trailing characters"),
            (b"", "EOF"),
            (b"{\"a\":1,}", "trailing comma"),
            (&b"[".repeat(200)[..], "EOF"),
        ] {
            let error = extractor
                .read(Codec::Json, message)
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(
            extractor.read(Codec::Json, b"\"\xFF\""),
            Err(DecodeError::NotUtf8 { at: 1 })
        );
    }
}
