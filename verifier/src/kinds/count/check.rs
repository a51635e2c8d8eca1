//! How `count` is checked.

mod telling;
mod window;

use hashbrown::{HashMap, HashSet};

use self::window::Window;
use super::{Count, CountPer};
use crate::engine::{
    Absence, Checker, Compiler, ConnectionIx, Cx, Event, EventNames, Holder, Ids, Named, Skipped,
    Watched, grown, nanoseconds,
};
use crate::finding::{Measure, Outcome, Place, Subject};
use crate::rules::{HolderKind, Lifecycle};

impl Count {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        let distinct = self
            .distinct
            .as_ref()
            .map(|selector| (compiler.ids(selector), compiler.selector_name(selector)));
        let per = match &self.per {
            CountPer::Session => Per::Holder(HolderKind::Session),
            CountPer::User => Per::Holder(HolderKind::User),
            CountPer::Connection => Per::Holder(HolderKind::Connection),
            CountPer::Recording => Per::Everything,
            CountPer::Value(selector) => {
                Per::Value(compiler.ids(selector), compiler.selector_name(selector))
            }
        };
        Check {
            events: compiler.named(&self.events),
            names: compiler.event_names(),
            having: compiler.named(&self.having),
            distinct,
            per,
            within: self.within.map(nanoseconds),
            spec: self.clone(),
            numbers: HashMap::new(),
            tallies: Vec::new(),
            there: Vec::new(),
            unidentified: Skipped::default(),
            keyless: Skipped::default(),
            unplaced: HashSet::new(),
            examined: 0,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: Count,
    events: Named,
    names: EventNames,
    having: Named,
    /// Which ids are told apart, and how they are called.
    distinct: Option<(Ids, String)>,
    per: Per,
    /// In nanoseconds.
    within: Option<i64>,
    numbers: HashMap<Counted, usize>,
    /// In the order of first appearance.
    tallies: Vec<(Counted, Tally)>,
    /// By connection: who was last seen to be there, and so has a number.
    there: Vec<Option<Holder>>,
    unidentified: Skipped,
    keyless: Skipped,
    /// The connections on which something came that may belong to any number.
    unplaced: HashSet<ConnectionIx>,
    examined: u64,
}

enum Per {
    Holder(HolderKind),
    Everything,
    Value(Ids, String),
}

/// Over what one number is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    Holder(Holder),
    Everything,
    Value(String),
}

/// One number, and what was counted.
struct Tally {
    count: u64,
    /// The different ids, where they are told apart.
    ids: HashSet<String>,
    /// The first ones that were counted, for evidence.
    shown: Vec<Place>,
    /// Where the limit is one within a time: the last ones.
    window: Window,
    /// What went over the limit.
    over: Option<Over>,
    /// The first and the last of too many that were close enough, or not: two clocks measured it.
    perhaps: Option<[Place; 2]>,
    having: Having,
    first: Place,
    /// Whether an event came without the id that tells it apart: it may have been another one.
    without_id: bool,
}

/// The event that went over `at-most`.
struct Over {
    places: Vec<Place>,
    offending: Place,
    subject: Subject,
}

/// Whether the event of `for-each` came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Having {
    NotYet,
    Yes,
}

