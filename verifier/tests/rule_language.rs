//! What the rule language accepts: the example of the design, the page of every kind, and no input
//! that it falls over.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use wsaudit_verifier::kinds::Spec;
use wsaudit_verifier::kinds::owned::Owned;
use wsaudit_verifier::rules::{
    Codec, FactsSource, HolderKind, Pack, ReportField, RequiredPlace, Selector, Style,
};
use wsaudit_wire::Direction;

const HEAD: &str = r#"
[pack]
name   = "pages"
format = 1

[session]
id   = ["header:X-Session-ID", "query:session_id", "jwt:sid"]
user = "jwt:sub"

[message]
codec = "auto"
name  = "/type"

[scope]
path = ["/ws", { prefix = "/api/" }]

[fields]
session = "/session_id"
thread  = ["/thread_id", "/payload/thread/id"]
run     = "/run_id"

[events]
created   = { from = "server", name = "thread_created" }
create    = { from = "client", name = "create_thread" }
list      = { from = "client", name = "list_threads" }
thread    = { from = "server", name = "thread" }
ready     = { from = "server", name = "session_ready" }
shared    = { from = "server", name = "thread_shared", bind = { to = "/to_session" } }
asked     = { from = "client", name = ["open_thread", "send_message"] }
refused   = { from = "server", name = "error", where = { "/code" = ["forbidden", "not_found"] } }
step      = { from = "server", name = { regex = "^agent_" } }
started   = { from = "server", name = "agent_started" }
thinking  = { from = "server", name = "agent_thinking" }
completed = { from = "server", name = "agent_completed" }
"#;

const RULE: &str = r#"
[[rule]]
id        = "foreign-thread"
title     = "a thread is seen and used only by the session that created it"
kind      = "owned"
resource  = "thread"
owner     = "session"
claimed-by = { event = "created", owner-at = "/session_id", answers = { event = "create", match = "/request_id" } }
shared-by = { event = "shared", with = "to" }
used-by   = "asked"
reply     = { match = "/request_id", granted-by = "thread", denied-by = "refused", within = "2s" }
except    = [{ user = "support", why = "support staff see all threads" }]
requires  = { event = "created", in = "other session" }
accept    = [{ reason = "gap", why = "the recorder was restarted" }]
reports   = "thread_isolation_verified"
"#;

fn pack(rest: &str) -> Pack {
    Pack::from_texts(&[("pages.toml", &format!("{HEAD}{rest}"))])
        .unwrap_or_else(|errors| panic!("{errors}\n\n{rest}"))
}

