//! A value in a rule file.

use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::asked::Asked;
use super::table::Table;
use super::{Context, nearest, one_of, time};
use crate::date::Date;
use crate::rules::{Diagnostic, Gravity, Location, Pointer, See};

/// A value, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    value: &'a Spanned<DeValue<'a>>,
    context: Context<'a>,
}

impl<'a> Node<'a> {
    pub(super) const fn new(value: &'a Spanned<DeValue<'a>>, context: Context<'a>) -> Self {
        Self { value, context }
    }

    pub(super) fn value(self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    /// The bytes where it stands.
    pub(crate) fn span(self) -> Range<usize> {
        self.value.span()
    }

    /// Writes down what it is asked to be, where somebody listens.
    pub(super) fn asked(self, asked: impl FnOnce() -> Asked) {
        if let Some(listener) = &self.context.errors.listener {
            listener.value(self.span(), asked());
        }
    }

    /// A string.
    pub(crate) fn string(self) -> Option<&'a str> {
        self.asked(|| Asked::Text);
        match self.value() {
            DeValue::String(text) => Some(text),
            _ => self.expected("a string"),
        }
    }

    /// A string that says something: a title, a reason.
    pub(crate) fn prose(self) -> Option<&'a str> {
        self.asked(|| Asked::Prose);
        let text = self.string()?;
        if text.trim().is_empty() {
            self.error("this says nothing")
                .label("write a line for whoever reads the report")
                .emit();
            return None;
        }
        Some(text)
    }

    /// A name that a pack gives: letters, digits, `_`, `-` and `.`.
    pub(crate) fn name(self) -> Option<&'a str> {
        self.asked(|| Asked::Name);
        let text = self.string()?;
        check_name(text, self.span(), self.context).then_some(text)
    }

    /// The elements of a list; a value that is no list is a list of one.
    pub(crate) fn items(self) -> Vec<Self> {
        self.asked(|| Asked::Items);
        match self.value() {
            DeValue::Array(items) => items
                .iter()
                .map(|item| Self::new(item, self.context))
                .collect(),
            _ => vec![self],
        }
    }

    /// Likewise, where an empty list makes no sense.
    pub(crate) fn one_or_more(self) -> Vec<Self> {
        self.asked(|| Asked::OneOrMore);
        let items = self.items();
        if items.is_empty() {
            self.error("this list is empty")
                .label("expected at least one")
                .emit();
        }
        items
    }

    /// A table; `what` says which, for its errors: `a claim`.
    pub(crate) fn table(self, what: impl Into<String>) -> Option<Table<'a>> {
        self.asked(|| Asked::Table);
        match self.value() {
            DeValue::Table(entries) => {
                Some(Table::new(entries, self.span(), what.into(), self.context))
            }
            _ => self.expected("a table"),
        }
    }

    /// Whether it is a table.
    pub(crate) fn is_table(self) -> bool {
        self.value().is_table()
    }

    /// `true` or `false`.
    pub(crate) fn yes_or_no(self) -> Option<bool> {
        self.asked(|| Asked::YesNo);
        match self.value() {
            DeValue::Boolean(answer) => Some(*answer),
            _ => self.expected("`true` or `false`"),
        }
    }

    /// A whole number that is not negative.
    pub(crate) fn count(self) -> Option<u64> {
        self.asked(|| Asked::Count);
        match self.value() {
            DeValue::Integer(_) => self
                .whole_number()
                .or_else(|| self.expected("a whole number, 0 or more")),
            _ => self.expected("a whole number"),
        }
    }

    /// Likewise; nothing is said of what is none.
    pub(crate) fn whole_number(self) -> Option<u64> {
        match self.value() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        }
    }

    /// A date: `2026-11-25`, not in quotes.
    pub(crate) fn date(self) -> Option<Date> {
        match self.value() {
            DeValue::Datetime(at) => match at.date {
                Some(date) if at.time.is_none() && at.offset.is_none() => {
                    Date::new(i32::from(date.year), date.month, date.day)
                }
                Some(_) | None => self.expected("a date alone, such as 2026-11-25"),
            },
            _ => self.expected("a date without quotes, such as 2026-11-25"),
        }
    }

    /// A time: `2s`, `500ms`, `1m30s`.
    pub(crate) fn duration(self) -> Option<Duration> {
        self.asked(|| Asked::Duration);
        let DeValue::String(text) = self.value() else {
            return self.expected("a duration in quotes, such as \"2s\", \"500ms\" or \"1m30s\"");
        };
        let duration = time::duration(text);
        if duration.is_none() {
            self.error(format_args!("`{text}` is no duration"))
                .label("expected something like \"2s\", \"500ms\" or \"1m30s\"")
                .help("units are h, m, s and ms, the longest first; at most one year")
                .emit();
        }
        duration
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Copy>(self, words: &[(&str, T)]) -> Option<T> {
        self.asked(|| Asked::Word(words.iter().map(|(word, _)| (*word).to_owned()).collect()));
        let known = || words.iter().map(|(word, _)| *word);
        let DeValue::String(text) = self.value() else {
            return self.expected(one_of(known()));
        };
        let found = words.iter().find(|(word, _)| *word == text.as_ref());
        if found.is_none() {
            let error = self.error(format_args!("unknown word `{text}`"));
            let expected = format!("expected {}", one_of(known()));
            // A long list would hide the place that it stands beside.
            let error = if words.len() <= 10 {
                error.label(expected).did_you_mean(text, known())
            } else {
                error
                    .label("unknown")
                    .did_you_mean(text, known())
                    .help(expected)
            };
            error.emit();
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// A JSON Pointer.
    pub(crate) fn pointer(self) -> Option<Pointer> {
        self.asked(|| Asked::Pointer);
        let text = self.string()?;
        text.parse()
            .map_err(|error| {
                self.error(format_args!("`{text}` is no pointer"))
                    .label(error)
                    .emit();
            })
            .ok()
    }

    /// One or more JSON Pointers.
    pub(crate) fn pointers(self) -> Vec<Pointer> {
        self.one_or_more()
            .into_iter()
            .filter_map(Self::pointer)
            .collect()
    }

    /// This place, for an error elsewhere that has to do with it.
    pub(in crate::rules) fn see(self, label: impl Into<String>) -> See {
        See {
            file: self.context.file.clone(),
            span: self.span(),
            label: label.into(),
        }
    }

    /// This place, as a line and a column.
    pub(crate) fn location(self) -> Location {
        self.context.file.location(self.span().start)
    }

    /// Begins an error about this value; [`ErrorAt::emit`] writes it down.
    pub(crate) fn error(self, message: impl Display) -> ErrorAt<'a> {
        ErrorAt::new(self.context, self.span(), message)
    }

    /// Begins an error about a byte of a string's text, where the file has that text as it is.
    pub(crate) fn error_within(
        self,
        text: &str,
        byte: usize,
        message: impl Display,
    ) -> ErrorAt<'a> {
        let whole = self.span();
        let written = self.context.file.text.get(whole.clone());
        let span = match written.and_then(|written| written.find(text)) {
            None => whole,
            Some(begins) => {
                let rest = text.get(byte..).unwrap_or_default();
                let word = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                let from = whole.start + begins + byte.min(text.len());
                from..from + word.max(1)
            }
        };
        ErrorAt::new(self.context, span, message)
    }

    /// Reports a value of the wrong type; always `None`.
    pub(super) fn expected<T>(self, what: impl Display) -> Option<T> {
        self.error(format_args!(
            "expected {what}, found {}",
            described(self.value())
        ))
        .label("wrong type")
        .emit();
        None
    }
}

