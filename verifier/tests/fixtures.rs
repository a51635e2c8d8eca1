//! All cases under `fixtures/`, and what they must cover: each shipped rule fires in one, stays
//! silent in one, and is not exercised in one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{self, Suite};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

fn run(directory: &Path) -> Suite {
    suite::run(directory, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_case_finds_what_it_expects() {
    let directory = directory();
    let suite = run(&directory);
    let mut failures = String::new();
    for mismatch in suite.results.iter().flat_map(|result| &result.mismatches) {
        // Paths as somebody at the top of the tree would write them.
        let line = mismatch.to_string();
        let line = line.strip_prefix(&format!("{}/", directory.display()));
        let _ = match line {
            Some(line) => writeln!(failures, "fixtures/{line}"),
            None => writeln!(failures, "{mismatch}"),
        };
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases do not find what they expect:\n{failures}",
        suite.failed(),
        suite.results.len(),
    );
}

#[test]
fn every_shipped_rule_fires_stays_silent_and_is_not_exercised() {
    let polarities = run(&directory()).polarities();
    let mut lacking = Vec::new();
    for name in Pack::shipped_names() {
        let pack = Pack::shipped(name).unwrap_or_else(|error| panic!("{error}"));
        for rule in &pack.rules {
            let key = (pack.name.clone(), rule.id.clone());
            let polarity = polarities.get(&key).copied().unwrap_or_default();
            let wanted = [
                (polarity.fires, "fires"),
                (polarity.silent, "holds"),
                (polarity.not_exercised, "is said not to be exercised"),
            ];
            lacking.extend(
                wanted
                    .into_iter()
                    .filter(|(cases, _)| *cases == 0)
                    .map(|(_, how)| {
                        format!("no case under fixtures/ in which {name}/{} {how}", rule.id)
                    }),
            );
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}
