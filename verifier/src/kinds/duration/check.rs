//! How `duration` is checked: one measurement for each holder and key, judged at the end.

mod cohort;
mod statistics;
mod telling;

use hashbrown::HashMap;

use super::{DurationSpec, End};
use crate::engine::{
    Absence, Checker, Compiler, Crossings, Cx, Event, Holder, Ids, Interest, Named, Skipped, Slot,
    Watched, nanoseconds,
};
use crate::finding::{Measure, Outcome, Place, Subject};
use crate::rules::EventRef;

impl DurationSpec {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        let key = self
            .key
            .as_ref()
            .map(|key| (compiler.ids(key), compiler.selector_name(key)));
        Check {
            from: compiler.named(&self.from),
            to: compiler.named(&self.to),
            key,
            spec: self.clone(),
            spans: HashMap::new(),
            breaches: Crossings::default(),
            unidentified: Skipped::default(),
            starts_are_steps: self
                .from
                .iter()
                .all(|from| matches!(from, EventRef::Lifecycle(_))),
            start_of_nobody: false,
            keyless: Skipped::default(),
            examined: 0,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: DurationSpec,
    from: Named,
    to: Named,
    key: Option<(Ids, String)>,
    /// By holder, by key (empty where there is none).
    spans: HashMap<Holder, HashMap<String, Span>>,
    breaches: Crossings,
    unidentified: Skipped,
    /// Whether one of them would have started a clock.
    start_of_nobody: bool,
    /// The steps of a connection's life are never missing: the first one that is seen is the first.
    starts_are_steps: bool,
    keyless: Skipped,
    examined: u64,
}

/// A clock that was started.
#[derive(Debug, Clone)]
struct Span {
    start: Moment,
    end: Option<Moment>,
    /// Whether an end, or an earlier one, may be missing, or could not be decoded: it may have taken no time.
    perhaps_less: bool,
    /// Whether there was an end of nobody known that may be its own.
    end_of_nobody: bool,
    subject: Subject,
}

#[derive(Debug, Clone)]
struct Moment {
    place: Place,
    at: i64,
    name: String,
}

/// A span, and how long it took.
struct Measured {
    holder: Holder,
    key: String,
    span: Span,
    /// In nanoseconds. It took at least that: a span without an end as long as it was watched, one that
    /// may have had an end that was not seen no time.
    took: i64,
}

impl Measured {
    /// When it ended, or was watched no more.
    fn end_at(&self) -> i64 {
        self.span.start.at + self.took
    }
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let (starts, ends) = (self.from.has(event), self.to.has(event));
        if !starts && !ends {
            return;
        }
        self.examined += 1;
        let called = event.name.unwrap_or("a step of the connection");
        let Some(holder) = event.holder(self.spec.per) else {
            self.start_of_nobody |= starts;
            if ends {
                self.end_of_nobody(cx, event);
            }
            self.unidentified
                .note_unidentified(cx, self.spec.per, event, called);
            return;
        };
        // Nothing is established by a handshake that was refused.
        if event.direction.is_none() && cx.connection(event.connection).info.refused() {
            return;
        }
        let Self {
            key,
            spans,
            from,
            to,
            spec,
            keyless,
            breaches,
            starts_are_steps: steps,
            ..
        } = self;
        let spans = spans.entry(holder).or_default();
        let mut clock = |key: &str| {
            let span = spans.get_mut(key);
            if matters(cx, spec.end, span.as_deref(), event, (starts, ends)) {
                // Also of two starts, or ends, it matters which came first.
                let part = u64::from(event.place.recording);
                breaches.see(cx, event, || Slot::of(holder, key), part);
            }
            match span {
                Some(span) if ends => match spec.end {
                    End::First if span.end.is_some() => {}
                    End::First => {
                        let since = (*steps).then_some(span.start.place);
                        span.perhaps_less =
                            span.end_of_nobody || cx.hides_between(holder, since, event.place);
                        span.end = Some(Moment::of(event, to));
                    }
                    End::Last => span.end = Some(Moment::of(event, to)),
                },
                None if starts => {
                    let span = Span {
                        start: Moment::of(event, from),
                        end: None,
                        perhaps_less: false,
                        end_of_nobody: false,
                        subject: event.subject(),
                    };
                    spans.insert(key.to_owned(), span);
                }
                Some(_) | None => {}
            }
        };
        let Some((ids, _)) = key else {
            clock("");
            return;
        };
        let mut ids = event.ids(ids).peekable();
        if ids.peek().is_none() {
            keyless.note(event, called);
        }
        ids.for_each(&mut clock);
    }

    fn interest(&self) -> Interest {
        Interest::of(self.from.set()).or_events(self.to.set())
    }