fn owned(pack: &Pack) -> &Owned {
    match &pack.rules[0].spec {
        Spec::Owned(owned) => owned,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_become_what_they_name() {
    let pack = pack(RULE);
    assert_eq!((pack.name.as_str(), pack.codec), ("pages", Codec::Auto));
    assert_eq!(pack.scope.path.len(), 2);
    let rule = &pack.rules[0];
    assert_eq!(rule.reports, Some(ReportField::ThreadIsolationVerified));
    assert_eq!(
        rule.requires.as_ref().unwrap().place,
        RequiredPlace::OtherSession
    );
    assert_eq!((rule.except.len(), rule.accept.len()), (1, 1));
    assert_eq!(rule.location.line as usize, HEAD.lines().count() + 2);

    let owned = owned(&pack);
    assert_eq!(pack.field(owned.resource).name, "thread");
    assert_eq!(pack.field(owned.resource).pointers.len(), 2);
    assert_eq!(owned.owner, HolderKind::Session);
    assert_eq!(owned.grant_slack, Duration::from_secs(1));
    assert_eq!(
        owned.reply.as_ref().unwrap().within,
        Some(Duration::from_secs(2))
    );
    let claim = &owned.claims[0];
    assert_eq!(
        claim.owner_at,
        Some(Selector::Pointer("/session_id".parse().unwrap()))
    );
    // `to` is in no [fields]: an event binds it.
    let Selector::Field(to) = owned.shares[0].with else {
        panic!("a field")
    };
    assert!(pack.field(to).pointers.is_empty());
    let shared = pack
        .events
        .iter()
        .find(|event| event.id == "shared")
        .unwrap();
    assert_eq!(shared.bind[&to], ["/to_session".parse().unwrap()]);
    assert_eq!(shared.from, Some(Direction::ServerToClient));
}

#[test]
fn without_a_message_table_the_usual_names_are_looked_for() {
    let rule = "[[rule]]\nid = \"p\"\ntitle = \"t\"\nkind = \"protocol\"\n";
    let text = format!("[pack]\nname = \"x\"\nformat = 1\n{rule}");
    let pack = Pack::from_texts(&[("x.toml", &text)]).unwrap();
    assert_eq!(pack.name_at.len(), 6);
    let text = format!("{text}[message]\ncodec = \"text\"\n");
    let pack = Pack::from_texts(&[("x.toml", &text)]).unwrap();
    assert!(pack.name_at.is_empty());
}

#[test]
fn the_files_of_a_directory_are_one_pack() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("1-head.toml", HEAD);
    write("3-rule.toml", &format!("{RULE}facts = \"db\"\n"));
    write(
        "2-facts.toml",
        "[facts.db]\nfrom = \"csv\"\npath = \"threads.csv\"\nresource = \"id\"\nowner = \"session_id\"\n",
    );
    write("README.md", "not rules");
    write(".#3-rule.toml", "an editor's");
    let pack = Pack::load(directory.path()).unwrap();
    assert_eq!(owned(&pack).facts.as_deref(), Some("db"));
    let path = directory.path().join("threads.csv");
    assert_eq!(pack.facts["db"].source, FactsSource::Csv { path });
    assert!(pack.rules[0].location.file.ends_with("3-rule.toml"));
}

#[test]
fn a_path_wins_over_a_shipped_name() {
    assert_eq!(Pack::resolve("protocol").unwrap().name, "protocol");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("protocol");
    fs::write(&path, format!("{HEAD}{RULE}")).unwrap();
    assert_eq!(Pack::resolve(path.to_str().unwrap()).unwrap().name, "pages");
}

/// The files of the kinds, with their names.
fn kinds() -> Vec<(String, String)> {
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    let mut files: Vec<_> = fs::read_dir(kinds)
        .expect("the kinds' directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            let kind = path.file_stem().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a kind's file");
            (kind.into_owned(), text)
        })
        .collect();
    files.sort();
    files
}

/// The page of each kind: the doc comment that its file begins with.
fn pages() -> Vec<(String, String)> {
    let page = |text: &str| {
        let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
        let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    let kinds = kinds().into_iter();
    kinds.map(|(kind, text)| (kind, page(&text))).collect()
}

/// The pack in a page's example.
fn example(page: &str) -> String {
    let begin = page.split_once("```toml\n").expect("an example").1;
    begin.split_once("```\n").expect("its end").0.to_owned()
}

/// The text of a page's section.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let begin = page.split_once(&format!("# {heading}\n")).expect(heading).1;
    begin
        .split_once("\n# ")
        .map_or(begin, |(section, _)| section)
}

#[test]
fn the_pages_of_all_kinds_have_one_structure() {
    for (kind, page) in pages() {
        let first = page.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("`{kind}`: ")), "{kind}: {first}");
        let headings: Vec<_> = page.lines().filter(|line| line.starts_with('#')).collect();
        let expected = [
            "# What it proves",
            "# Why",
            "# Example",
            "# Keys",
            "# What it cannot see",
        ];
        assert_eq!(headings, expected, "{kind}");
        for heading in headings {
            let text = section(&page, heading.trim_start_matches("# "));
            assert!(!text.trim().is_empty(), "{kind}: {heading}");
        }
    }
}

#[test]
fn the_example_of_every_page_is_a_pack_with_a_rule_of_its_kind() {
    let pages = pages();
    assert!(pages.len() >= 10);
    for (kind, page) in &pages {
        let pack = Pack::from_texts(&[("example.toml", &example(page))])
            .unwrap_or_else(|errors| panic!("{kind}: {errors}"));
        let kinds: Vec<_> = pack.rules.iter().map(|rule| rule.spec.kind()).collect();
        assert_eq!(kinds, [kind.as_str()]);
    }
}

