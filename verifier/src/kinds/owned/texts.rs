//! Text over plain HTTP that has no fields: a page, a table. Where a word of it is a claimed id, and its receiver has
//! no access, it may show the resource, and may as well have the word for another reason: that is in doubt
//! (decision 0027). With `seen = "anywhere"` it is a sighting.

use std::collections::{BTreeMap, BTreeSet};

use super::Seen;
use super::access::Standing;
use super::argue::{Argument, Kinship};
use super::check::Check;
use super::ledger::ResourceIx;
use super::parties::{Besides, PartyIx};
use crate::engine::{Cx, Event};
use crate::finding::{Doubt, Place, Subject};
use crate::verdict::Reason;

/// What text may have shown.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Whether there was any: its words are looked at once it is known what to look for.
    pub(super) met: bool,
    /// In the second pass: the first text that has the id of a resource, by whom it reached.
    pub(super) shown: BTreeMap<(ResourceIx, PartyIx), (Place, String)>,
}

impl Check {
    /// Looks for claimed ids in text, besides what fields of the message name.
    pub(super) fn text(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        named: &[ResourceIx],
        (receiver, besides): (PartyIx, Besides),
        denies: bool,
    ) {
        if !event.is_text || self.spec.seen == Seen::Anywhere {
            return;
        }
        let found: BTreeSet<_> = self.claimed_in_strings(cx, event).collect();
        let claimant = self.parties.claimant(cx, self.spec.owner, event.line());
        for resource in found {
            let is_refused = denies && self.uses.was_named(resource, claimant);
            if is_refused || named.contains(&resource) {
                continue;
            }
            let standing = self.standing(cx, event, resource, (receiver, besides));
            if matches!(standing, Standing::Allowed) && !self.is_anybody(cx, receiver) {
                continue;
            }
            let first = || (event.place, self.names.called(event).to_string());
            let shown = self.texts.shown.entry((resource, receiver));
            shown.or_insert_with(first);
        }
    }
}

impl Argument<'_, '_> {
    /// One doubt for all resources that text may have shown to another one; `told`: of whom it is known.
    pub(super) fn texts(&mut self, told: &BTreeSet<(ResourceIx, PartyIx)>) {
        let mut foreign = Vec::new();
        for ((resource, receiver), (place, called)) in &self.check.texts.shown {
            let owner = self.check.ledger.get(*resource).owner();
            let is_own = |owner| self.kinship(owner, *receiver) == Kinship::Own;
            let known = told.contains(&(*resource, *receiver));
            if !known && !owner.is_some_and(|owner| is_own(owner.owner)) {
                foreign.push((*place, *resource, *receiver, called));
            }
        }
        foreign.sort_unstable();
        let Some((place, resource, receiver, called)) = foreign.first().copied() else {
            return;
        };
        let (field, id) = (self.field(), &self.check.ledger.get(resource).id);
        let name = self.name(receiver);
        let more = match foreign.len() - 1 {
            0 => String::new(),
            1 => ", and so it is with 1 more".to_owned(),
            more => format!(", and so it is with {more} more"),
        };
        let message = format!(
            "`{called}` reached {name} as text that has the word {id} in it: whether that shows the {field} is not known{more}"
        );
        let subject = match foreign.len() {
            1 => self.subject(receiver),
            _ => Subject::default(),
        };
        self.outcome.doubts.push(Doubt {
            reason: Reason::Undecodable,
            message,
            settle: "look at it; with `seen = \"anywhere\"` in the rule, such a word is a sighting"
                .to_owned(),
            place: Some(place),
            subject,
        });
    }
}
