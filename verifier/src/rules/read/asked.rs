//! What a reader asks of the values it reads: what a rule file may hold, as the reader itself says it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a value was asked to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rules) enum Asked {
    /// Any string.
    Text,
    /// A string that says something.
    Prose,
    /// A name that a pack gives.
    Name,
    /// One of these words, in the order in which errors list them.
    Word(Vec<String>),
    /// A time.
    Duration,
    /// A JSON Pointer.
    Pointer,
    /// A whole number, 0 or more.
    Count,
    /// Any number.
    Number,
    /// `true` or `false`.
    YesNo,
    /// A string, a number, `true` or `false`.
    Literal,
    /// What a value must be.
    Matcher,
    /// A list, which may be empty; a value that is no list is a list of one.
    Items,
    /// A list with something in it.
    OneOrMore,
    /// A table.
    Table,
}

/// What a table was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::rules) struct AskedTable {
    /// Keys, and whether they must be there.
    pub(in crate::rules) keys: BTreeMap<String, Presence>,
    /// Keys of which one word stands for all: `p1 ... p99`.
    pub(in crate::rules) matching: BTreeSet<String>,
    /// Whatever keys it has.
    pub(in crate::rules) entries: Option<Entries>,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Presence {
    Optional,
    Required,
}

/// What the keys of a table are, which may have any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Entries {
    /// Anything: JSON Pointers, so far.
    Pointers,
    /// Names that the pack gives.
    Names,
}

/// Everything that was asked for, by the bytes that it was asked of.
#[derive(Debug, Default)]
pub(in crate::rules) struct Listener {
    values: RefCell<BTreeMap<(usize, usize), BTreeSet<Asked>>>,
    tables: RefCell<BTreeMap<(usize, usize), AskedTable>>,
}

impl Listener {
    pub(super) fn value(&self, span: Range<usize>, asked: Asked) {
        let mut values = self.values.borrow_mut();
        values
            .entry((span.start, span.end))
            .or_default()
            .insert(asked);
    }

    pub(super) fn table(&self, span: Range<usize>, note: impl FnOnce(&mut AskedTable)) {
        note(
            self.tables
                .borrow_mut()
                .entry((span.start, span.end))
                .or_default(),
        );
    }

    /// What the value of these bytes was asked to be.
    pub(in crate::rules) fn of_value(&self, span: Range<usize>) -> BTreeSet<Asked> {
        let values = self.values.borrow();
        values
            .get(&(span.start, span.end))
            .cloned()
            .unwrap_or_default()
    }

    /// What the table of these bytes was asked for.
    pub(in crate::rules) fn of_table(&self, span: Range<usize>) -> AskedTable {
        let tables = self.tables.borrow();
        tables
            .get(&(span.start, span.end))
            .cloned()
            .unwrap_or_default()
    }
}
