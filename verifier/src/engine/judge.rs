//! From what rules found to states and a verdict: doubts that stand outside the rules are added,
//! accepted ones are taken out.

mod coverage;
mod held;
mod outside;
mod scoped;
mod settle;
mod tagged;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use wsaudit_tagging::TagKind;
use wsaudit_wire::Direction;

use super::nanoseconds;
use super::retag::SessionConflict;
use super::run::{Finished, Input};
use super::state::{ConnectionIx, Cx, SessionIx, UserIx};
use crate::finding::{Doubt, Outcome};
use crate::history::SourceError;
use crate::rules::{Pack, Pointer};
use crate::verdict::{State, Verdict};

use coverage::coverage;
use outside::Judge;
use settle::settle;
use tagged::Tagged;

/// What a verification comes to.
#[derive(Debug)]
pub struct Verification {
    /// The fold of all rules.
    pub verdict: Verdict,
    /// Every rule's result, in the order of packs and rules.
    pub rules: Vec<RuleResult>,
    /// The sessions, by [`SessionIx`].
    pub sessions: Vec<SessionStats>,
    /// The users' ids, by [`UserIx`].
    pub users: Vec<String>,
    /// The connections, by [`ConnectionIx`].
    pub connections: Vec<ConnectionStats>,
    /// By pack: connections that were accepted, and that it is not about.
    pub outside: Vec<BTreeSet<ConnectionIx>>,
    /// What the packs met, and what they did not speak of.
    pub coverage: Coverage,
    /// How many messages were read.
    pub messages: u64,
    /// Recordings of the history that could not be read.
    pub unread: Vec<SourceError>,
    /// By how much the clocks of two recordings were taken to disagree; nothing where there is one.
    pub skew: Duration,
    /// Where a message names its session; empty: nowhere.
    pub naming: Vec<Pointer>,
}

/// What one rule comes to.
#[derive(Debug)]
pub struct RuleResult {
    /// Its pack, by place in [`Input::packs`].
    pub pack: usize,
    /// Its place in the pack.
    pub rule: usize,
    /// How it ends, whatever is accepted.
    pub state: State,
    /// What that means for the verdict, once accepted doubts are taken out.
    pub verdict: Verdict,
    /// What it found; its doubts are those that nobody accepted.
    pub outcome: Outcome,
    /// Doubts that were accepted, and why.
    pub accepted: Vec<(Doubt, String)>,
}

/// A session, over the whole history.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionStats {
    /// Its id.
    pub id: String,
    /// The user that it was first seen with.
    pub user: Option<UserIx>,
    /// Its device (type of session), as first seen.
    pub device: Option<String>,
    /// Its connections, in order.
    pub connections: Vec<ConnectionIx>,
    /// Whether one of them was accepted.
    pub connected: bool,
    /// The names of the messages that it received, with their numbers.
    pub received: BTreeMap<String, u64>,
}

/// A connection, for reports.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionStats {
    /// Its recording.
    pub recording: u16,
    /// Its number there.
    pub number: u64,
    /// Its session at the end.
    pub session: Option<SessionIx>,
    /// Its user at the end.
    pub user: Option<UserIx>,
    /// Its sessions, each with the `seq` from which it holds.
    pub sessions: Vec<(u64, SessionIx)>,
    /// The sessions that only messages which name them are of, likewise.
    pub lanes: Vec<(u64, SessionIx)>,
}

/// What the packs met, and what they did not speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By pack, with its name: each event's name, and how often it matched.
    pub events: Vec<(String, Vec<(String, u64)>)>,
    /// Every pointer of the packs, and how many values it led to.
    pub pointers: Vec<(Pointer, u64)>,
    /// The names of messages that are none of the packs' events, with their number.
    pub uncovered: BTreeMap<(Direction, String), u64>,
    /// Every message name that was met, with its number.
    pub names: BTreeMap<(Direction, String), u64>,
    /// What packs say in `[session]` that yielded nothing on any connection: the key, and its sources.
    /// The recorder's tags stand there.
    pub idle_sources: Vec<(&'static str, Vec<String>)>,
    /// Messages that may be what an event means which none was.
    pub meant: Vec<Meant>,
    /// Events of plain HTTP that no message was, and that the recorder was not asked for.
    pub unrecorded: Vec<Unrecorded>,
}

/// An event of plain HTTP of which nothing can have been recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecorded {
    /// The event's name in its pack.
    pub event: String,
    /// The path that it asks for, as it is written.
    pub path: String,
    /// What was recorded of plain HTTP: the patterns.
    pub recorded: Vec<String>,
}

/// An event that matched no message, and messages of another name or sender that it may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// The event's name in its pack.
    pub event: String,
    /// The message name that it asks for.
    pub wanted: String,
    /// The message name that was met.
    pub met: String,
    /// Who sent those messages.
    pub from: Direction,
    /// How many there were.
    pub count: u64,
}

/// Why a verification could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A recording could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The packs contradict each other.
    #[error(transparent)]
    Sessions(#[from] SessionConflict),
}

/// Checks packs over recordings, on this thread. `progress` is told how many messages were read so
/// far; where a rule looks once more, from the beginning.
pub fn verify(input: &Input<'_>, progress: &mut dyn FnMut(u64)) -> Result<Verification, RunError> {
    verify_with(input, NonZeroUsize::MIN, progress)
}

