//! A history as a list of what happened: connections that come and go, what they carry, and all that
//! can keep a recording from telling everything. What can be asked of it is answered by looking through
//! the whole list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

/// What happened, at which time (in ms), on which connection.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) at: i64,
    pub(crate) on: usize,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// The handshake begins, is accepted, or is refused; the connection ends.
    Open,
    Accepted,
    Refused,
    Closed,
    /// The connection speaks for that session from here on, and for its user, where that is said.
    Login(usize, User),
    /// A message, by its name.
    Says(Direction, &'static str, Fields),
    /// A message that the verifier cannot read.
    Garbled(Direction, Garble),
    /// A control frame of the client.
    Ping,
}

/// Whether a login says for which user, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Said,
    Unsaid,
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Garble {
    Truncated,
    Undecodable,
    Withheld,
    NotJson,
}

/// What a message names.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    pub(crate) doc: Option<usize>,
    pub(crate) request: Option<usize>,
    /// A session: the owner, or whom something is shared with.
    pub(crate) party: Option<usize>,
    /// A document, in a field that no rule knows.
    pub(crate) see: Option<usize>,
    /// The session that the message says it is of.
    pub(crate) session: Option<usize>,
}

/// What happened, and what is missing.
#[derive(Clone)]
pub(crate) struct History {
    pub(crate) happened: Vec<Happened>,
    /// What logins of a connection are, by connection; of those that are not in it, [`Says::Issued`].
    pub(crate) says: Vec<Says>,
    /// Frames of a connection (`None`: of all) are missing right after what has that number.
    pub(crate) gaps: Vec<(Option<usize>, usize)>,
    pub(crate) unclean: bool,
    pub(crate) ended_at: i64,
}

/// What a login says, and who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// The server, of the session.
    Issued,
    /// The client, of the session.
    Presented,
    /// The server, of the user alone: which sessions there are, messages say.
    UserAlone,
}

/// Somebody whom a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Who {
    Session(usize),
    User(usize),
    Connection(usize),
}

impl Who {
    /// As what a rule is about it.
    pub(crate) fn kind(self) -> HolderKind {
        match self {
            Self::Session(_) => HolderKind::Session,
            Self::User(_) => HolderKind::User,
            Self::Connection(_) => HolderKind::Connection,
        }
    }
}

/// What rules see: a message that can be read, or a step in a connection's life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'h> {
    pub(crate) number: usize,
    pub(crate) at: i64,
    pub(crate) on: usize,
    /// Steps are called as in rules: `@open`.
    pub(crate) name: &'static str,
    /// `None`: a step.
    pub(crate) from: Option<Direction>,
    pub(crate) fields: Option<&'h Fields>,
}

/// One line for each thing that happened: its number, when, on which connection, what.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for (number, Happened { at, on, what }) in self.happened.iter().enumerate() {
            writeln!(f, "{number:3}  {at:6} ms  connection {on}  {what:?}")?;
        }
        for (on, says) in self.says.iter().enumerate() {
            writeln!(f, "logins of connection {on}: {says:?}")?;
        }
        for (on, after) in &self.gaps {
            writeln!(f, "a gap after {after}, of {on:?}")?;
        }
        let end = if self.unclean { "unclean end" } else { "end" };
        write!(f, "{end} at {} ms", self.ended_at)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [
            ("doc", self.doc),
            ("request", self.request),
            ("party", self.party),
            ("see", self.see),
            ("session", self.session),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                write!(f, "{name} {value} ")?;
            }
        }
        Ok(())
    }
}

impl Event<'_> {
    pub(crate) fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name)
    }

    /// The id at `/request`.
    pub(crate) fn request(&self) -> Option<usize> {
        self.fields?.request
    }

    /// The id at `/doc`.
    pub(crate) fn doc(&self) -> Option<usize> {
        self.fields?.doc
    }
}

/// The user of a session: the first two sessions are of one user.
pub(crate) fn user(session: usize) -> usize {
    session / 2
}

/// Whether a kind of rules reads messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    Messages,
    Frames,
}

