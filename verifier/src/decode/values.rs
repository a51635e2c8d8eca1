//! What the pointers of a program yielded for one message.

use super::Value;

/// The place of one pointer's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub(super) u16);

impl SlotId {
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Some slots, each as one bit of 64: where two have no bit in common, they have no slot in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotBits(u64);

impl SlotBits {
    /// How many bits there are.
    pub const COUNT: usize = 64;

    fn insert(&mut self, slot: SlotId) {
        self.0 |= 1 << (slot.index() % Self::COUNT);
    }

    /// The bits of its slots, from 0.
    pub fn bits(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            (bit < Self::COUNT).then_some(bit)
        })
    }

    /// Adds all of another set.
    pub fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether a slot may be in both sets.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<SlotId> for SlotBits {
    fn from_iter<I: IntoIterator<Item = SlotId>>(slots: I) -> Self {
        let mut bits = Self::default();
        slots.into_iter().for_each(|slot| bits.insert(slot));
        bits
    }
}

/// The values of one message, by slot. It is reused from message to message: nothing is allocated
/// once it has grown.
#[derive(Debug, Default)]
pub struct Values {
    /// The text of all values.
    text: String,
    entries: Vec<Entry>,
    /// By slot: its first and last entry, plus one; 0: none.
    ends: Vec<(u32, u32)>,
    /// Those that have an entry.
    yielded: SlotBits,
    /// Whether one is [`Value::Deeper`].
    has_deeper: bool,
    duplicate_keys: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: SlotId,
    shape: Shape,
    start: u32,
    end: u32,
    /// The next entry of the same slot, plus one; 0: none.
    next: u32,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    Number,
    True,
    False,
    Null,
    Composite,
    Element,
    Deeper,
}

impl Shape {
    /// Whether it is a part of the value before it.
    const fn is_part(self) -> bool {
        matches!(self, Self::Element | Self::Deeper)
    }
}

impl Values {
    /// Room for that many slots.
    pub(super) fn with_slots(slots: usize) -> Self {
        Self {
            ends: vec![(0, 0); slots],
            ..Self::default()
        }
    }

    /// How many bytes it has grown to, for any message's values.
    pub(super) fn size(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    pub(super) fn clear(&mut self) {
        for entry in self.entries.drain(..) {
            self.ends[usize::from(entry.slot.0)] = (0, 0);
        }
        self.text.clear();
        self.yielded = SlotBits::default();
        self.has_deeper = false;
        self.duplicate_keys = 0;
    }

    /// A value to which the pointers of several slots lead. Its text is kept once.
    pub(super) fn push(&mut self, slots: &[SlotId], value: Value<'_>) {
        let start = self.offset();
        let shape = match value {
            Value::Text(text) => {
                self.text.push_str(text);
                Shape::Text
            }
            Value::Number(text) => {
                self.text.push_str(text);
                Shape::Number
            }
            Value::Bool(true) => Shape::True,
            Value::Bool(false) => Shape::False,
            Value::Null => Shape::Null,
            Value::Composite => Shape::Composite,
            Value::Element(text) => {
                self.text.push_str(text);
                Shape::Element
            }
            Value::Deeper => {
                self.has_deeper = true;
                Shape::Deeper
            }
        };
        let end = self.offset();
        for slot in slots {
            self.enter(*slot, shape, start, end);
        }
    }

    fn enter(&mut self, slot: SlotId, shape: Shape, start: u32, end: u32) {
        self.yielded.insert(slot);
        self.entries.push(Entry {
            slot,
            shape,
            start,
            end,
            next: 0,
        });
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let ends = &mut self.ends[usize::from(slot.0)];
        match ends.1 {
            0 => *ends = (number, number),
            last => {
                self.entries[last as usize - 1].next = number;
                ends.1 = number;
            }
        }
    }

    pub(super) fn note_duplicate_key(&mut self) {
        self.duplicate_keys += 1;
    }

    /// How many members that a pointer passes through came twice in one object. All of them yield.
    pub fn duplicate_keys(&self) -> u32 {
        self.duplicate_keys
    }

    /// Adds to each slot's count how many values it has; a list is one.
    pub(super) fn count(&self, counts: &mut [u64]) {
        for entry in &self.entries {
            counts[entry.slot.index()] += u64::from(!entry.shape.is_part());
        }
    }

    /// Whether the slot's pointer yielded anything.
    pub fn has(&self, slot: SlotId) -> bool {
        self.ends[usize::from(slot.0)].0 != 0
    }

    /// Whether there may be ids in an object or an array where some are looked for: rarely.
    #[inline]
    pub const fn has_deeper(&self) -> bool {
        self.has_deeper
    }

    /// The slots that have a value.
    pub const fn yielded(&self) -> SlotBits {
        self.yielded
    }

    /// Whether the pointers of any of these slots may have yielded anything: most messages have no values
    /// for most rules.
    pub fn may_have(&self, slots: SlotBits) -> bool {
        self.yielded.meets(slots)
    }

    /// The values of a slot, in the message's order.
    pub fn of(&self, slot: SlotId) -> Yielded<'_, 'static> {
        Yielded {
            next: self.ends[slot.index()].0,
            ..self.of_each(&[])
        }
    }

    /// The values of the first slot, in the message's order, then those of the second, and so on.
    pub fn of_each<'s>(&self, slots: &'s [SlotId]) -> Yielded<'_, 's> {
        Yielded {
            text: &self.text,
            entries: &self.entries,
            ends: &self.ends,
            slots: slots.iter(),
            next: 0,
        }
    }

    /// Messages are smaller than 4 GiB (the reader joins no larger ones), and each of their values is
    /// kept once.
    fn offset(&self) -> u32 {
        u32::try_from(self.text.len()).expect("a message's values take less than 4 GiB")
    }
}

/// Values of one message. The default has none.
#[derive(Debug, Clone, Default)]
pub struct Yielded<'v, 's> {
    text: &'v str,
    entries: &'v [Entry],
    ends: &'v [(u32, u32)],
    /// Those that come after the slot it is in.
    slots: std::slice::Iter<'s, SlotId>,
    /// The next entry, plus one; 0: the slot has no more.
    next: u32,
}

impl<'v> Iterator for Yielded<'v, '_> {
    type Item = Value<'v>;

    fn next(&mut self) -> Option<Value<'v>> {
        while self.next == 0 {
            self.next = self.ends[self.slots.next()?.index()].0;
        }
        let entry = &self.entries[self.next as usize - 1];
        self.next = entry.next;
        let text = &self.text[entry.start as usize..entry.end as usize];
        Some(match entry.shape {
            Shape::Text => Value::Text(text),
            Shape::Number => Value::Number(text),
            Shape::True => Value::Bool(true),
            Shape::False => Value::Bool(false),
            Shape::Null => Value::Null,
            Shape::Composite => Value::Composite,
            Shape::Element => Value::Element(text),
            Shape::Deeper => Value::Deeper,
        })
    }
}
