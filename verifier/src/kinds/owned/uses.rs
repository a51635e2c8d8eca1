//! Who asked for what, and how it was answered.

use std::collections::BTreeMap;
use std::hash::Hash;

use hashbrown::hash_map::Entry;
use hashbrown::{Equivalent, HashMap};

use super::few::Few;
use super::ledger::ResourceIx;
use super::parties::{Besides, PartyIx};
use super::requests::RequestName;
use super::sightings::{Sight, Sighting};
use crate::engine::{ConnectionIx, Cx, Event, Excuse, Lane, Line, Pairs};
use crate::finding::{Place, Severity};

/// The uses of one rule.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Waiting for their answer, by their number: they are counted in order.
    open: HashMap<u64, Open>,
    next: u64,
    /// By connection: those to which an answer without a key could belong.
    of_connection: HashMap<ConnectionIx, Few>,
    by_key: HashMap<(ConnectionIx, String), Few>,
    /// Of resources that somebody waits for.
    by_resource: HashMap<ResourceIx, Few>,
    /// Who ever named what.
    named: Pairs<PartyIx, ()>,
    /// Answered, by resource and user.
    told: Pairs<(PartyIx, Excuse), Told>,
    /// By resource: who used it.
    users: HashMap<ResourceIx, Vec<(PartyIx, Excuse)>>,
}

/// A request's key, borrowed.
#[derive(Hash)]
struct Key<'k>(ConnectionIx, &'k str);

impl Equivalent<(ConnectionIx, String)> for Key<'_> {
    fn equivalent(&self, (connection, key): &(ConnectionIx, String)) -> bool {
        self.0 == *connection && self.1 == key
    }
}

#[derive(Debug)]
struct Open {
    resource: ResourceIx,
    user: PartyIx,
    used: Used,
    key: Option<String>,
    access: Since,
    /// An answer that names no request, though the use has a key: it stands unless one comes that does.
    provisional: Option<Answer>,
}

/// Whether an open use is still one of somebody who has no access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Refused,
    /// It was given access since it asked: what is granted to it now is granted rightly, from that time
    /// on. Before, access that a recording of another clock shows may not have been given yet.
    Given {
        surely_from: i64,
    },
}

/// What is known of one user and resource.
#[derive(Debug, Default)]
struct Told {
    /// Of what was granted, the first use of each kind.
    granted: Vec<Used>,
    /// Of the others, the one that tells most.
    other: Option<Box<Used>>,
    /// Those that access given soon would leave in doubt.
    recent: Vec<Used>,
}

/// What the uses of a resource by one party come to: what was granted, of each kind what was asked first; where
/// nothing was, the one that tells most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsedMost(Vec<Used>);

impl UsedMost {
    /// Which of them is told with a sighting: what it answers, or, where nothing was granted, what the first of
    /// `all` after it came in spite of.
    pub(super) fn told_with(&self, sighting: &Sighting, all: &[Sighting]) -> Option<&Used> {
        let mut each = self.each();
        each.find(|used| match used.answer {
            Answer::Granted(place) => place == sighting.place,
            Answer::Raced | Answer::Ambiguous(_) | Answer::Unanswered | Answer::Denied(_) => {
                let after = all.iter().find(|one| used.place < one.place);
                after.is_some_and(|first| first.place == sighting.place)
            }
        })
    }

    /// What is told.
    pub(super) fn each(&self) -> impl Iterator<Item = &Used> {
        self.0.iter()
    }
}

/// A use and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) place: Place,
    pub(super) at: i64,
    pub(super) line: Line,
    /// Who asked, besides.
    pub(super) besides: Besides,
    pub(super) severity: Severity,
    /// How it was asked for.
    pub(super) request: RequestName,
    /// Whether whoever asked had access before.
    pub(super) ended: bool,
    pub(super) answer: Answer,
    /// Which exception covers whoever asked.
    pub(super) excuse: Excuse,
}

