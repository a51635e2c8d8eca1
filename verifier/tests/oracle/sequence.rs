//! `sequence`: the steps as a regular expression over one letter for each message, and what came as a
//! word.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;

use super::lives::{Event, History, Reads, Who};
use super::random::{Names, cases, histories, holder_kinds, word};
use super::told::{Expected, check, pack};

const PACK: &str = r#"
[fields]
request = "/request"
[events]
ask   = { from = "client", name = "ask" }
start = { from = "server", name = "start" }
step  = { from = "server", name = "step" }
done  = { from = "server", name = "done" }
late  = { from = "server", name = ["step", "done"] }
[[rule]]
id    = "it"
title = "it"
kind  = "sequence"
key   = "request"
"#;

pub(crate) const NAMES: Names = Names {
    asks: &["ask", "other"],
    says: &["start", "start", "step", "step", "done", "done", "other"],
};

/// The steps, and the letters of the messages that each can be.
type Steps = &'static [(&'static str, &'static str)];

const RULES: [Steps; 8] = [
    &[("start", "b"), ("step+", "c+"), ("done", "d")],
    &[("start", "b"), ("step*", "c*"), ("done", "d")],
    &[("start", "b"), ("step?", "c?"), ("done", "d")],
    &[("ask", "a"), ("start", "b"), ("done?", "d?")],
    &[("start", "b"), ("step?", "c?"), ("start", "b")],
    &[("step?", "c?"), ("start", "b"), ("done*", "d*")],
    &[("late+", "[cd]+"), ("start", "b"), ("step?", "c?")],
    &[("start", "b"), ("late", "[cd]"), ("done", "d")],
];

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    steps: Steps,
    pub(crate) on: HolderKind,
    /// In ms.
    within: Option<i64>,
}

fn letter(event: &Event<'_>) -> char {
    match event.name {
        "ask" => 'a',
        "start" => 'b',
        "step" => 'c',
        "done" => 'd',
        _ => 'x',
    }
}

impl Rule {
    pub(crate) fn text(&self) -> String {
        let steps: Vec<_> = self.steps.iter().map(|(step, _)| step).collect();
        let within = self.within.map(|within| format!("within = \"{within}ms\""));
        format!(
            "{PACK}steps = {steps:?}\non = \"{}\"\n{}\n",
            word(self.on),
            within.unwrap_or_default()
        )
    }

    /// All steps, in order.
    fn whole(&self) -> Regex {
        let all: String = self.steps.iter().map(|(_, letters)| *letters).collect();
        Regex::new(&format!("^(?:{all})$")).expect("a regular expression")
    }

    /// The same, as far as it has come.
    fn beginning(&self) -> Regex {
        let all = self.steps.iter().rev();
        let all = all.fold(String::new(), |rest, (_, letters)| {
            format!("(?:{letters}{rest})?")
        });
        Regex::new(&format!("^{all}$")).expect("a regular expression")
    }

