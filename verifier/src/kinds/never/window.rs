//! The part of a history in which `never` and `always` hold, as it is walked through.

use super::{Span, Window};
use crate::engine::{
    Compiler, Crossings, Cx, Event, EventNames, EventSet, Holder, Ids, Interest, Named, Names,
    Pairs, Skipped, Slot,
};
use crate::finding::{Doubt, Place, Violation};
use crate::rules::HolderKind;

/// A [`Window`] at work: for each holder and key, whether it stands open.
pub(in crate::kinds) struct Walk {
    span: Bounds,
    per: HolderKind,
    key: Option<(Ids, String)>,
    states: States,
    crossings: Crossings,
    names: EventNames,
    unidentified: Skipped,
    keyless: Skipped,
    /// What came after frames that may have ended its window.
    unsure: Skipped,
}

enum Bounds {
    Always,
    Before(Named),
    After(Named),
    Between(Named, Named),
}

/// By holder and key (empty where there is none): how the windows stand that are not as they begin.
#[derive(Debug, Default)]
struct States {
    keys: Names,
    by_key: Pairs<Holder, State>,
}

impl States {
    fn get(&self, holder: Holder, key: &str) -> Option<State> {
        let key = self.keys.known(key)?;
        self.by_key.get(key, holder).copied()
    }

    fn set(&mut self, holder: Holder, key: &str, state: State) {
        let key = self.keys.number(key);
        *self.by_key.get_or_insert_with(key, holder, || state) = state;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not begun, or ended.
    Outside,
    /// Begun, with the history or at a place.
    Inside(Option<Begun>),
}

/// Where a window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kinds) struct Begun {
    /// There.
    pub(in crate::kinds) at: Place,
    /// There it would begin, if it had not: whatever was not seen before, it stands open from here on.
    again: Place,
}

/// Where an event stands in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kinds) enum Sight<'k> {
    /// Within it.
    Inside {
        /// The event that began the window; `None`: it begins with the history.
        since: Option<Begun>,
        /// Whose window: the id, where windows are counted over ids.
        key: Option<&'k str>,
    },
    /// It is the event that ends the window: the window was watched to its end.
    End,
}

/// Whether a rule speaks of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kinds) enum Selected {
    /// It does.
    Yes,
    /// It does not, and the event only shows that time went on.
    No,
}

impl Walk {
    pub(in crate::kinds) fn new(window: &Window, compiler: &mut Compiler<'_>) -> Self {
        let span = match &window.span {
            Span::Always => Bounds::Always,
            Span::Before(end) => Bounds::Before(compiler.named(end)),
            Span::After(start) => Bounds::After(compiler.named(start)),
            Span::Between(start, end) => {
                Bounds::Between(compiler.named(start), compiler.named(end))
            }
        };
        let key = window
            .key
            .as_ref()
            .map(|key| (compiler.ids(key), compiler.selector_name(key)));
        Self {
            span,
            per: window.per,
            key,
            states: States::default(),
            crossings: Crossings::default(),
            names: compiler.event_names(),
            unidentified: Skipped::default(),
            keyless: Skipped::default(),
            unsure: Skipped::default(),
        }
    }

    /// Whether an event begins or ends windows.
    pub(in crate::kinds) fn is_moved_by(&self, event: &Event<'_>) -> bool {
        self.span.speaks_of(event)
    }

    /// The messages of which [`Self::see`] tells anything, where a rule speaks of `selected`.
    pub(in crate::kinds) fn interest(&self, selected: &EventSet) -> Interest {
        match (&self.key, &self.span) {
            (None, _) | (_, Bounds::Always) => Interest::in_everything(),
            (Some((ids, _)), _) => Interest::of(selected).or_events(&self.bounds()).or_ids(ids),
        }
    }

    /// The events that begin or end windows.
    pub(in crate::kinds) fn bounds(&self) -> EventSet {
        match &self.span {
            Bounds::Always => EventSet::default(),
            Bounds::Before(bound) | Bounds::After(bound) => *bound.set(),
            Bounds::Between(start, end) => {
                let mut both = *start.set();
                both.join(end.set());
                both
            }
        }
    }