impl History {
    /// Everything that rules see, in order.
    pub(crate) fn events(&self) -> Vec<Event<'_>> {
        let all = self.happened.iter().enumerate();
        all.filter_map(|(number, one)| {
            let (name, from, fields) = match &one.what {
                What::Open => ("@open", None, None),
                What::Accepted => ("@accepted", None, None),
                What::Refused => ("@refused", None, None),
                What::Closed => ("@closed", None, None),
                What::Says(from, name, fields) => (*name, Some(*from), Some(fields)),
                What::Login(..) | What::Garbled(..) | What::Ping => return None,
            };
            Some(Event {
                number,
                at: one.at,
                on: one.on,
                name,
                from,
                fields,
            })
        })
        .collect()
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        let numbers = self.happened.iter().map(|one| one.on + 1);
        numbers.max().unwrap_or(0)
    }

    /// A step in a connection's life, if it came.
    pub(crate) fn step(&self, on: usize, name: &str) -> Option<Event<'_>> {
        let mut events = self.events().into_iter();
        events.find(|event| event.on == on && event.name == name)
    }

    /// Until when a connection was watched.
    pub(crate) fn watched_until(&self, on: usize) -> i64 {
        self.step(on, "@closed").map_or(self.ended_at, |end| end.at)
    }

    /// Whether a connection stood at a time, and all of that time was watched: where the end is missing,
    /// more of the last instant may be.
    pub(crate) fn stood_at(&self, on: usize, at: i64) -> bool {
        let opened = self.step(on, "@open").is_some_and(|open| open.at <= at);
        let is_whole = !self.unclean || at < self.ended_at;
        opened && at <= self.watched_until(on) && is_whole
    }

    /// What the logins of a connection are.
    pub(crate) fn says(&self, on: usize) -> Says {
        self.says.get(on).copied().unwrap_or(Says::Issued)
    }

    /// Those for whom a connection speaks, each with the number from which on.
    pub(crate) fn speaks_for(&self, kind: HolderKind, on: usize) -> Vec<(usize, Who)> {
        let all = self.happened.iter().enumerate();
        all.filter(|(_, one)| one.on == on)
            .filter_map(|(number, one)| match (kind, &one.what) {
                (HolderKind::Session, What::Login(..)) if self.says(on) == Says::UserAlone => None,
                (HolderKind::Session, What::Login(session, _)) => {
                    Some((number, Who::Session(*session)))
                }
                (HolderKind::User, What::Login(session, User::Said)) => {
                    Some((number, Who::User(user(*session))))
                }
                (HolderKind::Connection, What::Open) => Some((number, Who::Connection(on))),
                _ => None,
            })
            .collect()
    }

    /// For whom a connection speaks at a place; `None`: nothing said so yet.
    pub(crate) fn holder_at(&self, kind: HolderKind, on: usize, number: usize) -> Option<Who> {
        let all = self.speaks_for(kind, on).into_iter();
        all.filter(|(from, _)| *from <= number)
            .map(|(_, who)| who)
            .last()
    }

    /// For whom it speaks first, whenever that becomes known.
    pub(crate) fn first_holder(&self, kind: HolderKind, on: usize) -> Option<Who> {
        self.speaks_for(kind, on).first().map(|(_, who)| *who)
    }

    /// Whose an event is. A step that comes before anything is known is of the first one known.
    pub(crate) fn holder(&self, kind: HolderKind, event: &Event<'_>) -> Option<Who> {
        let known = self.holder_at(kind, event.on, event.number);
        match event.from {
            Some(_) => known,
            None => known.or_else(|| self.first_holder(kind, event.on)),
        }
    }

    /// All that is known of whom an event is about: what is wrong is told once for each.
    pub(crate) fn subject(&self, event: &Event<'_>) -> (Option<Who>, Option<Who>, usize) {
        let who = |kind| self.holder(kind, event);
        (who(HolderKind::Session), who(HolderKind::User), event.on)
    }

    /// The connections of somebody, if only for a while.
    pub(crate) fn connections_of(&self, who: Who) -> Vec<usize> {
        let own = |on: &usize| {
            self.speaks_for(who.kind(), *on)
                .iter()
                .any(|(_, one)| *one == who)
        };
        (0..self.connections()).filter(own).collect()
    }

    /// Whether something that a connection carried after one place, and before another, may be missing
    /// or cannot be read.
    pub(crate) fn hides(&self, on: usize, after: usize, before: usize) -> bool {
        // Nothing passes where the server refused.
        if self.step(on, "@refused").is_some() {
            return false;
        }
        let gap = |(of, number): &(Option<usize>, usize)| {
            of.is_none_or(|of| of == on) && (after..before).contains(number)
        };
        let mut between = self.happened.iter().take(before).skip(after + 1);
        let unread = between.any(|one| one.on == on && matches!(one.what, What::Garbled(..)));
        self.gaps.iter().any(gap) || unread
    }

    /// Whether something that came after one place, and before another, and may be anybody's, may be missing
    /// or cannot be read: on connections of which nothing says whose they are, or does so only later.
    pub(crate) fn hides_nobodys(&self, kind: HolderKind, after: usize, before: usize) -> bool {
        (0..self.connections()).any(|on| {
            let known = self.speaks_for(kind, on).first().map(|(from, _)| *from);
            let opened = self.step(on, "@open").map_or(0, |open| open.number);
            self.loses(on, after.max(opened), before, known.unwrap_or(usize::MAX))
        })
    }

    /// Whether something of a connection after one place, and before two others, may be missing, or cannot be
    /// read. Of messages that cannot be read, the first and the last one are known at the first of those two:
    /// what is between them may be any.
    pub(crate) fn loses(&self, on: usize, after: usize, at: usize, before: usize) -> bool {
        if self.step(on, "@refused").is_some() {
            return false;
        }
        let gap = |(of, number): &(Option<usize>, usize)| {
            of.is_none_or(|of| of == on) && (after..at.min(before)).contains(number)
        };
        let happened = self.happened.iter().enumerate().take(at);
        let unread =
            happened.filter(|(_, one)| one.on == on && matches!(one.what, What::Garbled(..)));
        let unread: Vec<_> = unread.map(|(number, _)| number).collect();
        let between = unread.first().is_some_and(|first| *first < before)
            && unread.last().is_some_and(|last| *last > after);
        let is_any = after < at.min(before);
        is_any && (self.gaps.iter().any(gap) || between)
    }

    /// Whether a rule is in doubt whatever it finds.
    pub(crate) fn is_doubtful(&self, reads: Reads, kind: HolderKind) -> bool {
        let stranger = |on| self.first_holder(HolderKind::Session, on).is_none() && self.hears(on);
        self.is_damaged(reads)
            || kind != HolderKind::Connection && (0..self.connections()).any(stranger)
            || kind == HolderKind::Session
                && self.is_held_by_two(|on, number| {
                    let own = self.holder_at(HolderKind::Session, on, number);
                    own.into_iter().collect()
                })
    }

    /// Whether the server said of two users that they are one session. `sessions` are those of a connection at a place.
    pub(crate) fn is_held_by_two(&self, sessions: impl Fn(usize, usize) -> Vec<Who>) -> bool {
        let mut users: BTreeMap<Who, BTreeSet<Who>> = BTreeMap::new();
        for on in (0..self.connections()).filter(|on| self.says(*on) != Says::Presented) {
            for number in 0..self.happened.len() {
                let user = self.holder_at(HolderKind::User, on, number);
                for session in sessions(on, number) {
                    users.entry(session).or_default().extend(user);
                }
            }
        }
        users.values().any(|users| users.len() > 1)
    }

    /// Whether something is missing, or cannot be read.
    pub(crate) fn is_damaged(&self, reads: Reads) -> bool {
        let garbled = |one: &Happened| matches!(one.what, What::Garbled(..));
        self.unclean
            || !self.gaps.is_empty()
            || reads == Reads::Messages && self.happened.iter().any(garbled)
    }

    /// Whether the server sends anything on a connection.
    pub(crate) fn hears(&self, on: usize) -> bool {
        let told = |one: &Happened| {
            matches!(
                one.what,
                What::Says(Direction::ServerToClient, ..)
                    | What::Garbled(Direction::ServerToClient, _)
            )
        };
        self.happened.iter().any(|one| one.on == on && told(one))
    }
}
