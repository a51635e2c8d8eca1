//! From what rules found to states and a verdict: doubts that stand outside the rules are added,
//! accepted ones are taken out.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::TagKind;
use wsaudit_wire::Direction;

use super::lanes::Lanes;
use super::retag::{self, SessionConflict};
use super::run::{Finished, Input, RuleOutcome};
use super::state::{ConnectionIx, Cx, Holder, SessionIx, UserIx};
use crate::decode::DecodeError;
use crate::finding::{Doubt, Outcome, Place, Subject};
use crate::history::{GapCause, Outline, SourceError};
use crate::rules::{Accept, EventId, Pack, Pointer, Rule};
use crate::verdict::{Reason, State, Verdict};

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
    /// What the packs met, and what they did not speak of.
    pub coverage: Coverage,
    /// How many messages were read.
    pub messages: u64,
    /// Recordings of the history that could not be read.
    pub unread: Vec<SourceError>,
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

/// Checks packs over recordings. `progress` is told how many messages were read so far.
pub fn verify(input: &Input<'_>, progress: &mut dyn FnMut(u64)) -> Result<Verification, RunError> {
    let said = retag::rules(input.packs)?;
    let mut lanes = None;
    let retagged = match &said {
        None => None,
        Some(said) => {
            let outlines = input
                .sources
                .iter()
                .map(|source| retag::tag_anew(&said.tags, &**source));
            let mut outlines = outlines.collect::<Result<Vec<_>, _>>()?;
            if !said.naming.is_empty() {
                lanes = Some(Lanes::find(&said.naming, input, &mut outlines)?);
            }
            Some(outlines)
        }
    };
    let outlines = match &retagged {
        Some(outlines) => outlines.iter().collect(),
        None => input
            .sources
            .iter()
            .map(|source| source.outline())
            .collect(),
    };
    let lanes = lanes.unwrap_or_default();
    let finished = super::run::run(input, outlines, &lanes, progress)?;
    let sessions = sessions(&finished);
    let connections = connections(&finished.cx);
    let users = finished
        .cx
        .users()
        .map(|user| finished.cx.user_name(user).to_owned())
        .collect();
    let coverage = coverage(input.packs, &finished);
    let messages = finished.tally.messages;
    let mut judge = Judge {
        packs: input.packs,
        unread: input.unread,
        finished: &finished,
    };
    let doubts: Vec<_> = (0..input.packs.len())
        .map(|pack| judge.outside(pack))
        .collect();
    let mut rules = Vec::new();
    for (pack, (outcomes, doubts)) in finished.outcomes.into_iter().zip(doubts).enumerate() {
        for (number, outcome) in outcomes.into_iter().enumerate() {
            let (state, verdict, mut outcome, accepted) =
                settle(&input.packs[pack], number, outcome, &doubts);
            if first_about_holders(&input.packs[pack]) == Some(number) {
                outcome.notes.extend(lanes.notes(&finished.cx));
            }
            rules.push(RuleResult {
                pack,
                rule: number,
                state,
                verdict,
                outcome,
                accepted,
            });
        }
    }
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
        coverage,
        messages,
        unread: input.unread.to_vec(),
        naming: said.map(|said| said.naming).unwrap_or_default(),
    })
}

/// The rule that tells what is worth knowing to all that ask who is who.
fn first_about_holders(pack: &Pack) -> Option<usize> {
    pack.rules.iter().position(|rule| rule.spec.needs_holders())
}

/// A doubt from outside the rules, and which rules it touches.
struct OutsideDoubt {
    doubt: Doubt,
    touches: Touches,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Touches {
    Every,
    ThoseThatReadMessages,
    ThoseAboutHolders,
}

struct Judge<'j, 'h> {
    packs: &'j [Pack],
    unread: &'j [SourceError],
    finished: &'j Finished<'h>,
}

impl Judge<'_, '_> {
    /// The doubts that stand outside a pack's rules.
    fn outside(&mut self, pack: usize) -> Vec<OutsideDoubt> {
        let mut doubts: Vec<_> = self.unread.iter().map(unread).collect();
        for (recording, outline) in (0_u16..).zip(&self.finished.cx.outlines) {
            doubts.extend(unclean(recording, outline));
            doubts.extend(goes_on(outline));
            doubts.extend(self.gaps(pack, recording, outline));
        }
        doubts.extend(self.undecodable(pack));
        doubts.extend(self.unidentified(pack));
        doubts
    }