/// How a use was answered, the one that tells most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// It was granted.
    Granted(Place),
    /// Access was given at nearly the same time.
    Raced,
    /// An answer came, and more than one open use could have been meant.
    Ambiguous(Place),
    /// It was not answered.
    Unanswered,
    /// It was refused.
    Denied(Place),
}

impl Uses {
    /// A client asks for a resource.
    pub(super) fn ask(
        &mut self,
        resource: ResourceIx,
        user: PartyIx,
        used: Used,
        key: Option<&str>,
    ) {
        let (number, connection) = (self.next, used.line.connection);
        self.next += 1;
        self.of_connection
            .entry(connection)
            .or_default()
            .insert(number);
        self.by_resource.entry(resource).or_default().insert(number);
        if let Some(key) = key {
            let key = (connection, key.to_owned());
            self.by_key.entry(key).or_default().insert(number);
        }
        let open = Open {
            resource,
            user,
            used,
            key: key.map(str::to_owned),
            access: Since::Refused,
            provisional: None,
        };
        self.open.insert(number, open);
    }

    /// The server answers, on a line, the uses with that key. An answer that does not say for which
    /// session it is, is sure only where those with the key are of one; where frames that are missing may
    /// say that it, or a use, is of another session than the rest, it is not.
    pub(super) fn answer_key(
        &mut self,
        (line, at): (Line, i64),
        key: &str,
        answer: Answer,
        slack: i64,
    ) {
        let key = Key(line.connection, key);
        let numbers = self.by_key.get(&key).into_iter().flat_map(Few::iter);
        let asked = numbers.filter_map(|number| Some((number, self.open.get(&number)?.used.line)));
        let meant: Vec<_> = asked.filter(|(_, asked)| line.may_answer(*asked)).collect();
        let are_one = meant.iter().all(|(_, asked)| asked.is_one_with(meant[0].1));
        for (number, asked) in meant {
            let is_sure = match line.lane {
                Lane::Only | Lane::Unsaid => are_one,
                Lane::Own | Lane::Other(_) => asked.lane != Lane::Perhaps,
                Lane::Perhaps => false,
            };
            let answer = if is_sure {
                answer
            } else {
                answer.of_one_of_several()
            };
            self.answer(number, at, answer, slack);
        }
    }

    /// The server answers, on a line, something that was asked there at `since` or later, and
    /// does not say what. That is sure only where one use is open.
    pub(super) fn answer_any(
        &mut self,
        (line, at): (Line, i64),
        since: i64,
        answer: Answer,
        slack: i64,
    ) {
        let meant = self.meant(line, since);
        let Some(numbers) = self.of_connection.get_mut(&line.connection) else {
            return;
        };
        let answer = match (meant.len(), answer) {
            (0 | 1, answer) => answer,
            (_, answer) => answer.of_one_of_several(),
        };
        for number in &meant {
            numbers.remove(*number);
        }
        for number in meant {
            match self.open.get_mut(&number) {
                Some(open) if open.key.is_some() => open.provisional = Some(answer),
                Some(_) | None => self.answer(number, at, answer, slack),
            }
        }
    }

    /// The only use that an answer on a line could belong to which does not say what it answers.
    pub(super) fn only_meant(&self, line: Line, since: i64) -> Option<(ResourceIx, Used)> {
        let [number] = self.meant(line, since)[..] else {
            return None;
        };
        let open = self.open.get(&number)?;
        Some((open.resource, open.used))
    }

    /// All of them, by their numbers.
    fn meant(&self, line: Line, since: i64) -> Vec<u64> {
        let Some(numbers) = self.of_connection.get(&line.connection) else {
            return Vec::new();
        };
        // Newest first: what was asked too long ago is not looked at.
        let in_time = |number: &u64| {
            let open = self.open.get(number);
            open.is_some_and(|open| open.used.at >= since)
        };
        let newest = numbers.iter().rev();
        let may_be_meant = |number: &u64| {
            let open = self.open.get(number);
            open.is_some_and(|open| line.may_answer(open.used.line))
        };
        newest.take_while(in_time).filter(may_be_meant).collect()
    }

