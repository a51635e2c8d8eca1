//! The faults that can be planted in the backend.

use std::fmt;
use std::str::FromStr;

/// A name that is no fault's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no fault is named {0:?}; `Fault::ALL` has the names")]
pub struct UnknownFault(pub String);

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $describe:literal;)*) => {
        /// One thing the server can be made to do wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(
                #[doc = concat!("`", $name, "`: ", $describe, ".")]
                $variant,
            )*
        }

        impl Fault {
            /// Every fault, the ones about events first, then threads, what is stored, and sessions.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name on the command line, in kebab-case.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What the server does wrong, in one line.
            pub fn describe(self) -> &'static str {
                match self {
                    $(Self::$variant => $describe,)*
                }
            }
        }
    };
}

faults! {
    EventToWrongSession = "event-to-wrong-session",
        "a step of each run is delivered to the connection in the next slot, which is another session's";
    BroadcastToAll = "broadcast-to-all",
        "every event of a session is sent to every connection, for the client to filter";
    RunIdBleeding = "run-id-bleeding",
        "a step of a run carries the run id of another session's run";
    AgentIdBleeding = "agent-id-bleeding",
        "a step of a run carries the agent id of another session's run";
    ContextIdBleeding = "context-id-bleeding",
        "a step of a run carries the context id of another session's connection";
    ActiveSessionGlobal = "active-session-global",
        "one global \"active session\": a run's events are stamped for, and sent to, whoever spoke last";
    StaleMapping = "stale-mapping",
        "where a session sits is cached for ever: after a reconnect its events go to whoever took its old slot";
    EventUntagged = "event-untagged",
        "a step of each run names no session";
    EventMisnamed = "event-misnamed",
        "a step of each run names another session than the one that it is delivered to";
    EventOutOfOrder = "event-out-of-order",
        "one run is reported completed before its first step";
    EventRepeated = "event-repeated",
        "one run is reported completed twice";
    ThinkingSkipped = "thinking-skipped",
        "one run completes without a single step of thinking";
    MissingCompletion = "missing-completion",
        "one run never completes";
    RunsStarved = "runs-starved",
        "of one session, only the first run ever completes";
    DeadlineMissed = "deadline-missed",
        "one run completes after its limit";
    ThreadInForeignList = "thread-in-foreign-list",
        "threads are listed by user: a session sees the threads of the user's other sessions";
    ForeignThreadAnswered = "foreign-thread-answered",
        "opening compares users, not sessions: a foreign thread is answered with its content";
    WrongThreadAnswered = "wrong-thread-answered",
        "opening a thread is answered with another session's thread";
    UnrefusedWrite = "unrefused-write",
        "writing compares users, not sessions: a message is accepted into a foreign thread";
    AgentOnForeignThread = "agent-on-foreign-thread",
        "starting an agent compares users, not sessions: one runs on a foreign thread";
    OwnThreadRefused = "own-thread-refused",
        "a session may not open the threads that it created itself";
    RefusalUnanswered = "refusal-unanswered",
        "who asks for a foreign thread gets neither content nor refusal";
    ThreadInEvent = "thread-in-event",
        "a started run names a thread of another session";
    ThreadIdReused = "thread-id-reused",
        "a new thread gets the id of another session's thread, so that both sit in one conversation";
    RepliesShifted = "replies-shifted",
        "lists are answered one off: each reply goes to the connection that asked just before";
    WrongOwnerStored = "wrong-owner-stored",
        "the database gives one thread to another session than the one that created it";
    ThreadNotStored = "thread-not-stored",
        "one thread that was created is not in the database";
    SessionTakeover = "session-takeover",
        "the session id a client claims is believed, whoever's token it shows";
    SessionIdShared = "session-id-shared",
        "the session id is cached by user for desktop and tablet, so that two devices are given one";
    TokenNotRequired = "token-not-required",
        "a handshake without any token is let in, for whatever session it names";
    SharedAuthContext = "shared-auth-context",
        "the authentication context is cached by user, so that two sessions are given one";
    TokenReuse = "token-reuse",
        "the token id is cached by user, so that two sessions hold one";
    SlowEstablishment = "slow-establishment",
        "one connection is greeted only after the limit for establishing a session";
    ValidSessionRefused = "valid-session-refused",
        "one valid opening handshake is refused; the client succeeds only when it tries again";
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let known = Self::ALL.iter().find(|fault| fault.name() == name);
        known.copied().ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_its_own_and_reads_back() {
        let names: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
        }
        assert_eq!("sound".parse::<Fault>(), Err(UnknownFault("sound".into())));
    }
}
