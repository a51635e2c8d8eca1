//! What is wrong in a rule file, with its place and what to write instead.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};

use super::{Location, RuleFile};

/// Whether to colour what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With ANSI escape sequences, for a terminal.
    Ansi,
}

/// How bad what is told of a rule file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The pack cannot be used.
    Error,
    /// It can, and may not say what its author meant.
    Warning,
}

/// One thing that is wrong in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub gravity: Gravity,
    /// The file.
    pub file: Arc<RuleFile>,
    /// The bytes of its text that are wrong.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What stands beside the place; empty: nothing.
    pub label: String,
    /// Another place that matters: where a name was defined first.
    pub see: Option<See>,
    /// What to write instead: `did you mean ...?`, `expected ...`.
    pub help: Vec<String>,
}

/// Another place that a [`Diagnostic`] points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct See {
    /// The file.
    pub file: Arc<RuleFile>,
    /// The bytes of its text.
    pub span: Range<usize>,
    /// What is there.
    pub label: String,
}

impl Diagnostic {
    /// Where it is.
    pub fn location(&self) -> Location {
        self.file.location(self.span.start)
    }

    /// The message, the lines of the file it is about, and the help.
    pub fn render(&self, style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Ansi => Renderer::styled(),
        };
        renderer.render(&[self.group()])
    }

    fn group(&self) -> Group<'_> {
        let mut own = snippet(&self.file).annotation(
            AnnotationKind::Primary
                .span(self.file.first_line(&self.span))
                .label((!self.label.is_empty()).then_some(self.label.as_str())),
        );
        let mut elsewhere = None;
        if let Some(see) = &self.see {
            let annotation = AnnotationKind::Context
                .span(see.file.first_line(&see.span))
                .label(see.label.as_str());
            if see.file == self.file {
                own = own.annotation(annotation);
            } else {
                elsewhere = Some(snippet(&see.file).annotation(annotation));
            }
        }
        let help = self
            .help
            .iter()
            .map(|help| Element::from(Level::HELP.message(help.as_str())));
        let level = match self.gravity {
            Gravity::Error => Level::ERROR,
            Gravity::Warning => Level::WARNING,
        };
        level
            .primary_title(self.message.as_str())
            .element(own)
            .elements(elsewhere)
            .elements(help)
    }
}

fn snippet(file: &RuleFile) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    Snippet::source(file.text.as_str()).path(file.name.as_str())
}

/// Everything that is wrong in the files of a rule pack; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleErrors(pub(super) Vec<Diagnostic>);

impl RuleErrors {
    /// Each of them, by file and place.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// All of them, a blank line between each two.
    pub fn render(&self, style: Style) -> String {
        let rendered: Vec<_> = self
            .0
            .iter()
            .map(|diagnostic| diagnostic.render(style))
            .collect();
        rendered.join("\n\n")
    }
}

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for RuleErrors {}
