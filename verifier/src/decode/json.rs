//! JSON through a trie of pointers, with serde's streaming: no value is built that no rule needs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{DecodeError, SlotId, Value, Values};
use crate::rules::{Pointer, PointerStep};

/// Pointers, merged: from each node at most one way leads on for a given member or element.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The pointers that end here.
    slots: Vec<SlotId>,
    /// Of these, those at which ids are looked for.
    ids: Vec<SlotId>,
    /// The way on for named members (and elements, where the name is an index), by [`bucket`].
    named: Vec<Named>,
    /// By bucket: where its names begin in `named`; behind the last one, where it has none.
    buckets: Vec<usize>,
    /// The way on for all others.
    any: Option<usize>,
}

#[derive(Debug)]
struct Named {
    name: String,
    bucket: usize,
    index: Option<usize>,
    node: usize,
}

const BUCKETS: usize = 64;

/// Where a name is looked for, by its length and its ends: most members of most messages have a bucket
/// without names.
fn bucket(name: &str) -> usize {
    let (Some(first), Some(last)) = (name.bytes().next(), name.bytes().next_back()) else {
        return 0;
    };
    (name.len() ^ (usize::from(first) << 1) ^ (usize::from(last) << 3)) % BUCKETS
}

impl Node {
    /// Puts the names in order; they are all there.
    fn sort(&mut self) {
        self.named.sort_by_key(|named| named.bucket);
        self.buckets = vec![self.named.len(); BUCKETS];
        for (position, named) in self.named.iter().enumerate().rev() {
            self.buckets[named.bucket] = position;
        }
    }

    /// The position in `named` of a member.
    fn find(&self, name: &str) -> Option<usize> {
        let bucket = bucket(name);
        let begin = self.buckets[bucket];
        self.named[begin..]
            .iter()
            .take_while(|named| named.bucket == bucket)
            .position(|named| named.name == name)
            .map(|position| begin + position)
    }
}

impl Trie {
    /// `ids`: the slots at which ids are looked for.
    pub(super) fn new<'p>(
        pointers: impl Iterator<Item = (&'p [PointerStep], SlotId)>,
        ids: &BTreeMap<SlotId, Pointer>,
    ) -> Self {
        let mut trie = Self { nodes: Vec::new() };
        trie.add(&pointers.collect::<Vec<_>>());
        for node in &mut trie.nodes {
            let own = node.slots.iter().filter(|slot| ids.contains_key(slot));
            node.ids = own.copied().collect();
        }
        trie
    }

    /// Adds the node in which `rests` are still to go, and all below it.
    ///
    /// A `*` stands beside names: `/a/x` and `/*/y` make a node for `a` in which `x` and `y` are to
    /// go, and one for every other member in which only `y` is.
    fn add(&mut self, rests: &[(&[PointerStep], SlotId)]) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node::default());
        let mut node = Node {
            slots: rests
                .iter()
                .filter(|(rest, _)| rest.is_empty())
                .map(|(_, slot)| *slot)
                .collect(),
            ..Node::default()
        };
        for (rest, _) in rests {
            let Some(PointerStep::Name(name)) = rest.first() else {
                continue;
            };
            if node.named.iter().any(|named| named.name == *name) {
                continue;
            }
            let below = below(rests, |step| match step {
                PointerStep::Name(other) => other == name,
                PointerStep::Any => true,
            });
            let child = self.add(&below);
            node.named.push(Named {
                name: name.clone(),
                bucket: bucket(name),
                index: array_index(name),
                node: child,
            });
        }
        let below = below(rests, |step| matches!(step, PointerStep::Any));
        if !below.is_empty() {
            node.any = Some(self.add(&below));
        }
        node.sort();
        self.nodes[index] = node;
        index
    }

    fn is_leaf(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        node.named.is_empty() && node.any.is_none()
    }
}

fn below<'p>(
    rests: &[(&'p [PointerStep], SlotId)],
    follows: impl Fn(&PointerStep) -> bool,
) -> Vec<(&'p [PointerStep], SlotId)> {
    rests
        .iter()
        .filter_map(|(rest, slot)| {
            let (first, others) = rest.split_first()?;
            follows(first).then_some((others, *slot))
        })
        .collect()
}

/// RFC 6901, section 4: digits without a leading zero.
fn array_index(name: &str) -> Option<usize> {
    let index: usize = name.parse().ok()?;
    (index.to_string() == name).then_some(index)
}

pub(super) fn read(trie: &Trie, text: &str, values: &mut Values) -> Result<(), DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Place {
        trie,
        text,
        node: 0,
        is_string: false,
        values,
    }
    .deserialize(&mut deserializer)
    .and_then(|()| deserializer.end())
    .map_err(|error| DecodeError::NotJson {
        why: error.to_string(),
    })
}

