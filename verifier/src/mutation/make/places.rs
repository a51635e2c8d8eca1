//! Which messages are what to the rules: refusals, and what may come only once.

use std::collections::BTreeSet;

use crate::decode::ExtractorBuilder;
use crate::kinds::Spec;
use crate::kinds::sequence::Repeat;
use crate::mutation::history::History;
use crate::rules::{EventDef, EventRef, Pack, Rule};

/// Places of messages of the server.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// They refuse something, as `owned` rules say it.
    pub(super) refusals: BTreeSet<u64>,
    /// A rule speaks of how often they come: steps of a `sequence` that are there once, what a `count`
    /// limits, and all messages where `correlated` looks at replies.
    pub(super) once: BTreeSet<u64>,
}

impl Places {
    pub(super) fn of(history: &History, rules: &[(&Pack, &Rule)]) -> Self {
        let mut places = Self::default();
        for (pack, rule) in rules {
            match &rule.spec {
                Spec::Owned(owned) => {
                    let denied = owned.reply.iter().flat_map(|reply| &reply.denied_by);
                    find(history, pack, denied, &mut places.refusals);
                }
                Spec::Sequence(sequence) => {
                    let once = sequence.steps.iter();
                    let once = once
                        .filter(|step| matches!(step.repeat, Repeat::Once | Repeat::AtMostOnce));
                    find(
                        history,
                        pack,
                        once.map(|step| &step.event),
                        &mut places.once,
                    );
                }
                Spec::Count(count) if count.at_most.is_some() && count.distinct.is_none() => {
                    find(history, pack, count.events.iter(), &mut places.once);
                }
                Spec::Correlated(_) => {
                    let all = history.served().map(|(_, message)| message.moment.seq);
                    places.once.extend(all);
                }
                Spec::Addressed(_)
                | Spec::Always(_)
                | Spec::Count(_)
                | Spec::Duration(_)
                | Spec::Handshake(_)
                | Spec::Never(_)
                | Spec::Protocol(_)
                | Spec::Response(_)
                // What a query looks at is not known.
                | Spec::Sql(_) => {}
            }
        }
        places
    }
}

/// Adds the places of messages that are one of these events.
fn find<'e>(
    history: &History,
    pack: &Pack,
    events: impl Iterator<Item = &'e EventRef>,
    places: &mut BTreeSet<u64>,
) {
    for event in events {
        if let EventRef::Message(id) = event {
            find_one(history, pack, pack.event(*id), places);
        }
    }
}

fn find_one(history: &History, pack: &Pack, event: &EventDef, places: &mut BTreeSet<u64>) {
    let mut builder = ExtractorBuilder::default();
    let names: Vec<_> = pack.name_at.iter().map(|at| builder.slot(at)).collect();
    let conditions: Vec<_> = event
        .conditions
        .iter()
        .map(|condition| (builder.slot(&condition.at), &condition.matcher))
        .collect();
    let mut extractor = builder.build();
    for (_, message) in history.served() {
        if extractor.read(pack.codec, &message.payload).is_err() {
            continue;
        }
        let values = extractor.values();
        let named = event.name.as_ref().is_none_or(|matcher| {
            let first = names.iter().find(|slot| values.has(**slot));
            first.is_some_and(|slot| matcher.matches_any(values.of(*slot)))
        });
        let fits = conditions
            .iter()
            .all(|(slot, matcher)| matcher.matches_any(values.of(*slot)));
        if named && fits {
            places.insert(message.moment.seq);
        }
    }
}
