//! How `response` is checked: requests stand open by their key until their reply comes.

mod askers;
mod telling;

use hashbrown::{HashMap, HashSet};

use self::askers::Askers;
use super::{Expect, Response, Unsolicited};
use crate::engine::{
    Absence, Again, Checker, Compiler, Crossings, Cx, Event, EventNames, EventSet, Holder, Ids,
    Interest, Named, Skipped, Slot, Watched, nanoseconds,
};
use crate::finding::{Evidence, Outcome, Place, Subject, Violation};

impl Response {
    /// The checker.
    pub(crate) fn checker(&self, compiler: &mut Compiler<'_>) -> Check {
        Check {
            requests: compiler.named(&self.requests),
            replies: compiler.named(&self.replies),
            names: compiler.event_names(),
            key: compiler.ids(&self.key),
            key_name: compiler.selector_name(&self.key),
            same: self
                .same
                .iter()
                .map(|field| (compiler.selector_name(field), compiler.ids(field)))
                .collect(),
            within: self.within.map(nanoseconds),
            spec: self.clone(),
            open: HashMap::new(),
            asked: Askers::of_the_last(MOST_ASKED),
            unclear: HashSet::new(),
            look: Look::First,
            breaches: Crossings::default(),
            unidentified: Skipped::default(),
            keyless: Skipped::default(),
            unsure: Skipped::default(),
            unplaced_requests: HashSet::new(),
            unplaced_replies: HashMap::new(),
            examined: 0,
            opportunities: 0,
        }
    }
}

/// The rule at work.
pub(crate) struct Check {
    spec: Response,
    requests: Named,
    replies: Named,
    names: EventNames,
    key: Ids,
    key_name: String,
    same: Vec<(String, Ids)>,
    /// In nanoseconds.
    within: Option<i64>,
    /// By key: requests that no reply has come to.
    open: HashMap<String, Vec<Request>>,
    /// Where unsolicited replies matter: who asked. Looking again, of the unclear keys only.
    asked: Askers,
    /// Keys of which a reply came to somebody who had not asked with them, as far as is known.
    unclear: HashSet<String>,
    look: Look,
    breaches: Crossings,
    unidentified: Skipped,
    keyless: Skipped,
    /// Replies that are wrong, if nothing came before them that is not seen.
    unsure: Skipped,
    /// The keys of requests of nobody known.
    unplaced_requests: HashSet<String>,
    /// Those of replies, each with its last one.
    unplaced_replies: HashMap<String, Place>,
    examined: u64,
    opportunities: u64,
}

/// How often it is shown everything, so that what it keeps does not grow with each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// For the first time.
    First,
    /// Likewise, and what came too late to tell whether it was asked for makes a second look needed.
    FirstOfTwo,
    /// Once more: what is unclear is known now.
    Second,
}

/// Of so many ids, and as many before them, is known who asked: two megabytes.
const MOST_ASKED: usize = 16_384;

/// A request that is not answered yet.
struct Request {
    holder: Holder,
    subject: Subject,
    place: Place,
    at: i64,
    /// The events that it is.
    is: EventSet,
    /// The values of `same`, each with its field's place there.
    same: Vec<(usize, String)>,
    /// Whether a reply that was taken for that of an earlier one may have been its own.
    perhaps_answered: bool,
    /// A reply with its key that somebody else got.
    elsewhere: Option<(Holder, Place)>,
}

impl Checker for Check {
    fn observe(&mut self, cx: &Cx<'_>, event: &Event<'_>) {
        let asks = event.from_client() && self.requests.has(event);
        let answers = event.from_server() && self.replies.has(event);
        if !asks && !answers {
            return;
        }
        self.examined += 1;
        let (called, key) = (self.names.called(event), event.id(&self.key));
        let Some(holder) = event.holder(self.spec.on) else {
            let key = key.map(str::to_owned);
            if asks {
                self.unplaced_requests.extend(key);
            } else {
                let key = key.map(|key| (key, event.place));
                self.unplaced_replies.extend(key);
            }
            self.unidentified
                .note_unidentified(cx, self.spec.on, event, called);
            return;
        };
        if let Some(key) = key {
            // Also which of two requests came first matters: a reply answers the first.
            let part = u64::from(event.place.recording);
            self.breaches.see(cx, event, || Slot::shared(key), part);
        }
        match (key, asks) {
            (Some(key), true) => self.ask(event, holder, key),
            (Some(key), false) => self.answer(cx, event, holder, key),
            (None, true) => self.keyless.note(event, called),
            // The server says something on its own: only a key makes it a reply.
            (None, false) => {}
        }
    }

    fn interest(&self) -> Interest {
        Interest::of(self.requests.set()).or_events(self.replies.set())
    }

