//! Several sessions on one connection: histories in which messages say which one they are of, and
//! whose they are, found by asking the whole list.
//!
//! A session has a part in a connection where a login says so, where the server opens it there, or
//! where the client names it and nobody has said otherwise. Everything else that is named counts for
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use super::lives::{Event, History, Reads, Says, What, Who};
use super::random::SESSIONS;

/// The server's event that opens a session.
pub(crate) const OPENED: &str = "opened";

/// What packs say of it.
pub(crate) const NAMING: &str = "[session]\nmessage = \"/session\"\njoined-by = \"opened\"\n";

/// How messages name their sessions: mostly one of two that the connection usually has.
pub(crate) fn naming(history: impl Strategy<Value = History>) -> impl Strategy<Value = History> {
    // A session more than ever logs in.
    let name = prop_oneof![
        3 => Just(None),
        8 => (0..2_usize).prop_map(|usual| Some(Ok(usual))),
        1 => (0..=SESSIONS).prop_map(|any| Some(Err(any))),
    ];
    let names = proptest::collection::vec(name, 64);
    let usual = proptest::collection::vec([0..SESSIONS, 0..SESSIONS], 8);
    let says = select(vec![
        Says::UserAlone,
        Says::UserAlone,
        Says::Presented,
        Says::Issued,
    ]);
    let says = proptest::collection::vec(says, 8);
    (history, names, usual, says).prop_map(|(mut history, names, usual, says)| {
        for (number, one) in history.happened.iter_mut().enumerate() {
            if let What::Says(_, _, fields) = &mut one.what {
                fields.session = match names[number % names.len()] {
                    None => None,
                    Some(Ok(which)) => Some(usual[one.on % usual.len()][which]),
                    Some(Err(any)) => Some(any),
                };
            }
        }
        history.says = (0..history.connections())
            .map(|on| says[on % says.len()])
            .collect();
        history
    })
}

/// A history, and whose its messages are.
pub(crate) struct Whose<'h> {
    pub(super) history: &'h History,
    /// By connection: the sessions that it has besides its own, and from where on.
    others: Vec<BTreeMap<usize, usize>>,
    /// By connection that says of no session by itself: the only one that its messages are of.
    only: Vec<Option<(usize, usize)>>,
    /// By connection: from where on something that says who else has a part in it may be missing, or cannot
    /// be read.
    blind: Vec<Option<usize>>,
    /// Sessions that somebody else may have named first, in what is missing or cannot be read.
    doubtful: BTreeSet<usize>,
    /// Whether messages name sessions.
    is_named: bool,
}

impl<'h> Whose<'h> {
    /// What messages name means nothing.
    pub(crate) fn connection(history: &'h History) -> Self {
        Self {
            history,
            others: vec![BTreeMap::new(); history.connections()],
            only: vec![None; history.connections()],
            blind: vec![None; history.connections()],
            doubtful: BTreeSet::new(),
            is_named: false,
        }
    }

    /// Messages say which session they are of.
    pub(crate) fn named(history: &'h History) -> Self {
        let mut whose = Self::connection(history);
        whose.is_named = true;
        for on in 0..history.connections() {
            let opened = history.step(on, "@open").map_or(0, |open| open.number);
            whose.blind[on] = (opened..=history.happened.len())
                .find(|number| history.loses(on, opened, usize::MAX, *number));
        }
        let believed = whose.believed();
        for on in 0..history.connections() {
            let logins = history.speaks_for(HolderKind::Session, on);
            let own: BTreeSet<_> = logins.iter().map(|(_, who)| *who).collect();
            let events = history.events().into_iter().filter(|event| event.on == on);
            let named: BTreeSet<_> = events.filter_map(|event| event.fields?.session).collect();
            for session in named {
                let login = logins.iter().find(|(_, who)| *who == Who::Session(session));
                let from = match login {
                    // It has no other one.
                    Some(_) if own.len() == 1 => None,
                    login => {
                        let said = believed.get(&(on, session)).copied();
                        login.map(|(from, _)| *from).into_iter().chain(said).min()
                    }
                };
                whose.others[on].extend(from.map(|from| (session, from)));
            }
            if own.is_empty() && whose.others[on].len() == 1 {
                whose.only[on] = whose.others[on].pop_first();
            }
        }
        whose
    }

