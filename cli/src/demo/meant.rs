//! Which rule is meant for which fault.

use wsaudit_demo::Fault;

/// The rule of the pack `agent-platform` that must find the fault.
pub(super) const fn rule_for(fault: Fault) -> &'static str {
    match fault {
        Fault::EventToWrongSession | Fault::BroadcastToAll | Fault::StaleMapping => {
            "event-of-another-session"
        }
        Fault::EventUntagged => "event-names-its-session",
        // The event names the session that it reaches: only the run's owner tells.
        Fault::RunIdBleeding | Fault::ActiveSessionGlobal => "own-run",
        Fault::EventOutOfOrder | Fault::MissingCompletion => "run-in-order",
        Fault::DeadlineMissed => "runs-in-time",
        Fault::ThreadInForeignList
        | Fault::ForeignThreadAnswered
        | Fault::UnrefusedWrite
        | Fault::ThreadInEvent
        | Fault::ThreadIdReused => "foreign-thread",
        Fault::RefusalUnanswered | Fault::RepliesShifted => "request-answered",
        Fault::SessionTakeover => "one-session-one-holder",
        Fault::SharedAuthContext => "own-context",
        Fault::TokenReuse => "no-shared-credential",
        Fault::ValidSessionRefused => "every-session-authenticates",
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_verifier::rules::Pack;

    use super::*;

    #[test]
    fn every_fault_has_a_rule_that_is_there() {
        let pack = Pack::shipped("agent-platform").unwrap();
        for fault in Fault::ALL {
            let rule = rule_for(*fault);
            assert!(pack.rules.iter().any(|it| it.id == rule), "{fault}: {rule}");
        }
    }
}