    /// Goes on to an event, and tells where it stands in each window that it belongs to.
    pub(in crate::kinds) fn see(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        selected: Selected,
        mut tell: impl FnMut(Sight<'_>),
    ) {
        if let Bounds::Always = self.span {
            // Everything is in it, whoever it is of; with an id, it is told of that one.
            let ids = self.key.as_ref().map(|(ids, _)| event.ids(ids));
            let mut keys = ids.into_iter().flatten().peekable();
            let sight = |key| Sight::Inside { since: None, key };
            if keys.peek().is_none() {
                tell(sight(None));
            }
            keys.for_each(|key| tell(sight(Some(key))));
            return;
        }
        let matters = selected == Selected::Yes || self.span.speaks_of(event);
        let called = self.names.called(event);
        let Some(holder) = event.holder(self.per) else {
            if matters {
                self.unidentified
                    .note_unidentified(cx, self.per, event, called);
            }
            return;
        };
        let part = self.span.part(event, selected);
        let states = &mut self.states;
        let Some((ids, _)) = &self.key else {
            if part != 0 {
                let slot = || Slot::of(holder, "");
                self.crossings.see(cx, event, slot, part);
            }
            if let Some(sight) = self.span.step(states, event, (holder, "")) {
                tell(sight.of(None));
            }
            return;
        };
        if matters && event.id(ids).is_none() {
            self.keyless.note(event, called);
        }
        for key in event.ids(ids) {
            if part != 0 {
                let slot = || Slot::of(holder, key);
                self.crossings.see(cx, event, slot, part);
            }
            if let Some(sight) = self.span.step(states, event, (holder, key)) {
                tell(sight.of(Some(key)));
            }
        }
    }

    /// What an event in the window of that key breaks.
    pub(in crate::kinds) fn add(
        &mut self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        key: Option<&str>,
        violation: Violation,
    ) {
        match event.holder(self.per) {
            Some(holder) => {
                let slot = || Slot::of(holder, key.unwrap_or_default());
                self.crossings.add(cx, slot, violation);
            }
            // Only where the window is the whole history.
            None => self.crossings.add_certain(cx, violation),
        }
    }

    /// What breaks the rule, and what is in doubt.
    pub(in crate::kinds) fn settle(mut self, cx: &Cx<'_>) -> (Vec<Violation>, Vec<Doubt>) {
        let (violations, crossed) = std::mem::take(&mut self.crossings).settle(cx);
        let mut doubts = self.doubts(cx);
        doubts.extend(crossed);
        (violations, doubts)
    }

    /// Whether a window that was begun at `since` may have ended before an event, and not begun anew,
    /// without being seen to.
    pub(in crate::kinds) fn may_have_ended(
        &self,
        cx: &Cx<'_>,
        event: &Event<'_>,
        since: Option<Begun>,
    ) -> bool {
        let since = since.map(|since| since.again);
        match self.span {
            Bounds::Always | Bounds::After(_) => false,
            Bounds::Before(_) | Bounds::Between(..) => event
                .holder(self.per)
                .is_some_and(|holder| cx.hides_between(holder, since, event.place)),
        }
    }

    /// Notes what would break the rule, if the window had not ended before it.
    pub(in crate::kinds) fn note_unsure(&mut self, event: &Event<'_>) {
        let called = self.names.called(event);
        self.unsure.note(event, called);
    }

    /// What could not be placed in any window.
    fn doubts(&self, cx: &Cx<'_>) -> Vec<Doubt> {
        let keyless = self
            .key
            .as_ref()
            .and_then(|(_, name)| self.keyless.without_id(cx, &format!("the id of `{name}`")));
        self.unidentified
            .without_holder(cx, self.per)
            .into_iter()
            .chain(keyless)
            .chain(self.unsure.after_a_loss(cx))
            .collect()
    }

    /// Where the window is, in words: `before ready`.
    pub(in crate::kinds) fn describe(&self) -> String {
        match &self.span {
            Bounds::Always => String::new(),
            Bounds::Before(end) => format!(" before {}", end.list()),
            Bounds::After(start) => format!(" after {}", start.list()),
            Bounds::Between(start, end) => {
                format!(" between {} and {}", start.list(), end.list())
            }
        }
    }
}

/// What one window says of an event.
enum Stood {
    Inside(Option<Begun>),
    End,
}

impl Stood {
    const fn of(self, key: Option<&str>) -> Sight<'_> {
        match self {
            Self::Inside(since) => Sight::Inside { since, key },
            Self::End => Sight::End,
        }
    }
}

impl Bounds {
    /// What an event is to a window, as bits: its start, its end, and something that the rule speaks
    /// of. 0: nothing. One that is several of these means something else after another one like it than
    /// before it, so in each recording it is another part ([`Crossings::see`]).
    fn part(&self, event: &Event<'_>, selected: Selected) -> u64 {
        let (starts, ends) = match self {
            Self::Always => return 0,
            Self::Before(end) => (false, end.has(event)),
            Self::After(start) => (start.has(event), false),
            Self::Between(start, end) => (start.has(event), end.has(event)),
        };
        let part =
            u64::from(starts) | u64::from(ends) << 1 | u64::from(selected == Selected::Yes) << 2;
        if part.count_ones() > 1 {
            part | (1 + u64::from(event.place.recording)) << 3
        } else {
            part
        }
    }

    /// Whether an event begins or ends windows.
    fn speaks_of(&self, event: &Event<'_>) -> bool {
        match self {
            Self::Always => false,
            Self::Before(bound) | Self::After(bound) => bound.has(event),
            Self::Between(start, end) => start.has(event) || end.has(event),
        }
    }

    /// Where the event stands in the window of one key; the window goes on past it. Outside: `None`.
    fn step(
        &self,
        states: &mut States,
        event: &Event<'_>,
        (holder, key): (Holder, &str),
    ) -> Option<Stood> {
        let initial = match self {
            Self::Always | Self::Before(_) => State::Inside(None),
            Self::After(_) | Self::Between(..) => State::Outside,
        };
        let state = states.get(holder, key).unwrap_or(initial);
        let begun = |at| Begun {
            at,
            again: event.place,
        };
        let opened = State::Inside(Some(begun(event.place)));
        let (stood, next) = match (self, state) {
            (Self::Always, _) => (Some(Stood::Inside(None)), state),
            (Self::Before(end), State::Inside(_)) if end.has(event) => {
                (Some(Stood::End), State::Outside)
            }
            (Self::Between(start, end), State::Inside(_)) if end.has(event) => {
                let next = if start.has(event) {
                    opened
                } else {
                    State::Outside
                };
                (Some(Stood::End), next)
            }
            (Self::Between(start, _), State::Inside(Some(since))) if start.has(event) => {
                let next = State::Inside(Some(begun(since.at)));
                (Some(Stood::Inside(Some(since))), next)
            }
            (Self::Before(_) | Self::After(_) | Self::Between(..), State::Inside(since)) => {
                (Some(Stood::Inside(since)), state)
            }
            (Self::After(start) | Self::Between(start, _), State::Outside) if start.has(event) => {
                (None, opened)
            }
            (Self::Before(_) | Self::After(_) | Self::Between(..), State::Outside) => (None, state),
        };
        if next != state {
            states.set(holder, key, next);
        }
        stood
    }
}