    /// A client names a resource, whether or not it has access.
    pub(super) fn name(&mut self, resource: ResourceIx, user: PartyIx) {
        self.named
            .get_or_insert_with(resource.number(), user, || ());
    }

    /// Whether it did.
    pub(super) fn was_named(&self, resource: ResourceIx, user: PartyIx) -> bool {
        self.named.get(resource.number(), user).is_some()
    }

    /// Access was given by `event` to whom `is_it` knows (by a use's line, its user, and who that was
    /// besides): what was asked less than `slack` before may have crossed it. What was refused was refused.
    pub(super) fn granted(
        &mut self,
        cx: &Cx<'_>,
        resource: ResourceIx,
        is_it: &mut dyn FnMut(Line, PartyIx, Besides) -> bool,
        event: &Event<'_>,
        slack: i64,
    ) {
        for whose in self.users.get(&resource).into_iter().flatten() {
            let Some(told) = self.told.get_mut(resource.number(), *whose) else {
                continue;
            };
            let (user, _) = whose;
            for mut used in std::mem::take(&mut told.recent) {
                if !is_it(used.line, *user, used.besides) {
                    told.recent.push(used);
                    continue;
                }
                let slack = slack.saturating_add(cx.skew(used.place, event.place));
                if event.at.saturating_sub(used.at) <= slack
                    && !matches!(used.answer, Answer::Denied(_))
                {
                    used.answer = Answer::Raced;
                }
                told.add(used);
            }
        }
        let numbers = self.by_resource.get(&resource).into_iter();
        for number in numbers.flat_map(Few::iter) {
            if let Some(open) = self.open.get_mut(&number)
                && is_it(open.used.line, open.user, open.used.besides)
            {
                let skew = cx.skew(open.used.place, event.place);
                open.access = Since::Given {
                    surely_from: match skew {
                        0 => i64::MIN,
                        skew => event.at.saturating_add(skew),
                    },
                };
            }
        }
    }

    /// The uses of a resource that tell most about a party. Everything still open is unanswered.
    pub(super) fn close(mut self) -> BTreeMap<Sight, UsedMost> {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_unstable_by_key(|(number, _)| *number);
        for (_, open) in open {
            let used = match (open.provisional, open.access) {
                (Some(answer), Since::Refused) => open.used.answered(answer),
                (Some(_), Since::Given { .. }) => continue,
                (None, Since::Refused | Since::Given { .. }) => open.used,
            };
            self.tell(open.resource, open.user, used, 0);
        }
        let mut all = BTreeMap::new();
        for (resource, users) in self.users {
            for (user, excuse) in users {
                let told = self.told.get_mut(resource.number(), (user, excuse));
                let Some(mut told) = told.map(std::mem::take) else {
                    continue;
                };
                for used in std::mem::take(&mut told.recent) {
                    told.add(used);
                }
                let used = told.most();
                if !used.0.is_empty() {
                    all.insert((resource, user, excuse), used);
                }
            }
        }
        all
    }

    /// Notes a use whose answer is known.
    pub(super) fn tell(&mut self, resource: ResourceIx, user: PartyIx, used: Used, slack: i64) {
        let Self { told, users, .. } = self;
        let whose = (user, used.excuse);
        let told = told.get_or_insert_with(resource.number(), whose, || {
            users.entry(resource).or_default().push(whose);
            Told::default()
        });
        let past = |recent: &mut Used| used.at.saturating_sub(recent.at) > slack;
        let past: Vec<_> = told.recent.extract_if(.., past).collect();
        for used in past {
            told.add(used);
        }
        // Of those that tell the same, the one that was asked first is enough: it is the first to be
        // past doubt. It need not be the first to be answered.
        let class = |used: &Used| {
            let (answer, severity) = (used.answer.rank(), used.severity);
            let how = (severity, used.request, used.ended);
            (answer, how, used.line, used.besides)
        };
        match told
            .recent
            .iter_mut()
            .find(|recent| class(recent) == class(&used))
        {
            Some(recent) if (used.at, used.place) < (recent.at, recent.place) => *recent = used,
            Some(_) => {}
            None => told.recent.push(used),
        }
    }

