//! What a rule found, with the doubts from outside: its state and its verdict.

use super::super::run::RuleOutcome;
use super::outside::OutsideDoubt;
use crate::finding::{Doubt, Outcome, Subject};
use crate::rules::{Accept, Pack, Rule};
use crate::verdict::{Reason, State, Verdict};

/// A rule's state and verdict, with the doubts from outside added and accepted ones taken out.
pub(super) fn settle(
    pack: &Pack,
    number: usize,
    outcome: RuleOutcome,
    outside: &[OutsideDoubt],
) -> (State, Verdict, Outcome, Vec<(Doubt, String)>) {
    let rule = &pack.rules[number];
    let RuleOutcome {
        mut outcome,
        required,
    } = outcome;
    let touching = outside.iter().filter(|outside| outside.touches(rule));
    let mut doubts: Vec<_> = touching.map(|outside| outside.doubt.clone()).collect();
    doubts.append(&mut outcome.doubts);
    let exercised = outcome.opportunities > 0 && required != Some(0);
    let state = match (outcome.violations.is_empty(), exercised, doubts.is_empty()) {
        (false, ..) => State::Violated,
        (true, false, _) => State::NotExercised,
        (true, true, false) => State::Undecided,
        (true, true, true) => State::Holds,
    };
    if state == State::NotExercised {
        doubts.push(not_exercised(rule, outcome.opportunities));
    }
    let (accepted, open): (Vec<_>, Vec<_>) = doubts
        .into_iter()
        .map(|doubt| (acceptance(pack, rule, &doubt), doubt))
        .partition(|(acceptance, _)| acceptance.is_some());
    let verdict = match state {
        State::Violated => Verdict::Violated,
        State::Holds | State::NotExercised | State::Undecided if open.is_empty() => Verdict::Clean,
        State::Holds | State::NotExercised | State::Undecided => Verdict::Inconclusive,
    };
    outcome.doubts = open.into_iter().map(|(_, doubt)| doubt).collect();
    let accepted = accepted
        .into_iter()
        .filter_map(|(acceptance, doubt)| Some((doubt, acceptance?.why.clone())))
        .collect();
    (state, verdict, outcome, accepted)
}

fn not_exercised(rule: &Rule, opportunities: u64) -> Doubt {
    let message = match (opportunities, &rule.requires) {
        (1.., Some(_)) => format!("what `{}` requires did not happen", rule.id),
        _ => format!("nothing happened that could have broken `{}`", rule.id),
    };
    Doubt {
        reason: Reason::NotExercised,
        message,
        settle: "record traffic that exercises it, or accept not-exercised in the pack".to_owned(),
        place: None,
        subject: Subject::default(),
    }
}

fn acceptance<'p>(pack: &'p Pack, rule: &'p Rule, doubt: &Doubt) -> Option<&'p Accept> {
    let by_pack = pack
        .accept
        .iter()
        .filter(|accept| accept.rule.as_ref().is_none_or(|id| *id == rule.id));
    rule.accept
        .iter()
        .chain(by_pack)
        .find(|accept| accept.reason == doubt.reason)
}