    fn finish(mut self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let watched = Watched::new(cx, self.spec.per);
        let measured = self.measure(cx, &watched);
        let mut outcome = Outcome {
            examined: self.examined,
            ..Outcome::default()
        };
        let max = self.spec.max.map(nanoseconds);
        for one in &measured {
            if let (true, Some(end)) = (one.span.perhaps_less, &one.span.end) {
                if max.is_some_and(|max| end.at - one.span.start.at > max) {
                    let doubt = self.undecided(cx, one, Absence::Hidden);
                    outcome.doubts.push(doubt);
                }
                continue;
            }
            if let (Some(_), Some(session)) = (&one.span.end, one.span.subject.session) {
                let longest = outcome
                    .measured
                    .entry(session)
                    .or_insert(Measure::Nanoseconds(one.took));
                if let Measure::Nanoseconds(longest) = longest {
                    *longest = one.took.max(*longest);
                }
            }
            let slot = || Slot::of(one.holder, &one.key);
            if let (Some(end), Some(max)) = (&one.span.end, max) {
                let places = [one.span.start.place, end.place];
                let breaches = &mut self.breaches;
                breaches.measure_between(cx, places, slot, (one.took, max));
            }
            match (&one.span.end, max) {
                (Some(end), Some(max)) if one.took > max => {
                    let violation = self.too_long(cx, one, end, max);
                    self.breaches.add(cx, slot, violation);
                }
                (Some(_), _) => {}
                (None, max) => {
                    let deadline = max.map(|max| one.span.start.at.saturating_add(max));
                    match watched.absence(one.holder, self.since(&one.span), deadline) {
                        Absence::Final if self.may_be_refused(cx, &one.span) => {
                            let doubt = self.undecided(cx, one, Absence::RecordingEnded);
                            outcome.doubts.push(doubt);
                        }
                        Absence::Final if !one.span.end_of_nobody => {
                            let violation = self.no_end(cx, one, max.unwrap_or(0));
                            self.breaches.add(cx, slot, violation);
                        }
                        absence => outcome.doubts.push(self.undecided(cx, one, absence)),
                    }
                }
            }
        }
        let out_of_order = self.breaches.first_out_of_order();
        let (violations, crossed) = std::mem::take(&mut self.breaches).settle(cx);
        outcome.violations = violations;
        outcome.doubts.extend(crossed);
        self.statistics(cx, &measured, out_of_order, &mut outcome);
        let concurrent = self.cohorts(cx, &measured, &mut outcome);
        let only_cohorts =
            max.is_none() && self.spec.mean.is_none() && self.spec.percentiles.is_empty();
        outcome.opportunities = if only_cohorts {
            concurrent
        } else {
            measured.len() as u64
        };
        let doubts = &mut outcome.doubts;
        doubts.extend(self.unidentified.without_holder(cx, self.spec.per));
        if let Some((_, name)) = &self.key {
            doubts.extend(self.keyless.without_id(cx, &format!("the id of `{name}`")));
        }
        outcome
    }
}

impl Span {
    /// The end, where none before it may have been missed.
    fn sure_end(&self) -> Option<&Moment> {
        self.end.as_ref().filter(|_| !self.perhaps_less)
    }
}

impl Moment {
    fn of(event: &Event<'_>, named: &Named) -> Self {
        Self {
            place: event.place,
            at: event.at,
            name: named.name_of(event).to_owned(),
        }
    }
}

impl Check {
    /// An end of nobody known, on a connection that speaks for somebody at another time, may be the end of
    /// theirs.
    fn end_of_nobody(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        for holder in cx.holders_ever(self.spec.per, event.connection) {
            let Some(spans) = self.spans.get_mut(&holder) else {
                continue;
            };
            let mut mark = |key: &str| {
                if let Some(span) = spans.get_mut(key).filter(|span| span.end.is_none()) {
                    span.end_of_nobody = true;
                }
            };
            match &self.key {
                Some((ids, _)) => event.ids(ids).for_each(&mut mark),
                None => mark(""),
            }
        }
    }

    /// From where on what is not seen may have ended a span: from the beginning, where another start may be
    /// among it, and that one's end.
    fn since(&self, span: &Span) -> Place {
        Place {
            seq: if self.starts_are_steps {
                span.start.place.seq
            } else {
                0
            },
            ..span.start.place
        }
    }

    /// Whether a span begins with a handshake that was not answered when the recording ended: by one that is refused
    /// nothing is established.
    fn may_be_refused(&self, cx: &Cx<'_>, span: &Span) -> bool {
        let connection = span.subject.connection.filter(|_| self.starts_are_steps);
        connection.is_some_and(|connection| {
            let info = cx.connection(connection).info;
            info.answered.is_none() && info.closed.is_none()
        })
    }

    /// All measurements, in the order of their starts.
    fn measure(&mut self, cx: &Cx<'_>, watched: &Watched<'_, '_>) -> Vec<Measured> {
        let mut measured: Vec<_> = std::mem::take(&mut self.spans)
            .into_iter()
            .flat_map(|(holder, spans)| spans.into_iter().map(move |one| (holder, one)))
            .map(|(holder, (key, mut span))| {
                if span.end.is_none() {
                    span.perhaps_less = span.end_of_nobody
                        || watched.may_hide(holder, self.since(&span))
                        || self.may_be_refused(cx, &span);
                }
                let until = match &span.end {
                    _ if span.perhaps_less => span.start.at,
                    Some(end) => end.at,
                    None => watched.until(holder).unwrap_or(span.start.at),
                };
                Measured {
                    holder,
                    key,
                    // It may have begun when another recording had broken off.
                    took: (until - span.start.at).max(0),
                    span,
                }
            })
            .collect();
        measured.sort_by(|a, b| {
            (a.span.start.place, a.holder, &a.key).cmp(&(b.span.start.place, b.holder, &b.key))
        });
        measured
    }
}

/// Whether it matters when an event came, beside what other recordings show at nearly the same time.
fn matters(
    cx: &Cx<'_>,
    end: End,
    span: Option<&Span>,
    event: &Event<'_>,
    (starts, ends): (bool, bool),
) -> bool {
    let close = |at: i64| event.at.saturating_sub(at) <= cx.tolerance();
    let Some(span) = span else { return true };
    let ended = span.end.as_ref();
    starts && close(span.start.at)
        || ends && (end == End::Last || ended.is_none_or(|ended| close(ended.at)))
}
