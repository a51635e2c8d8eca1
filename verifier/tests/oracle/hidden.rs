//! Recordings that hold less: whatever is missing of a history, the verifier is never surer of what is left
//! than it is of the whole. This needs no second implementation of any kind; it asks the same rule twice.
//!
//! 1. What breaks a rule in the part breaks it in the whole, too: hiding invents no breach.
//! 2. What is in doubt in the whole, or breaks the rule there, is never clean in the part.
//! 3. Nor is anybody judged to be safe who was not.
//!
//! Here the history is in one recording of sockets; `over_http.rs` and `in_two.rs` have it otherwise. What can be
//! asked of `sql` is in `sql.rs`.

mod asked;
mod excuses;
mod in_two;
mod over_http;
mod recorder;
mod recordings;
mod sql;

use std::collections::BTreeSet;

use proptest::prelude::*;
use wsaudit_verifier::engine::{ConnectionIx, RuleResult};
use wsaudit_verifier::finding::Violation;
use wsaudit_verifier::rules::{HolderKind, ReportField};
use wsaudit_verifier::verdict::{Reason, State, Verdict};

use self::asked::Asked;
use self::excuses::{Excuses, is_shared_otherwise};
use self::recorder::troubles;
use self::recordings::{Found, Pair};
use super::lives::Who;
use super::random::cases;
use super::told::{pack, summary, who};

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
    fn breach(self, found: &Found, violation: &Violation) -> Breach {
        let id = violation.resource.clone();
        let kind = match self {
            Self::Holder(kind) | Self::Receiver(kind, _) => Some(kind),
            Self::Handshake if id.is_none() => Some(HolderKind::Connection),
            Self::Handshake | Self::Id => None,
        };
        let number = |connection: ConnectionIx| {
            let number = usize::try_from(found.number(connection)).expect("a small number");
            Who::Connection(number)
        };
        let who = kind.and_then(|kind| match kind {
            HolderKind::Connection => violation.subject.connection.map(number),
            HolderKind::Session | HolderKind::User => {
                who(&found.verification, kind, violation.subject)
            }
        });
        (who, id)
    }
}

/// Whether something but the lack of an opportunity keeps a rule from being decided.
fn is_doubted(rule: &RuleResult) -> bool {
    let mut doubts = rule.outcome.doubts.iter();
    doubts.any(|doubt| doubt.reason != Reason::NotExercised)
}

/// Asks a pack of one rule twice, of the whole and of the part.
fn is_never_surer(asked: &Asked, pair: &Pair) -> Result<(), TestCaseError> {
    let (mut pack, by) = (pack(&asked.text), asked.by);
    pack.rules[0].reports = Some(ReportField::ThreadIsolationVerified);
    let [truth, found] = [&pair.whole, &pair.part].map(|it| it.check(&pack, &asked.facts));
    let rules = [&truth, &found].map(|found| &found.verification.rules[0]);
    let told = format!(
        "{:?}\nthe whole: {}\n{}\nthe part: {}\n{}",
        pair.part,
        rules[0].state.as_str(),
        summary(&rules[0].outcome),
        rules[1].state.as_str(),
        summary(&rules[1].outcome)
    );
    let known = rules[0].outcome.violations.iter();
    let mut known: BTreeSet<_> = known.map(|one| by.breach(&truth, one)).collect();
    // Whose something is, who may see it, and which credentials are one holder's, what comes after the end may
    // change; it excuses nothing.
    if let (By::Receiver(..) | By::Handshake, Some(ended)) = (by, &pair.ended) {
        let ended = ended.check(&pack, &asked.facts);
        let violations = ended.verification.rules[0].outcome.violations.iter();
        known.extend(violations.map(|one| by.breach(&ended, one)));
    }
    for violation in &rules[1].outcome.violations {
        let breach = by.breach(&found, violation);
        let stands = match by {
            By::Receiver(_, excuses) => excuses.leave(violation, &truth, &found, pair),
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
        let place = found.place(violation.offending);
        let is_same = |one: &Violation| {
            truth.place(one.offending) == place && one.resource == violation.resource
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
    // Which of several sessions of a user, or of those whose request is open, a breach is told of goes by the order, and
    // that is not the same over two recordings. That there is one, both say.
    let is_told_anyway = pair.part.all.len() > 1 && rules[1].state == State::Violated;
    for (name, safe) in found.judgements.iter().filter(|_| !is_told_anyway) {
        let wrong = *safe == Some(true) && truth.judgements.get(name) == Some(&Some(false));
        prop_assert!(!wrong, "{name} is judged to be safe\n{told}");
    }
    Ok(())
}

/// Tests of histories in one recording, by kind.
macro_rules! in_one {
    ($(fn $name:ident($asked:expr);)*) => {
        proptest! {
            #![proptest_config(cases())]

            $(
                #[test]
                fn $name(asked in $asked, troubles in troubles()) {
                    is_never_surer(&asked, &Pair::of_one(&asked.whole, &troubles))?;
                }
            )*
        }
    };
}

in_one! {
    fn addressed_is_never_surer(asked::addressed());
    fn addressed_is_never_surer_where_sessions_share_a_connection(asked::addressed_where_shared());
    fn owned_is_never_surer_of_what_is_asked_for(asked::owned());
    fn owned_is_never_surer_of_what_those_who_share_a_connection_ask_for(asked::owned_where_shared());
    fn owned_is_never_surer_of_who_may_see_it(asked::members());
    fn owned_is_never_surer_of_who_of_a_shared_connection_may_see_it(asked::members_where_shared());
    fn sequence_is_never_surer(asked::sequence());
    fn response_is_never_surer(asked::response());
    fn never_and_always_are_never_surer(asked::window());
    fn count_is_never_surer(asked::count());
    fn duration_is_never_surer(asked::duration());
    fn correlated_is_never_surer_of_json_rpc(asked::json_rpc());
    fn correlated_is_never_surer_of_graphql(asked::graphql());
    fn handshake_is_never_surer(asked::handshake());
    fn protocol_is_never_surer(asked::protocol());
}
