//! Everything the backend knows: sessions, threads, who is connected.

use super::BackendConfig;
use super::agents::Script;
use super::faults::Faults;
use super::http::SignedIn;
use super::switchboard::{Outgoing, Slot, Switchboard};
use super::threads::Threads;
use crate::protocol::ids::{AgentId, ContextId, Mint, RunId, SessionId, TokenId, UserId};
use crate::protocol::{Device, Envelope, RunIds, ServerMessage};
use crate::token::{self, Claims};
use std::collections::HashMap;

/// One connection, as the code that answers its requests sees it.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) slot: Slot,
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) context: ContextId,
}

#[derive(Debug)]
struct Session {
    user: UserId,
    token: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) config: BackendConfig,
    pub(super) mint: Mint,
    pub(super) faults: Faults,
    pub(super) threads: Threads,
    pub(super) switchboard: Switchboard,
    sessions: HashMap<SessionId, Session>,
}

impl State {
    pub(super) fn new(config: BackendConfig) -> Self {
        Self {
            mint: Mint::new(config.seed),
            faults: Faults::new(config.fault, config.agent_limit),
            threads: Threads::default(),
            switchboard: Switchboard::default(),
            sessions: HashMap::new(),
            config,
        }
    }

    /// A new session of a user, who is believed: passwords are not what this example is about.
    pub(super) fn sign_in(&mut self, user: &UserId, device: Device) -> SignedIn {
        let session_id = SessionId(self.mint.id("s-"));
        let fresh = TokenId(self.mint.id("tok-"));
        let claims = Claims {
            sub: user.clone(),
            sid: session_id.clone(),
            jti: self.faults.token_id(user, fresh),
            device,
        };
        let token = token::encode(&claims, std::array::from_fn(|_| self.mint.rng().u8(..)));
        let session = Session {
            user: user.clone(),
            token: token.clone(),
        };
        self.sessions.insert(session_id.clone(), session);
        SignedIn { session_id, token }
    }

    pub(super) fn knows(&self, session: &SessionId) -> bool {
        self.sessions.contains_key(session)
    }

    /// Whether this very token was issued for the session it claims.
    pub(super) fn issued(&self, token: &str, claims: &Claims) -> bool {
        self.sessions
            .get(&claims.sid)
            .is_some_and(|session| session.token == token)
    }

    /// Seats a connection of a known session, and greets it before anything else can reach it.
    pub(super) fn connect(&mut self, session: &SessionId, outgoing: Outgoing) -> Option<Caller> {
        let user = self.sessions.get(session)?.user.clone();
        let fresh = ContextId(self.mint.id("ctx_"));
        let context = self.faults.context(&user, fresh);
        let slot = self.switchboard.join(session, outgoing);
        let caller = Caller {
            slot,
            session: session.clone(),
            user,
            context,
        };
        let ready = ServerMessage::SessionReady {
            user_id: caller.user.clone(),
            context_id: caller.context.clone(),
        };
        self.switchboard.send(slot, &Envelope::to(session, ready));
        Some(caller)
    }

    /// The direct answer to a request: on the connection that asked.
    pub(super) fn reply(&mut self, caller: &Caller, message: ServerMessage) {
        if let Some(slot) = self.faults.reply_slot(caller.slot, &message) {
            self.switchboard
                .send(slot, &Envelope::to(&caller.session, message));
        }
    }

    /// Something that happens to a session: on its newest connection, lost if it has none.
    pub(super) fn emit(&mut self, session: &SessionId, message: ServerMessage) {
        let mut event = Envelope::to(session, message);
        for slot in self.faults.route(&mut event, session, &self.switchboard) {
            self.switchboard.send(slot, &event);
        }
    }

    /// Said to everybody who is connected.
    pub(super) fn announce(&mut self, text: String) {
        let announcement = Envelope::to_everybody(ServerMessage::Announcement { text });
        for slot in self.switchboard.everybody() {
            self.switchboard.send(slot, &announcement);
        }
    }

    /// Ids and timetable of a new run; `thinking` steps and a completion.
    pub(super) fn plan_run(&mut self, caller: &Caller, thinking: u32) -> (RunIds, Script) {
        let ids = RunIds {
            run_id: RunId(self.mint.id("run_")),
            agent_id: AgentId(self.mint.id("agt_")),
            context_id: caller.context.clone(),
        };
        let script = Script::sound(thinking, self.config.pace, self.mint.rng());
        let script = self.faults.script(&caller.session, &ids.run_id, script);
        (ids, script)
    }
}