    fn again(&self) -> Again {
        match self.look {
            Look::First => Again::No,
            Look::FirstOfTwo | Look::Second => Again::AsBefore,
        }
    }

    fn begin_again(&mut self) {
        self.look = Look::Second;
        self.asked = Askers::of_all();
        self.open.clear();
        self.breaches = Crossings::default();
        for skipped in [&mut self.unidentified, &mut self.keyless, &mut self.unsure] {
            *skipped = Skipped::default();
        }
        self.unplaced_requests.clear();
        self.unplaced_replies.clear();
        (self.examined, self.opportunities) = (0, 0);
    }

    fn finish(mut self: Box<Self>, cx: &Cx<'_>) -> Outcome {
        let watched = Watched::new(cx, self.spec.on);
        let mut open: Vec<_> = std::mem::take(&mut self.open)
            .into_iter()
            .flat_map(|(key, requests)| requests.into_iter().map(move |one| (key.clone(), one)))
            .collect();
        open.sort_by_key(|(_, request)| request.place);
        let mut doubts = Vec::new();
        for (key, request) in open {
            let deadline = self.within.map(|within| request.at.saturating_add(within));
            let absence = match watched.absence(request.holder, request.place, deadline) {
                // It may have come to the same one, before anything said so.
                Absence::Final
                    if request.perhaps_answered
                        || self.was_unplaced(&key, request.place)
                        || watched.may_hide_nobodys(request.place) =>
                {
                    Absence::Hidden
                }
                absence => absence,
            };
            match (self.spec.expect, absence) {
                (Expect::Reply, Absence::Final) => {
                    let violation = self.unanswered(cx, &key, &request);
                    self.breaches.add(cx, || Slot::shared(&key), violation);
                }
                (Expect::NoReply, Absence::Final) => {}
                // Nothing came as long as there was anything to see.
                (Expect::NoReply, Absence::RecordingEnded | Absence::Disconnected)
                    if deadline.is_none() => {}
                (
                    Expect::Reply | Expect::NoReply,
                    Absence::RecordingEnded | Absence::Disconnected | Absence::Hidden,
                ) => doubts.push(self.undecided(cx, &key, &request, absence)),
            }
        }
        let key = format!("the id of `{}`", self.key_name);
        doubts.extend(self.unidentified.without_holder(cx, self.spec.on));
        doubts.extend(self.keyless.without_id(cx, &key));
        let (violations, crossed) = self.breaches.settle(cx);
        doubts.extend(crossed);
        doubts.extend(self.unsure.after_a_loss(cx));
        Outcome {
            examined: self.examined,
            opportunities: self.opportunities,
            violations,
            doubts,
            ..Outcome::default()
        }
    }
}

impl Check {
    fn ask(&mut self, event: &Event<'_>, holder: Holder, key: &str) {
        self.opportunities += 1;
        let fields = self.same.iter().enumerate();
        let same = fields.flat_map(|(field, (_, ids))| {
            let values = event.ids(ids);
            values.map(move |value| (field, value.to_owned()))
        });
        let request = Request {
            holder,
            subject: event.subject(),
            place: event.place,
            at: event.at,
            is: event.is,
            same: same.collect(),
            perhaps_answered: false,
            elsewhere: None,
        };
        self.open.entry_ref(key).or_default().push(request);
        let matters = self.look != Look::Second || self.unclear.contains(key);
        if self.spec.unsolicited == Unsolicited::Violated && matters {
            self.asked.ask(key, holder, event.place);
        }
    }

    fn answer(&mut self, cx: &Cx<'_>, event: &Event<'_>, holder: Holder, key: &str) {
        let requests = self.open.get_mut(key);
        let own = requests
            .as_ref()
            .and_then(|requests| requests.iter().position(|one| one.holder == holder));
        let Some((requests, own)) = requests.zip(own) else {
            self.foreign(cx, event, holder, key);
            return;
        };
        let request = requests.remove(own);
        if requests.is_empty() {
            self.open.remove(key);
        }
        let late = self
            .within
            .is_some_and(|within| event.at - request.at > within);
        if let Some(within) = self.within {
            let measured = (request.place, event.at - request.at, within);
            self.breaches
                .measure(cx, event, || Slot::shared(key), measured);
        }
        // The first reply may be among what is not seen, and this one be a second one; or an earlier request,
        // and this be its reply.
        let disagreements = self.disagreements(event, &request);
        let disagrees = !disagreements.is_empty();
        let expected = self.spec.expect == Expect::Reply;
        let lost = request.perhaps_answered
            || expected && self.was_unplaced(key, request.place)
            || self.may_be_unseen(cx, holder, Some(request.place), event);
        if lost {
            let waiting = self.open.get_mut(key).into_iter().flatten();
            for other in waiting.filter(|other| other.holder == holder) {
                other.perhaps_answered = true;
            }
        }
        let before = !expected || disagrees;
        if lost || before && self.may_be_unseen(cx, holder, None, event) {
            let breaks = match self.spec.expect {
                Expect::Reply => late || disagrees,
                Expect::NoReply => !late,
            };
            if breaks {
                let called = self.replies.name_of(event);
                self.unsure.note(event, called);
            }
            return;
        }
        match (self.spec.expect, late) {
            (Expect::Reply, true) => {
                let violation = self.late(cx, event, key, &request);
                self.breaches.add(cx, || Slot::shared(key), violation);
            }
            (Expect::NoReply, false) => {
                let violation = self.answered(cx, event, key, &request);
                self.breaches.add(cx, || Slot::shared(key), violation);
            }
            (Expect::Reply, false) | (Expect::NoReply, true) => {}
        }
        for (field, asked, told) in disagreements {
            let violation = self.disagreeing(cx, event, &request, (&field, &asked, &told));
            self.breaches.add(cx, || Slot::shared(key), violation);
        }
    }

