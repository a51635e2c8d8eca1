//! What every kind of rule brings to the engine.

use wsaudit_recording::Question;

use super::event::{Carried, Event};
use super::interest::Interest;
use super::program::Compiler;
use super::state::Cx;
use crate::finding::Outcome;
use crate::history::{Answered, SourceError};
use crate::kinds::Spec;

/// One rule at work. It is shown the events of its scope in the order in which they were observed,
/// then asked what it found. It knows no clock and no file; it may be moved to another thread.
pub trait Checker: Send {
    /// A message, or a step in a connection's life. `cx` stands where the event stands, but for how many
    /// messages connections carried.
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>);

    /// Which messages [`Self::observe`] makes something of: it need not be shown others.
    fn interest(&self) -> Interest {
        Interest::in_everything()
    }

    /// What each recording is to be asked before anything is shown; `None`: nothing.
    fn question(&self) -> Option<&Question> {
        None
    }

    /// What the recordings answer, one call for each, in their order.
    fn hear(&mut self, _answer: Result<Answered, SourceError>) {}

    /// Whether [`Self::carried`] is to be called.
    fn wants_carried(&self) -> bool {
        false
    }

    /// A message as it was carried, before any codec looks at it. Between two steps in connections' lives,
    /// it may come before [`Self::observe`] is shown earlier ones.
    fn carried(&mut self, _cx: &Cx<'_>, _message: &Carried<'_>) {}

    /// Whether everything is to be shown once more. It is asked once all was shown; from then on the answer
    /// stays the same.
    fn again(&self) -> Again {
        Again::No
    }

    /// The second pass begins.
    fn begin_again(&mut self) {}

    /// What it comes to. `cx` stands at the end of the history.
    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome;
}

/// Whether a rule is to be shown everything once more, from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Again {
    /// It found what there is to find.
    No,
    /// It is, now that it knows what to look for.
    AsBefore,
    /// It is, with the strings of all messages ([`Event::strings`]).
    WithStrings,
}

/// The checker of a rule.
pub(super) fn checker(spec: &Spec, compiler: &mut Compiler<'_>) -> Box<dyn Checker> {
    match spec {
        Spec::Addressed(spec) => Box::new(spec.checker(compiler)),
        Spec::Always(spec) => Box::new(spec.checker(compiler)),
        Spec::Correlated(spec) => Box::new(spec.checker(compiler)),
        Spec::Count(spec) => Box::new(spec.checker(compiler)),
        Spec::Duration(spec) => Box::new(spec.checker(compiler)),
        Spec::Handshake(spec) => Box::new(spec.checker(compiler)),
        Spec::Never(spec) => Box::new(spec.checker(compiler)),
        Spec::Owned(spec) => Box::new(spec.checker(compiler)),
        Spec::Protocol(spec) => Box::new(spec.checker(compiler)),
        Spec::Response(spec) => Box::new(spec.checker(compiler)),
        Spec::Sequence(spec) => Box::new(spec.checker(compiler)),
        Spec::Sql(spec) => Box::new(spec.checker(compiler)),
    }
}
