//! Who asked for what, and how it was answered.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_wire::Direction;

use super::claims::may_answer;
use super::{Access, Asked, SLACK, WITHIN};
use crate::lives::Event;
use crate::parties::Party;

/// What a use came to, what tells most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    Granted(usize),
    Raced,
    /// It, or another one, was granted or denied.
    Either,
    Nothing,
    Denied,
}

/// Of somebody who has no access.
struct Use<'a, 'h> {
    asks: &'a Event<'h>,
    doc: usize,
    user: Party,
    /// Access had ended by then.
    had_access: bool,
    /// Access ended at about the same time.
    just_ended: bool,
    /// Access was given since, before it was answered.
    given: bool,
    /// It was given just after.
    given_after: bool,
    /// An answer that does not say to what may be to this.
    waits: bool,
    /// An answer that does not say to what, though the use has a key.
    perhaps: Option<Answer>,
    answer: Option<Answer>,
}

impl Use<'_, '_> {
    /// What it comes to; `None`: what was granted was granted rightly.
    fn told(&self) -> Option<Answer> {
        let said = self.answer.or(self.perhaps);
        match said {
            Some(answer) if self.given && answer != Answer::Denied => None,
            Some(Answer::Granted(_)) if self.just_ended => Some(Answer::Raced),
            Some(answer) if self.given_after && answer != Answer::Denied => Some(Answer::Raced),
            Some(answer) => Some(answer),
            None if self.just_ended => Some(Answer::Raced),
            None => Some(Answer::Nothing),
        }
    }
}

impl Asked<'_> {
    /// By document and user: of each kind, the first that was granted; else what tells most.
    pub(super) fn uses(&self) -> Vec<((usize, Party), Answer)> {
        let mut uses: Vec<Use<'_, '_>> = Vec::new();
        for event in &self.events {
            match event.from {
                Some(Direction::ClientToServer) => uses.extend(self.use_of(event)),
                Some(Direction::ServerToClient) => self.says(event, &mut uses),
                None => {}
            }
        }
        let mut all = BTreeMap::<_, BTreeSet<_>>::new();
        for one in uses {
            let Some(answer) = one.told() else { continue };
            let rank = match answer {
                Answer::Granted(_) => 0,
                Answer::Raced => 1,
                Answer::Either => 2,
                Answer::Nothing => 3,
                Answer::Denied => 4,
            };
            // To change is worse than to read.
            let kind = (one.asks.is(&["open"]), one.had_access);
            let it = (rank, kind, one.asks.number, answer);
            all.entry((one.doc, one.user)).or_default().insert(it);
        }
        let mut told = Vec::new();
        for (key, uses) in all {
            let mut granted = BTreeMap::new();
            for (_, kind, _, answer) in uses.iter().filter(|(rank, ..)| *rank == 0) {
                granted.entry(*kind).or_insert(*answer);
            }
            if granted.is_empty() {
                told.extend(uses.first().map(|(.., answer)| (key, *answer)));
            }
            told.extend(granted.into_values().map(|answer| (key, answer)));
        }
        told
    }

    fn use_of<'a, 'h>(&self, event: &'a Event<'h>) -> Option<Use<'a, 'h>> {
        let doc = event.doc().filter(|_| event.is(&["open", "change"]))?;
        let user = self.whose.on(self.rule.owner, event);
        // Access of one of several is none of the others.
        let access = if self.whose.is_one_of_several(self.rule.owner, user) {
            Access::No
        } else {
            self.access(doc, event)
        };
        (access != Access::Yes).then_some(Use {
            asks: event,
            doc,
            user,
            had_access: access == Access::No
                && !self.whose.is_one_of_several(self.rule.owner, user)
                && self.had_access(doc, event),
            just_ended: access == Access::Perhaps,
            given: false,
            given_after: false,
            waits: true,
            perhaps: None,
            answer: None,
        })
    }

    /// What the server says gives access, or answers.
    fn says(&self, event: &Event<'_>, uses: &mut [Use<'_, '_>]) {
        if event.is(&["shared"]) {
            let is_it = |one: &&mut Use<'_, '_>| {
                event.doc() == Some(one.doc) && self.named(event) == Some(one.user)
            };
            for one in uses.iter_mut().filter(is_it) {
                one.given |= one.answer.is_none();
                one.given_after |= one.answer.is_some() && event.at - one.asks.at <= SLACK;
            }
        }
        let answer = match event.name {
            "content" | "granted" => Answer::Granted(event.number),
            "refused" => Answer::Denied,
            _ => return,
        };
        let open = uses
            .iter_mut()
            .filter(|one| one.answer.is_none() && may_answer(&self.whose, event, one.asks));
        if event.request().is_some() {
            let meant = open.filter(|one| one.asks.request() == event.request());
            let meant: Vec<_> = meant.collect();
            let sessions = meant.iter().map(|one| self.whose.which(one.asks));
            let several = sessions.collect::<BTreeSet<_>>().len() > 1;
            let names = event.fields.and_then(|fields| fields.session).is_some();
            for one in meant {
                // One that names a session answers that one, whoever asks besides; of which nobody knows, perhaps.
                let unsure = if names {
                    let mut both = [event, one.asks].into_iter();
                    both.any(|it| self.whose.may_be_of_another(it))
                } else {
                    several
                };
                one.answer = Some(if unsure { Answer::Either } else { answer });
            }
            return;
        }
        let meant = open.filter(|one| one.waits && event.at - one.asks.at <= WITHIN);
        let meant: Vec<_> = meant.collect();
        let either = meant.len() > 1 || self.whose.loses(event.on, 0, event.number);
        for one in meant {
            let answer = if either { Answer::Either } else { answer };
            one.waits = false;
            match one.asks.request() {
                Some(_) => one.perhaps = Some(answer),
                None => one.answer = Some(answer),
            }
        }
    }
}
