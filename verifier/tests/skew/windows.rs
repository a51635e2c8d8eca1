//! Windows that begin in one recording, and in the other.

use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::verdict::State;

use super::told;

const PACK: &str = r#"
[pack]
name   = "windows"
format = 1

[message]
name = "/type"

[events]
note = { from = "server", name = "note" }

[[rule]]
id      = "it"
title   = "after a note, each names a party"
kind    = "always"
event   = "note"
matches = { "/party" = "p-1" }
after   = "note"
per     = "session"
"#;

/// How the rule stands where a note that names nobody comes after so many ms, and in the other recording of the session
/// one that names a party.
fn state(nobody: u32, party: u32, skew: u64) -> State {
    let nobody = format!("A = session s-1\n0.{nobody} A < {{\"type\":\"note\"}}\n5.0 end");
    let party =
        format!("A = session s-1\n0.{party} A < {{\"type\":\"note\",\"party\":\"p-1\"}}\n5.0 end");
    told::state(PACK, &Facts::default(), [&nobody, &party], skew)
}

#[test]
fn which_of_two_events_begins_the_window_that_the_other_is_in_may_not_be_known() {
    assert_eq!(state(500, 540, 0), State::Holds);
    assert_eq!(state(540, 500, 0), State::Violated);
    assert_eq!(state(500, 540, 100), State::Undecided);
    assert_eq!(state(540, 500, 100), State::Undecided);
    assert_eq!(state(640, 500, 100), State::Violated);
}
