//! Rule files, facts and cases in which something is wrong: the place, and what to write instead.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::harness::{Ran, has, run, sound_recording};

const HEAD: &str = "[pack]\nname = \"mine\"\nformat = 1\n";

struct Rules {
    directory: TempDir,
}

impl Rules {
    fn of(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("mine.toml"), format!("{HEAD}{text}")).unwrap();
        Self { directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("mine.toml")
    }

    fn verify(&self, more: &[&str]) -> Ran {
        let file = self.file();
        let args = ["verify".as_ref(), "--rules".as_ref(), file.as_os_str()];
        let more = more.iter().map(|arg| (*arg).as_ref());
        run(args
            .into_iter()
            .chain(more)
            .chain([sound_recording().as_os_str()]))
    }
}

#[test]
fn a_wrong_key() {
    let rules =
        Rules::of("[[rule]]\nid = \"p\"\ntitle = \"t\"\nkind = \"protocol\"\nignroe = []\n");
    let ran = rules.verify(&[]).ends_with(2);
    has(
        &ran.stderr,
        &["ignroe", "mine.toml:8:1", "did you mean", "ignore"],
    );
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_wrong_pointer() {
    let rules = Rules::of("[fields]\nthread = \"thread_id\"\n");
    let ran = rules.verify(&[]).ends_with(2);
    has(&ran.stderr, &["mine.toml:5:", "`/thread_id`"]);
}

#[test]
fn an_unknown_event() {
    let rules = Rules::of(
        "[events]\nstarted = { from = \"server\", name = \"started\" }\n\
         [[rule]]\nid = \"n\"\ntitle = \"t\"\nkind = \"never\"\nevent = \"strated\"\n",
    );
    let ran = rules.verify(&[]).ends_with(2);
    has(
        &ran.stderr,
        &["strated", "mine.toml:10:", "did you mean", "started"],
    );
}

#[test]
fn an_empty_directory() {
    let directory = tempfile::tempdir().unwrap();
    let ran = run([
        "verify".as_ref(),
        "--rules".as_ref(),
        directory.path().as_os_str(),
        sound_recording().as_os_str(),
    ])
    .ends_with(2);
    has(ran.error(), &["holds no rule file", "*.toml"]);
}

#[test]
fn an_unknown_pack() {
    let recording = sound_recording().as_os_str();
    let ran = run([
        "verify".as_ref(),
        "--rules".as_ref(),
        "protocl".as_ref(),
        recording,
    ]);
    has(
        ran.ends_with(2).error(),
        &["no rule pack `protocl`", "did you mean `protocol`?"],
    );
}

#[test]
fn one_pack_twice() {
    let recording = sound_recording().as_os_str();
    let rules = ["--rules", "protocol", "--rules", "protocol"].map(str::as_ref);
    let ran = run(["verify".as_ref()]
        .into_iter()
        .chain(rules)
        .chain([recording]));
    has(
        ran.ends_with(2).error(),
        &["two rule packs are named `protocol`"],
    );
}

const FACTS: &str = "\
[message]
name = \"/type\"
[fields]
thread = [\"/thread_id\", \"/threads/*/id\"]
[facts.threads]
from = \"csv\"
path = \"threads.csv\"
resource = \"id\"
owner = \"session_id\"
[[rule]]
id = \"foreign-thread\"
title = \"the database says whose a thread is\"
kind = \"owned\"
resource = \"thread\"
owner = \"session\"
facts = \"threads\"
";

#[test]
fn facts_that_are_not_there() {
    let ran = Rules::of(FACTS).verify(&[]).ends_with(2);
    has(
        ran.error(),
        &[
            "cannot read the facts `threads`",
            "mine.toml:",
            "threads.csv",
        ],
    );
}

#[test]
fn facts_without_the_column() {
    let rules = Rules::of(FACTS);
    fs::write(rules.directory.path().join("threads.csv"), "id,owner\n").unwrap();
    let ran = rules.verify(&[]).ends_with(2);
    has(ran.error(), &["no column `session_id`", "id, owner"]);
}

#[test]
fn facts_that_nobody_asked_for() {
    let ran = Rules::of(FACTS)
        .verify(&["--facts", "thread=x.csv"])
        .ends_with(2);
    has(
        ran.error(),
        &["--facts thread", "the rule packs ask for threads"],
    );
}

#[test]
fn facts_on_the_command_line_stand_in_for_the_packs() {
    let rules = Rules::of(FACTS);
    let other = rules.directory.path().join("other.csv");
    // Nobody's thread: the rule finds all that were seen without an owner in the table.
    fs::write(&other, "id,session_id\nthr_none,s-none\n").unwrap();
    let given = format!("threads={}", other.display());
    let ran = rules.verify(&["--facts", &given]);
    assert_ne!(ran.code, 2, "{}", ran.stderr);
    has(&ran.stdout, &["foreign-thread"]);
}

#[test]
fn a_directory_without_cases() {
    let directory = tempfile::tempdir().unwrap();
    let ran = run(["test".as_ref(), directory.path().as_os_str()]).ends_with(2);
    has(ran.error(), &["no case in"]);
}

#[test]
fn a_case_that_fails_is_told_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let case = directory.path().join("wrong.md");
    let text = "# Nothing leaks here\n\n```trace\nrules: agent-platform\n\n\
                A = session s-1, user u-1, device LAPTOP_BROWSER\n\n\
                0.1  A  <  {\"type\":\"agent_started\",\"session_id\":\"s-1\",\"run_id\":\"r\"}   #! expect foreign-thread\n\
                ```\n";
    fs::write(&case, text).unwrap();
    let ran = run(["test".as_ref(), case.as_os_str()]).ends_with(1);
    has(
        &ran.stdout,
        &[
            "wrong.md:8: expected `foreign-thread`",
            "1 case, 1 expectation: 1 failed",
        ],
    );
}