    fn gaps(&self, pack: usize, recording: u16, outline: &Outline) -> Vec<OutsideDoubt> {
        let cx = &self.finished.cx;
        let in_scope: BTreeSet<u64> = cx
            .connections()
            .filter(|(index, state)| {
                state.recording == recording && self.finished.scopes[pack][index.0 as usize]
            })
            .map(|(_, state)| state.info.number)
            .collect();
        outline
            .gaps
            .iter()
            .filter(|gap| {
                gap.connection
                    .is_none_or(|number| in_scope.contains(&number))
            })
            .map(|gap| {
                let frames = gap
                    .frames
                    .map_or("frames".to_owned(), |n| format!("{n} frames"));
                let whose = gap
                    .connection
                    .map_or(String::new(), |number| format!(" of connection {number}"));
                let settle = match gap.cause {
                    GapCause::Recorder => "record again without a stall of the recorder",
                    GapCause::MissingPart => ALL_PARTS,
                };
                OutsideDoubt {
                    doubt: Doubt {
                        reason: Reason::Gap,
                        message: format!(
                            "{frames}{whose} between {} and {} are missing: {}",
                            gap.from, gap.to, gap.why
                        ),
                        settle: settle.to_owned(),
                        place: Some(Place {
                            recording,
                            seq: gap.from,
                        }),
                        subject: Subject::default(),
                    },
                    touches: Touches::Every,
                }
            })
            .collect()
    }

    fn undecodable(&self, pack: usize) -> Option<OutsideDoubt> {
        let undecodable = &self.finished.tally.undecodable[pack];
        let (place, connection, error) = undecodable.first.as_ref()?;
        let (connection_name, seq) = (self.finished.cx.describe_connection(*connection), place.seq);
        let state = self.finished.cx.connection(*connection);
        let message = match undecodable.count {
            1 => format!("frame {seq} on {connection_name} cannot be decoded: {error}"),
            count => format!(
                "{count} messages cannot be decoded; the first is frame {seq} on \
                 {connection_name}: {error}"
            ),
        };
        let codec = self.packs[pack].codec.as_str();
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecodable,
                message,
                settle: match error {
                    DecodeError::Withheld { .. } => "record again with a --redact that can be \
                         followed in such messages (an expression needs no JSON), or leave the \
                         connection out with [scope]"
                        .to_owned(),
                    _ if state.info.http.is_some() => "record again with a larger \
                         --max-recorded-body, or choose other paths with --record-http"
                        .to_owned(),
                    _ => format!(
                        "choose another codec than `{codec}` in [message], or leave the \
                         connection out with [scope]"
                    ),
                },
                place: Some(*place),
                subject: Subject {
                    session: state.session,
                    user: state.user,
                    connection: Some(*connection),
                },
            },
            touches: Touches::ThoseThatReadMessages,
        })
    }

    fn unidentified(&self, pack: usize) -> Option<OutsideDoubt> {
        let (cx, tally) = (&self.finished.cx, &self.finished.tally);
        let mut unidentified = cx.connections().filter(|(index, state)| {
            self.finished.scopes[pack][index.0 as usize]
                // Of exchanges, those that a rule could not judge are told by the rule.
                && state.info.http.is_none()
                && state.identified_from.is_none()
                // Where several sessions share it, rules tell which messages name none.
                && state.lanes.is_empty()
                && tally.received[index.0 as usize] > 0
        });
        let (first, state) = unidentified.next()?;
        let others = unidentified.count();
        let name = cx.describe_connection(first);
        let message = match others {
            0 => format!("nothing says which session {name} belongs to"),
            others => {
                format!("nothing says which session {name} and {others} more belong to")
            }
        };
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Unidentified,
                message,
                settle: "name a source with `wsaudit record --session`, or in the pack's \
                         [session]; `wsaudit show` lists candidates"
                    .to_owned(),
                place: Some(Place {
                    recording: state.recording,
                    seq: state.info.opened.seq,
                }),
                subject: Subject {
                    connection: Some(first),
                    ..Subject::default()
                },
            },
            touches: Touches::ThoseAboutHolders,
        })
    }
}

fn unread(error: &SourceError) -> OutsideDoubt {
    OutsideDoubt {
        doubt: Doubt {
            reason: Reason::Unread,
            message: format!("nothing is known of {}: {}", error.recording, error.why),
            settle: "verify again with a copy that can be read, or leave it out".to_owned(),
            place: None,
            subject: Subject::default(),
        },
        touches: Touches::Every,
    }
}

fn unclean(recording: u16, outline: &Outline) -> Option<OutsideDoubt> {
    let why = outline.unclean.as_ref()?;
    Some(OutsideDoubt {
        doubt: Doubt {
            reason: Reason::Unclean,
            message: format!("{} was not closed cleanly: {why}", outline.name),
            settle: "stop the recorder with Ctrl-C or SIGTERM, and verify again".to_owned(),
            place: outline.connections.last().map(|connection| Place {
                recording,
                seq: connection.opened.seq,
            }),
            subject: Subject::default(),
        },
        touches: Touches::Every,
    })
}

