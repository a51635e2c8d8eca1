//! What a case expects, beside what was found.

use super::difference::{Difference, Found, Mismatch};
use crate::case::{Case, CaseHistory, Expectation, Expected, RuleName};
use crate::engine::{RuleResult, Verification};
use crate::finding::{Place, Violation};
use crate::rules::Pack;
use crate::rules::read::{nearest, one_of};
use crate::verdict::{State, Verdict};

/// A violation that no expectation has met yet.
struct Open<'v> {
    pack: &'v Pack,
    result: &'v RuleResult,
    violation: &'v Violation,
}

struct Comparison<'c> {
    case: &'c Case,
    packs: &'c [Pack],
    verification: &'c Verification,
    open: Vec<Open<'c>>,
    mismatches: Vec<Mismatch>,
}

/// Everything that was found other than expected, in the order of lines.
pub(super) fn compare(case: &Case, packs: &[Pack], verification: &Verification) -> Vec<Mismatch> {
    let open = verification
        .rules
        .iter()
        .flat_map(|result| {
            let pack = &packs[result.pack];
            let violations = result.outcome.violations.iter();
            violations.map(move |violation| Open {
                pack,
                result,
                violation,
            })
        })
        .collect();
    let mut comparison = Comparison {
        case,
        packs,
        verification,
        open,
        mismatches: Vec::new(),
    };
    let mut missing = Vec::new();
    // Exact places first, so that what is expected by number does not take them.
    for expectation in &case.expectations {
        comparison.place(expectation, &mut missing);
    }
    for expectation in &case.expectations {
        comparison.number(expectation);
    }
    for (line, rule, wanted) in missing {
        comparison.missing(line, rule, wanted);
    }
    for expectation in &case.expectations {
        comparison.state(expectation);
    }
    comparison.unexpected();
    comparison.mismatches.sort_by_key(|mismatch| mismatch.line);
    comparison.mismatches
}

/// Where an expected violation should be.
#[derive(Clone, Copy)]
enum Wanted {
    Lines(u32, u32),
    Frame(Place),
}

impl Wanted {
    fn has(self, place: Place) -> bool {
        match self {
            Self::Lines(first, last) => (u64::from(first)..=u64::from(last)).contains(&place.seq),
            Self::Frame(frame) => frame == place,
        }
    }
}

impl<'c> Comparison<'c> {
    fn report(&mut self, line: u32, difference: Difference) {
        let file = self.case.file.clone();
        self.mismatches.push(Mismatch {
            file,
            line,
            difference,
        });
    }

