//! Recordings that hold less: whatever is missing of a history, the verifier is never surer of what is left
//! than it is of the whole. This needs no second implementation of any kind; it asks the same rule twice.
//!
//! 1. What breaks a rule in the part breaks it in the whole, too: hiding invents no breach.
//! 2. What is in doubt in the whole, or breaks the rule there, is never clean in the part.
//! 3. Nor is anybody judged to be safe who was not.

mod excuses;
mod recorder;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::engine::{RuleResult, Verification};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::finding::Violation;
use wsaudit_verifier::history::Source;
use wsaudit_verifier::report::report;
use wsaudit_verifier::rules::{HolderKind, Pack, ReportField};
use wsaudit_verifier::verdict::{Reason, State, Verdict};
use wsaudit_wire::Direction;

use self::excuses::{Excuses, is_shared_otherwise};
use self::recorder::troubles;
use super::lives::{Event, Fields, History, What, Who};
use super::random::{Names, cases, histories};
use super::shared::{NAMING, naming};
use super::told::{Told, check_recording, pack, summary, who};
use super::{
    addressed, correlated, count, duration, handshake, members, owned, protocol, response,
    sequence, window,
};

/// Messages as most rules read them.
fn told(history: &History) -> Told {
    Told::new(history, &|event: &Event<'_>| {
        let fields = event.fields.map(Fields::json).unwrap_or_default();
        format!(r#"{{"type":"{}"{fields}}}"#, event.name)
    })
}

/// With nothing wrong with it: all is there, and can be read.
fn complete(mut history: History) -> History {
    history.gaps.clear();
    history.unclean = false;
    for one in &mut history.happened {
        if let What::Garbled(..) = one.what {
            one.what = What::Ping;
        }
    }
    history
}

fn whole(names: Names) -> impl Strategy<Value = History> {
    histories(names).prop_map(complete)
}

/// What breaks a rule: whose it is, and of which id.
type Breach = (Option<Who>, Option<String>);

/// Whom breaches are compared by, beside their ids.
#[derive(Debug, Clone, Copy)]
enum By {
    Holder(HolderKind),
    /// Nobody: it is about an id, or all there is.
    Id,
    /// The connection, where it is about no id.
    Handshake,
    /// Whoever receives or does what it must not, which that may excuse.
    Receiver(HolderKind, Excuses),
}

impl From<HolderKind> for By {
    fn from(kind: HolderKind) -> Self {
        Self::Holder(kind)
    }
}

impl By {
    fn breach(self, found: &Verification, violation: &Violation) -> Breach {
        let id = violation.resource.clone();
        let kind = match self {
            Self::Holder(kind) | Self::Receiver(kind, _) => Some(kind),
            Self::Handshake if id.is_none() => Some(HolderKind::Connection),
            Self::Handshake | Self::Id => None,
        };
        let who = kind.and_then(|kind| who(found, kind, violation.subject));
        (who, id)
    }
}

/// Whoever receives what is of another one; `shares` is whom shares name, where that is of another kind.
fn receiver(kind: HolderKind, shares: Option<HolderKind>) -> By {
    By::Receiver(kind, Excuses { kind, shares })
}

/// Whether something but the lack of an opportunity keeps a rule from being decided.
fn is_doubted(rule: &RuleResult) -> bool {
    let mut doubts = rule.outcome.doubts.iter();
    doubts.any(|doubt| doubt.reason != Reason::NotExercised)
}

/// By session and user: whether they are judged to be safe.
fn judgements(pack: &Pack, found: &Verification, told: &Told) -> BTreeMap<String, Option<bool>> {
    let sources: Vec<Box<dyn Source>> = vec![Box::new(told.clone())];
    let report = report(std::slice::from_ref(pack), found, &sources).expect("it can be read");
    let sessions = report.sessions.into_iter();
    let sessions = sessions.map(|one| (one.session_id, one.thread_isolation_verified));
    let users = report.users.into_iter();
    let users = users.map(|one| (one.user_id, one.thread_isolation_maintained));
    sessions.chain(users).collect()
}

