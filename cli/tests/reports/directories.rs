//! What a directory stands for: the recordings beneath it, and nothing else.

use std::fs;

use super::{CHAT, LEAKY, Place, house, json};
use crate::harness::has;

#[test]
fn a_directory_without_a_recording_is_no_pass() {
    let place = Place::new();
    let ran = house(&["verify", place.dir()]).ends_with(2);
    has(ran.error(), &["no recording beneath", place.dir()]);
    assert!(!ran.error().contains("wsaudit test"), "there is no case");
    fs::write(place.path("notes.md"), "# nothing\n").unwrap();
    place.put(".hidden/a.db", LEAKY);
    place.put("node_modules/a.db", LEAKY);
    house(&["verify", place.dir()]).ends_with(2);
    let other = rusqlite::Connection::open(place.path("other.db")).unwrap();
    other.execute_batch("CREATE TABLE t (x);").unwrap();
    let ran = house(&["verify", place.dir()]).ends_with(2);
    has(
        &ran.stderr,
        &["left out: ", "other.db", "no recording beneath"],
    );
    place.put("deep/er/a.recording", LEAKY);
    let ran = house(&["verify", "--rules", CHAT, place.dir()]).ends_with(1);
    has(
        &ran.stdout,
        &["deep/er/a.recording", "(1 history: 1 violated"],
    );
}

/// Following it could lead back to where it is.
#[cfg(unix)]
#[test]
fn a_link_to_a_directory_is_left_out_and_that_is_said() {
    let place = Place::new();
    place.put("elsewhere/b.db", LEAKY);
    place.put("here/a.db", LEAKY);
    for name in ["linked", ".hidden", "node_modules"] {
        let link = place.path("here").join(name);
        std::os::unix::fs::symlink("../elsewhere", link).unwrap();
    }
    let here = place.name("here");
    let ran = house(&["verify", "--rules", CHAT, &here]).ends_with(1);
    has(&ran.stdout, &["(1 history: 1 violated"]);
    assert_eq!(
        ran.stderr,
        format!(
            "left out: {here}/linked: a link to a directory; name it to verify what is there\n"
        )
    );
    let linked = format!("{here}/linked");
    let ran = house(&["verify", "--rules", CHAT, &linked]).ends_with(1);
    has(&ran.stdout, &["(1 history: 1 violated"]);
}

#[test]
fn text_cases_beneath_a_directory_are_not_taken_for_verified() {
    let place = Place::new();
    place.put("cases/leaky.md", "fixtures/golden/chat-leaky.md");
    let ran = house(&["verify", place.dir()]).ends_with(2);
    has(
        ran.error(),
        &["the 1 text case there is run by `wsaudit test "],
    );
    place.put("a.db", LEAKY);
    place.put("cases/b.md", "fixtures/golden/chat-sound.md");
    let ran = house(&["verify", place.dir()]).ends_with(0);
    has(
        &ran.stderr,
        &["left out: 2 text cases beneath", "`wsaudit test "],
    );
}

#[test]
fn a_copy_is_a_history_of_its_own_and_parts_of_a_run_are_one() {
    let place = Place::new();
    place.put("a.db", LEAKY);
    place.put("b.db", LEAKY);
    let ran = house(&["verify", place.dir(), "--json", "-"]).ends_with(0);
    assert_eq!(json(&ran.stdout)["histories"].as_array().unwrap().len(), 2);
    let part = rusqlite::Connection::open(place.path("b.db")).unwrap();
    part.execute("UPDATE run SET part = part + 1", []).unwrap();
    drop(part);
    let ran = house(&["verify", place.dir(), "--json", "-"]);
    let told = json(&ran.stdout);
    assert_eq!(told["histories"].as_array().unwrap().len(), 1);
    let recordings = told["histories"][0]["recordings"].as_array().unwrap();
    assert_eq!(recordings.len(), 1);
    let files = recordings[0]["files"].as_array().unwrap();
    assert_eq!(files.len(), 2);
}

#[test]
fn the_form_of_the_json_is_that_of_the_question() {
    let place = Place::new();
    place.put("a.db", LEAKY);
    let file = place.name("a.db");
    let one = house(&["verify", "--rules", CHAT, &file, "--json", "-"]).ends_with(1);
    assert!(json(&one.stdout)["violations"].is_array());
    let many = house(&["verify", "--rules", CHAT, place.dir(), "--json", "-"]).ends_with(1);
    let many = json(&many.stdout);
    assert_eq!(
        many["histories"][0],
        json(&one.stdout),
        "each is the report of one"
    );
}
