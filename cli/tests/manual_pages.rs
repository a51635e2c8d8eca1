//! `wsaudit man` and `wsaudit completions`: read by the programs that they are for.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::harness::{has, not_tested, run};

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

/// What fish and zsh make of their scripts, where they are installed.
#[test]
fn fish_and_zsh_take_their_scripts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script");
    let written = |shell: &str| {
        std::fs::write(&path, run(["completions", shell]).ends_with(0).stdout).unwrap();
        let there = Command::new(shell).arg("--version").output().is_ok();
        if !there {
            not_tested(&format!("what {shell} completes: it is not installed"));
        }
        there
    };
    if written("zsh") {
        let checked = Command::new("zsh").arg("-n").arg(&path).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
    if written("fish") {
        for (typed, offered) in [
            ("--color ", "always"),
            ("verify --color ", "always"),
            ("verify --rules agent", "agent-platform"),
            ("rules show hand", "handshake"),
            ("--color never ver", "verify"),
        ] {
            let script = format!("source {}; complete -C 'wsaudit {typed}'", path.display());
            let asked = Command::new("fish")
                .args(["--no-config", "-c", &script])
                .current_dir(&directory)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&asked.stdout).into_owned();
            let found = text
                .lines()
                .any(|line| line.split('\t').next() == Some(offered));
            assert!(found, "{typed}: {asked:?}");
            assert!(!text.contains("script"), "no file is offered: {text}");
        }
    }
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
    // Names of packs where a path may stand; and paths.
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a-rule.toml"), "").unwrap();
    for (words, before) in [("verify --rules", "--rules"), ("rules show", "show")] {
        let asked = format!(
            "{script}\nCOMP_WORDS=(wsaudit {words} a); COMP_CWORD=3; _wsaudit wsaudit a {before}; echo \"${{COMPREPLY[@]}}\""
        );
        let offered = Command::new("bash")
            .args(["-c", &asked])
            .current_dir(&directory)
            .output()
            .unwrap();
        let offered = String::from_utf8_lossy(&offered.stdout).into_owned();
        let mut offered: Vec<_> = offered.split_whitespace().collect();
        offered.sort_unstable();
        assert_eq!(offered, ["a-rule.toml", "agent-platform"], "{words}");
    }
    let zsh = run(["completions", "zsh"]).ends_with(0).stdout;
    assert_eq!(zsh.matches(":_wsaudit_rules'").count(), 4);
    has(
        &zsh,
        &[
            "shipped pack:(agent-platform correlated handshake protocol)",
            "_wsaudit_rules() {",
        ],
    );
    let rules = "using_subcommand verify\" -l rules -r -F -a \"agent-platform correlated ";
    has(
        &fish,
        &[
            rules,
            "from show\" -a \"agent-platform ",
            "$cmd[1..-2] 2>/dev/null",
        ],
    );
    let unknown = run(["completions", "tcsh"]).ends_with(2);
    has(
        &unknown.stderr,
        &["possible values: bash, elvish, fish, powershell, zsh"],
    );
}