/// What every rule has, whatever its kind.
const OF_EVERY_RULE: [&str; 7] = [
    "accept", "except", "id", "kind", "reports", "requires", "title",
];

#[test]
fn every_page_lists_the_keys_of_its_kind_and_no_others() {
    for (kind, page) in pages() {
        // The error about a key that no kind has names all that this one has.
        let text = format!("{}zzzzzzzz = 1\n", example(&page));
        let error = Pack::from_texts(&[("example.toml", &text)])
            .expect_err("an unknown key goes unnoticed")
            .to_string();
        let expected = error.split_once("expected ").expect("the keys").1;
        let known = expected.split('`').skip(1).step_by(2);
        let mut known: Vec<_> = known.filter(|key| !OF_EVERY_RULE.contains(key)).collect();
        known.sort_unstable();
        let lines = section(&page, "Keys").lines();
        let listed = lines.filter(|line| line.starts_with("- `"));
        let mut listed: Vec<_> = listed
            .flat_map(|line| {
                let keys = line.split_once(':').expect("what it means").0;
                keys.split('`').skip(1).step_by(2)
            })
            .collect();
        listed.sort_unstable();
        assert_eq!(listed, known, "{kind}: {error}");
    }
}

/// Texts that are known to be right: the example of each page, and the files of each shipped pack in
/// one.
fn sound() -> Vec<String> {
    let mut texts: Vec<_> = pages().iter().map(|(_, page)| example(page)).collect();
    for name in Pack::shipped_names() {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../rules")
            .join(name);
        let mut files: Vec<_> = fs::read_dir(pack)
            .expect("a shipped pack")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            })
            .collect();
        files.sort();
        texts.push(
            files
                .iter()
                .map(|file| fs::read_to_string(file).expect("rules"))
                .collect(),
        );
    }
    texts
}

#[test]
fn what_is_broken_below_is_sound_at_first() {
    for text in sound() {
        if let Err(errors) = Pack::from_texts(&[("sound.toml", &text)]) {
            panic!("{errors}");
        }
    }
}

/// A change of a text, at places given in thousandths of its length.
#[derive(Debug, Clone)]
enum Edit {
    Delete(usize, usize),
    Duplicate(usize, usize, usize),
    Replace(usize, usize, String),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let word = prop_oneof![
        "[\\[\\]{}=\",.#/*~@+0-9a-z\n]{0,6}",
        Just("-9223372036854775809".to_owned()),
        Just("1e999".to_owned()),
        Just("0xffffffffffffffffffff".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("\u{1f980}\u{0}\t".to_owned()),
        Just("{ not = ".repeat(90)),
    ];
    let edit = prop_oneof![
        (0..1000_usize, 0..60_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (0..1000_usize, 0..200_usize, 0..1000_usize)
            .prop_map(|(at, length, to)| Edit::Duplicate(at, length, to)),
        (0..1000_usize, 0..20_usize, word)
            .prop_map(|(at, length, word)| Edit::Replace(at, length, word)),
    ];
    prop::collection::vec(edit, 1..4)
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for edit in edits {
        let length = characters.len();
        let span = |at: usize, count: usize| {
            let start = at * length / 1000;
            start..(start + count).min(length)
        };
        match edit {
            Edit::Delete(at, count) => drop(characters.drain(span(*at, *count))),
            Edit::Duplicate(at, count, to) => {
                let copy = characters[span(*at, *count)].to_vec();
                let to = span(*to, 0);
                characters.splice(to, copy);
            }
            Edit::Replace(at, count, word) => {
                characters.splice(span(*at, *count), word.chars());
            }
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn no_rule_file_makes_it_fall_over(base in prop::sample::select(sound()), edits in edits()) {
        let text = apply(&base, &edits);
        if let Err(errors) = Pack::from_texts(&[("broken.toml", &text)]) {
            prop_assert!(!errors.diagnostics().is_empty());
            prop_assert!(!errors.render(Style::Plain).is_empty());
            prop_assert!(!errors.render(Style::Ansi).is_empty());
        }
    }
}