    fn answer(&mut self, number: u64, at: i64, answer: Answer, slack: i64) {
        let Some(open) = self.open.remove(&number) else {
            return;
        };
        let connection = open.used.line.connection;
        if let Some(numbers) = self.of_connection.get_mut(&connection) {
            numbers.remove(number);
        }
        forget(&mut self.by_resource, open.resource, number);
        if let Some(key) = open.key {
            forget(&mut self.by_key, (connection, key), number);
        }
        match (open.access, answer) {
            (Since::Refused, _) | (Since::Given { .. }, Answer::Denied(_)) => {
                self.tell(open.resource, open.user, open.used.answered(answer), slack);
            }
            (Since::Given { surely_from }, Answer::Granted(_)) if at <= surely_from => {
                let used = open.used.answered(Answer::Raced);
                self.tell(open.resource, open.user, used, slack);
            }
            // Whatever else it was, it went to somebody who has access by now.
            (
                Since::Given { .. },
                Answer::Granted(_) | Answer::Raced | Answer::Ambiguous(_) | Answer::Unanswered,
            ) => {}
        }
    }
}

/// Takes a number out of one of the sets, and the set itself where that was its last.
fn forget<K: Eq + Hash>(sets: &mut HashMap<K, Few>, key: K, number: u64) {
    if let Entry::Occupied(mut numbers) = sets.entry(key) {
        numbers.get_mut().remove(number);
        if numbers.get().is_empty() {
            numbers.remove();
        }
    }
}

impl Told {
    /// Adds a use that no access can leave in doubt any more.
    fn add(&mut self, used: Used) {
        if !matches!(used.answer, Answer::Granted(_)) {
            let other = self.other.get_or_insert(Box::new(used));
            if rank(&used) < rank(other) {
                **other = used;
            }
            return;
        }
        let kind = |used: &Used| (used.severity, used.request, used.ended);
        let mut known = self.granted.iter_mut();
        match known.find(|known| kind(known) == kind(&used)) {
            Some(known) if used.place < known.place => *known = used,
            Some(_) => {}
            None => self.granted.push(used),
        }
    }

    /// What is told of it.
    fn most(mut self) -> UsedMost {
        if self.granted.is_empty() {
            return UsedMost(self.other.into_iter().map(|other| *other).collect());
        }
        self.granted.sort_unstable_by_key(rank);
        UsedMost(self.granted)
    }
}

/// Which of two uses tells more: the one of lower rank.
fn rank(used: &Used) -> (u8, Severity, Place) {
    (used.answer.rank(), used.severity, used.place)
}

impl Used {
    /// With its answer. One that raced with the end of access may have been granted rightly; refused
    /// is refused.
    fn answered(self, answer: Answer) -> Self {
        match (self.answer, answer) {
            (Answer::Raced, Answer::Granted(_)) => self,
            (_, answer) => Self { answer, ..self },
        }
    }
}

impl Answer {
    /// Where more than one open use could have been meant.
    pub(super) const fn of_one_of_several(self) -> Self {
        match self {
            Self::Granted(place) | Self::Denied(place) => Self::Ambiguous(place),
            Self::Raced | Self::Ambiguous(_) | Self::Unanswered => self,
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Granted(_) => 0,
            Self::Raced => 1,
            Self::Ambiguous(_) => 2,
            Self::Unanswered => 3,
            Self::Denied(_) => 4,
        }
    }
}