    /// Goes through the events of one holder and key to the first that is not in order or too late.
    fn follow<'e>(&self, own: &[&'e Event<'e>]) -> Run<'e> {
        let (whole, beginning) = (self.whole(), self.beginning());
        let (mut word, mut run): (String, Vec<&Event<'_>>) = (String::new(), Vec::new());
        // What began it, and what would have.
        let mut starts = Vec::new();
        // What each connection has shown in order, whatever the others have.
        let mut shown: BTreeMap<usize, String> = BTreeMap::new();
        for event in own.iter().copied() {
            let one = letter(event).to_string();
            let there = shown.entry(event.on).or_default();
            let in_order_there = beginning.is_match(&format!("{there}{one}"));
            if in_order_there {
                *there += &one;
            }
            if beginning.is_match(&one) {
                starts.push(event);
            }
            if beginning.is_match(&format!("{word}{one}")) {
                word += &one;
                run.push(event);
                let too_late = |within| event.at - run[0].at > within;
                if self.within.is_some_and(too_late) {
                    return Run::Breaks(event, self.since(run[0]));
                }
            } else if whole.is_match(&word) && beginning.is_match(&one) {
                (word, run, starts) = (one.clone(), vec![event], vec![event]);
                shown = BTreeMap::from([(event.on, one)]);
            } else if !in_order_there {
                return Run::Breaks(event, 0);
            }
        }
        if whole.is_match(&word) {
            Run::Completed
        } else {
            let last = run.last().expect("what does not begin breaks");
            Run::Unfinished(starts, last)
        }
    }

    /// From where on what is not seen can excuse what follows the event that began: from there, or from
    /// the beginning, where it may have been a later step.
    fn since(&self, began: &Event<'_>) -> usize {
        let steps = self.steps.iter();
        let can_be = steps.filter(|(_, letters)| letters.contains(letter(began)));
        if can_be.count() == 1 { began.number } else { 0 }
    }

    fn judge(&self, history: &History) -> Expected {
        let mut expected = Expected {
            doubts: history.is_doubtful(Reads::Messages, self.on),
            ..Expected::default()
        };
        let letters: String = self.steps.iter().map(|(_, letters)| *letters).collect();
        let events = history.events();
        let is_step = |event: &&Event<'_>| letters.contains(letter(event));
        let mut own: BTreeMap<(Who, usize), Vec<&Event<'_>>> = BTreeMap::new();
        let mut nobodys = Vec::new();
        for event in events.iter().filter(is_step) {
            match (history.holder(self.on, event), event.request()) {
                (Some(who), Some(key)) => own.entry((who, key)).or_default().push(event),
                (None, key) => {
                    expected.doubts = true;
                    nobodys.extend(key.map(|key| (key, event.number)));
                }
                (Some(_), None) => expected.doubts = true,
            }
        }
        for ((who, key), own) in own {
            expected.exercised = true;
            let connections = history.connections_of(who);
            let refused = |on: &usize| history.step(*on, "@refused").is_some();
            // Whether one of its events may have come, unseen, after a place and before another.
            let end = history.happened.len();
            let unseen = |after: usize, before: usize| {
                connections
                    .iter()
                    .filter(|on| before < end || !refused(on))
                    .any(|on| history.hides(*on, after, before))
                    || history.hides_nobodys(self.on, after, before)
                    || nobodys
                        .iter()
                        .any(|(id, at)| *id == key && (after..before).contains(at))
            };
            let wrong = match self.follow(&own) {
                Run::Completed => continue,
                Run::Breaks(event, since) => {
                    Some(event.number).filter(|number| !unseen(since, *number))
                }
                Run::Unfinished(starts, last) => {
                    let stood = |start: &&Event<'_>| {
                        self.within.is_some_and(|within| {
                            let due = start.at + within;
                            connections
                                .iter()
                                .filter(|on| !refused(on))
                                .any(|on| history.stood_at(*on, due))
                        })
                    };
                    let mut stood = starts.into_iter().filter(stood);
                    let is_final = stood.any(|start| !unseen(self.since(start), end));
                    Some(last.number).filter(|_| is_final)
                }
            };
            match wrong {
                Some(number) => {
                    let breach = (number, Some(who), Some(key.to_string()));
                    expected.violated.insert(breach);
                }
                None => expected.doubts = true,
            }
        }
        expected
    }
}

/// How far the events of one holder and key come.
enum Run<'e> {
    Completed,
    /// This one is not in order, or too late; and from where on what is not seen can excuse it.
    Breaks(&'e Event<'e>, usize),
    /// Those from which on it is due, and the last one in order.
    Unfinished(Vec<&'e Event<'e>>, &'e Event<'e>),
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    let within = select(vec![None, Some(400), Some(2000), Some(10_000)]);
    (select(&RULES[..]), holder_kinds(), within).prop_map(|(steps, on, within)| Rule {
        steps,
        on,
        within,
    })
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn steps_come_in_order_and_to_the_end(rule in rules(), history in histories(NAMES)) {
        let found = check(&pack(&rule.text()), &history, &Facts::default());
        rule.judge(&history).agree(&found, rule.on)?;
    }
}