    /// Whether a reply with a key came to nobody known, after a place.
    fn was_unplaced(&self, key: &str, after: Place) -> bool {
        let last = self.unplaced_replies.get(key);
        last.is_some_and(|last| last.recording != after.recording || *last > after)
    }

    /// Whether a request or a reply of somebody, between a place and an event, may not have been seen.
    fn may_be_unseen(
        &self,
        cx: &Cx<'_>,
        holder: Holder,
        from: Option<Place>,
        to: &Event<'_>,
    ) -> bool {
        cx.hides_between(holder, from, to.place) || cx.hides_nobodys(self.spec.on, from, to.place)
    }

    /// Those of `same` in which a request and its reply have no value in common, with a value of each.
    fn disagreements(&self, event: &Event<'_>, request: &Request) -> Vec<(String, String, String)> {
        let fields = self.same.iter().enumerate();
        fields
            .filter_map(|(number, (field, ids))| {
                let asked = || {
                    let values = request.same.iter();
                    values.filter_map(move |(of, value)| (*of == number).then_some(value))
                };
                let agree = event.ids(ids).any(|id| asked().any(|one| one == id));
                let (first, told) = (asked().next()?, event.id(ids)?);
                (!agree).then(|| (field.clone(), first.clone(), told.to_owned()))
            })
            .collect()
    }

    /// Whether somebody who got a reply asked with its key before, or whether only a second look tells.
    fn had_asked(&mut self, key: &str, holder: Holder) -> bool {
        if self.look == Look::Second {
            return !self.unclear.contains(key) || self.asked.has(key, holder);
        }
        if self.asked.has(key, holder) {
            return true;
        }
        if !self.unclear.contains(key) {
            self.unclear.insert(key.to_owned());
        }
        if self.asked.forgot() {
            self.look = Look::FirstOfTwo;
        }
        self.look == Look::FirstOfTwo
    }

    /// A reply that answers no open request of the one who got it.
    fn foreign(&mut self, cx: &Cx<'_>, event: &Event<'_>, holder: Holder, key: &str) {
        for request in self.open.get_mut(key).into_iter().flatten() {
            request.elsewhere.get_or_insert((holder, event.place));
        }
        if self.spec.unsolicited == Unsolicited::Ignore || self.had_asked(key, holder) {
            return;
        }
        if self.unplaced_requests.contains(key) || self.may_be_unseen(cx, holder, None, event) {
            let called = self.replies.name_of(event);
            self.unsure.note(event, called);
            return;
        }
        let (name, receiver) = (self.replies.name_of(event), cx.describe(holder));
        let mut evidence = vec![cx.identity(event.line(), event.place)];
        let (owner, whose) = match self.asked.first(key) {
            Some((first, place)) => {
                let text = format!("{} asked, with the id {key}", cx.describe(first));
                evidence.push(Evidence::at(place, text).pointing_at(key));
                (cx.subject(first), "of a request of somebody else")
            }
            None => (Subject::default(), "of no request"),
        };
        let text = format!("{receiver} received the reply `{name}` with the id {key}");
        evidence.push(Evidence::at(event.place, text).pointing_at(key));
        let violation = Violation {
            roles: format!("`{name}` replied with the id {whose}"),
            owner,
            resource: Some(key.to_owned()),
            evidence,
            expected: format!(
                "a reply goes to the {} that asked; it was delivered, so this is final",
                self.spec.on.as_str()
            ),
            ..Violation::new(
                event.subject(),
                event.place,
                format!("{receiver} received `{name}` for {key}, the id {whose}"),
            )
        };
        self.breaches.add(cx, || Slot::shared(key), violation);
    }
}
