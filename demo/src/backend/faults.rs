//! Where the backend deviates when a fault is planted.
//!
//! Every hook takes what the sound backend would do and returns it, unless *its* fault is
//! planted. Nothing else in the backend asks which fault that is.

use super::agents::{Act, Script};
use super::handshake::Refused;
use super::state::Caller;
use super::switchboard::{Slot, Switchboard};
use super::tables::Tables;
use super::threads::{Access, Thread};
use crate::protocol::ids::{ContextId, SessionId, ThreadId, TokenId, UserId};
use crate::protocol::{Device, Envelope, Refusal, RunIds, ServerMessage};
use crate::{BackendConfig, Fault};
use std::collections::HashMap;
use std::time::Duration;

/// The run, counted from one, that goes wrong where one run does: with three
/// sessions starting three each at once, one in their midst.
const FAULTY_RUN: usize = 5;

/// The handshake, counted from one, that is refused though it is valid, or greeted late.
const FAULTY_HANDSHAKE: usize = 3;

/// By how much a limit is exceeded.
const TOO_LATE: Duration = Duration::from_secs(1);

/// The planted fault, and what the faults remember: each of these is a global, a cache or a
/// counter that a sound backend does not have.
#[derive(Debug)]
pub(super) struct Faults {
    planted: Option<Fault>,
    agent_limit: Duration,
    establishing_limit: Duration,
    sessions: HashMap<UserId, SessionId>,
    contexts: HashMap<UserId, ContextId>,
    given_contexts: Vec<(SessionId, ContextId)>,
    tokens: HashMap<UserId, TokenId>,
    slots: HashMap<SessionId, Slot>,
    active: Option<SessionId>,
    previous_lister: Option<Slot>,
    runs: Vec<(SessionId, RunIds)>,
    threads: Vec<(SessionId, ThreadId)>,
    handshakes: usize,
    connections: usize,
}