/// How many counted frames are told one by one.
const MOST_SHOWN: usize = 8;

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let counts = self.events.has(event);
        let matters = counts || self.having.has(event);
        self.examined += u64::from(counts);
        match &self.per {
            Per::Everything => self.note(cx, event, Counted::Everything),
            Per::Holder(kind) => {
                // It need not be one of the rule's events to show that somebody is there.
                let there = event.direction.is_some() || event.is_step(Lifecycle::Accepted);
                match event.holder(*kind) {
                    Some(holder)
                        if matters || there && comes(&mut self.there, event.connection, holder) =>
                    {
                        self.note(cx, event, Counted::Holder(holder));
                    }
                    None if matters => {
                        self.unplaced.insert(event.connection);
                        let called = self.names.called(event);
                        self.unidentified
                            .note_unidentified(cx, *kind, event, called);
                    }
                    Some(_) | None => {}
                }
            }
            Per::Value(..) if !matters => {}
            Per::Value(ids, _) => {
                let values: Vec<_> = event.ids(ids).map(str::to_owned).collect();
                if values.is_empty() {
                    self.unplaced.insert(event.connection);
                    self.keyless.note(event, self.names.called(event));
                }
                for value in values {
                    self.note(cx, event, Counted::Value(value));
                }
            }
        }
    }

    fn finish(mut self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let kind = match self.per {
            Per::Holder(kind) => kind,
            Per::Everything | Per::Value(..) => HolderKind::Connection,
        };
        let watched = Watched::new(cx, kind);
        let everybody = match self.per {
            Per::Holder(kind) => {
                self.add_the_silent(cx, &watched, kind);
                Prospect::default()
            }
            // A recording is counted as it is, if it is whole.
            Per::Everything => Prospect {
                open: cx.is_cut_off(),
                last: None,
                ..Prospect::of(cx, &watched.all(), &self.unplaced)
            },
            Per::Value(..) => Prospect::of(cx, &watched.all(), &self.unplaced),
        };
        let mut outcome = Outcome {
            examined: self.examined,
            ..Outcome::default()
        };
        for (counted, tally) in std::mem::take(&mut self.tallies) {
            if let Counted::Holder(Holder::Session(session)) = counted {
                outcome
                    .measured
                    .insert(session, Measure::Count(tally.count));
            }
            if !self.speaks_of(&tally) {
                continue;
            }
            outcome.opportunities += 1;
            if let (None, Some([first, last])) = (&tally.over, tally.perhaps) {
                let what = "whether all came within the time is not known";
                let doubt = cx.unknown_order(first, last, what, telling::subject(cx, &counted));
                outcome.doubts.push(doubt);
            }
            if let Some(over) = &tally.over {
                outcome
                    .violations
                    .push(self.too_many(cx, &counted, &tally, over));
            } else if self.spec.at_least.is_some_and(|least| tally.count < least) {
                let mut prospect = match counted {
                    Counted::Holder(holder) => {
                        Prospect::of(cx, watched.connections(holder), &self.unplaced)
                    }
                    Counted::Everything | Counted::Value(_) => everybody,
                };
                prospect.hidden |= tally.without_id;
                match prospect.why_open() {
                    None => {
                        let end = prospect.last.map(|(at, place)| (place, cx.clock(at)));
                        let violation = self.too_few(cx, &counted, &tally, end);
                        outcome.violations.push(violation);
                    }
                    Some(absence) => {
                        let doubt = self.undecided(cx, &counted, &tally, absence);
                        outcome.doubts.push(doubt);
                    }
                }
            }
        }
        outcome
            .doubts
            .extend(self.unidentified.without_holder(cx, kind));
        let ids = match (&self.distinct, &self.per) {
            (Some((_, name)), _) | (None, Per::Value(_, name)) => name.as_str(),
            (None, Per::Holder(_) | Per::Everything) => "",
        };
        let keyless = self.keyless.without_id(cx, &format!("the id of `{ids}`"));
        outcome.doubts.extend(keyless);
        outcome
    }
}

/// Whether somebody else is there on a connection than was there a moment ago.
fn comes(there: &mut Vec<Option<Holder>>, connection: ConnectionIx, holder: Holder) -> bool {
    grown(there, connection.0 as usize).replace(holder) != Some(holder)
}

impl Check {
    /// What an event means for one number.
    fn note(&mut self, cx: &Cx<'_>, event: &Event<'_>, counted: Counted) {
        let tally = self.tally(counted, event);
        if self.having.has(event) {
            self.tallies[tally].1.having = Having::Yes;
        }
        if self.events.has(event) {
            self.count(cx, tally, event);
        }
    }

    fn tally(&mut self, counted: Counted, event: &Event<'_>) -> usize {
        let next = self.tallies.len();
        let number = *self.numbers.entry(counted.clone()).or_insert(next);
        if number == next {
            self.tallies.push((counted, Tally::new(event.place)));
        }
        number
    }

