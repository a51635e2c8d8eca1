//! Reading TOML so that everything wrong in it can be told at once, each thing with its place.
//!
//! A [`Node`] is a value with its place; a [`Table`] remembers which keys it was asked for, so that
//! it can name the ones that nobody knows. What cannot be read is reported where it stands, and
//! reading goes on: a `None` for a key that is there means that its error is already written down.

mod matcher;
mod names;
mod nearest;
mod node;
mod table;
mod time;

pub(super) use names::{Events, Fields};
pub(crate) use names::{HOLDERS, Names, SENDERS};
pub(crate) use nearest::{nearest, one_of};
pub(crate) use node::Node;
pub(crate) use table::Table;

use std::cell::RefCell;
use std::sync::Arc;

use super::{Diagnostic, RuleFile};

/// The errors found so far, in all files of a pack.
#[derive(Debug, Default)]
pub(crate) struct Errors(RefCell<Vec<Diagnostic>>);

impl Errors {
    pub(super) fn push(&self, diagnostic: Diagnostic) {
        self.0.borrow_mut().push(diagnostic);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// All of them, by file and place.
    pub(super) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut all = self.0.into_inner();
        all.sort_by(|a, b| (&a.file.name, a.span.start).cmp(&(&b.file.name, b.span.start)));
        all
    }
}

/// The file that is being read, and where its errors go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(super) file: &'a Arc<RuleFile>,
    pub(super) errors: &'a Errors,
}