/// Asks a pack of one rule twice, of the whole and of the part.
fn is_never_surer(
    pack: Pack,
    whole: &Told,
    part: &Told,
    facts: &Facts,
    by: impl Into<By>,
) -> Result<(), TestCaseError> {
    let (mut pack, by) = (pack, by.into());
    pack.rules[0].reports = Some(ReportField::ThreadIsolationVerified);
    let [truth, found] = [whole, part].map(|told| check_recording(&pack, told, facts));
    let rules = [&truth.rules[0], &found.rules[0]];
    let told = format!(
        "{:#?}\nthe whole: {}\n{}\nthe part: {}\n{}",
        part.outline.gaps,
        rules[0].state.as_str(),
        summary(&rules[0].outcome),
        rules[1].state.as_str(),
        summary(&rules[1].outcome)
    );
    let known = rules[0].outcome.violations.iter();
    let mut known: BTreeSet<_> = known.map(|one| by.breach(&truth, one)).collect();
    // Whose something is, who may see it, and which credentials are one holder's, what comes after the end may
    // change; it excuses nothing.
    if let (By::Receiver(..) | By::Handshake, Some(ended)) = (by, whole.ended_as(part)) {
        let ended = check_recording(&pack, &ended, facts);
        let violations = ended.rules[0].outcome.violations.iter();
        known.extend(violations.map(|one| by.breach(&ended, one)));
    }
    for violation in &rules[1].outcome.violations {
        let breach = by.breach(&found, violation);
        let stands = match by {
            By::Receiver(_, excuses) => excuses.leave(violation, (&truth, whole), (&found, part)),
            // What is nobody's leaves more in doubt than its absence.
            By::Holder(_) => {
                let mut doubts = rules[0].outcome.doubts.iter();
                doubts.any(|doubt| doubt.reason == Reason::Unidentified)
                    || is_shared_otherwise(violation, &truth, &found)
            }
            By::Id | By::Handshake => false,
        };
        // Of whom nothing is known in one of them, is told by what it is about.
        let alike = |(who, id): &Breach| {
            *id == breach.1 && (*who == breach.0 || who.is_none() || breach.0.is_none())
        };
        let is_known = known.iter().any(alike);
        // Whose a shared connection is may be known otherwise in one of them: it is the same frame all the same.
        let is_same = |one: &Violation| {
            one.offending == violation.offending && one.resource == violation.resource
        };
        let is_known = is_known || rules[0].outcome.violations.iter().any(is_same);
        prop_assert!(stands || is_known, "invents {breach:?}\n{told}");
    }
    if rules[0].state == State::Violated || is_doubted(rules[0]) {
        let is_open = rules[1].state == State::Violated || is_doubted(rules[1]);
        prop_assert!(is_open, "is clean\n{told}");
        prop_assert_ne!(rules[1].verdict, Verdict::Clean, "is clean\n{}", told);
        prop_assert_ne!(rules[1].state, State::Holds, "is clean\n{}", told);
    }
    if let By::Handshake = by {
        // Whose a handshake was, messages that are missing may have said.
        return Ok(());
    }
    let [known, shown] = [(&truth, whole), (&found, part)].map(|it| judgements(&pack, it.0, it.1));
    for (name, safe) in shown {
        let wrong = safe == Some(true) && known.get(&name) == Some(&Some(false));
        prop_assert!(!wrong, "{name} is judged to be safe\n{told}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn addressed_is_never_surer(
        rule in addressed::rules(),
        history in whole(addressed::NAMES),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        let pack = pack(&rule.text(""));
        is_never_surer(pack, &whole, &whole.after(&troubles), &Facts::default(), rule.to)?;
    }

    #[test]
    fn addressed_is_never_surer_where_sessions_share_a_connection(
        rule in addressed::rules(),
        history in naming(whole(addressed::NAMES)),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        let pack = pack(&rule.text(NAMING));
        is_never_surer(pack, &whole, &whole.after(&troubles), &Facts::default(), rule.to)?;
    }

    #[test]
    fn owned_is_never_surer_of_what_is_asked_for(
        rule in owned::rules(),
        history in whole(owned::NAMES).prop_map(owned::blank),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        let pack = pack(&rule.text(""));
        is_never_surer(pack, &whole, &whole.after(&troubles), &Facts::default(), receiver(rule.owner, None))?;
    }

    #[test]
    fn owned_is_never_surer_of_what_those_who_share_a_connection_ask_for(
        rule in owned::rules(),
        history in naming(whole(owned::NAMES_OF_SHARED).prop_map(owned::blank)),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        let pack = pack(&rule.text(NAMING));
        is_never_surer(pack, &whole, &whole.after(&troubles), &Facts::default(), receiver(rule.owner, None))?;
    }

    #[test]
    fn owned_is_never_surer_of_who_may_see_it(
        rule in members::rules(),
        history in whole(members::NAMES).prop_map(members::crowded),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        let pack = pack(&rule.text(""));
        is_never_surer(pack, &whole, &whole.after(&troubles), &rule.told(), receiver(rule.owner, rule.shares))?;
    }

    #[test]
    fn owned_is_never_surer_of_who_of_a_shared_connection_may_see_it(
        rule in members::rules(),
        history in naming(whole(members::NAMES_OF_SHARED).prop_map(members::crowded)),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        let pack = pack(&rule.text(NAMING));
        is_never_surer(pack, &whole, &whole.after(&troubles), &rule.told(), receiver(rule.owner, rule.shares))?;
    }

    #[test]
    fn sequence_is_never_surer(
        rule in sequence::rules(),
        history in whole(sequence::NAMES),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        is_never_surer(pack(&rule.text()), &whole, &whole.after(&troubles), &Facts::default(), rule.on)?;
    }

    #[test]
    fn response_is_never_surer(
        rule in response::rules(),
        history in whole(response::NAMES),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        is_never_surer(pack(&rule.text()), &whole, &whole.after(&troubles), &Facts::default(), rule.on)?;
    }

    #[test]
    fn never_and_always_are_never_surer(
        rule in window::rules(),
        history in whole(window::NAMES),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        is_never_surer(pack(&rule.text()), &whole, &whole.after(&troubles), &Facts::default(), rule.per)?;
    }

    #[test]
    fn count_is_never_surer(
        rule in count::rules(),
        history in whole(count::NAMES),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        is_never_surer(pack(&rule.text()), &whole, &whole.after(&troubles), &Facts::default(), rule.about().map_or(By::Id, By::Holder))?;
    }

    #[test]
    fn duration_is_never_surer(
        rule in duration::rules(prop_oneof![duration::one_by_one(), duration::together()]),
        history in whole(duration::NAMES),
        troubles in troubles(),
    ) {
        let whole = told(&history);
        is_never_surer(pack(&rule.text()), &whole, &whole.after(&troubles), &Facts::default(), rule.per)?;
    }

    #[test]
    fn correlated_is_never_surer_of_json_rpc(
        history in whole(correlated::JSON_RPC),
        side in select(vec!["", "from = \"client\"", "from = \"server\""]),
        troubles in troubles(),
    ) {
        let whole = Told::new(&history, &correlated::json_rpc);
        let pack = pack(&format!("{}framing = \"json-rpc\"\n{side}\n", correlated::PACK));
        let part = whole.after(&troubles);
        is_never_surer(pack, &whole, &part, &Facts::default(), HolderKind::Connection)?;
    }

    #[test]
    fn correlated_is_never_surer_of_graphql(
        history in whole(correlated::GRAPHQL),
        troubles in troubles(),
    ) {
        let whole = Told::new(&history, &correlated::graphql);
        let pack = pack(&format!("{}framing = \"graphql-transport-ws\"\n", correlated::PACK));
        let part = whole.after(&troubles);
        is_never_surer(pack, &whole, &part, &Facts::default(), HolderKind::Connection)?;
    }

    #[test]
    fn handshake_is_never_surer(
        rule in handshake::rules(),
        lives in handshake::lives::lives(),
        troubles in troubles(),
    ) {
        let whole = Told::from(&lives.source());
        let part = whole.after(&troubles);
        is_never_surer(pack(&rule.text()), &whole, &part, &Facts::default(), By::Handshake)?;
    }

    #[test]
    fn protocol_is_never_surer(
        history in whole(protocol::NAMES),
        mut seen in protocol::seen(),
        from in select(vec![None, Some(Direction::ClientToServer), Some(Direction::ServerToClient)]),
        troubles in troubles(),
    ) {
        protocol::order(&mut seen, &history);
        let whole = protocol::told(&history, &seen);
        let part = whole.after(&troubles);
        let pack = pack(&protocol::text(None, from));
        is_never_surer(pack, &whole, &part, &Facts::default(), HolderKind::Connection)?;
    }
}