    /// Takes an open violation of that rule, at a place or anywhere.
    fn take(&mut self, rule: &RuleName, wanted: Option<Wanted>) -> Option<Open<'c>> {
        let at = self.open.iter().position(|open| {
            rule.means(open.pack, &open.pack.rules[open.result.rule])
                && wanted.is_none_or(|wanted| wanted.has(open.violation.offending))
        })?;
        Some(self.open.remove(at))
    }

    fn place(
        &mut self,
        expectation: &'c Expectation,
        missing: &mut Vec<(u32, &'c RuleName, Wanted)>,
    ) {
        let line = expectation.line;
        if let Some(rule) = expectation.expected.rule()
            && let Some(difference) = unknown_rule(rule, self.packs)
        {
            self.report(line, difference);
            return;
        }
        let (rule, wanted) = match &expectation.expected {
            Expected::Violation { rule, lines } => (rule, Wanted::Lines(lines.0, lines.1)),
            Expected::ViolationAt {
                rule,
                recording,
                frame,
            } => {
                let place = Place {
                    recording: *recording,
                    seq: *frame,
                };
                (rule, Wanted::Frame(place))
            }
            Expected::Todo {
                rule,
                lines: Some((first, last)),
            } => {
                if self
                    .take(rule, Some(Wanted::Lines(*first, *last)))
                    .is_some()
                {
                    self.report(line, Difference::TodoDone { rule: rule.clone() });
                }
                return;
            }
            _ => return,
        };
        if self.take(rule, Some(wanted)).is_none() {
            missing.push((line, rule, wanted));
        }
    }

    fn number(&mut self, expectation: &Expectation) {
        match &expectation.expected {
            Expected::Times { rule, times } if unknown_rule(rule, self.packs).is_none() => {
                // All there are, also those that are expected on a line.
                let found = self.results(rule);
                let found = found
                    .map(|(_, result)| result.outcome.violations.len())
                    .sum();
                while self.take(rule, None).is_some() {}
                if found != *times {
                    let (rule, times) = (rule.clone(), *times);
                    self.report(expectation.line, Difference::Times { rule, times, found });
                }
            }
            Expected::Todo { rule, lines: None } if self.take(rule, None).is_some() => {
                let done = Difference::TodoDone { rule: rule.clone() };
                self.report(expectation.line, done);
            }
            _ => {}
        }
    }

    fn missing(&mut self, line: u32, rule: &RuleName, wanted: Wanted) {
        let others: Vec<_> = self
            .open
            .iter()
            .filter(|open| wanted.has(open.violation.offending))
            .map(|open| open.pack.rules[open.result.rule].id.clone())
            .collect();
        let found = if let Some(open) = self.take(rule, None) {
            Found::Elsewhere(self.describe(open.violation.offending))
        } else if others.is_empty() {
            let (state, why) = self
                .results(rule)
                .map(|(_, result)| (result.state, why(result)))
                .next()
                .unwrap_or((State::NotExercised, None));
            Found::Nothing(state, why)
        } else {
            Found::Others(others)
        };
        let place = match wanted {
            Wanted::Lines(..) => "here".to_owned(),
            Wanted::Frame(place) => self.describe(place),
        };
        self.report(
            line,
            Difference::Missing {
                rule: rule.clone(),
                place,
                found,
            },
        );
    }

    /// `on line 12`, `at frame 1042 of b.db`
    fn describe(&self, place: Place) -> String {
        match &self.case.history {
            CaseHistory::Trace(_) => format!("on line {}", place.seq),
            CaseHistory::Recordings(paths) if paths.len() > 1 => {
                format!(
                    "at frame {} of {}",
                    place.seq,
                    paths[usize::from(place.recording)]
                )
            }
            CaseHistory::Recordings(_) => format!("at frame {}", place.seq),
        }
    }

    fn results(&self, rule: &RuleName) -> impl Iterator<Item = (&'c Pack, &'c RuleResult)> {
        let (packs, rule) = (self.packs, rule.clone());
        self.verification
            .rules
            .iter()
            .map(move |result| (&packs[result.pack], result))
            .filter(move |(pack, result)| rule.means(pack, &pack.rules[result.rule]))
    }

    fn state(&mut self, expectation: &Expectation) {
        let line = expectation.line;
        match &expectation.expected {
            Expected::None => {
                // Violations are reported each on its own.
                let states = self.verification.rules.iter().map(|result| result.state);
                let mut states =
                    states.filter(|state| matches!(state, State::Holds | State::Violated));
                if states.next().is_none() {
                    self.report(line, Difference::Empty);
                }
            }
            Expected::Clean => {
                let found = self.verification.verdict;
                if found == Verdict::Inconclusive {
                    let why = self
                        .verification
                        .rules
                        .iter()
                        .find_map(why)
                        .unwrap_or_default();
                    self.report(line, Difference::NotClean { found, why });
                }
            }
            Expected::Holds(rule) => self.ends(line, rule, State::Holds),
            Expected::NotExercised(rule) => self.ends(line, rule, State::NotExercised),
            Expected::Undecided(rule) => self.ends(line, rule, State::Undecided),
            Expected::Noted { rule, lines } => {
                let noted = self
                    .results(rule)
                    .flat_map(|(_, result)| &result.outcome.notes)
                    .any(|note| {
                        lines.is_none_or(|(first, last)| Wanted::Lines(first, last).has(note.place))
                    });
                if !noted && unknown_rule(rule, self.packs).is_none() {
                    let place = if lines.is_some() { "here" } else { "anywhere" }.to_owned();
                    self.report(
                        line,
                        Difference::NotNoted {
                            rule: rule.clone(),
                            place,
                        },
                    );
                }
            }
            Expected::Violation { .. }
            | Expected::ViolationAt { .. }
            | Expected::Times { .. }
            | Expected::Todo { .. } => {}
        }
    }

    fn ends(&mut self, line: u32, rule: &RuleName, expected: State) {
        let others: Vec<_> = self
            .results(rule)
            .filter(|(_, result)| result.state != expected)
            .collect();
        for (pack, result) in others {
            let rule = pack.rules[result.rule].id.clone();
            let (found, why) = (result.state, why(result));
            self.report(
                line,
                Difference::Ends {
                    rule,
                    expected,
                    found,
                    why,
                },
            );
        }
    }

    fn unexpected(&mut self) {
        for open in std::mem::take(&mut self.open) {
            let rule = open.pack.rules[open.result.rule].id.clone();
            let message = open.violation.message.clone();
            let place = open.violation.offending;
            let (line, place) = match &self.case.history {
                CaseHistory::Trace(_) => {
                    (u32::try_from(place.seq).unwrap_or(u32::MAX), String::new())
                }
                CaseHistory::Recordings(_) => (1, format!(" {}", self.describe(place))),
            };
            self.report(
                line,
                Difference::Unexpected {
                    rule,
                    place,
                    message,
                },
            );
        }
    }
}

/// The first thing that keeps a rule from holding.
fn why(result: &RuleResult) -> Option<String> {
    let doubts = result.outcome.doubts.iter();
    let mut doubts = doubts.chain(result.accepted.iter().map(|(doubt, _)| doubt));
    doubts.next().map(|doubt| doubt.message.clone())
}

/// What is wrong with a rule's name, if none of the packs has it.
pub(super) fn unknown_rule(name: &RuleName, packs: &[Pack]) -> Option<Difference> {
    let known = || {
        packs
            .iter()
            .flat_map(|pack| pack.rules.iter().map(move |rule| (pack, rule)))
    };
    if known().any(|(pack, rule)| name.means(pack, rule)) {
        return None;
    }
    let meant = nearest(&name.0, known().map(|(_, rule)| rule.id.as_str())).map(str::to_owned);
    let packs = one_of(packs.iter().map(|pack| pack.name.as_str()));
    Some(Difference::UnknownRule {
        name: name.clone(),
        packs,
        meant,
    })
}
