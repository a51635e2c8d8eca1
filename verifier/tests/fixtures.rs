//! All cases under `fixtures/`, and what they must cover: each shipped rule fires in one, stays
//! silent in one, and is not exercised in one; each kind of rule shows there what it can say.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{self, Polarity, Suite};

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

/// Which of the rules lack a passing case in which they end so, as sentences.
fn lacking(suite: &Suite, pack: &Pack, wanted: &[How]) -> Vec<String> {
    let polarities = suite.polarities();
    let mut lacking = Vec::new();
    for rule in &pack.rules {
        let key = (pack.name.clone(), rule.id.clone());
        let polarity = polarities.get(&key).copied().unwrap_or_default();
        let missing = wanted.iter().filter(|how| how.cases(polarity) == 0);
        lacking.extend(missing.map(|how| {
            let (pack, rule, how) = (&pack.name, &rule.id, how.words());
            format!("no case under fixtures/ in which {pack}/{rule} {how}")
        }));
    }
    lacking
}

/// How a rule ends in a case.
enum How {
    Fires,
    Holds,
    IsNotExercised,
    IsUndecided,
}

impl How {
    fn cases(&self, polarity: Polarity) -> usize {
        match self {
            Self::Fires => polarity.fires,
            Self::Holds => polarity.silent,
            Self::IsNotExercised => polarity.not_exercised,
            Self::IsUndecided => polarity.undecided,
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Fires => "fires",
            Self::Holds => "holds",
            Self::IsNotExercised => "is said not to be exercised",
            Self::IsUndecided => "is said to be undecided",
        }
    }
}

#[test]
fn every_shipped_rule_fires_stays_silent_and_is_not_exercised() {
    let suite = run(&directory());
    let mut lacks = Vec::new();
    for name in Pack::shipped_names() {
        let pack = Pack::shipped(name).unwrap_or_else(|error| panic!("{error}"));
        let wanted = [How::Fires, How::Holds, How::IsNotExercised];
        lacks.extend(lacking(&suite, &pack, &wanted));
    }
    assert!(lacks.is_empty(), "{}", lacks.join("\n"));
}

#[test]
fn every_kind_has_rules_that_show_what_it_can_say() {
    let suite = run(&directory().join("kinds"));
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    let mut lacks = Vec::new();
    for entry in fs::read_dir(kinds).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let kind = file.file_stem().unwrap().to_string_lossy().into_owned();
        let path = directory().join("kinds").join(&kind).join("rules.toml");
        let pack = Pack::load(path).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            pack.rules.iter().all(|rule| rule.spec.kind() == kind),
            "fixtures/kinds/{kind} has a rule of another kind",
        );
        lacks.extend(lacking(&suite, &pack, &[How::Fires, How::Holds]));
        for how in [How::IsNotExercised, How::IsUndecided] {
            // Of each kind one rule shows it.
            if lacking(&suite, &pack, std::slice::from_ref(&how)).len() == pack.rules.len() {
                let how = how.words();
                lacks.push(format!(
                    "no case under fixtures/kinds/{kind} in which a rule {how}"
                ));
            }
        }
    }
    assert!(lacks.is_empty(), "{}", lacks.join("\n"));
}
