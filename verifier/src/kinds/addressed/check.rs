//! How `addressed` is checked: each id in a message against the one whose connection it is.

use super::{Addressed, Missing};
use crate::engine::{
    Breaches, Checker, Compiler, Cx, Event, EventNames, Holder, Ids, Interest, Named, Skipped,
    is_hashed,
};
use crate::finding::{Evidence, Outcome, Violation};
use crate::rules::HolderKind;

impl Addressed {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        Check {
            field: compiler.field(self.field),
            field_name: compiler.field_name(self.field).to_owned(),
            events: compiler.named(&self.events),
            names: compiler.event_names(),
            spec: self.clone(),
            breaches: Breaches::default(),
            unidentified: Skipped::default(),
            missing: Skipped::default(),
            hashed: Skipped::default(),
            examined: 0,
            opportunities: 0,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: Addressed,
    field: Ids,
    field_name: String,
    events: Named,
    names: EventNames,
    breaches: Breaches,
    unidentified: Skipped,
    missing: Skipped,
    /// Messages that name an id, for somebody whose own one is known, one of the two as a hash only.
    hashed: Skipped,
    examined: u64,
    opportunities: u64,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let selected = self.events.is_empty() || self.events.has(event);
        if !event.from_server() || !selected {
            return;
        }
        let mut named = event.ids(&self.field).peekable();
        let names_nobody = named.peek().is_none();
        if names_nobody && self.events.is_empty() {
            return;
        }
        self.examined += 1;
        let called = self.names.called(event);
        let Some(receiver) = event.holder(self.spec.to) else {
            let stranger = named.find(|id| {
                self.spec.to == HolderKind::Session && cx.is_stranger(event.connection, id)
            });
            if let Some(id) = stranger {
                self.opportunities += 1;
                let receiver = Holder::Connection(event.connection);
                let violation = self.misdelivered(cx, event, receiver, id);
                self.breaches.add(cx, violation);
                return;
            }
            self.unidentified
                .note_unidentified(cx, self.spec.to, event, called);
            return;
        };
        if cx.others_connected(self.spec.to, Some(receiver)) {
            self.opportunities += 1;
        }
        if names_nobody {
            drop(named);
            self.missing(cx, event, receiver);
            return;
        }
        let own = match receiver {
            Holder::Session(session) => cx.session_name(session),
            Holder::User(user) => cx.user_name(user),
            Holder::Connection(_) => return,
        };
        match named.find(|id| *id != own) {
            None => {}
            Some(id) if is_hashed(own) != is_hashed(id) => {
                self.hashed.note(event, called);
            }
            Some(id) => {
                let violation = self.misdelivered(cx, event, receiver, id);
                self.breaches.add(cx, violation);
            }
        }
    }

    fn interest(&self) -> Interest {
        let named = Interest::of(self.events.set());
        if self.events.is_empty() {
            named.or_ids(&self.field)
        } else {
            named
        }
    }

    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let id = format!("the id of `{}`", self.field_name);
        let hashed = "that could be compared: an id taken from a secret is known as its hash only,";
        let doubts = [
            self.unidentified.without_holder(cx, self.spec.to),
            self.missing.without_id(cx, &id),
            self.hashed.without_id(cx, &format!("an id {hashed} so")),
        ];
        Outcome {
            examined: self.examined,
            opportunities: self.opportunities,
            violations: self.breaches.into_violations(),
            doubts: doubts.into_iter().flatten().collect(),
            ..Outcome::default()
        }
    }
}

impl Check {
    fn missing(&mut self, cx: &Cx<'_>, event: &Event<'_>, receiver: Holder) {
        let called = self.names.called(event);
        match self.spec.missing {
            Missing::Ignore => {}
            Missing::Undecided => self.missing.note(event, called),
            Missing::Violated => {
                let field = &self.field_name;
                let name = cx.describe(receiver);
                self.breaches.add(
                    cx,
                    Violation {
                        roles: format!("`{called}` names no {field}"),
                        evidence: vec![
                            cx.identity(event.line(), event.place),
                            Evidence::at(
                                event.place,
                                format!("{name} received `{called}`, in which no {field} is named"),
                            ),
                        ],
                        expected: format!(
                            "every `{called}` names the {field} that it is meant for; it was \
                         delivered, so this is final"
                        ),
                        ..Violation::new(
                            event.subject(),
                            event.place,
                            format!("{name} received a `{called}` that names no {field}"),
                        )
                    },
                );
            }
        }
    }

    fn misdelivered(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        receiver: Holder,
        id: &str,
    ) -> Violation {
        let called = self.names.called(event);
        let name = cx.describe(receiver);
        let kind = self.spec.to.as_str();
        let owner = cx.holder_named(self.spec.to, id);
        let mut evidence = vec![cx.identity(event.line(), event.place)];
        evidence.extend(owner.and_then(|owner| connected(cx, owner)));
        evidence.push(
            Evidence::at(
                event.place,
                format!("{name} received `{called}`, which names {kind} {id}"),
            )
            .pointing_at(id),
        );
        let relation = match owner {
            None => "which nobody had connected as".to_owned(),
            Some(Holder::Session(session)) => match (cx.session_user(session), event.user) {
                (Some(theirs), Some(ours)) if theirs == ours => "of the same user".to_owned(),
                (Some(_), Some(_)) => "of another user".to_owned(),
                (None, _) | (_, None) => "of an unknown user".to_owned(),
            },
            Some(Holder::User(_) | Holder::Connection(_)) => "connected too".to_owned(),
        };
        Violation {
            roles: format!("{kind} received `{called}` of another {kind}, {relation}"),
            owner: owner.map(|owner| cx.subject(owner)).unwrap_or_default(),
            resource: Some(id.to_owned()),
            evidence,
            expected: format!(
                "`{called}` reaches {kind} {id}, and nobody else; it was delivered, so this is \
                 final"
            ),
            ..Violation::new(
                event.subject(),
                event.place,
                format!("{name} received `{called}` of {kind} {id}"),
            )
        }
    }
}

/// Where the one that a message names was connected.
fn connected(cx: &Cx<'_>, owner: Holder) -> Option<Evidence> {
    let (connection, state) = cx.connections().find(|(connection, state)| match owner {
        Holder::Session(session) => state.session == Some(session),
        Holder::User(user) => state.user == Some(user),
        Holder::Connection(own) => own == *connection,
    })?;
    let place = crate::finding::Place {
        recording: state.recording,
        seq: state.info.opened.seq,
    };
    let text = format!(
        "{} has a connection of its own, {}",
        cx.describe(owner),
        cx.describe_connection(connection)
    );
    Some(Evidence::at(place, text))
}
