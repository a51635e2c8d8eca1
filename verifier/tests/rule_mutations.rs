//! Rule files that somebody broke, in thousands of ways: each is a pack that finds something, or has
//! errors with their places; none hangs, and none panics.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test's setting fails the test"
)]

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use wsaudit_verifier::case::Case;
use wsaudit_verifier::fuzzing;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{Directory, run_case};

/// Texts of rule files that are sound: the shipped ones, and those of the fixtures.
static SOUND: LazyLock<Vec<String>> = LazyLock::new(|| {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = Vec::new();
    for directory in ["rules", "fixtures/kinds"] {
        collect(&top.join(directory), &mut texts);
    }
    assert!(texts.len() >= 15, "rule files are missing");
    texts
});

/// Each rule file below, with the pack's first file before it where it has none of its own.
fn collect(directory: &Path, texts: &mut Vec<String>) {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|it| it == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let head = std::fs::read_to_string(directory.join("pack.toml")).unwrap_or_default();
            texts.push(if text.contains("[pack]") {
                text
            } else {
                format!("{head}\n{text}")
            });
        }
    }
}

/// One thing that goes wrong in an editor.
#[derive(Debug, Clone)]
enum Slip {
    /// Some characters are lost.
    Cut(usize, usize),
    /// Something is typed.
    Typed(usize, String),
    /// A line is there twice.
    LineTwice(usize),
    /// A line is lost.
    LineLost(usize),
    /// Two lines are exchanged.
    LinesSwapped(usize, usize),
    /// The value of a line becomes another one.
    OtherValue(usize, &'static str),
}

const VALUES: [&str; 12] = [
    "1",
    "-1",
    "true",
    "\"\"",
    "\"x\"",
    "[]",
    "[[]]",
    "{}",
    "{ regex = \"(\" }",
    "99999999999999999999",
    "\"9s9s\"",
    "2026-01-01",
];

fn slip() -> impl Strategy<Value = Slip> {
    let any = || 0..10_000_usize;
    prop_oneof![
        (any(), 1..20_usize).prop_map(|(at, length)| Slip::Cut(at, length)),
        (any(), "[ -~\\n]{1,6}").prop_map(|(at, text)| Slip::Typed(at, text)),
        (any(), "[\"{}\\[\\]=.,#@/~*+\\\\é]{1,3}").prop_map(|(at, text)| Slip::Typed(at, text)),
        any().prop_map(Slip::LineTwice),
        any().prop_map(Slip::LineLost),
        (any(), any()).prop_map(|(a, b)| Slip::LinesSwapped(a, b)),
        (any(), prop::sample::select(VALUES.to_vec()))
            .prop_map(|(line, value)| Slip::OtherValue(line, value)),
    ]
}

impl Slip {
    fn make(&self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if characters.is_empty() || lines.is_empty() {
            return text.to_owned();
        }
        let (length, count) = (characters.len(), lines.len());
        match self {
            Self::Cut(at, cut) => {
                let at = at % length;
                characters.drain(at..(at + cut).min(length));
                return characters.into_iter().collect();
            }
            Self::Typed(at, typed) => {
                let at = at % length;
                characters.splice(at..at, typed.chars());
                return characters.into_iter().collect();
            }
            Self::LineTwice(line) => lines.insert(line % count, lines[line % count].clone()),
            Self::LineLost(line) => drop(lines.remove(line % count)),
            Self::LinesSwapped(a, b) => lines.swap(a % count, b % count),
            Self::OtherValue(line, value) => {
                let line = &mut lines[line % count];
                if let Some((key, _)) = line.split_once('=') {
                    *line = format!("{key}= {value}");
                }
            }
        }
        lines.join("\n") + "\n"
    }
}

const HISTORY: &str = "
# A short history
```trace
A = session s-1, user u-1
B = session s-2, user u-2
0.1 A > {\"type\":\"create_thread\",\"request_id\":\"r1\",\"room\":1,\"doc\":\"d1\",\"job\":1}
0.2 A < {\"type\":\"thread_created\",\"request_id\":\"r1\",\"thread_id\":\"t1\",\"session_id\":\"s-1\",\"job\":1}
0.3 B < {\"type\":\"thread\",\"thread_id\":\"t1\",\"session_id\":\"s-1\",\"room\":1,\"doc\":\"d1\"}
9 A close
9 end
expect none
```
";

/// How many: `PROPTEST_CASES` where somebody wants more.
fn cases() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted
        .and_then(|wanted| wanted.parse().ok())
        .unwrap_or(1_000)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn a_broken_rule_file_is_refused_with_its_places_or_finds_something(
        which in 0..1_000_usize,
        slips in prop::collection::vec(slip(), 1..4),
    ) {
        let sound = &SOUND[which % SOUND.len()];
        let broken = slips.iter().fold(sound.clone(), |text, slip| slip.make(&text));
        fuzzing::packs(broken.as_bytes());
        match Pack::from_texts(&[("broken.toml", &broken)]) {
            Err(errors) => {
                let lines = u32::try_from(broken.lines().count()).unwrap().max(1);
                for diagnostic in errors.diagnostics() {
                    // The end of a file that ends in a line break is on a line of its own.
                    let line = diagnostic.location().line;
                    prop_assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
                    prop_assert!(!diagnostic.message.is_empty());
                }
            }
            // What is still sound can be run, fence and all.
            Ok(_) if !broken.contains("```") => {
                // The fence is on a line of its own, also behind a file that was cut off.
                let text = format!("{HISTORY}\n```toml\n{broken}\n```\n");
                let case = Case::parse("case.md", &text).expect("the history is sound");
                let result = run_case(&case, &Directory::of(Path::new("case.md")));
                let unread = result.mismatches.iter().map(ToString::to_string);
                let unread: Vec<_> = unread.filter(|it| it.contains("error:")).collect();
                prop_assert!(unread.is_empty(), "{unread:?}");
            }
            Ok(_) => {}
        }
    }
}