    /// By connection and session: from where on it is there because a message says so.
    fn believed(&mut self) -> BTreeMap<(usize, usize), usize> {
        let users_of = |on| {
            let users = self.history.speaks_for(HolderKind::User, on).into_iter();
            let issued = self.history.says(on) != Says::Presented;
            let users: BTreeSet<_> = users.map(|(_, who)| who).filter(|_| issued).collect();
            users
        };
        let mut holders: BTreeMap<usize, BTreeSet<Who>> = BTreeMap::new();
        for on in
            (0..self.history.connections()).filter(|on| self.history.says(*on) == Says::Issued)
        {
            for (_, who) in self.history.speaks_for(HolderKind::Session, on) {
                let Who::Session(session) = who else { continue };
                holders.entry(session).or_default().extend(users_of(on));
            }
        }
        let naming: Vec<_> = self.history.events();
        let naming = naming
            .iter()
            .filter_map(|event| Some((event, event.fields?.session?)));
        let naming: Vec<_> = naming.collect();
        let (mut from, mut doubtful) = (BTreeMap::new(), BTreeSet::new());
        for (event, session) in &naming {
            if event.is(&[OPENED]) {
                holders
                    .entry(*session)
                    .or_default()
                    .extend(users_of(event.on));
                from.entry((event.on, *session)).or_insert(event.number);
            }
        }
        for (event, session) in naming {
            let logins = self.history.speaks_for(HolderKind::Session, event.on);
            let is_told = self.history.says(event.on) == Says::Issued && !logins.is_empty();
            if event.from != Some(Direction::ClientToServer) || is_told {
                continue;
            }
            let (own, theirs) = (users_of(event.on), holders.entry(session).or_default());
            if !own.is_empty() && !theirs.is_empty() && own.is_disjoint(theirs) {
                continue;
            }
            if theirs.is_empty() {
                // The server may have opened it for another user, wherever something is missing.
                let lossy = (0..self.history.connections()).filter(|on| self.blind[*on].is_some());
                let mut others = lossy.filter(|on| *on != event.on).map(users_of);
                let is_another = |users: BTreeSet<_>| !users.is_empty() && own.is_disjoint(&users);
                if !own.is_empty() && others.any(is_another) {
                    doubtful.insert(session);
                }
                theirs.extend(own);
            }
            let from = from.entry((event.on, session)).or_insert(event.number);
            *from = event.number.min(*from);
        }
        self.doubtful = doubtful;
        from
    }

    /// Whether a rule about holders of a kind has to do with a session that another user may have named first.
    pub(crate) fn is_another_users(&self, kind: HolderKind, who: Option<Who>) -> bool {
        let Some(Who::Session(session)) = who else {
            return false;
        };
        kind == HolderKind::Session && self.doubtful.contains(&session)
    }

    /// Whether a session may have been with another user before the first one that is known, in what is missing or
    /// cannot be read.
    pub(crate) fn may_have_another_user(&self, session: usize) -> bool {
        let first = self
            .first_user(session)
            .map_or(usize::MAX, |(number, _)| number);
        self.is_named && (0..self.history.connections()).any(|on| self.loses(on, 0, first))
    }

    /// Whether several sessions have a connection.
    pub(crate) fn is_shared(&self, on: usize) -> bool {
        !self.others[on].is_empty()
    }

    /// Whether a session has a part in a connection, now or at another time.
    pub(crate) fn has(&self, on: usize, session: usize) -> bool {
        let own = self.speaks_for(HolderKind::Session, on);
        self.others[on].contains_key(&session)
            || own.iter().any(|(_, who)| *who == Who::Session(session))
    }

    /// Whether somebody ever appeared.
    pub(crate) fn is_met(&self, who: Who) -> bool {
        (0..self.history.connections()).any(|on| match who {
            Who::Session(session) => self.has(on, session),
            _ => !self.history.connections_of(who).is_empty(),
        })
    }

    /// Those for whom a connection speaks by itself, each with the number from which on.
    pub(crate) fn speaks_for(&self, kind: HolderKind, on: usize) -> Vec<(usize, Who)> {
        let mut all = self.history.speaks_for(kind, on);
        if let (HolderKind::Session, Some((session, from))) = (kind, self.only[on]) {
            all.push((from, Who::Session(session)));
        }
        all
    }

    /// For whom it speaks first, whenever that becomes known.
    pub(crate) fn first_holder(&self, kind: HolderKind, on: usize) -> Option<Who> {
        self.speaks_for(kind, on).first().map(|(_, who)| *who)
    }

    /// For whom it speaks by itself at a place.
    pub(crate) fn holder_at(&self, kind: HolderKind, on: usize, number: usize) -> Option<Who> {
        let all = self.speaks_for(kind, on).into_iter();
        all.filter(|(from, _)| *from <= number)
            .map(|(_, who)| who)
            .last()
    }

    /// The session besides the connection's own that a message is of: it names it, and the session is
    /// there.
    pub(crate) fn other(&self, event: &Event<'_>) -> Option<usize> {
        let session = event.fields?.session?;
        let is_there = *self.others[event.on].get(&session)? <= event.number;
        let own = self.holder_at(HolderKind::Session, event.on, event.number);
        (is_there && own != Some(Who::Session(session))).then_some(session)
    }