/// A value in the document, and where the trie stands there.
struct Place<'t> {
    trie: &'t Trie,
    /// The whole document.
    text: &'t str,
    node: usize,
    /// Whether pointers end there, and it is known to be a string.
    is_string: bool,
    values: &'t mut Values,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.is_string || self.trie.nodes[self.node].slots.is_empty() {
            return deserializer.deserialize_any(self);
        }
        // A pointer ends here: what may be a number is taken as it is written, so that no digit is lost.
        let raw: &RawValue = serde::Deserialize::deserialize(deserializer)?;
        let raw = raw.get();
        let composite = matches!(raw.as_bytes().first(), Some(b'{' | b'['));
        let text;
        let value = match raw.as_bytes().first() {
            Some(b'"') => {
                text = unquoted(raw).map_err(D::Error::custom)?;
                Value::Text(&text)
            }
            Some(b'{' | b'[') => Value::Composite,
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Null,
            _ => Value::Number(raw),
        };
        let node = &self.trie.nodes[self.node];
        self.values.push(&node.slots, value);
        if composite && !node.ids.is_empty() {
            let elements = Elements {
                ids: &node.ids,
                values: self.values,
            };
            elements.read(raw).map_err(D::Error::custom)?;
        }
        if composite && !self.trie.is_leaf(self.node) {
            // Others go on from here: a second look at this part of the message.
            serde_json::Deserializer::from_str(raw)
                .deserialize_any(self)
                .map_err(D::Error::custom)?;
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let node = &self.trie.nodes[self.node];
        let mut seen = Seen::default();
        let (trie, text) = (self.trie, self.text);
        let name = MemberName { trie, node, text };
        while let Some(way) = members.next_key_seed(name)? {
            let Some(way) = way else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            if way.position.is_some_and(|position| seen.again(position)) {
                self.values.note_duplicate_key();
            }
            members.next_value_seed(Place {
                trie,
                text,
                node: way.node,
                is_string: way.to_string,
                values: self.values,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let node = &self.trie.nodes[self.node];
        for position in 0.. {
            let named = node
                .named
                .iter()
                .find(|named| named.index == Some(position));
            let more = match named.map(|named| named.node).or(node.any) {
                Some(child) => elements
                    .next_element_seed(Place {
                        trie: self.trie,
                        text: self.text,
                        node: child,
                        is_string: false,
                        values: self.values,
                    })?
                    .is_some(),
                None => elements.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.is_string {
            let slots = &self.trie.nodes[self.node].slots;
            self.values.push(slots, Value::Text(text));
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A string of the document, without its quotes and escapes.
fn unquoted(raw: &str) -> serde_json::Result<Cow<'_, str>> {
    if raw.contains('\\') {
        return serde_json::from_str(raw).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(&raw[1..raw.len() - 1]))
}

/// Whether nothing is in an object or an array.
fn is_empty(raw: &str) -> bool {
    raw[1..raw.len() - 1].trim_ascii().is_empty()
}

/// What stands in an array, where ids are looked for.
struct Elements<'t> {
    ids: &'t [SlotId],
    values: &'t mut Values,
}

impl Elements<'_> {
    /// `raw`: an array, or an object, whose members are no ids.
    fn read(mut self, raw: &str) -> serde_json::Result<()> {
        if raw.starts_with('[') {
            return serde_json::Deserializer::from_str(raw).deserialize_seq(self);
        }
        if !is_empty(raw) {
            self.note_deeper();
        }
        Ok(())
    }

    fn note_deeper(&mut self) {
        self.values.push(self.ids, Value::Deeper);
    }

    fn push(&mut self, raw: &str) -> serde_json::Result<()> {
        match raw.as_bytes().first() {
            Some(b'"') => self.values.push(self.ids, Value::Element(&unquoted(raw)?)),
            Some(b'-' | b'0'..=b'9') => self.values.push(self.ids, Value::Element(raw)),
            Some(b'{' | b'[') if !is_empty(raw) => self.note_deeper(),
            _ => {}
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(raw) = elements.next_element::<&RawValue>()? {
            self.push(raw.get()).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// The names of a node that an object has, by position.
#[derive(Default)]
struct Seen {
    /// The first 64 of them, as bits: few nodes have more.
    first: u64,
    others: BTreeSet<usize>,
}

impl Seen {
    /// Whether it is there already; it is from here on.
    fn again(&mut self, position: usize) -> bool {
        if position >= 64 {
            return !self.others.insert(position);
        }
        let bit = 1 << position;
        let again = self.first & bit != 0;
        self.first |= bit;
        again
    }
}

/// Where a member leads.
struct Way {
    node: usize,
    /// The name's position among the node's names.
    position: Option<usize>,
    /// Whether pointers end there, and its value is known to be a string.
    to_string: bool,
}

/// Where a member's name leads, if anywhere.
#[derive(Clone, Copy)]
struct MemberName<'t> {
    trie: &'t Trie,
    node: &'t Node,
    text: &'t str,
}

impl MemberName<'_> {
    fn way(&self, name: &str, to_string: impl FnOnce() -> bool) -> Option<Way> {
        let position = self.node.find(name);
        let node = match position {
            Some(position) => self.node.named[position].node,
            None => self.node.any?,
        };
        Some(Way {
            node,
            position,
            to_string: !self.trie.nodes[node].slots.is_empty() && to_string(),
        })
    }

    /// Whether a string is the value of a member, whose name is a piece of the document.
    fn is_of_string(&self, name: &str) -> bool {
        let begin = name.as_ptr().addr() - self.text.as_ptr().addr();
        let behind = &self.text.as_bytes()[begin + name.len() + 1..];
        let mut value = behind.iter().skip_while(|byte| b": \t\r\n".contains(byte));
        value.next() == Some(&b'"')
    }
}

impl<'de> DeserializeSeed<'de> for MemberName<'_> {
    type Value = Option<Way>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for MemberName<'_> {
    type Value = Option<Way>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(self.way(name, || self.is_of_string(name)))
    }

    /// A name with escapes: it does not stand in the document as it is.
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.way(name, || false))
    }
}
