//! How `handshake` is checked: each connection on its own here, who holds a session id in `holders`.

mod holders;

use super::Handshake;
use crate::engine::{
    ALL_PARTS, Checker, Compiler, ConnectionIx, Cx, Event, Holder, Interest, Line,
};
use crate::finding::{Doubt, Evidence, Outcome, Place, Subject, Violation};
use crate::history::Moment;
use crate::rules::{Lifecycle, Matcher};
use crate::verdict::Reason;
use wsaudit_tagging::TagKind;
use wsaudit_wire::RequestHead;

impl Handshake {
    /// The checker.
    pub(crate) fn checker(&self, _compiler: &mut Compiler<'_>) -> Check {
        Check {
            spec: self.clone(),
            connections: Vec::new(),
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: Handshake,
    /// Those that the pack is about, in the order of their opening.
    connections: Vec<ConnectionIx>,
}

/// What stands in a request's target in place of a secret.
const REDACTED: &str = "redacted-";

impl Checker for Check {
    fn observe(&mut self, _cx: &Cx<'_>, event: &Event<'_>) {
        if event.is_step(Lifecycle::Open) {
            self.connections.push(event.connection);
        }
    }

    fn interest(&self) -> Interest {
        Interest::in_steps()
    }

    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let looked_at = self.connections.len() as u64;
        let mut outcome = Outcome {
            examined: looked_at,
            opportunities: looked_at,
            ..Outcome::default()
        };
        for connection in &self.connections {
            let one = One {
                spec: &self.spec,
                cx,
                connection: *connection,
                outcome: &mut outcome,
            };
            one.check();
        }
        let held = holders::gather(cx, &self.connections);
        for (traits, find) in [
            (&self.spec.one_holder, holders::one_holder as holders::Find),
            (&self.spec.unshared, holders::unshared),
        ] {
            if !traits.is_empty() {
                // What one demand had no occasion to break is not made up for by another.
                let opportunities = find(cx, &held, traits, &mut outcome);
                outcome.opportunities = outcome.opportunities.min(opportunities);
            }
        }
        outcome
    }
}

/// One handshake.
struct One<'a, 'h> {
    spec: &'a Handshake,
    cx: &'a Cx<'h>,
    connection: ConnectionIx,
    outcome: &'a mut Outcome,
}

impl One<'_, '_> {
    fn check(mut self) {
        let info = self.cx.connection(self.connection).info;
        if self.spec.accepted.is_some() {
            self.accepted();
        }
        if self.spec.clean_url.is_some() {
            self.url();
        }
        if !info.accepted() {
            return;
        }
        let answered = info.answered.unwrap_or(info.opened);
        if !self.spec.subprotocol.is_empty() {
            let chosen = info.subprotocol.as_deref().unwrap_or_default();
            if !one_of(&self.spec.subprotocol, chosen) {
                let (roles, told) = match chosen {
                    "" => (
                        "no subprotocol chosen",
                        "no subprotocol was chosen".to_owned(),
                    ),
                    _ => (
                        "wrong subprotocol",
                        format!("the subprotocol `{chosen}` was chosen"),
                    ),
                };
                self.breach(
                    roles,
                    &told,
                    answered,
                    "one of the rule's subprotocols is chosen",
                );
            }
        }
        if !self.spec.origin.is_empty() {
            self.origin(answered);
        }
        let presented = info
            .tags
            .iter()
            .any(|tag| tag.kind == TagKind::Credential && tag.from <= answered.seq);
        if self.spec.credential.is_some() && !presented {
            let told = "it was accepted, and had presented no credential";
            self.breach(
                "accepted without a credential",
                told,
                answered,
                "a credential",
            );
        }
    }

