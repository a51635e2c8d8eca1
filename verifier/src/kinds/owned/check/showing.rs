//! What a message shows, and what it answers.

use super::roles::Roles;
use super::{Check, is_exchange};
use crate::engine::{Cx, Event, Holder};
use crate::finding::Severity;
use crate::kinds::owned::access::Standing;
use crate::kinds::owned::ledger::ResourceIx;
use crate::kinds::owned::parties::{Besides, PartyIx};
use crate::kinds::owned::requests::Request;
use crate::kinds::owned::sightings::{Answers, Showing, To};

impl Check {
    /// A client asks: what answers that is known by it.
    pub(super) fn keep_request(&mut self, cx: &Cx<'_>, event: &Event<'_>, roles: Roles) {
        let Some(key) = self.requests.key_of(event) else {
            return;
        };
        // A client that answers the server repeats an id, too; what answers an exchange over HTTP has its name.
        let needs_role = event.name.is_none() || is_exchange(cx, event);
        if needs_role && !roles.meets(Roles::ASKS) {
            return;
        }
        let mut resources = event.ids(&self.resource);
        let resource = resources.next();
        let resource = resource.map(|id| self.ledger.number(cx, event, id));
        let others: Vec<_> = resources
            .map(|id| self.ledger.number(cx, event, id))
            .collect();
        let request = Request {
            place: event.place,
            name: self.requests.number(self.names.called(event)),
            asks: if roles.meets(Roles::WRITES) {
                Severity::Write
            } else {
                Severity::Read
            },
            resource,
            others: (!others.is_empty()).then(|| others.into_boxed_slice()),
        };
        self.requests.ask(event.connection, key, request);
    }

    /// Counts what is shown of a resource.
    pub(super) fn examine(&mut self, cx: &Cx<'_>, event: &Event<'_>, resource: ResourceIx) {
        self.examined += 1;
        self.ledger.meet(resource);
        let holder = event.holder(self.spec.owner);
        if cx.others_connected(self.spec.owner, holder) {
            self.opportunities += 1;
        }
    }

    /// A resource is shown to whoever an event reaches.
    pub(super) fn sight(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        roles: Roles,
        resource: ResourceIx,
        (receiver, besides): (PartyIx, Besides),
    ) {
        self.examine(cx, event, resource);
        let standing = self.standing(cx, event, resource, (receiver, besides));
        let access_ended = match standing {
            // Access of one of several is none of the others.
            _ if self.is_anybody(cx, receiver) => None,
            Standing::Allowed => {
                if cx.has_several_clocks() {
                    let showing = Showing::of(&self.names, event);
                    self.sightings.allow(resource, receiver, showing);
                }
                return;
            }
            Standing::JustBegun(with) | Standing::JustEnded(with) => {
                let showing = Showing::of(&self.names, event);
                self.sightings.doubt(resource, receiver, showing, with);
                return;
            }
            Standing::Refused(ended) => ended,
        };
        let showing = Showing {
            answers: self.answered(cx, event, roles, resource),
            access_ended,
            ..Showing::of(&self.names, event)
        };
        let slack = cx.widest(self.slack);
        self.sightings
            .see(resource, receiver, besides, showing, slack);
    }

    /// The request that a message answers in which a resource is shown.
    fn answered(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        roles: Roles,
        resource: ResourceIx,
    ) -> Option<Answers> {
        if let Some(key) = self.requests.key_of(event) {
            self.answered_by_id(event, key, roles, resource)
        } else if roles.meets(Roles::GRANTS) {
            self.changed(cx, event, resource)
        } else {
            None
        }
    }

    /// By the id that both name.
    fn answered_by_id(
        &mut self,
        event: &Event<'_>,
        key: &str,
        roles: Roles,
        resource: ResourceIx,
    ) -> Option<Answers> {
        let request = self.requests.answered(event.connection, key)?;
        let (name, asked) = (request.name, request.place);
        let is_about_it = request.names(resource);
        let to = match (is_about_it, request.asks) {
            (false, _) => To::SomethingElse,
            (true, Severity::Write) if roles.meets(Roles::GRANTS) => To::Change,
            (true, Severity::Write | Severity::Read) => To::Asking,
        };
        // What has a name need not be an answer: a server counts its own requests.
        let is_known = match event.name {
            None => true,
            Some(_) if !roles.meets(Roles::ANSWERS) => false,
            // Over HTTP an answer is called as its request.
            Some(called) => match to {
                To::Change => true,
                To::Asking => called != self.requests.name(name),
                To::SomethingElse => false,
            },
        };
        is_known.then_some(Answers { name, to, asked })
    }

    /// By what is open, where the rule names no id: whether that was to change the resource.
    fn changed(&self, cx: &Cx<'_>, event: &Event<'_>, resource: ResourceIx) -> Option<Answers> {
        let reply = self.reply.as_ref().filter(|reply| reply.key.is_none())?;
        if cx.loses_between(Holder::Connection(event.connection), None, event.place) {
            return None;
        }
        let (meant, used) = self.uses.only_meant(event.line(), reply.since(event))?;
        (meant == resource && used.severity == Severity::Write).then_some(Answers {
            name: used.request,
            to: To::Change,
            asked: used.place,
        })
    }
}
