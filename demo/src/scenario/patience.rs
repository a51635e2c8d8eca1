//! How long clients wait, and what it means when nothing comes.

use super::ScenarioOptions;
use crate::Fault;
use std::time::Duration;

/// A wait for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// It comes; the time is a safety net, and running into it is an error.
    Must(Duration),
    /// The planted fault may swallow it: go on without it after this time.
    May(Duration),
}

impl Wait {
    pub(super) fn time(self) -> Duration {
        match self {
            Self::Must(time) | Self::May(time) => time,
        }
    }
}

/// The waits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    /// For the greeting of a connection, which no fault swallows.
    pub(super) greeting: Duration,
    /// For the reply to a request.
    pub(super) reply: Wait,
    /// For the completion of an agent run.
    pub(super) run: Wait,
}

/// Far beyond what a busy machine takes: only what is broken runs into it.
const SAFETY_NET: Duration = Duration::from_secs(90);
const SWALLOWED: Duration = Duration::from_secs(1);
/// A reply that is owed within two seconds is missing for certain only after them.
const OWED: Duration = Duration::from_millis(2_200);
const MORE: Duration = Duration::from_secs(1);

impl Patience {
    pub(super) fn with(options: &ScenarioOptions) -> Self {
        let sound = Self {
            greeting: SAFETY_NET,
            reply: Wait::Must(SAFETY_NET),
            run: Wait::Must(SAFETY_NET),
        };
        let Some(fault) = options.fault else {
            return sound;
        };
        match fault {
            Fault::RepliesShifted => Self {
                reply: Wait::May(SWALLOWED),
                ..sound
            },
            Fault::RefusalUnanswered => Self {
                reply: Wait::May(OWED),
                ..sound
            },
            Fault::ActiveSessionGlobal
            | Fault::StaleMapping
            | Fault::SessionIdShared
            | Fault::RunsStarved
            | Fault::ThinkingSkipped => Self {
                run: Wait::May(SWALLOWED),
                ..sound
            },
            Fault::MissingCompletion => Self {
                run: Wait::May(options.agent_limit + MORE),
                ..sound
            },
            Fault::DeadlineMissed => Self {
                run: Wait::Must(options.agent_limit + SAFETY_NET),
                ..sound
            },
            Fault::EventToWrongSession
            | Fault::BroadcastToAll
            | Fault::RunIdBleeding
            | Fault::AgentIdBleeding
            | Fault::ContextIdBleeding
            | Fault::EventMisnamed
            | Fault::EventRepeated
            | Fault::WrongThreadAnswered
            | Fault::AgentOnForeignThread
            | Fault::OwnThreadRefused
            | Fault::WrongOwnerStored
            | Fault::ThreadNotStored
            | Fault::TokenNotRequired
            | Fault::SlowEstablishment
            | Fault::EventUntagged
            | Fault::EventOutOfOrder
            | Fault::ThreadInForeignList
            | Fault::ForeignThreadAnswered
            | Fault::UnrefusedWrite
            | Fault::ThreadInEvent
            | Fault::ThreadIdReused
            | Fault::SessionTakeover
            | Fault::SharedAuthContext
            | Fault::TokenReuse
            | Fault::ValidSessionRefused => sound,
        }
    }
}
