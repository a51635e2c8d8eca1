//! Every fault, planted, is visible to the clients.

use super::seen::{Seen, held_by_several};
use super::{AGENT_LIMIT, ESTABLISHING_LIMIT, Played, play};
use std::collections::BTreeSet;
use wsaudit_demo::Fault;
use wsaudit_demo::scenario::ConnectionLog;

/// Whether what this fault does can be seen in the logs.
#[expect(clippy::too_many_lines, reason = "one arm for each fault")]
pub(crate) fn is_visible(fault: Fault, report: &Played) -> bool {
    let seen = Seen(report);
    let misaddressed = |name: &str| seen.misaddressed().iter().any(|(_, it)| it.name() == name);
    match fault {
        Fault::EventToWrongSession => misaddressed("agent_thinking"),
        Fault::BroadcastToAll => {
            let sessions: BTreeSet<_> = report.logs.iter().map(|log| &log.session).collect();
            let completions = seen.given("agent_completed", "run_id");
            // The guest comes late, so the runs before it reach one session fewer.
            completions
                .values()
                .any(|given| given.len() + 1 >= sessions.len())
        }
        Fault::RunIdBleeding => {
            let sightings = seen.sightings(seen.run_owners());
            sightings
                .iter()
                .any(|(to, it)| it.session_id() == Some(&to.0))
        }
        Fault::ActiveSessionGlobal => {
            let sightings = seen.sightings(seen.run_owners());
            let stamped = sightings
                .iter()
                .filter(|(to, it)| it.session_id() == Some(&to.0));
            stamped
                .into_iter()
                .any(|(_, it)| it.name() == "agent_completed")
        }
        Fault::StaleMapping => {
            let guest = |it: &str| it == "TABLET_BROWSER";
            report
                .logs
                .iter()
                .filter(|log| guest(log.holder.device.name()))
                .any(|log| {
                    log.holder.user.0 == "u-ben"
                        && log.received.iter().any(|it| {
                            it.name() == "agent_completed" && !it.has("session_id", &log.session.0)
                        })
                })
        }
        Fault::EventUntagged => !seen.untagged().is_empty(),
        Fault::AgentIdBleeding | Fault::ContextIdBleeding => {
            let member = match fault {
                Fault::AgentIdBleeding => "agent_id",
                _ => "context_id",
            };
            let owners = seen.run_owners();
            seen.named("agent_thinking").any(|(to, it)| {
                let shown = it.text(member).and_then(|id| owners.get(id));
                shown.is_some_and(|have| !have.contains(to))
            })
        }
        Fault::EventMisnamed => {
            let owners = seen.run_owners();
            seen.misaddressed().iter().any(|(to, it)| {
                let run = it.text("run_id").and_then(|run| owners.get(run));
                run.is_some_and(|have| have.contains(to))
            })
        }
        Fault::EventRepeated => {
            seen.runs().values().any(|run| {
                let completed = run.iter().filter(|it| **it == "agent_completed");
                completed.count() > 1
            }) && seen.misaddressed().is_empty()
        }
        Fault::ThinkingSkipped => seen
            .runs()
            .values()
            .any(|run| !run.contains(&"agent_thinking")),
        Fault::RunsStarved => {
            let runs = seen.runs();
            runs.values()
                .filter(|run| !run.contains(&"agent_completed"))
                .count()
                > 1
        }
        Fault::EventOutOfOrder => seen
            .runs()
            .values()
            .any(|run| run.last() == Some(&"agent_thinking")),
        Fault::MissingCompletion => seen
            .runs()
            .values()
            .any(|run| !run.contains(&"agent_completed")),
        Fault::DeadlineMissed => seen.longest_run() > AGENT_LIMIT,
        Fault::ThreadInForeignList => {
            let sightings = seen.sightings(seen.thread_owners());
            sightings
                .iter()
                .any(|(to, it)| it.name() == "thread_list" && it.has("session_id", &to.0))
        }
        Fault::ForeignThreadAnswered => seen
            .sightings(seen.thread_owners())
            .iter()
            .any(|(_, it)| it.name() == "thread"),
        Fault::UnrefusedWrite => seen
            .sightings(seen.thread_owners())
            .iter()
            .any(|(_, it)| it.name() == "message_added"),
        // Three workers at one foreign thread, the second user at another; in three ways each.
        Fault::RefusalUnanswered => report.missed == 12 && report.refused == 9,
        Fault::WrongThreadAnswered => seen
            .sightings(seen.thread_owners())
            .iter()
            .any(|(to, it)| it.name() == "thread" && it.has("session_id", &to.0)),
        Fault::AgentOnForeignThread => seen
            .sightings(seen.thread_owners())
            .iter()
            .any(|(_, it)| it.name() == "agent_started"),
        Fault::OwnThreadRefused => {
            let owners = seen.thread_owners();
            seen.named("error").any(|(to, it)| {
                let thread = it.text("thread_id").and_then(|id| owners.get(id));
                thread.is_some_and(|have| have.contains(to))
            })
        }
        Fault::WrongOwnerStored => {
            let owners = seen.thread_owners();
            let mut rows = report.tables.threads.iter();
            rows.any(|row| !owners[&row.id.0].contains(&row.session))
        }
        Fault::ThreadNotStored => {
            report.tables.threads.len() < seen.named("thread_created").count()
                && !held_by_several(&seen.thread_owners())
        }
        Fault::SessionIdShared => report.logs.iter().any(|log| {
            let same = |other: &&ConnectionLog| other.session == log.session;
            let mut others = report.logs.iter().filter(same);
            others.any(|other| other.holder.device != log.holder.device)
        }),
        Fault::TokenNotRequired => report
            .logs
            .iter()
            .any(|log| log.holder.token.is_empty() && !log.received.is_empty()),
        Fault::SlowEstablishment => report.slowest_greeting > ESTABLISHING_LIMIT,
        Fault::ThreadInEvent => seen
            .sightings(seen.thread_owners())
            .iter()
            .any(|(_, it)| it.name() == "agent_started"),
        Fault::ThreadIdReused => held_by_several(&seen.thread_owners()),
        Fault::RepliesShifted => misaddressed("thread_list"),
        Fault::SessionTakeover => {
            let taken = report
                .logs
                .iter()
                .find(|log| log.session != log.holder.session_id);
            taken.is_some_and(|log| log.received.iter().any(|it| it.name() == "thread"))
        }
        Fault::SharedAuthContext => held_by_several(&seen.given("session_ready", "context_id")),
        Fault::TokenReuse => {
            let ids = seen.token_ids();
            ids.values().collect::<BTreeSet<_>>().len() < ids.len()
        }
        Fault::ValidSessionRefused => report.refused_handshakes == 1,
    }
}