    fn accepted(&mut self) {
        let info = self.cx.connection(self.connection).info;
        match (info.answered, info.status, info.closed) {
            (_, Some(101), _) => {}
            (Some(answered), Some(status), _) => {
                let told = format!("it was answered {status}");
                self.breach("refused", &told, answered, "101");
            }
            (None, None | Some(_), Some(_)) if self.cx.ended_unseen(self.connection) => self.doubt(
                Reason::Undecided,
                "was answered, or not, in a part that is missing",
                ALL_PARTS,
            ),
            (Some(ended), None, _) | (None, None | Some(_), Some(ended)) => {
                self.breach("not answered", "it got no answer", ended, "101");
            }
            (None, None | Some(_), None) => self.doubt(
                Reason::Undecided,
                "was not answered when the recording ended",
                "record until it is answered",
            ),
        }
    }

    fn origin(&mut self, answered: Moment) {
        let Some(head) = self.head() else {
            self.doubt(
                Reason::Undecided,
                UNREADABLE,
                "record again, with the heads",
            );
            return;
        };
        let Some(origin) = head.headers().get("Origin") else {
            return;
        };
        let origin = String::from_utf8_lossy(origin).into_owned();
        if !one_of(&self.spec.origin, &origin) {
            let told = format!("it was accepted, and came from {origin}");
            self.breach(
                "foreign origin accepted",
                &told,
                answered,
                "refused, as of a foreign origin",
            );
        }
    }

    fn url(&mut self) {
        let info = self.cx.connection(self.connection).info;
        let by_tag = info
            .tags
            .iter()
            .find(|tag| tag.kind == TagKind::Credential && tag.source.starts_with("query:"));
        let told = match (self.head(), by_tag) {
            (Some(head), _) if head.target().contains(REDACTED) => {
                "its request target holds a secret".to_owned()
            }
            (Some(_), _) => return,
            (None, Some(tag)) => format!("its request target holds a secret ({})", tag.source),
            (None, None) => {
                self.doubt(
                    Reason::Undecided,
                    UNREADABLE,
                    "record again, with the heads",
                );
                return;
            }
        };
        self.breach(
            "secret in the request target",
            &told,
            info.opened,
            "no secret in the request target, where logs keep it",
        );
    }

    fn head(&self) -> Option<RequestHead> {
        RequestHead::parse(&self.cx.connection(self.connection).info.request_head).ok()
    }

    fn place(&self, moment: Moment) -> Place {
        Place {
            recording: self.cx.connection(self.connection).recording,
            seq: moment.seq,
        }
    }

    fn subject(&self) -> Subject {
        self.cx.subject(Holder::Connection(self.connection))
    }

    fn breach(&mut self, roles: &str, told: &str, moment: Moment, expected: &str) {
        let opened = self.cx.connection(self.connection).info.opened;
        let peer = self.cx.describe_peer(Line::whole(self.connection));
        let name = self.cx.describe_connection(self.connection);
        let mut evidence = vec![Evidence::at(
            self.place(opened),
            format!("{name} asked to be opened, for {peer}"),
        )];
        if moment != opened {
            evidence.push(Evidence::at(self.place(moment), told));
        } else if let Some(line) = evidence.first_mut() {
            line.text = format!("{}; {told}", line.text);
        }
        self.outcome.violations.push(Violation {
            roles: roles.to_owned(),
            evidence,
            expected: format!("{expected}; the handshake is over, so this is final"),
            ..Violation::new(
                self.subject(),
                self.place(moment),
                format!("the handshake of {name}, for {peer}: {told}"),
            )
        });
    }

    fn doubt(&mut self, reason: Reason, told: &str, settle: &str) {
        let opened = self.cx.connection(self.connection).info.opened;
        self.outcome.doubts.push(Doubt {
            reason,
            message: format!(
                "the handshake of {} {told}",
                self.cx.describe_connection(self.connection)
            ),
            settle: settle.to_owned(),
            place: Some(self.place(opened)),
            subject: self.subject(),
        });
    }
}

const UNREADABLE: &str = "cannot be read: the recording has no request head that parses";

fn one_of(matchers: &[Matcher], text: &str) -> bool {
    matchers.iter().any(|matcher| matcher.matches_text(text))
}
