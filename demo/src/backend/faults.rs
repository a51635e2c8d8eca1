//! Where the backend deviates when a fault is planted.
//!
//! Every hook takes what the sound backend would do and returns it, unless *its* fault is
//! planted. Nothing else in the backend asks which fault that is.

use super::agents::{Act, Script};
use super::handshake::Refused;
use super::state::Caller;
use super::switchboard::{Slot, Switchboard};
use super::threads::{Access, Thread};
use crate::Fault;
use crate::protocol::ids::{ContextId, RunId, SessionId, ThreadId, TokenId, UserId};
use crate::protocol::{Envelope, Refusal, ServerMessage};
use std::collections::HashMap;
use std::time::Duration;

/// The run, counted from one, that is out of order, never completes, or is late: with three
/// sessions starting three each at once, one in their midst.
const FAULTY_RUN: usize = 5;

/// The handshake, counted from one, that is refused though it is valid.
const REFUSED_HANDSHAKE: usize = 3;

/// The planted fault, and what the faults remember: each of these is a global, a cache or a
/// counter that a sound backend does not have.
#[derive(Debug)]
pub(super) struct Faults {
    planted: Option<Fault>,
    agent_limit: Duration,
    contexts: HashMap<UserId, ContextId>,
    tokens: HashMap<UserId, TokenId>,
    slots: HashMap<SessionId, Slot>,
    active: Option<SessionId>,
    previous_lister: Option<Slot>,
    runs: Vec<(SessionId, RunId)>,
    threads: Vec<(SessionId, ThreadId)>,
    handshakes: usize,
}

impl Faults {
    pub(super) fn new(planted: Option<Fault>, agent_limit: Duration) -> Self {
        Self {
            planted,
            agent_limit,
            contexts: HashMap::new(),
            tokens: HashMap::new(),
            slots: HashMap::new(),
            active: None,
            previous_lister: None,
            runs: Vec::new(),
            threads: Vec::new(),
            handshakes: 0,
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.planted == Some(fault)
    }

    /// The token id of a new session.
    pub(super) fn token_id(&mut self, user: &UserId, sound: TokenId) -> TokenId {
        if self.is(Fault::TokenReuse) {
            return self.tokens.entry(user.clone()).or_insert(sound).clone();
        }
        sound
    }

    /// The authentication context of a new connection.
    pub(super) fn context(&mut self, user: &UserId, sound: ContextId) -> ContextId {
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
        if self.is(Fault::ValidSessionRefused) && self.handshakes == REFUSED_HANDSHAKE {
            return sound.and(Err(Refused::Faulty));
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
            Access::Share | Access::Run => false,
        };
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
                if self.is(Fault::RunIdBleeding)
                    && let Some(foreign) = latest_of_another(&self.runs, session)
                {
                    ids.run_id = foreign;
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
    pub(super) fn script(&mut self, session: &SessionId, run: &RunId, sound: Script) -> Script {
        self.runs.push((session.clone(), run.clone()));
        let Script(mut acts) = sound;
        if self.runs.len() == FAULTY_RUN {
            if self.is(Fault::EventOutOfOrder) {
                acts.rotate_right(1);
            }
            if self.is(Fault::MissingCompletion) {
                acts.retain(|(_, act)| *act != Act::Complete);
            }
            if self.is(Fault::DeadlineMissed)
                && let Some((pause, _)) = acts.last_mut()
            {
                *pause = self.agent_limit + Duration::from_secs(1);
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
