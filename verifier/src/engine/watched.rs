//! When something that did not come is final: who was watched at which time, and what may be
//! missing from the recording.

use hashbrown::HashMap;

use super::state::{ConnectionIx, Cx, Holder};
use crate::finding::Place;
use crate::history::{Gap, GapCause};
use crate::rules::HolderKind;

/// The connections of each holder, once the whole history is known.
#[derive(Debug)]
pub struct Watched<'c, 'h> {
    cx: &'c Cx<'h>,
    kind: HolderKind,
    connections: HashMap<Holder, Vec<ConnectionIx>>,
    /// When the first of the recordings breaks off, in nanoseconds since the Unix epoch: from there on, what did not
    /// come may have come in it.
    whole_until: i64,
}

/// What a deadline that passed without an event comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The event did not come: whoever waited was connected and recorded all the time.
    Final,
    /// The recording ended before the deadline.
    RecordingEnded,
    /// Whoever waited was not connected at the deadline.
    Disconnected,
    /// Frames of that time are missing, or could not be decoded; the event may be among them.
    Hidden,
}

impl<'c, 'h> Watched<'c, 'h> {
    /// Of all holders of one kind.
    pub fn new(cx: &'c Cx<'h>, kind: HolderKind) -> Self {
        let mut connections: HashMap<_, Vec<_>> = HashMap::new();
        // One that was refused could bring nothing; one that was not answered yet still can, and an exchange over HTTP
        // could, whatever it was answered.
        let open = cx.connections().filter(|(_, state)| !state.info.refused());
        for (connection, _) in open {
            for holder in cx.holders_ever(kind, connection) {
                connections.entry(holder).or_default().push(connection);
            }
        }
        let disagree = if cx.has_several_clocks() {
            cx.tolerance()
        } else {
            0
        };
        let cut_off = cx.outlines.iter().filter(|outline| outline.is_cut_off());
        let ends = cut_off.map(|outline| outline.ended_at.saturating_sub(disagree));
        Self {
            cx,
            kind,
            connections,
            whole_until: ends.min().unwrap_or(i64::MAX),
        }
    }

    /// The connections of a holder that were not refused, in order.
    pub fn connections(&self, holder: Holder) -> &[ConnectionIx] {
        self.connections.get(&holder).map_or(&[], Vec::as_slice)
    }

    /// All connections that were not refused, in order.
    pub fn all(&self) -> Vec<ConnectionIx> {
        let mut all: Vec<_> = self.connections.values().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Everybody of that kind for whom a connection ever speaks.
    pub fn holders_of(&self, kind: HolderKind, connection: ConnectionIx) -> Vec<Holder> {
        self.cx.holders_ever(kind, connection)
    }

    /// When the last of the holder's connections ended, or its recording did; not after a recording that has no end.
    pub fn until(&self, holder: Holder) -> Option<i64> {
        let connections = self.connections(holder).iter();
        let until = connections.map(|connection| self.cx.watched_until(*connection));
        Some(until.max()?.min(self.whole_until))
    }

    /// Whether a connection of the holder was still open when its recording ended.
    pub fn is_open_at_the_end(&self, holder: Holder) -> bool {
        self.connections(holder)
            .iter()
            .any(|connection| self.cx.closed_at(*connection).is_none())
    }

    /// Whether frames of the holder's connections from `from` on are missing, or could not be decoded.
    pub fn may_hide(&self, holder: Holder, from: Place) -> bool {
        let mut connections = self.connections(holder).iter();
        connections.any(|connection| self.cx.may_hide(*connection, from))
    }

    /// Whether something from `from` on that may be anybody's is missing, or could not be decoded.
    pub fn may_hide_nobodys(&self, from: Place) -> bool {
        let end = Place {
            recording: from.recording,
            seq: u64::MAX,
        };
        self.cx.hides_nobodys(self.kind, Some(from), end)
    }

    /// What it means that `holder` did not get, or send, something between `from` and `deadline`.
    /// `None` for a deadline: nothing but the end of the recording ends the wait.
    pub fn absence(&self, holder: Holder, from: Place, deadline: Option<i64>) -> Absence {
        let connections = self.connections(holder);
        if self.may_hide(holder, from) {
            return Absence::Hidden;
        }
        let ended = self.until(holder);
        let open = self.is_open_at_the_end(holder);
        let Some(deadline) = deadline else {
            return if open {
                Absence::RecordingEnded
            } else {
                Absence::Disconnected
            };
        };
        let stood = connections.iter().any(|connection| {
            let state = self.cx.connection(*connection);
            let there = Place {
                recording: state.recording,
                seq: 0,
            };
            let skew = self.cx.skew(from, there);
            // More of the last instant of one that breaks off may be lost.
            let whole_until = self.whole_until.saturating_sub(1);
            let until = self.cx.watched_until(*connection).min(whole_until);
            state.info.opened.at.saturating_add(skew) <= deadline
                && deadline <= until.saturating_sub(skew)
        });
        match (stood, ended) {
            (true, _) => Absence::Final,
            (false, Some(ended)) if open && ended < deadline => Absence::RecordingEnded,
            (false, _) => Absence::Disconnected,
        }
    }
}

impl Absence {
    /// Why it is not final; `None`: it is.
    pub const fn why_open(self) -> Option<&'static str> {
        match self {
            Self::Final => None,
            Self::RecordingEnded => Some("the recording ended first"),
            Self::Disconnected => Some("its connection was closed first"),
            Self::Hidden => Some("frames of that time are missing or cannot be decoded"),
        }
    }

