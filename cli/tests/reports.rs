//! What reports tell, what a directory stands for, and what a baseline knows.

mod baselines;
mod directories;
mod places;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Ran, has, wsaudit};
use super::terminal::Terminal;

const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CHAT: &str = "fixtures/peers/chat/rules.toml";
const LEAKY: &str = "fixtures/golden/chat-leaky.db";

/// Runs it at the top of the tree, where paths are those of the repository.
fn house(args: &[&str]) -> Ran {
    with_env(args, &[])
}

fn with_env(args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = wsaudit();
    command.current_dir(HOUSE).args(args);
    command.env_remove("GITHUB_STEP_SUMMARY");
    command.env_remove("SOURCE_DATE_EPOCH");
    let output = command.envs(env.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn put(&self, name: &str, from: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(Path::new(HOUSE).join(from), path).unwrap();
    }

    fn dir(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn several_reports_at_once_for_all_recordings_of_a_directory() {
    let place = Place::new();
    let summary = place.name("summary.md");
    fs::write(&summary, "said before\n").unwrap();
    let (junit, sarif) = (place.name("out.xml"), place.name("out.sarif"));
    let args = ["verify", "fixtures/", "--junit", &junit, "--sarif", &sarif];
    let args = [&args[..], &["--github", "--rules", CHAT]].concat();
    let ran = with_env(&args, &[("GITHUB_STEP_SUMMARY", &summary)]).ends_with(1);
    let [leaky, sound] = [
        "fixtures/golden/chat-leaky.db",
        "fixtures/golden/chat-sound.db",
    ];
    has(
        &ran.stdout,
        &[
            &format!("=== {leaky}"),
            &format!("{sound}: clean"),
            "verdict: violated (2 histories: 1 clean, 1 violated",
            "\n::error file=fixtures/peers/chat/rules.toml,line=",
        ],
    );
    has(&place.read("out.xml"), &[leaky, sound, "<failure "]);
    let log = json(&place.read("out.sarif"));
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().any(|it| it["kind"] == "fail"));
    assert!(results.iter().any(|it| it["kind"] == "pass"));
    has(
        &place.read("summary.md"),
        &["said before\n", "## wsaudit: violated", leaky, sound],
    );
}

#[test]
fn the_same_input_gives_the_same_bytes_in_every_format() {
    for format in [
        "text", "json", "junit", "sarif", "github", "markdown", "html",
    ] {
        for what in [LEAKY, "fixtures/golden"] {
            let told = || {
                let args = ["verify", "--rules", CHAT, "--format", format, what];
                house(&args).ends_with(1).stdout
            };
            let once = told();
            assert!(once.len() > 40, "{format}: {once}");
            assert_eq!(once, told(), "{format}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_in_every_report() {
    let place = Place::new();
    place.put("a.db", LEAKY);
    fs::write(
        place.path("lfs.db"),
        "version https://git-lfs.github.com/spec/v1\n",
    )
    .unwrap();
    let names = ["json", "junit", "sarif", "markdown"].map(|name| place.name(name));
    let mut args = vec!["verify", "--rules", CHAT, place.dir(), "--github"];
    for (flag, name) in ["--json", "--junit", "--sarif", "--markdown"]
        .iter()
        .zip(&names)
    {
        args.extend([flag, name.as_str()]);
    }
    let ran = house(&args).ends_with(2);
    has(ran.error(), &["lfs.db", "not an SQLite file"]);
    has(
        &ran.stdout,
        &["=== ", "cannot be read: ", "1 recording could not be read)"],
    );
    for name in ["json", "junit", "sarif", "markdown"] {
        has(&place.read(name), &["lfs.db"]);
    }
    has(&place.read("junit"), &["<error "]);
    has(&ran.stdout, &["::error file="]);
    // Where nothing at all could be read, there is nothing to say but that; files say it.
    let (only, out) = (place.name("lfs.db"), place.name("again.xml"));
    let ran = house(&["verify", &only, "--junit", &out]).ends_with(2);
    has(ran.error(), &["not an SQLite file"]);
    assert_eq!(ran.stdout, "");
    has(&place.read("again.xml"), &["errors=\"1\""]);
}

/// No rule is to blame, and no draft of rules can be made of it.
#[test]
fn where_nothing_could_be_read_that_is_the_only_reason() {
    let place = Place::new();
    let missing = place.name("nowhere.db");
    for rules in [&["--rules", CHAT][..], &[]] {
        let told = |format: &str| {
            let args = ["verify", "--format", format, &missing];
            house(&[&args[..], rules].concat()).ends_with(2).stdout
        };
        let log = told("github");
        assert_eq!(log.matches("\n::").count(), 1, "{log}");
        has(&log, &["::error file=", "unread: nothing is known of"]);
        for text in [log, told("markdown"), told("html")] {
            for unsaid in [
                "record traffic that exercises it",
                "spelt otherwise",
                "yielded nothing",
                "rules new",
            ] {
                assert!(!text.contains(unsaid), "{unsaid}: {text}");
            }
        }
        let report: Value = serde_json::from_str(&told("json")).unwrap();
        let reasons = report["reasons"].as_array().unwrap();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert_eq!(reasons[0]["reason"], "unread");
    }
    // Beside one that could be read, that one is what rules can be drafted of.
    place.put("read.db", LEAKY);
    let ran = house(&["verify", &missing, &place.name("read.db")]).ends_with(2);
    has(&ran.stdout, &["read.db --out my-rules.toml"]);
    let unread = format!("rules new {missing}");
    assert!(!ran.stdout.contains(&unread), "{}", ran.stdout);
}

#[test]
fn an_argument_fits_the_terminal_that_it_is_shown_on() {
    let (rules, leaky) = (format!("{HOUSE}/{CHAT}"), format!("{HOUSE}/{LEAKY}"));
    let args = format!("--color never verify --rules '{rules}' '{leaky}'");
    let lines = |columns| {
        let (code, shown) = Terminal::of_width(columns, &args).ends();
        assert_eq!(code, Some(1), "{shown}");
        let argument = shown.lines().map(|line| line.trim_end().to_owned());
        let argument =
            argument.filter(|line| line.starts_with("  ") && !line.contains("opportunit"));
        argument.collect::<Vec<_>>()
    };
    let longest = |lines: &[String]| lines.iter().map(|line| line.chars().count()).max();
    let narrow = lines(80);
    assert!(longest(&narrow) <= Some(80), "{narrow:#?}");
    assert!(longest(&lines(200)) > Some(80), "there is something to fit");
}

#[test]
fn what_keeps_a_job_from_beginning_is_annotated_where_it_is_wrong() {
    let place = Place::new();
    let (rules, known) = (place.name("rules.toml"), place.name("known.toml"));
    fs::write(
        &rules,
        "[pack]\nname = \"a\"\nformat = 1\n[[rule]]\nkind = \"ownd\"\n",
    )
    .unwrap();
    let job = |args: &[&str]| {
        house(&[&["verify", "--github"], args].concat())
            .ends_with(2)
            .stdout
    };
    let told = job(&["--rules", &rules, LEAKY]);
    let place_of =
        |line: u32, column: u32| format!("::error file={rules},line={line},col={column},");
    has(
        &told,
        &[
            &place_of(5, 8),
            "unknown word `ownd`%0A",
            "did you mean `owned`?",
        ],
    );
    assert_eq!(told.lines().count(), 3, "id, title and kind: {told}");
    fs::write(&known, "format = 1\n[[known]]\nreason = \"TODO\"\n").unwrap();
    let told = job(&["--baseline", &known, LEAKY]);
    has(&told, &[&format!("::error file={known},line=3,col=10,")]);
    let told = job(&[place.dir()]);
    assert!(
        told.starts_with("::error title=wsaudit::no recording beneath "),
        "{told}"
    );
    // Not where somebody else's report stands on standard output.
    let ran = house(&["verify", "--rules", &rules, LEAKY, "--json", "-"]).ends_with(2);
    assert_eq!(ran.stdout, "");
    let ran = house(&["test", "--github", place.dir()]).ends_with(2);
    assert!(
        ran.stdout.starts_with("::error title=wsaudit::no case in "),
        "{}",
        ran.stdout
    );
}

#[test]
fn cases_are_told_to_whatever_shows_test_results() {
    let place = Place::new();
    place.put("cases/good.md", "verifier/tests/cases/leak.md");
    let text = place.read("cases/good.md");
    let bad = text.replace("#! expect foreign-thread", "#! expect foreign-run");
    fs::write(place.path("cases/bad ]]>.md"), bad).unwrap();
    let (cases, out) = (place.name("cases"), place.name("cases.xml"));
    let ran = house(&["test", &cases, "--junit", &out]).ends_with(1);
    has(&ran.stdout, &["2 cases, 2 expectations: 1 failed"]);
    let xml = place.read("cases.xml");
    has(
        &xml,
        &[
            "tests=\"2\"",
            "failures=\"1\"",
            "good.md",
            "bad ]]&gt;.md",
            "<failure ",
        ],
    );
    house(&["test", &cases, "--junit", &out]).ends_with(1);
    assert_eq!(place.read("cases.xml"), xml, "the same bytes");
    let nowhere = place.name("no/such/cases.xml");
    let ran = house(&["test", &cases, "--junit", &nowhere]).ends_with(2);
    has(&ran.stderr, &["cannot write the report to", &nowhere]);
}

/// Whoever reads a report that is not the text must not take a clean verdict for isolation.
#[test]
fn that_no_rules_were_given_is_in_every_report_for_people() {
    let place = Place::new();
    let remark = "only what holds for every application";
    for format in ["text", "markdown", "html", "junit", "sarif", "github"] {
        let ran = house(&["verify", LEAKY, "--format", format]).ends_with(0);
        has(&ran.stdout, &[remark, "wsaudit rules new"]);
        let ran = house(&["verify", "--rules", CHAT, LEAKY, "--format", format]).ends_with(1);
        assert!(!ran.stdout.contains(remark), "{format}");
        // Rules that hold for every application are no others for being named.
        let ran = house(&["verify", "--rules", "protocol", LEAKY, "--format", format]).ends_with(0);
        has(&ran.stdout, &["none of these rules knows", remark]);
    }
    let summary = place.name("summary.md");
    let ran = with_env(
        &["verify", "fixtures/golden", "--github"],
        &[("GITHUB_STEP_SUMMARY", &summary)],
    )
    .ends_with(0);
    has(
        &ran.stdout,
        &["\n::warning title=wsaudit::checked without --rules"],
    );
    has(&place.read("summary.md"), &["> checked without --rules"]);
}
