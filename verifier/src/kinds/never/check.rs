//! How `never` is checked.

use super::Never;
use super::window::{Begun, Selected, Sight, Walk};
use crate::engine::{Checker, CompiledCondition, Compiler, Cx, Event, Interest, Named};
use crate::finding::{Evidence, Outcome, Violation};

impl Never {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        let walk = Walk::new(&self.window, compiler);
        Check {
            events: compiler.named(&self.events),
            conditions: compiler.conditions(&self.conditions),
            window: walk.describe(),
            walk,
            opportunities: 0,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    events: Named,
    conditions: Vec<CompiledCondition>,
    walk: Walk,
    /// Where the window is, in words.
    window: String,
    opportunities: u64,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let forbidden =
            self.events.has(event) && (self.conditions.is_empty() || event.meets(&self.conditions));
        let selected = if forbidden {
            Selected::Yes
        } else {
            Selected::No
        };
        let alike = self.events.could_come_like(event);
        if !alike && !self.walk.is_moved_by(event) {
            return;
        }
        let Self {
            events,
            walk,
            window,
            opportunities,
            ..
        } = self;
        let (mut counted, mut found) = (0, Vec::new());
        walk.see(cx, event, selected, |sight| match sight {
            Sight::Inside { since, key } => {
                counted = u64::from(alike);
                if forbidden {
                    let violation = violation(cx, event, events, window, since, key);
                    found.push((since, key.map(str::to_owned), violation));
                }
            }
            Sight::End => counted = 1,
        });
        *opportunities += counted;
        for (since, key, violation) in found {
            if walk.may_have_ended(cx, event, since) {
                walk.note_unsure(event);
            } else {
                walk.add(cx, event, key.as_deref(), violation);
            }
        }
    }

    fn interest(&self) -> Interest {
        self.walk.interest(self.events.set())
    }

    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let (violations, doubts) = self.walk.settle(cx);
        Outcome {
            examined: self.opportunities,
            opportunities: self.opportunities,
            doubts,
            violations,
            ..Outcome::default()
        }
    }
}

fn violation(
    cx: &Cx<'_>,
    event: &Event<'_>,
    events: &Named,
    window: &str,
    since: Option<Begun>,
    key: Option<&str>,
) -> Violation {
    let name = events.name_of(event);
    let peer = cx.describe_peer(event.line());
    let of = key.map_or(String::new(), |key| format!(" of {key}"));
    let mut evidence = vec![match since {
        Some(since) => Evidence::at(since.at, format!("from here on no `{name}`{of} may come")),
        None => cx.identity(event.line(), event.place),
    }];
    let line = Evidence::at(event.place, format!("`{name}`{of} came, on {peer}"));
    evidence.push(match key {
        Some(key) => line.pointing_at(key),
        None => line,
    });
    Violation {
        roles: format!("`{name}` came{window}"),
        resource: key.map(str::to_owned),
        evidence,
        expected: format!("no `{name}`{window}; it came, so this is final"),
        ..Violation::new(
            event.subject(),
            event.place,
            format!("`{name}`{of} came on {peer}{window}"),
        )
    }
}