/// An error that is being told.
#[must_use = "it is written down by `emit`"]
pub(crate) struct ErrorAt<'a> {
    context: Context<'a>,
    diagnostic: Diagnostic,
}

impl<'a> ErrorAt<'a> {
    pub(in crate::rules) fn new(
        context: Context<'a>,
        span: Range<usize>,
        message: impl Display,
    ) -> Self {
        let diagnostic = Diagnostic {
            gravity: Gravity::Error,
            file: context.file.clone(),
            span,
            message: message.to_string(),
            label: String::new(),
            see: None,
            help: Vec::new(),
        };
        Self {
            context,
            diagnostic,
        }
    }

    /// What stands beside the place.
    pub(crate) fn label(mut self, label: impl Display) -> Self {
        self.diagnostic.label = label.to_string();
        self
    }

    /// What to write instead.
    pub(crate) fn help(mut self, help: impl Display) -> Self {
        self.diagnostic.help.push(help.to_string());
        self
    }

    /// Another place that matters.
    pub(in crate::rules) fn see(mut self, see: See) -> Self {
        self.diagnostic.see = Some(see);
        self
    }

    /// The nearest known word, if one is near.
    pub(crate) fn did_you_mean<'w>(
        self,
        word: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) -> Self {
        match nearest(word, known) {
            Some(meant) => self.help(format_args!("did you mean `{meant}`?")),
            None => self,
        }
    }

    /// Writes it down.
    pub(crate) fn emit(self) {
        self.context.errors.push(self.diagnostic);
    }
}

/// Whether `text`, which stands at `span`, can be a name.
pub(super) fn check_name(text: &str, span: Range<usize>, context: Context<'_>) -> bool {
    is_name(text) || {
        ErrorAt::new(context, span, format_args!("`{text}` cannot be a name"))
            .label("letters, digits, `_`, `-` and `.`, and first a letter, a digit or `_`")
            .emit();
        false
    }
}

/// Whether a text can be a name: it is never taken for a pointer, a step of a connection's life, or
/// a step of a sequence with its `+`.
fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_') && text.chars().all(inner)
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 20 => format!("the string {text:?}"),
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(answer) => format!("`{answer}`"),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
