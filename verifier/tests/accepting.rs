//! Each doubt that a pack can accept: with `accept` the verdict is clean, without it is not, and the
//! reason is told either way.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test's setting fails the test"
)]

use std::path::{Path, PathBuf};

use wsaudit_verifier::case::Case;
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::history::SourceError;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{Directory, Prepared};
use wsaudit_verifier::verdict::{Reason, Verdict};

fn case(name: &str) -> (PathBuf, Case) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/accepted");
    let path = path.join(format!("{name}.md"));
    let text = std::fs::read_to_string(&path).unwrap();
    let case = Case::parse(name, &text).unwrap();
    (path, case)
}

/// A case's verification, by its pack as `change` makes it.
fn verified(name: &str, unread: &[SourceError], change: impl FnOnce(&mut Pack)) -> Verification {
    let (path, case) = case(name);
    let mut prepared = Prepared::new(&case, &Directory::of(&path)).unwrap();
    change(&mut prepared.packs[0]);
    let input = Input {
        packs: &prepared.packs,
        facts: &prepared.facts,
        sources: &prepared.sources,
        unread,
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).unwrap()
}

/// What is told of the only rule: reasons that stand, and reasons that are accepted.
fn told(verification: &Verification) -> (Vec<Reason>, Vec<Reason>) {
    let rule = &verification.rules[0];
    let open = rule.outcome.doubts.iter().map(|doubt| doubt.reason);
    let accepted = rule.accepted.iter().map(|(doubt, _)| doubt.reason);
    (open.collect(), accepted.collect())
}

#[test]
fn each_reason_is_accepted_by_its_name_and_by_no_other() {
    for reason in Reason::ALL {
        // A recording that cannot be read is none that a case could hold.
        let (name, unread) = match reason {
            Reason::Unread => (
                "gap",
                vec![SourceError {
                    recording: "b.db".to_owned(),
                    why: "it is no recording".to_owned(),
                }],
            ),
            _ => (reason.as_str(), Vec::new()),
        };
        let only = |pack: &mut Pack| {
            let mut accept = pack.accept[0].clone();
            accept.reason = reason;
            pack.accept = vec![accept];
        };
        let but_it = |pack: &mut Pack| pack.accept.retain(|accept| accept.reason != reason);
        let with = verified(name, &unread, |pack| {
            but_it(pack);
            let mut accept = pack.accept[0].clone();
            accept.reason = reason;
            pack.accept.push(accept);
        });
        assert_eq!(with.verdict, Verdict::Clean, "{reason}");
        let without = verified(name, &unread, but_it);
        assert_eq!(without.verdict, Verdict::Inconclusive, "{reason}");
        assert_eq!(told(&without).0, [reason], "{reason}");
        if reason != Reason::Unread {
            let alone = verified(name, &unread, only);
            assert_eq!(alone.verdict, Verdict::Clean, "{reason}");
            assert_eq!(told(&alone), (Vec::new(), vec![reason]), "{reason}");
        }
    }
}

#[test]
fn no_accepted_doubt_takes_a_violation_back() {
    let verification = verified("violated", &[], |_| {});
    assert_eq!(verification.verdict, Verdict::Violated);
    let (open, accepted) = told(&verification);
    assert_eq!(open, []);
    assert!(accepted.contains(&Reason::Gap) && accepted.contains(&Reason::Undecided));
}