    /// What would settle it.
    pub fn settle(self, cx: &Cx<'_>) -> &'static str {
        match self {
            Self::Final | Self::RecordingEnded => "record until it is due",
            Self::Disconnected => "record a session that stays connected until it is due",
            Self::Hidden => cx.settles_missing(),
        }
    }
}

impl<'h> Cx<'h> {
    /// Until when the recording of `place` goes on, for a sentence.
    pub fn goes_on(&self, place: Place) -> String {
        format!(
            "the recording goes on to {}",
            self.clock(self.recording_ends_at(place))
        )
    }

    /// Whether the end of a recording is missing: whatever did not come may have come then, also on
    /// connections that were opened then.
    pub fn is_cut_off(&self) -> bool {
        let mut outlines = self.outlines.iter();
        outlines.any(|outline| outline.is_cut_off())
    }

    /// Whether connections may be missing altogether: at the end of a recording, or in a part that is missing.
    pub fn may_lack_connections(&self) -> bool {
        let mut gaps = self.outlines.iter().flat_map(|outline| &outline.gaps);
        self.is_cut_off() || gaps.any(|gap| gap.cause == GapCause::MissingPart)
    }

    /// Whether frames of a connection from `from` on are missing, or could not be decoded: what was
    /// not seen may be among them.
    pub fn may_hide(&self, connection: ConnectionIx, from: Place) -> bool {
        let state = self.connection(connection);
        let seq = if state.recording == from.recording {
            from.seq
        } else {
            0
        };
        let gap = self.gaps_of(connection).any(|gap| gap.to >= seq);
        self.lacks_of_all_elsewhere(state.recording)
            || gap
            || state.last_undecoded.is_some_and(|last| last >= seq)
    }

    /// Whether frames of a connection up to `until` are missing, or could not be decoded: what
    /// should have come before may have come.
    pub fn may_have_hidden(&self, connection: ConnectionIx, until: Place) -> bool {
        let undecoded = self.connection(connection).last_undecoded;
        self.has_gap_before(connection, until) || undecoded.is_some()
    }

    /// Whether frames of somebody's connections that were seen between two places are missing, or could
    /// not be decoded. To be asked while the history stands at `to`; `None`: from the beginning on.
    pub fn hides_between(&self, holder: Holder, from: Option<Place>, to: Place) -> bool {
        !self.lost_nothing() && self.any_of(holder, |one| self.hides(one, from, to))
    }

    /// The same, but for what connections go on from.
    pub fn loses_between(&self, holder: Holder, from: Option<Place>, to: Place) -> bool {
        !self.lost_nothing() && self.any_of(holder, |one| self.lost_between(one, from, to))
    }

    /// Whether that holds of any of somebody's connections.
    fn any_of(&self, holder: Holder, is_so: impl Fn(ConnectionIx) -> bool) -> bool {
        let lost = |connection: &ConnectionIx| is_so(*connection);
        match holder {
            Holder::Session(session) => {
                let own = self.speakers.of_session(self.session_name(session));
                own.iter().any(lost)
            }
            Holder::User(user) => {
                let own = self.speakers.of_user(self.user_name(user));
                let shared = self.speakers.shared().iter();
                let mut shared = shared.filter(|connection| lost(connection));
                own.iter().any(lost)
                    || shared.any(|connection| {
                        let users = self.holders_ever(HolderKind::User, *connection);
                        users.contains(&holder)
                    })
            }
            Holder::Connection(connection) => lost(&connection),
        }
    }

