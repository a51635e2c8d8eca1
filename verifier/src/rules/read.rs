//! Reading TOML so that everything wrong in it can be told at once, each thing with its place.
//!
//! A [`Node`] is a value with its place; a [`Table`] remembers which keys it was asked for, so that
//! it can name the ones that nobody knows. What cannot be read is reported where it stands, and
//! reading goes on: a `None` for a key that is there means that its error is already written down.

mod asked;
mod matcher;
mod names;
mod node;
mod one_of;
mod table;
mod time;

pub(super) use asked::{Asked, AskedTable, Entries, Listener, Presence};
pub(crate) use names::{Carrier, HOLDERS, Names, ORIGINS, SENDERS};
pub(super) use names::{Events, Fields};
pub(crate) use node::Node;
pub(crate) use one_of::one_of;
pub(crate) use table::Table;
pub(crate) use wsaudit_tagging::nearest;

use std::cell::RefCell;
use std::sync::Arc;

use super::{Diagnostic, RuleFile};

/// The errors found so far, in all files of a pack.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: RefCell<Vec<Diagnostic>>,
    /// Who wants to know what is read; `None`: nobody, as a rule.
    listener: Option<Listener>,
}

impl Errors {
    /// Likewise, and writes down what is asked for.
    pub(super) fn listening() -> Self {
        Self {
            found: RefCell::default(),
            listener: Some(Listener::default()),
        }
    }

    /// What was asked for, where that was written down.
    pub(super) fn into_listener(self) -> Option<Listener> {
        self.listener
    }

    pub(super) fn push(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// All of them, by file and place.
    pub(super) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut all = self.found.into_inner();
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
