//! `wsaudit man` and `wsaudit completions`: read by the programs that they are for.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::harness::{has, run};

#[test]
fn every_command_has_a_page_that_groff_reads_without_a_complaint() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man1");
    run(["man", "--out", out.to_str().unwrap()]).ends_with(0);
    let names: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in [
        "wsaudit.1",
        "wsaudit-record.1",
        "wsaudit-verify.1",
        "wsaudit-rules-check.1",
    ] {
        assert!(
            names.iter().any(|it| it == name),
            "{name} is not in {names:?}"
        );
    }
    for name in &names {
        let read = Command::new("groff")
            .args(["-ww", "-man", "-Tutf8", "-P-cbou"])
            .arg(out.join(name))
            .output();
        let read = match read {
            Ok(read) => read,
            Err(error) => panic!("groff cannot be run: {error}; `.ci/run` installs it"),
        };
        let complaints = String::from_utf8_lossy(&read.stderr);
        assert!(
            complaints.is_empty() && read.status.success(),
            "{name}: {complaints}"
        );
        let text = String::from_utf8_lossy(&read.stdout).into_owned();
        has(&text, &["NAME", "SYNOPSIS", "OPTIONS"]);
        assert!(
            !text.contains("General Commands Manual"),
            "what its head says is in other places:\n{text}"
        );
        // `wsaudit-verify(1)`: each page that one leads to is there.
        let words = text.split(|it: char| it.is_whitespace() || it == ',');
        let pages = words.filter_map(|word| word.strip_suffix("(1)"));
        for page in pages.map(str::to_lowercase) {
            assert!(
                names.contains(&format!("{page}.1")),
                "{name} leads to {page}, of which there is no page"
            );
        }
        if name == "wsaudit-rules-check.1" {
            has(
                &text,
                &[
                    "wsaudit rules check",
                    "--deny-warnings",
                    "EXAMPLES",
                    "SEE ALSO",
                    "wsaudit(1), wsaudit-rules(1)",
                ],
            );
        }
        if name == "wsaudit-verify.1" {
            has(
                &text,
                &[
                    "NOTES",
                    "EXAMPLES",
                    // Line for line: a filled one could not be pasted.
                    "  wsaudit verify --rules rules/ --write-baseline known.toml traffic.db\n",
                    "EXIT STATUS",
                    "  1  violated: a rule is broken in a way that no baseline knows\n",
                ],
            );
        }
    }
    let alone = run(["man"]).ends_with(0);
    has(&alone.stdout, &[".TH WSAUDIT 1 \"\" \"wsaudit "]);
    let nowhere = run(["man", "--out", "/dev/null/man1"]).ends_with(2);
    has(&nowhere.stderr, &["cannot make /dev/null/man1"]);
}

#[test]
fn completions_are_scripts_that_their_shell_takes() {
    let script = run(["completions", "bash"]).ends_with(0).stdout;
    let mut bash = Command::new("bash")
        .args(["-n", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let checked = bash.wait_with_output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    // What the shell offers after `wsaudit ver`.
    let asked = format!(
        "{script}\nCOMP_WORDS=(wsaudit ver); COMP_CWORD=1; _wsaudit wsaudit ver wsaudit; echo \"${{COMPREPLY[@]}}\""
    );
    let offered = Command::new("bash").args(["-c", &asked]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&offered.stdout).trim(), "verify");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        has(
            &run(["completions", shell]).ends_with(0).stdout,
            &["explain"],
        );
    }
    let fish = run(["completions", "fish"]).ends_with(0).stdout;
    has(
        &fish,
        &[
            "using_subcommand completions\" -f -a \"bash elvish fish powershell zsh\"",
            "using_subcommand rules; and __fish_seen_subcommand_from kinds\" -f -a \"addressed ",
        ],
    );
    let unknown = run(["completions", "tcsh"]).ends_with(2);
    has(
        &unknown.stderr,
        &["possible values: bash, elvish, fish, powershell, zsh"],
    );
}
