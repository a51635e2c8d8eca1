//! From value to value: which of them have one holder, and which may have.
//!
//! A value has one holder as far as the recording shows if it was set for one only, and was not presented any more once an answer
//! had renewed it. What else is told of it joins nothing, and leaves kin.

use std::collections::{BTreeMap, BTreeSet};

use super::super::identity::with_users;
use super::{Answer, cookie_of};
use crate::history::Connection;

/// How long after an answer that renews a value its holder may still present it, in nanoseconds: what a browser has
/// asked for by then, side by side.
const SLACK: i64 = 1_000_000_000;

/// Ids by number, and what joins them.
pub(super) struct Chains<'a> {
    values: Vec<Value<'a>>,
    numbers: BTreeMap<&'a str, usize>,
    /// From value to value, each once, in the order of time.
    renewals: Vec<(usize, usize)>,
}

/// An id.
struct Value<'a> {
    id: &'a str,
    /// For whom it was set: what they presented.
    set_for: BTreeSet<usize>,
    /// How often it was set for somebody who presented nothing.
    set_for_nobody: u64,
    /// When an answer first set another one in its place.
    renewed_at: Option<i64>,
    /// When it was last presented.
    presented_at: Option<i64>,
    /// Whether it was presented before anything may be missing.
    is_old: bool,
    users: BTreeSet<&'a str>,
}

/// Which ids are one session.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By id: the name of its session, where that is another one.
    pub(super) names: BTreeMap<String, String>,
    /// By the name of each.
    pub(super) known: BTreeMap<String, Known>,
}

/// A session that a cookie says.
#[derive(Debug)]
pub(super) struct Known {
    /// The same number: they may be one.
    pub(super) kin: usize,
    pub(super) users: BTreeSet<String>,
    /// Whether an answer may have set it in place of another one, in frames that are missing.
    pub(super) may_be_renewed: bool,
}

impl<'a> Chains<'a> {
    /// `answers` are in the order of time.
    pub(super) fn new(answers: &'a [Answer]) -> Self {
        let mut chains = Self {
            values: Vec::new(),
            numbers: BTreeMap::new(),
            renewals: Vec::new(),
        };
        for answer in answers {
            let before = answer.renewal.before.as_deref();
            let before = before.map(|id| chains.number(id));
            let now = chains.number(&answer.renewal.now);
            // To set what was presented changes nothing.
            if before == Some(now) {
                continue;
            }
            let Some(before) = before else {
                chains.values[now].set_for_nobody += 1;
                continue;
            };
            if chains.values[now].set_for.insert(before) {
                chains.renewals.push((before, now));
            }
            chains.values[before].renewed_at.get_or_insert(answer.at);
        }
        chains
    }

    fn number(&mut self, id: &'a str) -> usize {
        let next = self.values.len();
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.values.push(Value {
                id,
                set_for: BTreeSet::new(),
                set_for_nobody: 0,
                renewed_at: None,
                presented_at: None,
                is_old: false,
                users: BTreeSet::new(),
            });
        }
        number
    }

    /// Notes when a connection presents ids, and with which users. From `lossy_from` on, something may be missing.
    pub(super) fn see(&mut self, connection: &'a Connection, lossy_from: u64) {
        for (session, users) in with_users(connection, &[]) {
            if cookie_of(session).is_none() {
                continue;
            }
            let value = self.number(&session.value);
            let value = &mut self.values[value];
            let is_set =
                session.source.starts_with("set-cookie:") && session.from > connection.opened.seq;
            if !is_set {
                value.presented_at = value.presented_at.max(Some(connection.opened.at));
                value.is_old |= connection.opened.seq < lossy_from;
            }
            value
                .users
                .extend(users.iter().map(|user| user.value.as_str()));
        }
    }

    /// Which ids are one session.
    pub(super) fn sessions(&self) -> Sessions {
        let roots = self.roots();
        let mut users: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for (value, root) in self.values.iter().zip(&roots) {
            users.entry(*root).or_default().extend(&value.users);
        }
        let mut sessions = Sessions::default();
        let mut named: BTreeMap<(usize, Option<&str>), &str> = BTreeMap::new();
        let mut groups = Groups::new(self.values.len());
        for (before, now) in &self.renewals {
            groups.join(*before, *now);
        }
        for (number, (value, root)) in self.values.iter().zip(&roots).enumerate() {
            let role = match (users[root].len(), value.users.len()) {
                (0 | 1, _) => Some(None),
                // Of several users of one browser, each has what surely is of that one.
                (_, 1) => Some(value.users.first().copied()),
                _ => None,
            };
            let name = role.map_or(value.id, |user| {
                named.entry((*root, user)).or_insert(value.id)
            });
            if name != value.id {
                sessions.names.insert(value.id.to_owned(), name.to_owned());
            }
            let known = sessions.known.entry(name.to_owned());
            let known = known.or_insert_with(|| Known {
                kin: groups.of(number),
                users: BTreeSet::new(),
                may_be_renewed: self.values[*root].may_be_renewed(),
            });
            let users = value.users.iter();
            known.users.extend(users.map(|user| (*user).to_owned()));
        }
        sessions
    }

    /// By value: the first one of its holder.
    fn roots(&self) -> Vec<usize> {
        let mut successors = vec![0; self.values.len()];
        for (before, _) in &self.renewals {
            successors[*before] += 1;
        }
        let goes_on = |number: usize| {
            let value = &self.values[number];
            // Of what nobody was seen to set, nobody knows how many have it.
            let is_anybodys = value.is_never_set() && successors[number] > 1;
            !value.is_kept() && !is_anybodys
        };
        let mut is_joined: Vec<_> = self.values.iter().map(Value::is_for_one).collect();
        let mut groups = Groups::new(self.values.len());
        let mut left: Vec<_> = self.renewals.clone();
        left.retain(|(before, _)| goes_on(*before));
        // A value that was set for several is one session's only if these are, which others have to say first.
        loop {
            let number = left.len();
            left.retain(|(before, now)| {
                let value = &self.values[*now];
                let mut set_for = value.set_for.iter();
                let is_one = value.set_for_nobody == 0
                    && set_for.all(|other| groups.of(*other) == groups.of(*before));
                let joins = is_joined[*before] && is_one;
                if joins {
                    groups.join(*before, *now);
                    is_joined[*now] = true;
                }
                !joins
            });
            if left.len() == number {
                break;
            }
        }
        (0..self.values.len())
            .map(|number| groups.of(number))
            .collect()
    }
}

impl Value<'_> {
    fn is_never_set(&self) -> bool {
        self.set_for.is_empty() && self.set_for_nobody == 0
    }

    fn is_for_one(&self) -> bool {
        self.set_for.len() as u64 + self.set_for_nobody <= 1
    }

    fn may_be_renewed(&self) -> bool {
        self.is_never_set() && !self.is_old
    }

    /// Whether somebody still presents it where its holder goes on under another one.
    fn is_kept(&self) -> bool {
        let both = self.renewed_at.zip(self.presented_at);
        both.is_some_and(|(renewed, presented)| presented.saturating_sub(renewed) > SLACK)
    }
}

/// Numbers that belong together; the smallest one stands for all.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn of(&mut self, mut number: usize) -> usize {
        while self.0[number] != number {
            self.0[number] = self.0[self.0[number]];
            number = self.0[number];
        }
        number
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other)] = one.min(other);
    }
}
