//! Every violation of every fixture can be cut out: the slice, written as a case and read again, shows
//! the same violation, and is no larger than what it was cut from.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test's setting fails the test"
)]

use std::path::{Path, PathBuf};

use wsaudit_tagging::TagKind;
use wsaudit_verifier::case::{Case, CaseHistory};
use wsaudit_verifier::engine::{Input, verify};
use wsaudit_verifier::history::{MemorySource, Source};
use wsaudit_verifier::report::report;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::slice::{SliceError, Target, slice};
use wsaudit_verifier::suite::{Directory, Prepared, Surroundings, run_case};

/// Whatever a case calls its pack, it is this one.
struct OnePack(Pack);

impl Surroundings for OnePack {
    fn pack(&self, _: &str) -> Result<Pack, String> {
        Ok(self.0.clone())
    }

    fn recording(&self, path: &str) -> Result<Box<dyn Source>, String> {
        Err(format!("a slice needs no recording, and not {path}"))
    }
}

fn cases(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cases(&path, found);
        } else if path.extension().is_some_and(|it| it == "md") {
            found.push(path);
        }
    }
}

/// A history as a recorder would have written it: the tags are of a source.
fn recorded(trace: &MemorySource) -> MemorySource {
    let mut outline = trace.outline().clone();
    let connections = outline.connections.iter_mut();
    let tags = connections.flat_map(|connection| &mut connection.tags);
    for tag in tags.filter(|tag| tag.kind != TagKind::Claim) {
        tag.source = format!("header:X-{}", tag.kind.as_str());
    }
    MemorySource::new(outline, trace.messages().to_vec())
}

fn messages(sources: &[Box<dyn Source>]) -> usize {
    let mut count = 0;
    for source in sources {
        let mut reading = source.reading().unwrap();
        let mut cursor = reading.begin().unwrap();
        while cursor.advance().unwrap().is_some() {
            count += 1;
        }
    }
    count
}

#[test]
fn every_violation_of_the_fixtures_can_be_cut_out() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut files = Vec::new();
    cases(&fixtures, &mut files);
    files.sort();
    let (mut cut, mut smaller, mut shared, mut not_in_messages) = (0, 0, 0, Vec::new());
    let mut told_otherwise = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        if !Case::is_in(&text) {
            continue;
        }
        let name = file.strip_prefix(&fixtures).unwrap().display().to_string();
        let case = Case::parse(&name, &text).unwrap();
        let mut prepared = Prepared::new(&case, &Directory::of(&file)).unwrap();
        if let CaseHistory::Trace(trace) = &case.history {
            prepared.sources = vec![Box::new(recorded(trace))];
        }
        let input = Input {
            packs: &prepared.packs,
            facts: &prepared.facts,
            sources: &prepared.sources,
            unread: &[],
            skew: std::time::Duration::ZERO,
        };
        let verification = verify(&input, &mut |_| {}).unwrap();
        let whole = report(&prepared.packs, &verification, &prepared.sources).unwrap();
        let before = messages(&prepared.sources);
        for violation in &whole.violations {
            let target = Target {
                packs: &prepared.packs,
                facts: &prepared.facts,
                sources: &prepared.sources,
                violation,
            };
            let slice = match slice(&target, &mut |_| {}) {
                Ok(slice) => slice,
                Err(SliceError::NotInMessages { .. }) => {
                    not_in_messages.push(format!("{name}: {}", violation.rule));
                    continue;
                }
                Err(error) => panic!("{name}: {error}"),
            };
            let text = slice.case("Cut", "Out of a fixture.", "it").unwrap();
            let small =
                Case::parse(&name, &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
            let result = run_case(&small, &OnePack(slice.pack().clone()));
            assert!(result.passed(), "{name}: {:?}\n{text}", result.mismatches);
            let after = slice.source.messages().len();
            assert!(after <= before, "{name}: {after} of {before} messages");
            let told = slice.violation().unwrap();
            // Numbers of frames and connections are others.
            let form = |text: &str| text.replace(|it: char| it.is_ascii_digit(), "");
            let wanted = violation.evidence.iter().map(|line| form(&line.text));
            if !told.evidence.iter().map(|line| form(&line.text)).eq(wanted) {
                told_otherwise.push(format!("{name}: {}", violation.rule));
            }
            // Its owner is A, whoever came first.
            if let Some(owner) = &violation.owner_session
                && text.contains(&format!(" = session {owner}"))
            {
                assert!(
                    text.contains(&format!("\nA = session {owner}")),
                    "{name}\n{text}"
                );
            }
            cut += 1;
            shared += usize::from(
                verification
                    .connections
                    .iter()
                    .any(|it| !it.lanes.is_empty()),
            );
            smaller += usize::from(after < before);
        }
    }
    assert!(cut > 100, "{cut} slices");
    assert!(
        shared > 5,
        "{shared} slices of connections that sessions share"
    );
    assert!(smaller * 2 > cut, "{smaller} of {cut} are smaller");
    assert!(not_in_messages.is_empty(), "{not_in_messages:#?}");
    // This argument rests on how the recording ends.
    let otherwise = "kinds/duration/together-with-an-end-that-may-be-missing.md: together";
    assert_eq!(told_otherwise, [otherwise]);
}
