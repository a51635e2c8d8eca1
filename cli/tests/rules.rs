//! `wsaudit rules`: what is listed, described, checked and written.

use std::fs;
use std::path::Path;

use super::harness::{has, run};

const PACK: &str = r#"
[pack]
name   = "chat"
format = 1

[fields]
room = "/room"

[events]
said = { from = "server", name = "said" }

[[rule]]
id    = "nothing-is-said"
title = "nothing is said"
kind  = "never"
event = "said"
key   = "room"
"#;

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn check(arguments: &[&str], path: &Path) -> super::harness::Ran {
    let arguments = arguments.iter().map(AsRef::as_ref);
    let command = ["rules".as_ref(), "check".as_ref()].into_iter();
    run(command.chain(arguments).chain([path.as_os_str()]))
}

#[test]
fn packs_and_kinds_are_listed_and_described() {
    let list = run(["rules"]).ends_with(0).stdout;
    has(
        &list,
        &[
            "agent-platform: ",
            "foreign-thread",
            "owned",
            "handshake: ",
            "protocol: ",
        ],
    );
    assert_eq!(list, run(["rules", "list"]).ends_with(0).stdout);
    let shown = run(["rules", "show", "agent-platform"]).ends_with(0).stdout;
    has(
        &shown,
        &[
            "`foreign-thread` (owned)",
            "`created`: from the server",
            "`query:session_id`",
        ],
    );
    let kinds = run(["rules", "kinds"]).ends_with(0).stdout;
    has(&kinds, &["owned  ", "sequence"]);
    let kind = run(["rules", "kinds", "owned"]).ends_with(0).stdout;
    has(&kind, &["`owned`"]);
}

#[test]
fn an_unknown_pack_or_kind_is_answered_with_the_known_ones() {
    let ran = run(["rules", "show", "agentplatform"]).ends_with(2);
    has(ran.error(), &["did you mean `agent-platform`?"]);
    let ran = run(["rules", "kinds", "owner"]).ends_with(2);
    has(&ran.stderr, &["'owner'", "a similar value exists: 'owned'"]);
}

#[test]
fn a_sound_pack_is_sound_and_the_shipped_ones_are() {
    let packs = directory(&[("chat.toml", PACK)]);
    let ran = check(&[], &packs.path().join("chat.toml")).ends_with(0);
    assert_eq!(ran.stdout, "1 pack, 1 rule: 0 errors, 0 warnings\n");
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    has(
        &check(&["--deny-warnings"], &rules).ends_with(0).stdout,
        &["4 packs"],
    );
    for name in ["agent-platform", "handshake", "protocol"] {
        check(&["--deny-warnings"], Path::new(name)).ends_with(0);
    }
}

#[test]
fn all_errors_of_all_packs_are_told_with_place_and_nearest_word() {
    let wrong = PACK.replace("event = \"said\"", "event = \"sad\"\nbetwen = 1");
    let packs = directory(&[
        ("a/chat.toml", &wrong),
        ("b/chat.toml", "[pack]\nnmae = \"b\"\n"),
    ]);
    let ran = check(&[], packs.path()).ends_with(1);
    has(
        &ran.stdout,
        &[
            "a/chat.toml:16:9",
            "did you mean `said`?",
            "a/chat.toml:17:1",
            "did you mean `between`?",
            "b/chat.toml:2:1",
            "did you mean `name`?",
            "^^^^",
            "2 broken packs: 5 errors, 0 warnings",
        ],
    );
}

#[test]
fn what_no_rule_speaks_of_is_a_warning_unless_it_is_meant() {
    let unused = PACK.replace(
        "[events]\n",
        "seat = \"/seat\"\n\n[events]\nleft = { name = \"left\" }\n_ping = { name = \"ping\" }\n",
    );
    let packs = directory(&[("chat.toml", &unused)]);
    let ran = check(&[], packs.path()).ends_with(0);
    has(
        &ran.stdout,
        &[
            "warning: no rule speaks of the field `seat`",
            "chat.toml:9:8",
            "warning: no rule speaks of the event `left`",
            "0 errors, 2 warnings",
        ],
    );
    assert!(!ran.stdout.contains("_ping`\n"), "{}", ran.stdout);
    check(&["--deny-warnings"], packs.path()).ends_with(1);
}

/// As `wsaudit verify` does; following it, packs were found again and again.
#[cfg(unix)]
#[test]
fn a_link_to_a_directory_is_left_out_and_that_is_said() {
    let packs = directory(&[("chat.toml", PACK), ("b/other.toml", PACK), ("b/x", "")]);
    let linked = packs.path().join("b/linked");
    std::os::unix::fs::symlink("..", &linked).unwrap();
    let ran = check(&[], packs.path()).ends_with(0);
    has(&ran.stdout, &["2 packs, 2 rules: 0 errors"]);
    assert_eq!(
        ran.stderr,
        format!(
            "left out: {}: a link to a directory; name it to check what is there\n",
            linked.display()
        )
    );
    let ran = check(&[], &linked).ends_with(0);
    has(&ran.stdout, &["2 packs, "]);
}