/// A rule that cannot be read is told: it is never left out in silence.
#[test]
fn without_any_one_line_a_pack_has_all_its_rules_or_is_refused() {
    let is_head = |line: &&str| line.trim_start().starts_with("[[rule]]");
    for sound in SOUND.iter() {
        let lines: Vec<_> = sound.lines().collect();
        for left_out in 0..lines.len() {
            let rest: Vec<_> = [&lines[..left_out], &lines[left_out + 1..]].concat();
            let written = rest.iter().filter(|line| is_head(line)).count();
            if let Ok(pack) = Pack::from_texts(&[("broken.toml", &rest.join("\n"))]) {
                assert_eq!(pack.rules.len(), written, "without {}", lines[left_out]);
            }
        }
    }
}

/// Also where it is the key without which the others mean nothing: a rule's `kind`.
#[test]
fn with_any_key_misspelt_a_pack_has_all_its_rules_or_is_refused() {
    for sound in SOUND.iter() {
        let lines: Vec<_> = sound.lines().collect();
        let written = sound.matches("[[rule]]").count();
        for (number, line) in lines.iter().enumerate() {
            if !line.starts_with(|first: char| first.is_ascii_lowercase()) || !line.contains('=') {
                continue;
            }
            let misspelt = format!("A{line}");
            let mut broken = lines.clone();
            broken[number] = &misspelt;
            match Pack::from_texts(&[("broken.toml", &broken.join("\n"))]) {
                Ok(pack) => assert_eq!(pack.rules.len(), written, "{misspelt}"),
                Err(errors) if line.starts_with("kind") => {
                    assert!(
                        errors.to_string().contains("did you mean `kind`?"),
                        "{errors}"
                    );
                }
                Err(_) => {}
            }
        }
    }
}