macro_rules! planted {
    ($($test:ident: $fault:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                for seed in [1, 2] {
                    let report = play(Some(Fault::$fault), seed).await;
                    assert!(is_visible(Fault::$fault, &report), "seed {seed}: {report:#?}");
                }
            }
        )*

        #[test]
        fn every_fault_has_its_test() {
            assert_eq!(Fault::ALL, [$(Fault::$fault),*]);
        }
    };
}

planted! {
    event_to_wrong_session: EventToWrongSession
    broadcast_to_all: BroadcastToAll
    run_id_bleeding: RunIdBleeding
    agent_id_bleeding: AgentIdBleeding
    context_id_bleeding: ContextIdBleeding
    active_session_global: ActiveSessionGlobal
    stale_mapping: StaleMapping
    event_untagged: EventUntagged
    event_misnamed: EventMisnamed
    event_out_of_order: EventOutOfOrder
    event_repeated: EventRepeated
    thinking_skipped: ThinkingSkipped
    missing_completion: MissingCompletion
    runs_starved: RunsStarved
    deadline_missed: DeadlineMissed
    thread_in_foreign_list: ThreadInForeignList
    foreign_thread_answered: ForeignThreadAnswered
    wrong_thread_answered: WrongThreadAnswered
    unrefused_write: UnrefusedWrite
    agent_on_foreign_thread: AgentOnForeignThread
    own_thread_refused: OwnThreadRefused
    refusal_unanswered: RefusalUnanswered
    thread_in_event: ThreadInEvent
    thread_id_reused: ThreadIdReused
    replies_shifted: RepliesShifted
    wrong_owner_stored: WrongOwnerStored
    thread_not_stored: ThreadNotStored
    session_takeover: SessionTakeover
    session_id_shared: SessionIdShared
    token_not_required: TokenNotRequired
    shared_auth_context: SharedAuthContext
    token_reuse: TokenReuse
    slow_establishment: SlowEstablishment
    valid_session_refused: ValidSessionRefused
}
