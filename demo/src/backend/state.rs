//! Everything the backend knows: sessions, threads, who is connected.

use super::BackendConfig;
use super::agents::Script;
use super::faults::Faults;
use super::http::SignedIn;
use super::switchboard::{Outgoing, Slot, Switchboard};
use super::tables::{StoredRun, StoredSession};
use super::threads::Threads;
use crate::protocol::ids::{AgentId, ContextId, Mint, RunId, SessionId, TokenId, UserId};
use crate::protocol::{Device, Envelope, RunIds, ServerMessage};
use crate::token::{self, Claims};
use std::collections::HashMap;
use std::time::Duration;

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
    device: Device,
    /// More than one only where two sign-ins were given one session.
    tokens: Vec<String>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) config: BackendConfig,
    pub(super) mint: Mint,
    pub(super) faults: Faults,
    pub(super) threads: Threads,
    pub(super) switchboard: Switchboard,
    /// The runs that were started.
    pub(super) runs: Vec<StoredRun>,
    sessions: HashMap<SessionId, Session>,
    /// Of its own, so that ids do not depend on it.
    delays: fastrand::Rng,
}

impl State {
    pub(super) fn new(config: BackendConfig) -> Self {
        Self {
            mint: Mint::new(config.seed),
            faults: Faults::new(&config),
            threads: Threads::default(),
            switchboard: Switchboard::default(),
            delays: fastrand::Rng::with_seed(!config.seed),
            runs: Vec::new(),
            sessions: HashMap::new(),
            config,
        }
    }

    /// A new session of a user, who is believed: passwords are not what this example is about.
    pub(super) fn sign_in(&mut self, user: &UserId, device: Device) -> SignedIn {
        let fresh = SessionId(self.mint.id("s-"));
        let session_id = self.faults.session_id(user, device, fresh);
        let fresh = TokenId(self.mint.id("tok-"));
        let claims = Claims {
            sub: user.clone(),
            sid: session_id.clone(),
            jti: self.faults.token_id(user, fresh),
            device,
        };
        let token = token::encode(&claims, std::array::from_fn(|_| self.mint.rng().u8(..)));
        let session = self.sessions.entry(session_id.clone());
        let session = session.or_insert_with(|| Session {
            user: user.clone(),
            device,
            tokens: Vec::new(),
        });
        session.tokens.push(token.clone());
        SignedIn { session_id, token }
    }

    pub(super) fn knows(&self, session: &SessionId) -> bool {
        self.sessions.contains_key(session)
    }

    /// Whether this very token was issued for the session it claims.
    pub(super) fn issued(&self, token: &str, claims: &Claims) -> bool {
        self.sessions
            .get(&claims.sid)
            .is_some_and(|session| session.tokens.iter().any(|issued| issued == token))
    }

    /// The rows of `user_sessions`, in no order.
    pub(super) fn stored_sessions(&self) -> Vec<StoredSession> {
        let rows = self.sessions.iter().map(|(id, session)| StoredSession {
            id: id.clone(),
            user: session.user.clone(),
            device: session.device,
        });
        rows.collect()
    }

    /// Seats a connection of a known session, and greets it before anything else can reach it.
    pub(super) fn connect(&mut self, session: &SessionId, outgoing: Outgoing) -> Option<Caller> {
        let user = self.sessions.get(session)?.user.clone();
        let fresh = ContextId(self.mint.id("ctx_"));
        let context = self.faults.context(session, &user, fresh);
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

    /// How long the server takes over a request, drawn anew for each.
    pub(super) fn delay(&mut self) -> Duration {
        self.config.longest_delay.mul_f64(self.delays.f64())
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
        let script = self.faults.script(&caller.session, &ids, script);
        (ids, script)
    }
}
