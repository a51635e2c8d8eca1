//! `duration`: each start and its end; the mean and the percentiles are counted out; cohorts are those
//! who are there at an instant, for each instant.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::engine::Verification;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;

use super::lives::{Event, History, Reads, Who};
use super::random::{Names, cases, histories, holder_kinds, word};
use super::told::{Expected, check, pack};

const PACK: &str = r#"
[fields]
request = "/request"
[events]
begin = { from = "client", name = "begin" }
done  = { from = "server", name = "done" }
[[rule]]
id    = "it"
title = "it"
kind  = "duration"
"#;

pub(crate) const NAMES: Names = Names {
    asks: &["begin", "begin", "other"],
    says: &["done", "done", "news"],
};

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    from: &'static str,
    to: &'static str,
    last: bool,
    keyed: bool,
    pub(crate) per: HolderKind,
    limits: Limits,
}

/// In ms.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    max: Option<i64>,
    mean: Option<i64>,
    percentiles: BTreeMap<usize, i64>,
    cohort: Option<i64>,
}

/// A start, and what became of it.
struct Span<'h> {
    who: Who,
    key: Option<String>,
    start: Event<'h>,
    end: Option<Event<'h>>,
    /// Whether the end that counts, or another one before it, may not have been seen.
    unsure: bool,
    /// Until when it is sure to have lasted.
    until: i64,
}

impl Span<'_> {
    fn took(&self) -> i64 {
        self.until - self.start.at
    }

    fn is_there(&self, at: i64) -> bool {
        (self.start.at..=self.until).contains(&at)
    }

    /// Where it is told: at its end, if that is known.
    fn place(&self) -> usize {
        let end = self.end.filter(|_| !self.unsure);
        end.unwrap_or(self.start).number
    }
}

