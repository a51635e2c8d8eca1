//! A table in a rule file.

use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use super::asked::{AskedTable, Entries, Presence};
use super::node::{ErrorAt, Node, check_name};
use super::{Context, nearest, one_of};

/// A table that remembers which keys it was asked for.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    entries: &'a DeTable<'a>,
    span: Range<usize>,
    what: String,
    context: Context<'a>,
    known: Vec<String>,
    taken: Vec<&'a str>,
    /// Keys that must be there, are not, and may be misspelt.
    missed: Vec<String>,
}

impl<'a> Table<'a> {
    pub(in crate::rules) fn new(
        entries: &'a DeTable<'a>,
        span: Range<usize>,
        what: String,
        context: Context<'a>,
    ) -> Self {
        Self {
            entries,
            span,
            what,
            context,
            known: Vec::new(),
            taken: Vec::new(),
            missed: Vec::new(),
        }
    }

    /// Where it stands: its head.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Says more exactly what it is, once that is known.
    pub(in crate::rules) fn is_a(&mut self, what: impl Into<String>) {
        self.what = what.into();
    }

    /// Writes down what it is asked for, where somebody listens.
    fn asked(&self, note: impl FnOnce(&mut AskedTable)) {
        if let Some(listener) = &self.context.errors.listener {
            listener.table(self.span(), note);
        }
    }

    /// The value of a key that may be missing.
    pub(crate) fn get(&mut self, key: &str) -> Option<Node<'a>> {
        self.asked(|table| {
            table
                .keys
                .entry(key.to_owned())
                .or_insert(Presence::Optional);
        });
        self.known.push(key.to_owned());
        let (written, value) = self.entries.get_key_value(key)?;
        self.taken.push(written.get_ref());
        Some(Node::new(value, self.context))
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &str) -> Option<Node<'a>> {
        self.asked(|table| {
            table.keys.insert(key.to_owned(), Presence::Required);
        });
        let found = self.get(key);
        if found.is_none() {
            // A misspelt key is told once, as an unknown one; whether it is one shows when all keys that
            // mean something are taken.
            self.missed.push(key.to_owned());
        }
        found
    }

    fn tell_missing(&self, key: &str) {
        self.error(format_args!("{} has no `{key}`", self.what))
            .label(format_args!("`{key}` is missing"))
            .emit();
    }

    /// The keys that `meaning` understands, with what it makes of them; `shown` stands for them all.
    pub(crate) fn matching<T>(
        &mut self,
        shown: &str,
        meaning: impl Fn(&str) -> Option<T>,
    ) -> Vec<(T, Node<'a>)> {
        self.asked(|table| {
            table.matching.insert(shown.to_owned());
        });
        self.known.push(shown.to_owned());
        let mut found = Vec::new();
        for (key, value) in self.entries {
            if let Some(meant) = meaning(key.get_ref()) {
                self.taken.push(key.get_ref());
                found.push((meant, Node::new(value, self.context)));
            }
        }
        found
    }

    /// All its keys, whatever they are, in the order of the file; each with its name's place.
    pub(crate) fn entries(&mut self) -> Vec<(&'a str, Range<usize>, Node<'a>)> {
        self.asked(|table| {
            table.entries.get_or_insert(Entries::Pointers);
        });
        let mut all: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| {
                (
                    key.get_ref().as_ref(),
                    key.span(),
                    Node::new(value, self.context),
                )
            })
            .collect();
        all.sort_by_key(|(_, span, _)| span.start);
        self.taken.extend(all.iter().map(|(key, ..)| *key));
        all
    }

    /// Whether one of its keys can be a name.
    pub(in crate::rules) fn check_name(&self, key: &str, span: &Range<usize>) -> bool {
        self.asked(|table| table.entries = Some(Entries::Names));
        check_name(key, span.clone(), self.context)
    }

    /// A word from a closed list, or `default` where the key is missing.
    pub(crate) fn word_or<T: Copy>(&mut self, key: &str, words: &[(&str, T)], default: T) -> T {
        self.get(key)
            .and_then(|node| node.word(words))
            .unwrap_or(default)
    }

    /// A time that may be missing.
    pub(crate) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.get(key).and_then(Node::duration)
    }

    /// Whether a key is there, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Whether one of `keys` is there, or misspelt: that is told when the table is finished.
    pub(crate) fn has_any(&self, keys: &[&str]) -> bool {
        let written = || self.entries.keys().map(|key| key.get_ref().as_ref());
        keys.iter().any(|key| {
            let mut unknown = written().filter(|written| !self.taken.contains(written));
            self.has(key) || unknown.any(|unknown| nearest(unknown, [*key]).is_some())
        })
    }

    /// Whether it has no key at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Begins an error about the table as a whole.
    pub(crate) fn error(&self, message: impl Display) -> ErrorAt<'a> {
        ErrorAt::new(self.context, self.span(), message)
    }

    /// Begins an error at another place in the same file.
    pub(in crate::rules) fn error_at(
        &self,
        span: Range<usize>,
        message: impl Display,
    ) -> ErrorAt<'a> {
        ErrorAt::new(self.context, span, message)
    }

    /// The keys that nobody asked for, in no order.
    fn unknown(&self) -> Vec<(&'a str, Range<usize>)> {
        let written = self.entries.keys();
        written
            .map(|key| (key.get_ref().as_ref(), key.span()))
            .filter(|(name, _)| !self.taken.contains(name))
            .collect()
    }

    fn tell_unknown(&self, name: &str, span: Range<usize>) -> ErrorAt<'a> {
        self.error_at(span, format_args!("unknown key `{name}` in {}", self.what))
            .label("unknown key")
    }

    /// Reports every key that nothing asked for.
    pub(crate) fn finish(mut self) {
        let mut missed = std::mem::take(&mut self.missed);
        missed.retain(|key| !self.has_any(&[key.as_str()]));
        let unknown = self.unknown();
        let mut known: Vec<_> = self.known.iter().map(String::as_str).collect();
        known.sort_unstable();
        known.dedup();
        let all = || known.iter().copied();
        // The only key that is missing may be what the only strange one means, where nothing is nearer.
        let instead = match (missed.as_slice(), unknown.as_slice()) {
            ([missing], [(name, _)]) if nearest(name, all()).is_none() => Some(missing),
            _ => None,
        };
        for key in &missed {
            self.tell_missing(key);
        }
        for (name, span) in unknown {
            // The key that is missing is meant rather than one that is there.
            let meant = nearest(name, all().filter(|known| !self.taken.contains(known)));
            let mut error = self.tell_unknown(name, span).did_you_mean(
                name,
                meant.map_or_else(|| all().collect(), |meant| vec![meant]),
            );
            if let Some(missing) = instead {
                error = error.help(format_args!(
                    "`{missing}` is missing: is that what is meant?"
                ));
            }
            error
                .help(format_args!("expected {}", one_of(all())))
                .emit();
        }
    }
}

/// Where the rest of a table means nothing without a key, it is not finished, and its unknown keys are
/// not told: then at least what is missing is, and what may have been meant to be it.
impl Drop for Table<'_> {
    fn drop(&mut self) {
        for key in &self.missed {
            let mut unknown = self.unknown().into_iter();
            match unknown.find(|(name, _)| nearest(name, [key.as_str()]).is_some()) {
                Some((name, span)) => self
                    .tell_unknown(name, span)
                    .did_you_mean(name, [key.as_str()])
                    .emit(),
                None => self.tell_missing(key),
            }
        }
    }
}
