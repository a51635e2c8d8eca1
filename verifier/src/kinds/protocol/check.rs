//! How `protocol` is checked: the recorder saw the anomalies, the rule says which ones matter.

use hashbrown::HashMap;
use wsaudit_wire::Endpoint;

use super::Protocol;
use crate::engine::{Breaches, Checker, Compiler, ConnectionIx, Cx, Event, Holder, Interest};
use crate::finding::{Evidence, Outcome, Place, Violation};
use crate::history::Anomaly;
use crate::rules::Lifecycle;

impl Protocol {
    /// The checker.
    pub(crate) fn checker(&self, _compiler: &mut Compiler<'_>) -> Check {
        Check {
            spec: self.clone(),
            in_scope: HashMap::new(),
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: Protocol,
    /// By recording and number: the connections that the pack is about.
    in_scope: HashMap<(u16, u64), ConnectionIx>,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        if event.is_step(Lifecycle::Open) {
            let number = cx.connection(event.connection).info.number;
            self.in_scope
                .insert((event.place.recording, number), event.connection);
        }
    }

    fn interest(&self) -> Interest {
        Interest::in_steps()
    }

    fn finish(self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let mut breaches = Breaches::default();
        let mut examined = 0;
        for (recording, anomaly) in cx.anomalies() {
            let Some(connection) = self.in_scope.get(&(recording, anomaly.connection)) else {
                continue;
            };
            examined += 1;
            let wanted = self.spec.from.is_none_or(|from| from == anomaly.direction);
            if wanted && !self.spec.ignore.contains(&anomaly.code) {
                breaches.add(cx, violation(cx, *connection, recording, anomaly));
            }
        }
        let carried = self.in_scope.values().filter(|connection| {
            let state = cx.connection(**connection);
            state.carried > 0 || state.info.accepted()
        });
        let opportunities = carried.count() as u64;
        Outcome {
            examined: examined.max(opportunities),
            opportunities,
            violations: breaches.into_violations(),
            ..Outcome::default()
        }
    }
}

fn violation(
    cx: &Cx<'_>,
    connection: ConnectionIx,
    recording: u16,
    anomaly: &Anomaly,
) -> Violation {
    let Anomaly {
        code,
        detail,
        direction,
        moment,
        ..
    } = anomaly;
    let sender = match direction.sender() {
        Endpoint::Client => "client",
        Endpoint::Server => "server",
    };
    let name = cx.describe_connection(connection);
    let place = Place {
        recording,
        seq: moment.seq,
    };
    let subject = cx.subject(Holder::Connection(connection));
    Violation {
        roles: format!("{code} by the {sender}"),
        evidence: vec![Evidence::at(
            place,
            format!("the {sender} broke the protocol: {code}: {detail}"),
        )],
        expected: "both sides keep to RFC 6455 and RFC 7692; the bytes were sent, so this is final"
            .to_owned(),
        ..Violation::new(
            subject,
            place,
            format!("the {sender} of {name} broke the protocol: {code} ({detail})"),
        )
    }
}