impl Faults {
    pub(super) fn new(config: &BackendConfig) -> Self {
        Self {
            planted: config.fault,
            agent_limit: config.agent_limit,
            establishing_limit: config.establishing_limit,
            sessions: HashMap::new(),
            contexts: HashMap::new(),
            given_contexts: Vec::new(),
            tokens: HashMap::new(),
            slots: HashMap::new(),
            active: None,
            previous_lister: None,
            runs: Vec::new(),
            threads: Vec::new(),
            handshakes: 0,
            connections: 0,
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.planted == Some(fault)
    }

    /// The session that a sign-in gives.
    pub(super) fn session_id(
        &mut self,
        user: &UserId,
        device: Device,
        sound: SessionId,
    ) -> SessionId {
        if self.is(Fault::SessionIdShared)
            && matches!(device, Device::DesktopApp | Device::TabletBrowser)
        {
            return self.sessions.entry(user.clone()).or_insert(sound).clone();
        }
        sound
    }

    /// How long a new connection is held up before it is greeted.
    pub(super) fn held_up(&mut self) -> Option<Duration> {
        self.connections += 1;
        let late = self.is(Fault::SlowEstablishment) && self.connections == FAULTY_HANDSHAKE;
        late.then_some(self.establishing_limit + TOO_LATE)
    }

    /// The token id of a new session.
    pub(super) fn token_id(&mut self, user: &UserId, sound: TokenId) -> TokenId {
        if self.is(Fault::TokenReuse) {
            return self.tokens.entry(user.clone()).or_insert(sound).clone();
        }
        sound
    }

    /// The authentication context of a new connection.
    pub(super) fn context(
        &mut self,
        session: &SessionId,
        user: &UserId,
        sound: ContextId,
    ) -> ContextId {
        self.given_contexts.push((session.clone(), sound.clone()));
        if self.is(Fault::SharedAuthContext) {
            return self.contexts.entry(user.clone()).or_insert(sound).clone();
        }
        sound
    }

    /// The session that a handshake opens a connection for. `claimed`: the one it names, if known.
    pub(super) fn admission(
        &mut self,
        sound: Result<SessionId, Refused>,
        claimed: Option<SessionId>,
    ) -> Result<SessionId, Refused> {
        self.handshakes += 1;
        if self.is(Fault::ValidSessionRefused) && self.handshakes == FAULTY_HANDSHAKE {
            return sound.and(Err(Refused::Faulty));
        }
        if self.is(Fault::TokenNotRequired) && matches!(sound, Err(Refused::NoToken)) {
            return claimed.ok_or(Refused::NoToken);
        }
        if self.is(Fault::SessionTakeover) {
            return sound.or_else(|refused| claimed.ok_or(refused));
        }
        sound
    }

    /// Whether a caller may use a thread.
    pub(super) fn allows(
        &self,
        sound: bool,
        access: Access,
        thread: &Thread,
        caller: &Caller,
    ) -> bool {
        let by_user = match access {
            Access::List => self.is(Fault::ThreadInForeignList),
            Access::Open => self.is(Fault::ForeignThreadAnswered),
            Access::Write => self.is(Fault::UnrefusedWrite),
            Access::Run => self.is(Fault::AgentOnForeignThread),
            Access::Share => false,
        };
        if self.is(Fault::OwnThreadRefused)
            && access == Access::Open
            && thread.is_of(&caller.session)
        {
            return false;
        }
        sound || (by_user && thread.user == caller.user)
    }

    /// The id of a new thread.
    pub(super) fn thread_id(&mut self, owner: &SessionId, sound: ThreadId) -> ThreadId {
        let foreign = latest_of_another(&self.threads, owner);
        let id = match foreign {
            Some(foreign) if self.is(Fault::ThreadIdReused) && !self.reused() => foreign,
            _ => sound,
        };
        self.threads.push((owner.clone(), id.clone()));
        id
    }

    /// Whether an id was given twice already.
    fn reused(&self) -> bool {
        let ids = || self.threads.iter().map(|(_, id)| id);
        ids()
            .enumerate()
            .any(|(at, id)| ids().take(at).any(|earlier| earlier == id))
    }

    /// The thread that a started run names.
    pub(super) fn thread_named(&self, session: &SessionId, sound: ThreadId) -> ThreadId {
        if self.is(Fault::ThreadInEvent) {
            return latest_of_another(&self.threads, session).unwrap_or(sound);
        }
        sound
    }

    /// The thread that is shown to who opens one.
    pub(super) fn thread_answered(&self, session: &SessionId, sound: ThreadId) -> ThreadId {
        if self.is(Fault::WrongThreadAnswered) {
            return latest_of_another(&self.threads, session).unwrap_or(sound);
        }
        sound
    }

    /// What the database holds.
    pub(super) fn stored(&self, mut tables: Tables) -> Tables {
        let threads = &mut tables.threads;
        if self.is(Fault::WrongOwnerStored)
            && let Some(first) = threads.first().map(|thread| thread.session.clone())
            && let Some(other) = threads
                .iter()
                .map(|it| &it.session)
                .find(|it| **it != first)
        {
            threads[0].session = other.clone();
        }
        if self.is(Fault::ThreadNotStored) {
            threads.pop();
        }
        tables
    }

    /// The connection that a reply goes to, if any.
    pub(super) fn reply_slot(&mut self, sound: Slot, reply: &ServerMessage) -> Option<Slot> {
        match reply {
            ServerMessage::ThreadList { .. } if self.is(Fault::RepliesShifted) => {
                Some(self.previous_lister.replace(sound).unwrap_or(sound))
            }
            ServerMessage::Error {
                code: Refusal::Forbidden,
                ..
            } if self.is(Fault::RefusalUnanswered) => None,
            _ => Some(sound),
        }
    }

    /// A session has sent a request.
    pub(super) fn spoke(&mut self, session: &SessionId) {
        self.active = Some(session.clone());
    }

    /// The connections that an event of `session` is delivered to; may change what it says.
    pub(super) fn route(
        &mut self,
        event: &mut Envelope,
        session: &SessionId,
        board: &Switchboard,
    ) -> Vec<Slot> {
        let sound = board.slot_of(session);
        if self.is(Fault::StaleMapping) {
            let cached = sound.map(|slot| *self.slots.entry(session.clone()).or_insert(slot));
            return Vec::from_iter(cached);
        }
        if self.is(Fault::BroadcastToAll) {
            return board.everybody();
        }
        match &mut event.message {
            ServerMessage::AgentThinking { ids, step: 2 } => {
                if let Some(foreign) = latest_of_another(&self.runs, session) {
                    if self.is(Fault::RunIdBleeding) {
                        ids.run_id = foreign.run_id;
                    }
                    if self.is(Fault::AgentIdBleeding) {
                        ids.agent_id = foreign.agent_id;
                    }
                }
                if self.is(Fault::ContextIdBleeding)
                    && let Some(foreign) = latest_of_another(&self.given_contexts, session)
                {
                    ids.context_id = foreign;
                }
                if self.is(Fault::EventMisnamed)
                    && let Some((other, _)) =
                        self.given_contexts.iter().find(|(it, _)| it != session)
                {
                    event.session_id = Some(other.clone());
                }
                if self.is(Fault::EventUntagged) {
                    event.session_id = None;
                }
                if self.is(Fault::EventToWrongSession)
                    && let Some(neighbour) = sound.and_then(|slot| board.neighbour(slot, session))
                {
                    return vec![neighbour];
                }
            }
            ServerMessage::AgentThinking { .. } | ServerMessage::AgentCompleted { .. } => {}
            _ => return Vec::from_iter(sound),
        }
        if self.is(Fault::ActiveSessionGlobal)
            && let Some(active) = &self.active
        {
            event.session_id = Some(active.clone());
            return Vec::from_iter(board.slot_of(active));
        }
        Vec::from_iter(sound)
    }

    /// What a new run does, and when.
    pub(super) fn script(&mut self, session: &SessionId, run: &RunIds, sound: Script) -> Script {
        self.runs.push((session.clone(), run.clone()));
        let Script(mut acts) = sound;
        let of_first = self.runs.iter().filter(|(of, _)| *of == self.runs[0].0);
        if self.is(Fault::RunsStarved) && *session == self.runs[0].0 && of_first.count() > 1 {
            acts.retain(|(_, act)| *act != Act::Complete);
        }
        if self.runs.len() == FAULTY_RUN {
            if self.is(Fault::EventOutOfOrder) {
                acts.rotate_right(1);
            }
            if self.is(Fault::EventRepeated) {
                acts.extend(acts.last().copied());
            }
            if self.is(Fault::ThinkingSkipped) {
                acts.retain(|(_, act)| *act == Act::Complete);
            }
            if self.is(Fault::MissingCompletion) {
                acts.retain(|(_, act)| *act != Act::Complete);
            }
            if self.is(Fault::DeadlineMissed)
                && let Some((pause, _)) = acts.last_mut()
            {
                *pause = self.agent_limit + TOO_LATE;
            }
        }
        Script(acts)
    }
}

/// The latest of `ids` that belongs to another session.
fn latest_of_another<Id: Clone>(ids: &[(SessionId, Id)], session: &SessionId) -> Option<Id> {
    let latest = ids.iter().rev().find(|(owner, _)| owner != session);
    latest.map(|(_, id)| id.clone())
}