    /// Whether a message names another session, and nobody knows whether that one has a part in the
    /// connection.
    pub(crate) fn may_be_of_another(&self, event: &Event<'_>) -> bool {
        let own = self.holder_at(HolderKind::Session, event.on, event.number);
        let named = event.fields.and_then(|fields| fields.session);
        named.is_some_and(|session| own != Some(Who::Session(session)))
            && self.other(event).is_none()
            && self.blind[event.on].is_some_and(|from| from <= event.number)
    }

    /// Which session of its connection a message is of, as far as that is known: none besides its own, one that
    /// has a part in it, or one of which nobody knows.
    pub(crate) fn which(&self, event: &Event<'_>) -> (Option<usize>, bool) {
        (self.other(event), self.may_be_of_another(event))
    }

    /// Whether all who have a part in a connection that several share are known.
    pub(crate) fn is_shared_by_these(&self, on: usize) -> bool {
        self.is_shared(on) && self.blind[on].is_none()
    }

    /// Whose a message is.
    pub(crate) fn holder(&self, kind: HolderKind, event: &Event<'_>) -> Option<Who> {
        let own = self.holder_at(kind, event.on, event.number);
        match (kind, self.other(event)) {
            (HolderKind::Session, Some(session)) => Some(Who::Session(session)),
            (HolderKind::Session, None) if self.may_be_of_another(event) => None,
            (HolderKind::User, Some(session)) => {
                own.or_else(|| self.user_of(session, event.number))
            }
            _ => own,
        }
    }

    /// The user that a session was first seen with, if that was before a place.
    pub(crate) fn user_of(&self, session: usize, before: usize) -> Option<Who> {
        let first = self.first_user(session);
        first
            .filter(|(number, _)| *number <= before)
            .map(|(_, user)| user)
    }

    /// The same, with where that was.
    fn first_user(&self, session: usize) -> Option<(usize, Who)> {
        let mut seen = Vec::new();
        for on in 0..self.history.connections() {
            let users = self
                .history
                .speaks_for(HolderKind::User, on)
                .into_iter()
                .map(|it| it.0);
            let sessions = self
                .speaks_for(HolderKind::Session, on)
                .into_iter()
                .map(|it| it.0);
            let shared = self.others[on].get(&session).copied();
            for number in users.chain(sessions).chain(shared) {
                let own = self.holder_at(HolderKind::Session, on, number);
                let is_here =
                    own == Some(Who::Session(session)) || shared.is_some_and(|from| from <= number);
                let user = self.holder_at(HolderKind::User, on, number);
                seen.extend(user.filter(|_| is_here).map(|user| (number, user)));
            }
        }
        seen.into_iter().min()
    }

    /// All for whom a connection stands at a place.
    pub(crate) fn all_at(&self, kind: HolderKind, on: usize, number: usize) -> Vec<Who> {
        let others = self.others[on].iter().filter(|(_, from)| **from <= number);
        let others = others.map(|(session, _)| Who::Session(*session));
        let others = others.filter(|_| kind == HolderKind::Session);
        self.holder_at(kind, on, number)
            .into_iter()
            .chain(others)
            .collect()
    }

    /// Whether somebody else than whose an event is has a connection that stands then.
    pub(crate) fn others_are_connected(&self, kind: HolderKind, event: &Event<'_>) -> bool {
        let own = self.holder(kind, event);
        (0..self.history.connections()).any(|on| {
            let before = |name| {
                let step = self.history.step(on, name);
                step.is_some_and(|step| step.number < event.number)
            };
            let all = self.all_at(kind, on, event.number).into_iter();
            let mut others = all.filter(|who| Some(*who) != own);
            before("@accepted") && !before("@closed") && others.next().is_some()
        })
    }

    /// All for whom a connection ever stands, as far as that is known before a place.
    pub(crate) fn all_ever(&self, kind: HolderKind, on: usize, before: usize) -> Vec<Who> {
        let others = self.others[on].keys().copied();
        let others = others.filter_map(|session| match kind {
            HolderKind::Session => Some(Who::Session(session)),
            HolderKind::User => self.user_of(session, before),
            HolderKind::Connection => None,
        });
        let own = self.speaks_for(kind, on).into_iter().map(|(_, who)| who);
        own.chain(others).collect()
    }

    /// Whether a rule is in doubt whatever it finds.
    pub(crate) fn is_doubtful(&self, reads: Reads, kind: HolderKind) -> bool {
        let stranger = |on: usize| {
            let known = self.first_holder(HolderKind::Session, on);
            known.is_none() && !self.is_shared(on) && self.history.hears(on)
        };
        self.history.is_damaged(reads)
            || kind != HolderKind::Connection && (0..self.history.connections()).any(stranger)
            || kind == HolderKind::Session
                && self
                    .history
                    .is_held_by_two(|on, number| self.all_at(HolderKind::Session, on, number))
    }
}