#[test]
fn where_no_rule_file_is_that_is_an_error_and_no_sound_pack() {
    let nothing = directory(&[("Cargo.toml", "[package]\nname = \"x\"\n")]);
    let ran = check(&[], nothing.path()).ends_with(2);
    has(ran.error(), &["no rule file in"]);
    let ran = check(&[], &nothing.path().join("no.toml")).ends_with(2);
    has(&ran.stderr, &["no.toml"]);
}

#[test]
fn a_file_that_the_program_wrote_is_compared_and_a_change_found() {
    let desk = tempfile::tempdir().unwrap();
    let file = desk.path().join("pack.schema.json");
    let name = file.to_str().unwrap();
    run(["rules", "schema", "--out", name]).ends_with(0);
    run(["rules", "schema", "--check", name]).ends_with(0);
    let schema: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(schema["properties"]["pack"]["required"][0], "format");
    let changed = fs::read_to_string(&file)
        .unwrap()
        .replacen("object", "objekt", 1);
    fs::write(&file, changed).unwrap();
    let ran = run(["rules", "schema", "--check", name]).ends_with(1);
    has(&ran.stderr, &["pack.schema.json:", "differs"]);
    has(
        &run(["rules", "doc"]).ends_with(0).stdout,
        &["# Rules", "## Kinds", "### owned"],
    );
    run(["rules", "doc", "--check", "/nowhere/rules.md"]).ends_with(2);
}

/// What `rules new` makes of a recording: written, checked, and verified with.
fn drafted(recording: &str) -> (String, super::harness::Ran) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("mine.toml");
    let out = out.to_str().unwrap();
    let ran = run(["rules", "new", recording, "--out", out]).ends_with(0);
    has(
        &ran.stderr,
        &["mine.toml: read and correct it, then `wsaudit rules check "],
    );
    run(["rules", "check", "--deny-warnings", out]).ends_with(0);
    let again = run(["rules", "new", recording, "--out", out]).ends_with(2);
    has(
        &again.stderr,
        &["mine.toml exists; name another file, or remove it"],
    );
    let text = std::fs::read_to_string(out).unwrap();
    (text, run(["verify", "--rules", out, recording]))
}

#[test]
fn a_pack_is_drafted_from_what_a_recording_holds() {
    let recording = super::harness::sound_recording();
    let (text, verified) = drafted(recording.to_str().unwrap());
    has(
        &text,
        &[
            "name   = \"mine\"",
            "# The recorder has tagged the connections: session header:X-Session-ID, user jwt:sub",
            "name  = \"/type\"",
            "session = [\"/session_id\"]",
            "run = [\"/run_id\"]",
            "agent_started = { from = \"server\", name = \"agent_started\" }",
            "# asks-open_thread = { from = \"client\", name = \"open_thread\" }",
            "kind  = \"addressed\"",
            "claimed-by = \"agent_started\"",
        ],
    );
    // A session that something is shared with is named to another one.
    assert!(!text.contains("/to_session\"]"), "{text}");
    // What the draft says held in the recording it was made of.
    let verified = verified.ends_with(0);
    has(&verified.stdout, &["foreign-run", "verdict: clean"]);
}

#[test]
fn where_nothing_is_private_no_rule_says_so() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let (text, verified) = drafted(fixtures.join("golden/chat-sound.db").to_str().unwrap());
    has(
        &text,
        &["Of no field was each value sent to one session, or one user, only"],
    );
    assert!(!text.contains("kind       = \"owned\""), "{text}");
    verified.ends_with(0);
    let missing = run(["rules", "new", "no-such.db"]).ends_with(2);
    has(&missing.stderr, &["no-such.db"]);
}

#[test]
fn where_nothing_is_tagged_the_sources_that_would_do_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("untagged.db");
    fs::copy(super::harness::sound_recording(), &copy).unwrap();
    let database = rusqlite::Connection::open(&copy).unwrap();
    database
        .execute_batch("delete from tag where kind <> 'claim'")
        .unwrap();
    drop(database);
    let (text, verified) = drafted(copy.to_str().unwrap());
    has(
        &text,
        &[
            "# The recorder has tagged nothing",
            "[session]\nid = [\"header:x-session-id\"]   # on 8 of 8 connections",
        ],
    );
    has(&verified.stdout, &["rules of mine", "framing"]);
}

#[test]
fn what_could_not_be_read_is_counted() {
    let ran = run(["rules", "check", "protocol", "protocl"]).ends_with(2);
    has(
        &ran.stdout,
        &["1 pack, 1 rule, 1 could not be read: 0 errors, 0 warnings"],
    );
    has(ran.error(), &["did you mean `protocol`?"]);
}
