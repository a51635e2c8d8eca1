//! Which rules are meant for which fault.

use wsaudit_demo::Fault;

/// The rule of the pack `agent-platform` that must find the fault.
pub(super) const fn rule_for(fault: Fault) -> &'static str {
    match fault {
        Fault::EventToWrongSession
        | Fault::BroadcastToAll
        | Fault::StaleMapping
        | Fault::EventMisnamed => "event-of-another-session",
        Fault::EventUntagged => "event-names-its-session",
        // The event names the session that it reaches: only the run's owner tells.
        Fault::RunIdBleeding | Fault::ActiveSessionGlobal => "own-run",
        Fault::AgentIdBleeding => "own-agent",
        Fault::EventOutOfOrder
        | Fault::EventRepeated
        | Fault::ThinkingSkipped
        | Fault::MissingCompletion => "run-in-order",
        Fault::RunsStarved => "runs-completed",
        Fault::DeadlineMissed => "runs-in-time",
        Fault::ThreadInForeignList
        | Fault::ForeignThreadAnswered
        | Fault::WrongThreadAnswered
        | Fault::UnrefusedWrite
        | Fault::AgentOnForeignThread
        | Fault::ThreadInEvent
        | Fault::ThreadIdReused => "foreign-thread",
        Fault::OwnThreadRefused => "own-thread-refused",
        Fault::WrongOwnerStored | Fault::ThreadNotStored => "threads-as-stored",
        Fault::RefusalUnanswered | Fault::RepliesShifted => "request-answered",
        Fault::SessionTakeover | Fault::SessionIdShared => "one-session-one-holder",
        Fault::SharedAuthContext | Fault::ContextIdBleeding => "own-context",
        Fault::TokenReuse => "no-shared-credential",
        Fault::ValidSessionRefused | Fault::TokenNotRequired => "every-session-authenticates",
        Fault::SlowEstablishment => "established-in-time",
    }
}

/// The rules that the fault breaks besides, by its nature. Any other would be a false alarm.
pub(super) const fn also(fault: Fault) -> &'static [&'static str] {
    match fault {
        // The whole event is somebody else's: its address, its run, agent and context, and the run
        // it is missing from.
        Fault::EventToWrongSession | Fault::StaleMapping => &[
            "event-names-its-session",
            "own-agent",
            "own-context",
            "own-run",
            "run-in-order",
            "runs-as-stored",
        ],
        Fault::BroadcastToAll => &[
            "event-names-its-session",
            "foreign-thread",
            "own-agent",
            "own-context",
            "own-run",
            "run-in-order",
            "runs-as-stored",
            "threads-as-stored",
        ],
        Fault::ActiveSessionGlobal => &[
            "own-agent",
            "own-context",
            "run-in-order",
            "runs-as-stored",
            "runs-completed",
        ],
        // The step is missing from its own run, and out of order in the other.
        Fault::RunIdBleeding => &["run-in-order", "runs-as-stored"],
        // Both say that the address is wrong.
        Fault::EventMisnamed => &["event-names-its-session"],
        // A run that is not over after 15 s breaks both its order and its limit.
        Fault::MissingCompletion => &["runs-in-time"],
        Fault::DeadlineMissed => &["run-in-order"],
        Fault::ThreadInForeignList
        | Fault::ForeignThreadAnswered
        | Fault::UnrefusedWrite
        | Fault::AgentOnForeignThread
        | Fault::ThreadIdReused => &["threads-as-stored"],
        // The reply is about another thread than the request.
        Fault::WrongThreadAnswered | Fault::ThreadInEvent => {
            &["request-answered", "threads-as-stored"]
        }
        Fault::RepliesShifted => &[
            "event-names-its-session",
            "event-of-another-session",
            "foreign-thread",
            "threads-as-stored",
        ],
        Fault::SessionTakeover | Fault::SessionIdShared => &["handshake/one-session-one-holder"],
        Fault::AgentIdBleeding
        | Fault::ContextIdBleeding
        | Fault::EventUntagged
        | Fault::EventOutOfOrder
        | Fault::EventRepeated
        | Fault::ThinkingSkipped
        | Fault::RunsStarved
        | Fault::OwnThreadRefused
        | Fault::RefusalUnanswered
        | Fault::WrongOwnerStored
        | Fault::ThreadNotStored
        | Fault::TokenNotRequired
        | Fault::SharedAuthContext
        | Fault::TokenReuse
        | Fault::SlowEstablishment
        | Fault::ValidSessionRefused => &[],
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_verifier::rules::{Checked, Pack};

    use super::super::database;
    use super::*;

    #[test]
    fn every_fault_has_a_rule_that_is_there() {
        let texts = [("database.toml", database::RULES)];
        let database = Checked::from_texts(&texts).unwrap().pack;
        let named = |pack: &Pack, prefix: &str| -> Vec<String> {
            let ids = pack.rules.iter().map(|rule| format!("{prefix}{}", rule.id));
            ids.collect()
        };
        let mut ids = named(&Pack::shipped("agent-platform").unwrap(), "");
        ids.extend(named(&Pack::shipped("handshake").unwrap(), "handshake/"));
        ids.extend(named(&database, ""));
        for fault in Fault::ALL {
            for rule in also(*fault).iter().chain([&rule_for(*fault)]) {
                assert!(ids.iter().any(|id| id == rule), "{fault}: {rule}");
            }
        }
    }
}