impl Rule {
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{PACK}from = \"{}\"\nto = \"{}\"\nto-last = {}\nper = \"{}\"\n",
            self.from,
            self.to,
            self.last,
            word(self.per),
        );
        if self.keyed {
            text += "match = \"request\"\n";
        }
        let limits = &self.limits;
        let percentiles = limits.percentiles.iter();
        let mut limits: Vec<_> = [
            ("max".to_owned(), limits.max),
            ("mean".to_owned(), limits.mean),
            ("cohort-max".to_owned(), limits.cohort),
        ]
        .into_iter()
        .filter_map(|(name, limit)| Some((name, limit?)))
        .collect();
        limits.extend(percentiles.map(|(percent, limit)| (format!("p{percent}"), *limit)));
        for (name, limit) in limits {
            text += &format!("{name} = \"{limit}ms\"\n");
        }
        text
    }

    /// Whether it has a limit for those who are there at the same time.
    pub(crate) fn looks_at_cohorts(&self) -> bool {
        self.limits.cohort.is_some()
    }

    fn starts_are_steps(&self) -> bool {
        self.from.starts_with('@')
    }

    /// The connections of somebody that were not refused.
    fn lines(history: &History, who: Who) -> Vec<usize> {
        let mut lines = history.connections_of(who);
        lines.retain(|on| history.step(*on, "@refused").is_none());
        lines
    }

    /// Each measurement, in the order of their starts; and whether an event belongs to nobody, or to no id.
    fn measure<'h>(&self, history: &'h History) -> (Vec<Span<'h>>, Unplaced<'h>) {
        let mut own: BTreeMap<(Who, Option<usize>), Vec<Event<'_>>> = BTreeMap::new();
        let mut unplaced = Unplaced::default();
        for event in history.events() {
            if !event.is(&[self.from, self.to]) {
                continue;
            }
            let Some(who) = history.holder(self.per, &event) else {
                unplaced.any = true;
                unplaced.start |= event.name == self.from;
                if event.name == self.to {
                    unplaced.ends.push(event);
                }
                continue;
            };
            if event.from.is_none() && history.step(event.on, "@refused").is_some() {
                continue;
            }
            let key = event.request();
            if self.keyed && key.is_none() {
                unplaced.any = true;
                continue;
            }
            own.entry((who, key.filter(|_| self.keyed)))
                .or_default()
                .push(event);
        }
        let mut spans: Vec<_> = own
            .into_iter()
            .filter_map(|((who, key), events)| {
                let mut rest = events.into_iter().skip_while(|one| one.name != self.from);
                let start = rest.next()?;
                let mut ends = rest.filter(|event| event.name == self.to);
                let end = if self.last { ends.last() } else { ends.next() };
                let lines = Self::lines(history, who);
                let before = end.map_or(history.happened.len(), |end| end.number);
                // Another start may be among what is not seen, and its end; steps are all seen.
                let since = if self.starts_are_steps() {
                    start.number
                } else {
                    0
                };
                // Whatever else there is, the last end that was seen is none too early.
                let hidden = lines.iter().any(|on| history.hides(*on, since, before));
                let perhaps_own = unplaced.ends.iter().any(|end| {
                    (start.number..before).contains(&end.number)
                        && lines.contains(&end.on)
                        && (!self.keyed || end.request() == key)
                });
                // Nothing is established by a handshake that is refused.
                let is_answered = ["@accepted", "@refused", "@closed"]
                    .iter()
                    .any(|step| history.step(start.on, step).is_some());
                let may_be_refused = self.starts_are_steps() && end.is_none() && !is_answered;
                let unsure =
                    !(self.last && end.is_some()) && (hidden || perhaps_own) || may_be_refused;
                let watched = lines.iter().map(|on| history.watched_until(*on)).max();
                let until = end.map_or(watched.unwrap_or(start.at), |end| end.at);
                Some(Span {
                    who,
                    key: key.map(|key| key.to_string()),
                    start,
                    end,
                    unsure,
                    until: if unsure { start.at } else { until },
                })
            })
            .collect();
        spans.sort_by_key(|span| span.start.number);
        (spans, unplaced)
    }

    /// Each one that took too long.
    fn judge_each(&self, history: &History, spans: &[Span<'_>], expected: &mut Expected) {
        for span in spans {
            let breach = |at: &Event<'_>| (at.number, Some(span.who), span.key.clone());
            match (&span.end, self.limits.max) {
                (Some(end), Some(max)) if end.at - span.start.at > max => {
                    if span.unsure {
                        expected.doubts = true;
                    } else {
                        expected.violated.insert(breach(end));
                    }
                }
                (Some(_), _) => {}
                (None, max) => {
                    // Without `max` it is never too late.
                    let stood = max.is_some_and(|max| {
                        let due = span.start.at + max;
                        Self::lines(history, span.who)
                            .into_iter()
                            .any(|on| history.stood_at(on, due))
                    });
                    if stood && !span.unsure {
                        expected.violated.insert(breach(&span.start));
                    } else {
                        expected.doubts = true;
                    }
                }
            }
        }
    }

    /// The mean and the percentiles that are too high: told with the slowest, or undecided where one that
    /// took less may not have been seen.
    fn judge_all(&self, spans: &[Span<'_>], others: bool, expected: &mut Expected) -> Vec<String> {
        let Some(slowest) = spans
            .iter()
            .max_by_key(|one| (one.took(), one.start.number))
        else {
            return Vec::new();
        };
        let times: Vec<_> = spans.iter().map(Span::took).collect();
        let mut high = Vec::new();
        if let Some(limit) = self.limits.mean
            && times.iter().map(|time| time - limit).sum::<i64>() > 0
        {
            high.push("the mean".to_owned());
        }
        for (percent, limit) in &self.limits.percentiles {
            // The least of them that so many percent do not exceed.
            let reached = |least: &i64| {
                let below = times.iter().filter(|time| *time <= least).count();
                below * 100 >= percent * times.len()
            };
            let value = times.iter().filter(|time| reached(time)).min();
            if value.is_some_and(|value| value > limit) {
                high.push(format!("the {percent}th percentile"));
            }
        }
        if !high.is_empty() && others {
            expected.doubts = true;
            return Vec::new();
        }
        if !high.is_empty() {
            expected.violated.insert((slowest.place(), None, None));
        }
        high
    }

    /// The cohorts that are too slow and that are told; and whether any holder was in another's company.
    fn judge_cohorts(&self, spans: &[Span<'_>], expected: &mut Expected) -> (Vec<String>, bool) {
        let Some(limit) = self.limits.cohort else {
            return (Vec::new(), false);
        };
        // Who is there at the instants at which somebody came: the same set is there between them, or fewer.
        let mut instants: Vec<_> = spans.iter().map(|span| span.start.at).collect();
        instants.sort_unstable();
        let mut sets: Vec<BTreeSet<usize>> = Vec::new();
        for at in instants {
            let there = (0..spans.len()).filter(|number| spans[*number].is_there(at));
            let there = there.collect();
            if !sets.contains(&there) {
                sets.push(there);
            }
        }
        let largest = |set: &&BTreeSet<usize>| {
            let mut others = sets.iter().filter(|other| other != set);
            !others.any(|other| set.is_subset(other))
        };
        let company = sets.iter().any(|set| {
            let holders: BTreeSet<_> = set.iter().map(|number| spans[*number].who).collect();
            holders.len() > 1
        });
        // From when till when, and with whom it ends.
        let mut slow: Vec<(i64, i64, &Span<'_>)> = Vec::new();
        for set in sets.iter().filter(largest) {
            let members = || set.iter().map(|number| &spans[*number]);
            let start = members().map(|span| span.start.at).min();
            let last = members().max_by_key(|span| (span.until, span.start.number));
            let (start, last) = start.zip(last).expect("somebody came");
            if last.until - start > limit {
                slow.push((start, last.until, last));
            }
        }
        slow.sort_by_key(|(start, end, _)| (start - end, *start));
        let mut told: Vec<(i64, i64)> = Vec::new();
        for (start, end, last) in slow {
            if told.iter().all(|(from, to)| *to < start || end < *from) {
                told.push((start, end));
                expected.violated.insert((last.place(), None, None));
            }
        }
        (vec!["concurrent ones".to_owned(); told.len()], company)
    }

    /// What must be found, and which limits on several are broken.
    fn judge(&self, history: &History) -> (Expected, Vec<String>) {
        let (spans, unplaced) = self.measure(history);
        let mut expected = Expected {
            doubts: history.is_doubtful(Reads::Messages, self.per) || unplaced.any,
            ..Expected::default()
        };
        let hides = |on| history.hides(on, 0, history.happened.len());
        let others = history.unclean
            || unplaced.start
            || !self.starts_are_steps() && (0..history.connections()).any(hides);
        self.judge_each(history, &spans, &mut expected);
        let mut broken = self.judge_all(&spans, others, &mut expected);
        let (cohorts, company) = self.judge_cohorts(&spans, &mut expected);
        broken.extend(cohorts);
        broken.sort();
        let limits = &self.limits;
        let only_cohorts =
            limits.max.is_none() && limits.mean.is_none() && limits.percentiles.is_empty();
        expected.exercised = if only_cohorts {
            company
        } else {
            !spans.is_empty()
        };
        (expected, broken)
    }

    fn agrees(&self, history: &History) -> Result<(), TestCaseError> {
        let found = check(&pack(&self.text()), history, &Facts::default());
        let (expected, broken) = self.judge(history);
        prop_assert_eq!(limits_on_several(&found), broken);
        expected.agree(&found, self.per)
    }
}

/// Events that cannot be placed.
#[derive(Debug, Default)]
struct Unplaced<'h> {
    any: bool,
    /// A start of nobody known is one.
    start: bool,
    /// Ends of nobody known.
    ends: Vec<Event<'h>>,
}

/// The limits on several measurements that the only rule found broken.
fn limits_on_several(found: &Verification) -> Vec<String> {
    let violations = found.rules[0].outcome.violations.iter();
    let mut limits: Vec<_> = violations
        .filter(|violation| !violation.roles.starts_with('`'))
        .map(|violation| {
            let name = violation.roles.split(" from ").next().unwrap_or_default();
            name.trim_end_matches(" too slow").to_owned()
        })
        .collect();
    limits.sort();
    limits
}

pub(crate) fn rules(limits: impl Strategy<Value = Limits>) -> impl Strategy<Value = Rule> {
    (
        select(vec!["begin", "begin", "@open", "@accepted"]),
        select(vec!["done", "done", "@accepted", "@closed"]),
        any::<bool>(),
        any::<bool>(),
        holder_kinds(),
        limits,
    )
        .prop_map(|(from, to, last, keyed, per, limits)| Rule {
            from,
            to: if from == to { "done" } else { to },
            last,
            keyed: keyed && !from.starts_with('@') && !to.starts_with('@'),
            per,
            limits,
        })
}

pub(crate) fn one_by_one() -> impl Strategy<Value = Limits> {
    select(vec![10, 400, 2000]).prop_map(|max| Limits {
        max: Some(max),
        ..Limits::default()
    })
}

/// Limits that are met exactly now and then, by halves and thirds of the times there are, too.
pub(crate) fn together() -> impl Strategy<Value = Limits> {
    let time = || select(vec![0, 5, 10, 200, 400, 500, 1000, 2000, 3000]);
    let often = move || proptest::option::weighted(0.4, time());
    let percent = select(vec![1, 25, 34, 50, 66, 67, 75, 90, 99]);
    (
        proptest::option::weighted(0.2, time()),
        often(),
        proptest::collection::btree_map(percent, time(), 0..3),
        often(),
        time(),
    )
        .prop_map(|(max, mean, percentiles, cohort, other)| {
            let none = mean.is_none() && percentiles.is_empty();
            Limits {
                max,
                mean,
                percentiles,
                cohort: cohort.or(none.then_some(other)),
            }
        })
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn what_takes_too_long_is_found(rule in rules(one_by_one()), history in histories(NAMES)) {
        rule.agrees(&history)?;
    }

    #[test]
    fn what_takes_too_long_together_is_found(rule in rules(together()), history in histories(NAMES)) {
        rule.agrees(&history)?;
    }
}
