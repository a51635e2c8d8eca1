//! JSON through a trie of pointers, with serde's streaming: no value is built that no rule needs.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{DecodeError, SlotId, Value, Values};
use crate::rules::PointerStep;

/// Pointers, merged: from each node at most one way leads on for a given member or element.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The pointers that end here.
    slots: Vec<SlotId>,
    /// The way on for named members (and elements, where the name is an index).
    named: Vec<Named>,
    /// The [`sieve`] of all names: most members of most messages are none of them.
    sieve: u64,
    /// The way on for all others.
    any: Option<usize>,
}

#[derive(Debug)]
struct Named {
    name: String,
    index: Option<usize>,
    node: usize,
}

impl Named {
    /// Whether it is that member. Names of one length are common (`session_id`, `request_id`): the first
    /// byte tells most of them apart without a call.
    fn is(&self, name: &str) -> bool {
        self.name.as_bytes().first() == name.as_bytes().first() && self.name == name
    }
}

/// One bit of 64 for a name, by its length and its ends.
fn sieve(name: &str) -> u64 {
    let (Some(first), Some(last)) = (name.bytes().next(), name.bytes().next_back()) else {
        return 1;
    };
    let mixed = name.len() ^ (usize::from(first) << 1) ^ (usize::from(last) << 3);
    1 << (mixed % 64)
}

impl Trie {
    pub(super) fn new<'p>(pointers: impl Iterator<Item = (&'p [PointerStep], SlotId)>) -> Self {
        let mut trie = Self { nodes: Vec::new() };
        trie.add(&pointers.collect::<Vec<_>>());
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
            node.sieve |= sieve(name);
            node.named.push(Named {
                name: name.clone(),
                index: array_index(name),
                node: child,
            });
        }
        let below = below(rests, |step| matches!(step, PointerStep::Any));
        if !below.is_empty() {
            node.any = Some(self.add(&below));
        }
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
        node: 0,
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
    node: usize,
    values: &'t mut Values,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.trie.nodes[self.node].slots.is_empty() {
            return deserializer.deserialize_any(self);
        }
        // A pointer ends here: the value is taken as it is written, so that no digit is lost.
        let raw: &RawValue = serde::Deserialize::deserialize(deserializer)?;
        let raw = raw.get();
        let composite = matches!(raw.as_bytes().first(), Some(b'{' | b'['));
        let unescaped;
        let value = match raw.as_bytes().first() {
            Some(b'"') if raw.contains('\\') => {
                unescaped = serde_json::from_str::<String>(raw).map_err(D::Error::custom)?;
                Value::Text(&unescaped)
            }
            Some(b'"') => Value::Text(&raw[1..raw.len() - 1]),
            Some(b'{' | b'[') => Value::Composite,
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Null,
            _ => Value::Number(raw),
        };
        self.values.push(&self.trie.nodes[self.node].slots, value);
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
        let mut seen = 0_u64;
        while let Some(child) = members.next_key_seed(MemberName(node))? {
            let Some((child, position)) = child else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Some(position) = position {
                let bit = 1 << (position % 64);
                if seen & bit != 0 {
                    self.values.note_duplicate_key();
                }
                seen |= bit;
            }
            members.next_value_seed(Place {
                trie: self.trie,
                node: child,
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
                        node: child,
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

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Where a member's name leads: the node, and the name's position among the node's names.
struct MemberName<'t>(&'t Node);

impl<'de> DeserializeSeed<'de> for MemberName<'_> {
    type Value = Option<(usize, Option<usize>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberName<'_> {
    type Value = Option<(usize, Option<usize>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        if self.0.sieve & sieve(name) == 0 {
            return Ok(self.0.any.map(|node| (node, None)));
        }
        let named = self
            .0
            .named
            .iter()
            .enumerate()
            .find(|(_, named)| named.is(name));
        Ok(match named {
            Some((position, named)) => Some((named.node, Some(position))),
            None => self.0.any.map(|node| (node, None)),
        })
    }
}