/// What settles that a part of a run is missing.
const ALL_PARTS: &str = "verify with all parts of the run";

fn goes_on(outline: &Outline) -> Option<OutsideDoubt> {
    Some(OutsideDoubt {
        doubt: Doubt {
            reason: Reason::Gap,
            message: outline.goes_on.clone()?,
            settle: ALL_PARTS.to_owned(),
            place: None,
            subject: Subject::default(),
        },
        touches: Touches::Every,
    })
}

/// A rule's state and verdict, with the doubts from outside added and accepted ones taken out.
fn settle(
    pack: &Pack,
    number: usize,
    outcome: RuleOutcome,
    outside: &[OutsideDoubt],
) -> (State, Verdict, Outcome, Vec<(Doubt, String)>) {
    let rule = &pack.rules[number];
    let RuleOutcome {
        mut outcome,
        required,
    } = outcome;
    let touching = outside.iter().filter(|outside| match outside.touches {
        Touches::Every => true,
        Touches::ThoseThatReadMessages => rule.spec.reads_messages(),
        Touches::ThoseAboutHolders => rule.spec.needs_holders(),
    });
    let mut doubts: Vec<_> = touching.map(|outside| outside.doubt.clone()).collect();
    doubts.append(&mut outcome.doubts);
    let exercised = outcome.opportunities > 0 && required != Some(0);
    let state = match (outcome.violations.is_empty(), exercised, doubts.is_empty()) {
        (false, ..) => State::Violated,
        (true, false, _) => State::NotExercised,
        (true, true, false) => State::Undecided,
        (true, true, true) => State::Holds,
    };
    if state == State::NotExercised {
        doubts.push(not_exercised(rule, outcome.opportunities));
    }
    let (accepted, open): (Vec<_>, Vec<_>) = doubts
        .into_iter()
        .map(|doubt| (acceptance(pack, rule, &doubt), doubt))
        .partition(|(acceptance, _)| acceptance.is_some());
    let verdict = match state {
        State::Violated => Verdict::Violated,
        State::Holds | State::NotExercised | State::Undecided if open.is_empty() => Verdict::Clean,
        State::Holds | State::NotExercised | State::Undecided => Verdict::Inconclusive,
    };
    outcome.doubts = open.into_iter().map(|(_, doubt)| doubt).collect();
    let accepted = accepted
        .into_iter()
        .filter_map(|(acceptance, doubt)| Some((doubt, acceptance?.why.clone())))
        .collect();
    (state, verdict, outcome, accepted)
}

fn not_exercised(rule: &Rule, opportunities: u64) -> Doubt {
    let message = match (opportunities, &rule.requires) {
        (1.., Some(_)) => format!("what `{}` requires did not happen", rule.id),
        _ => format!("nothing happened that could have broken `{}`", rule.id),
    };
    Doubt {
        reason: Reason::NotExercised,
        message,
        settle: "record traffic that exercises it, or accept not-exercised in the pack".to_owned(),
        place: None,
        subject: Subject::default(),
    }
}

fn acceptance<'p>(pack: &'p Pack, rule: &'p Rule, doubt: &Doubt) -> Option<&'p Accept> {
    let by_pack = pack
        .accept
        .iter()
        .filter(|accept| accept.rule.as_ref().is_none_or(|id| *id == rule.id));
    rule.accept
        .iter()
        .chain(by_pack)
        .find(|accept| accept.reason == doubt.reason)
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

fn coverage(packs: &[Pack], finished: &Finished<'_>) -> Coverage {
    let events = (0..)
        .zip(packs)
        .map(|(number, pack): (usize, &Pack)| {
            let events = (0_u16..)
                .map(EventId)
                .zip(&finished.tally.matched[number])
                .map(|(id, count)| (pack.event(id).id.clone(), *count))
                .collect();
            (pack.name.clone(), events)
        })
        .collect();
    // Of several places for a name, one that yields nothing is not amiss.
    let alternatives: BTreeSet<_> = packs
        .iter()
        .filter(|pack| pack.name_at.len() > 1)
        .flat_map(|pack| &pack.name_at)
        .collect();
    let pointers = finished
        .yielded
        .iter()
        .filter(|(pointer, count)| *count > 0 || !alternatives.contains(pointer))
        .cloned()
        .collect();
    Coverage {
        events,
        pointers,
        uncovered: finished.tally.uncovered(),
        names: finished.tally.names(),
    }
}

impl Verification {
    /// How a holder is called in a report.
    pub fn holder_name(&self, holder: Holder) -> String {
        match holder {
            Holder::Session(session) => self.sessions[session.0 as usize].id.clone(),
            Holder::User(user) => self.users[user.0 as usize].clone(),
            Holder::Connection(connection) => {
                format!(
                    "connection {}",
                    self.connections[connection.0 as usize].number
                )
            }
        }
    }
}