/// The same with so many threads, this one included; of more than 8, the rest would have nothing to
/// do. What it comes to does not depend on their number.
pub fn verify_with(
    input: &Input<'_>,
    threads: NonZeroUsize,
    progress: &mut dyn FnMut(u64),
) -> Result<Verification, RunError> {
    let tagged = Tagged::of(input)?;
    let (lanes, renewed) = (&tagged.lanes, &tagged.renewed);
    let outlines = tagged.outlines(input);
    let finished = super::run::run(input, outlines, lanes, renewed, threads, progress)?;
    let sessions = sessions(&finished);
    let connections = connections(&finished.cx);
    let users = finished
        .cx
        .users()
        .map(|user| finished.cx.user_name(user).to_owned())
        .collect();
    let coverage = coverage(input.packs, &finished);
    let messages = finished.tally.messages;
    let outside = finished.scopes.iter();
    let outside: Vec<_> = outside
        .map(|scope| scoped::outside(&finished.cx, scope))
        .collect();
    let rules = judged(input, &tagged, &outside, finished);
    let verdict = rules
        .iter()
        .map(|rule| rule.verdict)
        .max()
        .unwrap_or(Verdict::Inconclusive);
    Ok(Verification {
        verdict,
        rules,
        sessions,
        users,
        connections,
        outside,
        coverage,
        messages,
        unread: input.unread.to_vec(),
        skew: if input.sources.len() > 1 {
            input.skew
        } else {
            Duration::ZERO
        },
        naming: tagged.naming.clone(),
    })
}

/// What every rule comes to, with what stands outside it: what the history lacks, and whom sessions are of.
fn judged(
    input: &Input<'_>,
    tagged: &Tagged,
    outside_scope: &[BTreeSet<ConnectionIx>],
    finished: Finished<'_>,
) -> Vec<RuleResult> {
    let cx = &finished.cx;
    let judge = Judge {
        packs: input.packs,
        unread: input.unread,
        finished: &finished,
        skew: nanoseconds(input.skew),
    };
    let packs = 0..input.packs.len();
    let outside: Vec<_> = packs.map(|pack| judge.outside(pack)).collect();
    let scopes = finished.scopes.iter();
    let held: Vec<_> = scopes.map(|scope| held::by_several(cx, scope)).collect();
    let mut rules = Vec::new();
    for (pack, outcomes) in finished.outcomes.into_iter().enumerate() {
        let pack_rules = &input.packs[pack].rules;
        for (rule, mut outcome) in outcomes.into_iter().enumerate() {
            let (spec, held) = (&pack_rules[rule].spec, held[pack].as_ref());
            tagged.doubt(cx, spec, held, &mut outcome.outcome);
            let (state, verdict, mut outcome, accepted) =
                settle(&input.packs[pack], rule, outcome, &outside[pack]);
            if first_about_holders(&input.packs[pack]) == Some(rule) {
                outcome.notes.extend(tagged.notes(cx));
            }
            if rule == 0 {
                let note = scoped::note(cx, &input.packs[pack], &outside_scope[pack]);
                outcome.notes.extend(note);
            }
            rules.push(RuleResult {
                pack,
                rule,
                state,
                verdict,
                outcome,
                accepted,
            });
        }
    }
    rules
}

/// The rule that tells what is worth knowing to all that ask who is who.
fn first_about_holders(pack: &Pack) -> Option<usize> {
    pack.rules.iter().position(|rule| rule.spec.needs_holders())
}

fn sessions(finished: &Finished<'_>) -> Vec<SessionStats> {
    let cx = &finished.cx;
    let mut received = finished.tally.received_by_session();
    let mut sessions: Vec<_> = cx
        .sessions()
        .map(|session| SessionStats {
            id: cx.session_name(session).to_owned(),
            user: cx.session_user(session),
            device: None,
            connections: Vec::new(),
            connected: false,
            received: received.remove(&session).unwrap_or_default(),
        })
        .collect();
    for (index, state) in cx.connections() {
        // A connection may have spoken for several sessions, one after the other.
        let mut own = BTreeSet::new();
        for tag in state
            .info
            .tags
            .iter()
            .filter(|tag| tag.kind == TagKind::Session)
            .chain(state.lanes)
        {
            own.extend(cx.session_named(&tag.value));
        }
        own.extend(state.session);
        for session in own {
            let stats = &mut sessions[session.0 as usize];
            if state.info.http.is_none() {
                stats.connections.push(index);
            }
            stats.connected |= state.info.accepted();
            if stats.device.is_none() {
                stats.device.clone_from(&state.device);
            }
        }
    }
    sessions
}

fn connections(cx: &Cx<'_>) -> Vec<ConnectionStats> {
    cx.connections()
        .map(|(_, state)| ConnectionStats {
            recording: state.recording,
            number: state.info.number,
            session: state.session,
            user: state.user,
            sessions: state
                .info
                .tags
                .iter()
                .filter(|tag| tag.kind == TagKind::Session)
                .filter_map(|tag| Some((tag.from, cx.session_named(&tag.value)?)))
                .collect(),
            lanes: state
                .lanes
                .iter()
                .filter_map(|tag| Some((tag.from, cx.session_named(&tag.value)?)))
                .collect(),
        })
        .collect()
}
