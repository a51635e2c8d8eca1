//! How `always` is checked.

use super::Always;
use crate::engine::{Checker, CompiledCondition, Compiler, Cx, Event, Interest, Named};
use crate::finding::{Evidence, Outcome, Violation};
use crate::kinds::never::window::{Selected, Sight, Walk};

impl Always {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        let conditions = compiler.conditions(&self.matches);
        let pointers = self
            .matches
            .iter()
            .map(|condition| condition.at.to_string());
        Check {
            events: compiler.named(&self.events),
            demands: pointers.zip(conditions).collect(),
            walk: Walk::new(&self.window, compiler),
            examined: 0,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    events: Named,
    /// Where, and what must be there.
    demands: Vec<(String, CompiledCondition)>,
    walk: Walk,
    examined: u64,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let selected = if self.events.has(event) {
            Selected::Yes
        } else {
            Selected::No
        };
        if selected == Selected::No && !self.walk.is_moved_by(event) {
            return;
        }
        let mut inside = None;
        self.walk.see(cx, event, selected, |sight| {
            if let Sight::Inside { since, key } = sight {
                inside.get_or_insert_with(|| (since, key.map(str::to_owned)));
            }
        });
        let (Selected::Yes, Some((since, key))) = (selected, inside) else {
            return;
        };
        self.examined += 1;
        let broken: Vec<_> = self
            .demands
            .iter()
            .filter(|(_, condition)| !event.meets(std::slice::from_ref(condition)))
            .map(|(at, _)| format!("`{at}`"))
            .collect();
        if broken.is_empty() {
            return;
        }
        if self.walk.may_have_ended(cx, event, since) {
            self.walk.note_unsure(event);
            return;
        }
        let (name, at) = (self.events.name_of(event), broken.join(" and "));
        let window = self.walk.describe();
        let peer = cx.describe_peer(event.line());
        let start = since.map(|since| Evidence::at(since.at, "from here on the rule holds"));
        let mut evidence = vec![start.unwrap_or_else(|| cx.identity(event.line(), event.place))];
        evidence.push(Evidence::at(
            event.place,
            format!("`{name}` came, and {at} is not as the rule demands"),
        ));
        let violation = Violation {
            roles: format!("`{name}`{window} does not match at {at}"),
            evidence,
            expected: format!(
                "every `{name}`{window} matches at {at}; it was sent as it is, so this is final"
            ),
            ..Violation::new(
                event.subject(),
                event.place,
                format!("`{name}` on {peer} does not match at {at}"),
            )
        };
        self.walk.add(cx, event, key.as_deref(), violation);
    }

    fn interest(&self) -> Interest {
        Interest::of(self.events.set()).or_events(&self.walk.bounds())
    }

    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let (violations, doubts) = self.walk.settle(cx);
        Outcome {
            examined: self.examined,
            opportunities: self.examined,
            doubts,
            violations,
            ..Outcome::default()
        }
    }
}
