//! What the clients' logs show.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wsaudit_demo::scenario::{ConnectionLog, ScenarioReport};
use wsaudit_demo::{Received, SessionId};

/// One message, and the session whose connection received it.
pub(crate) type Delivery<'a> = (&'a SessionId, &'a Received);

pub(crate) struct Seen<'a>(pub(crate) &'a ScenarioReport);

impl<'a> Seen<'a> {
    pub(crate) fn all(&self) -> impl Iterator<Item = Delivery<'a>> {
        let logs: &'a [ConnectionLog] = &self.0.logs;
        logs.iter()
            .flat_map(|log| log.received.iter().map(move |it| (&log.session, it)))
    }

    pub(crate) fn named(&self, name: &'static str) -> impl Iterator<Item = Delivery<'a>> {
        self.all().filter(move |(_, it)| it.name() == name)
    }

    /// Messages that name another session than the one that received them.
    pub(crate) fn misaddressed(&self) -> Vec<Delivery<'a>> {
        let foreign = |(to, it): &Delivery<'_>| it.session_id().is_some_and(|id| id != to.0);
        self.all().filter(foreign).collect()
    }

    /// Messages that name no session and are no announcement.
    pub(crate) fn untagged(&self) -> Vec<Delivery<'a>> {
        let untagged = |it: &Received| it.session_id().is_none() && it.name() != "announcement";
        self.all().filter(|(_, it)| untagged(it)).collect()
    }

    /// For each id that `event` gives out in `member`: the sessions it was given to.
    pub(crate) fn given(&self, event: &'static str, member: &str) -> Given<'a> {
        let mut given = Given::new();
        for (to, it) in self.named(event) {
            if let Some(id) = it.text(member) {
                given.entry(id.to_owned()).or_default().insert(to);
            }
        }
        given
    }

    /// Messages in which an id of `owners` is shown to a session that does not have it, whatever
    /// the member; refusals and shares aside, which repeat ids that were asked for or granted.
    pub(crate) fn sightings(&self, mut owners: Given<'a>) -> Vec<Delivery<'a>> {
        for (to, it) in self.named("thread_shared") {
            let thread = it.text("thread_id").unwrap_or_default();
            owners.entry(thread.to_owned()).or_default().insert(to);
        }
        let foreign = |(to, it): &Delivery<'_>| {
            let mut strings = Vec::new();
            collect(&it.json, &mut strings);
            let foreign = |id: &&str| owners.get(*id).is_some_and(|have| !have.contains(to));
            !matches!(it.name(), "error" | "thread_shared") && strings.iter().any(foreign)
        };
        self.all().filter(foreign).collect()
    }

    pub(crate) fn thread_owners(&self) -> Given<'a> {
        self.given("thread_created", "thread_id")
    }

    pub(crate) fn run_owners(&self) -> Given<'a> {
        let mut owners = self.given("agent_started", "run_id");
        owners.extend(self.given("agent_started", "agent_id"));
        owners.extend(self.given("agent_started", "context_id"));
        owners
    }

    /// Each run with the types of its events in the order in which its session received them.
    pub(crate) fn runs(&self) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut runs = BTreeMap::<_, Vec<_>>::new();
        for (_, it) in self.all() {
            if let Some(run) = it.text("run_id") {
                runs.entry(run).or_default().push(it.name());
            }
        }
        runs
    }

    /// The longest time from the start of a run to its completion.
    pub(crate) fn longest_run(&self) -> Duration {
        let mut started = BTreeMap::new();
        let mut longest = Duration::ZERO;
        for (_, it) in self.all() {
            let run = it.text("run_id").unwrap_or_default();
            if it.name() == "agent_started" {
                started.insert(run, it.at);
            }
            if it.name() == "agent_completed"
                && let Some(start) = started.get(run)
            {
                longest = longest.max(it.at.duration_since(*start));
            }
        }
        longest
    }

    /// The `jti` of every session's token.
    pub(crate) fn token_ids(&self) -> BTreeMap<&'a SessionId, String> {
        let claims = |token: &str| {
            let claims = token
                .split('.')
                .nth(1)
                .and_then(|it| URL_SAFE_NO_PAD.decode(it).ok());
            serde_json::from_slice::<Value>(&claims.expect("base64url")).expect("claims are JSON")
        };
        let logs = self.0.logs.iter();
        logs.map(|log| {
            (
                &log.holder.session_id,
                claims(&log.holder.token)["jti"].to_string(),
            )
        })
        .collect()
    }
}

/// The sessions that have an id.
pub(crate) type Given<'a> = BTreeMap<String, BTreeSet<&'a SessionId>>;

pub(crate) fn held_by_several(given: &Given<'_>) -> bool {
    given.values().any(|sessions| sessions.len() > 1)
}

fn collect<'v>(value: &'v Value, strings: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => strings.push(text),
        Value::Array(items) => items.iter().for_each(|it| collect(it, strings)),
        Value::Object(members) => members.values().for_each(|it| collect(it, strings)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
