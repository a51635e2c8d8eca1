//! Real clients that drive S1 to S4 against a base URL, in an order that a seed decides.
//!
//! Besides what the scenarios ask for, every run has decoys, which look like leaks and are none:
//! a declared share, an announcement to everybody, refused attempts at foreign threads, a
//! session that reconnects, a session with two connections at once, and a second user.

mod agents;
mod decoys;
mod error;
mod events;
mod patience;
mod schedule;
mod sign_in;
mod stage;
mod threads;

pub use error::ScenarioError;

use crate::client::{Received, SignIn};
use crate::protocol::ids::{SessionId, UserId};
use crate::{AGENT_LIMIT, Fault};
use schedule::Schedule;
use stage::Stage;
use std::time::Duration;
use tokio::time::Instant;

/// What a run of the scenarios is about.
#[derive(Debug, Clone)]
pub struct ScenarioOptions {
    /// The fault planted in the backend: what the clients must put up with and, where nothing
    /// else would show it, provoke. With none, they insist on right replies.
    pub fault: Option<Fault>,
    /// Decides the order of what happens at once, and the request ids.
    pub seed: u64,
    /// The user of S1 to S4: four sessions, one for each device.
    pub user: UserId,
    /// The second user.
    pub other_user: UserId,
    /// The backend's `agent_limit`.
    pub agent_limit: Duration,
}

impl Default for ScenarioOptions {
    fn default() -> Self {
        Self {
            fault: None,
            seed: 0,
            user: UserId("u-ada".to_owned()),
            other_user: UserId("u-ben".to_owned()),
            agent_limit: AGENT_LIMIT,
        }
    }
}

/// What the clients did and saw.
#[derive(Debug, Clone)]
pub struct ScenarioReport {
    /// One log for each connection, in the order in which they were closed.
    pub logs: Vec<ConnectionLog>,
    /// Agent runs that the session which started them saw completed.
    pub runs_completed: usize,
    /// Attempts at foreign or unknown threads that were refused.
    pub refused: usize,
    /// Valid opening handshakes that were refused and tried again; none unless a fault does it.
    pub refused_handshakes: usize,
    /// The longest time from opening a connection to the server's greeting on it.
    pub slowest_greeting: Duration,
    /// Replies and events that never came; none unless a fault makes it possible.
    pub missed: usize,
    /// From the first request to the last close.
    pub took: Duration,
}

/// What one connection received.
#[derive(Debug, Clone)]
pub struct ConnectionLog {
    /// Who opened it, from which device, with which token.
    pub holder: SignIn,
    /// The session it claimed; `holder`'s own, but for a takeover.
    pub session: SessionId,
    /// All messages, in order.
    pub received: Vec<Received>,
}

/// Drives S1 to S4 once. Takes one to two seconds; with faults about a limit
/// (`missing-completion`, `deadline-missed`, `slow-establishment`) that limit more, because only then it is certain.
pub async fn run(base: &str, options: &ScenarioOptions) -> Result<ScenarioReport, ScenarioError> {
    let start = Instant::now();
    let stage = Stage::new(base, options);
    // Boxed: five connections at once make a future of several pages.
    let cast = Box::pin(sign_in::everybody(&stage)).await?;
    let owned = threads::create(&stage, &cast).await?;
    threads::visit(&stage, &cast, &owned).await?;
    agents::run_nine(&stage, &cast, &owned).await?;
    events::trigger_and_listen(&stage, &cast, &owned).await?;
    let cast = decoys::play(&stage, cast, &owned).await?;
    if options.fault == Some(Fault::SessionTakeover) {
        sign_in::take_over(&stage, &cast, &owned).await?;
    }
    if options.fault == Some(Fault::TokenNotRequired) {
        sign_in::without_token(&stage, &cast).await?;
    }
    cast.leave(&stage).await;
    Ok(stage.report(start.elapsed()))
}