    /// Whoever had a connection and nothing on it has none of what is counted.
    fn add_the_silent(&mut self, cx: &Cx<'_>, watched: &Watched<'_, '_>, kind: HolderKind) {
        let mut silent: Vec<_> = cx
            .connections()
            .filter(|(_, state)| state.info.accepted())
            .flat_map(|(connection, state)| {
                let place = Place {
                    recording: state.recording,
                    seq: state.info.opened.seq,
                };
                let holders = watched.holders_of(kind, connection).into_iter();
                holders.map(move |holder| (Counted::Holder(holder), place))
            })
            .collect();
        silent.retain(|(counted, _)| !self.numbers.contains_key(counted));
        for (counted, place) in silent {
            let next = self.tallies.len();
            if *self.numbers.entry(counted.clone()).or_insert(next) == next {
                self.tallies.push((counted, Tally::new(place)));
            }
        }
    }

    fn count(&mut self, cx: &Cx<'_>, number: usize, event: &Event<'_>) {
        let (limit, within) = (self.spec.at_most, self.within);
        let tally = &mut self.tallies[number].1;
        let Some((ids, _)) = &self.distinct else {
            tally.add(cx, event, None, limit, within);
            return;
        };
        let mut ids = event.ids(ids).peekable();
        if ids.peek().is_none() {
            tally.without_id = true;
            let called = self.names.called(event);
            self.keyless.note(event, called);
        }
        for id in ids {
            tally.add(cx, event, Some(id), limit, within);
        }
    }

    /// Whether the rule judges this number.
    fn speaks_of(&self, tally: &Tally) -> bool {
        if !self.having.is_empty() {
            return tally.having == Having::Yes;
        }
        tally.count > 0 || self.spec.at_least.is_some() || self.spec.at_most == Some(0)
    }
}

impl Tally {
    fn new(first: Place) -> Self {
        Self {
            count: 0,
            ids: HashSet::new(),
            shown: Vec::new(),
            window: Window::default(),
            over: None,
            perhaps: None,
            having: Having::NotYet,
            first,
            without_id: false,
        }
    }

    fn add(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        id: Option<&str>,
        limit: Option<u64>,
        within: Option<i64>,
    ) {
        let is_new = id.is_none_or(|id| !self.ids.contains(id) && self.ids.insert(id.to_owned()));
        if is_new {
            self.count += 1;
            if self.shown.len() < MOST_SHOWN {
                self.shown.push(event.place);
            }
        }
        let Some(limit) = limit.filter(|_| self.over.is_none()) else {
            return;
        };
        let (number, places) = match within {
            None if !is_new => return,
            None => (self.count, self.shown.clone()),
            Some(within) => {
                self.window.add(cx, event, id, within);
                let sure = self.window.surely(cx, event, within);
                if self.perhaps.is_none()
                    && sure.len() as u64 <= limit
                    && let Some((most, first)) = self.window.perhaps(cx, event, within)
                    && most as u64 > limit
                {
                    self.perhaps = Some([first, event.place]);
                }
                (
                    sure.len() as u64,
                    sure.into_iter().take(MOST_SHOWN).collect(),
                )
            }
        };
        if number > limit {
            self.over = Some(Over {
                places,
                offending: event.place,
                subject: event.subject(),
            });
            self.window = Window::default();
        }
    }
}

/// What more of a number could still come, or may have come unseen.
#[derive(Debug, Clone, Copy, Default)]
struct Prospect {
    /// A connection is open when the recording ends, or there may be another one after that.
    open: bool,
    /// Frames are missing, or cannot be decoded, or nothing says where they belong.
    hidden: bool,
    /// Where the last connection ended.
    last: Option<(i64, Place)>,
}

impl Prospect {
    fn of(cx: &Cx<'_>, connections: &[ConnectionIx], unplaced: &HashSet<ConnectionIx>) -> Self {
        let mut prospect = Self {
            open: cx.is_cut_off(),
            ..Self::default()
        };
        for connection in connections {
            let state = cx.connection(*connection);
            let at = |seq| Place {
                recording: state.recording,
                seq,
            };
            match state.info.closed {
                None => prospect.open = true,
                Some(closed) => {
                    let end = (closed.at, at(closed.seq));
                    prospect.last = prospect.last.max(Some(end));
                }
            }
            prospect.hidden |= cx.may_hide(*connection, at(0)) || unplaced.contains(connection);
        }
        prospect
    }

    /// Why too few are not final; `None`: they are.
    fn why_open(self) -> Option<Absence> {
        match (self.hidden, self.open) {
            (true, _) => Some(Absence::Hidden),
            (false, true) => Some(Absence::RecordingEnded),
            (false, false) => None,
        }
    }
}