    /// The same of what may be anybody's: of connections of which nothing says whose they are, or does so
    /// only later.
    pub fn hides_nobodys(&self, kind: HolderKind, from: Option<Place>, to: Place) -> bool {
        if self.lost_nothing() {
            return false;
        }
        let mut nobodys = self.speakers.nobodys(kind).iter();
        nobodys.any(|nobodys| {
            let state = self.connection(nobodys.connection);
            let (opened, last) = (state.info.opened.seq, nobodys.last);
            let at = |seq| Place {
                recording: state.recording,
                seq,
            };
            // The order of places in two recordings is not known where one of them has a gap.
            let own = |place: &Place| place.recording == state.recording;
            let from = from.filter(own).map_or(opened, |from| from.seq.max(opened));
            let to = Some(to).filter(own).map_or(last, |to| to.seq.min(last));
            from <= to && self.hides(nobodys.connection, Some(at(from)), at(to))
        })
    }

    /// Whether nothing so far is missing, or could not be decoded.
    fn lost_nothing(&self) -> bool {
        let mut outlines = self.outlines.iter();
        !self.any_undecoded
            && !self.any_goes_on
            && !self.elsewhere.lacks_anything()
            && outlines.all(|outline| outline.gaps.is_empty())
    }

    /// Whether something that a connection carried between two places was not seen: [`Self::lost_between`], or where
    /// it goes on from polling, what was said there. It stands where the connection was opened.
    fn hides(&self, connection: ConnectionIx, from: Option<Place>, to: Place) -> bool {
        let state = self.connection(connection);
        let opened = Place {
            recording: state.recording,
            seq: state.info.opened.seq,
        };
        let own = |place: &Place| place.recording == opened.recording;
        let polled = state.goes_on
            && from.filter(own).is_none_or(|from| from <= opened)
            && Some(to).filter(own).is_none_or(|to| opened <= to);
        polled || self.lost_between(connection, from, to)
    }

    /// Whether frames of a connection between two places are missing, or could not be decoded. Of the
    /// messages that could not, the first and the last are known: one between them may be any.
    pub(super) fn lost_between(
        &self,
        connection: ConnectionIx,
        from: Option<Place>,
        place: Place,
    ) -> bool {
        let (state, to) = (self.connection(connection), place);
        // The order of places in two recordings is not known where one of them has a gap.
        let from = from.filter(|from| from.recording == state.recording);
        let from = from.map_or(0, |from| from.seq);
        let to = if to.recording == state.recording {
            to.seq
        } else {
            u64::MAX
        };
        let mut gaps = self.gaps_of(connection);
        let gap = gaps.any(|gap| gap.from <= to && gap.to >= from);
        let undecoded = state.first_undecoded.zip(state.last_undecoded);
        let own = gap || undecoded.is_some_and(|(first, last)| first <= to && last >= from);
        own || self.elsewhere.is_lost_before(place)
    }

    /// Whether frames of whatever connection are missing in other recordings.
    fn lacks_of_all_elsewhere(&self, recording: u16) -> bool {
        let others = (0_u16..).zip(&self.outlines);
        let mut others = others.filter(|(other, _)| *other != recording);
        others.any(|(_, outline)| outline.gaps.iter().any(|gap| gap.connection.is_none()))
    }

    /// Whether frames of a connection up to `until` are missing.
    pub fn has_gap_before(&self, connection: ConnectionIx, until: Place) -> bool {
        let mut gaps = self.gaps_of(connection);
        gaps.any(|gap| gap.from <= until.seq)
    }

    /// Whether a connection ended in a part that is missing: so may its answer be.
    pub fn ended_unseen(&self, connection: ConnectionIx) -> bool {
        let closed = self.connection(connection).info.closed;
        let mut parts = self
            .gaps_of(connection)
            .filter(|gap| gap.cause == GapCause::MissingPart);
        closed.is_some_and(|closed| parts.any(|gap| (gap.from..=gap.to).contains(&closed.seq)))
    }

    /// The gaps in which frames of a connection may be: none, where it was refused.
    fn gaps_of(&self, connection: ConnectionIx) -> impl Iterator<Item = &'h Gap> {
        let state = self.connection(connection);
        self.gaps[usize::from(state.recording)].of(state.info)
    }
}
