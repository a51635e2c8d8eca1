use super::trial::trial;

const RULE: &str = r#"
kind       = "owned"
resource   = "thread"
claimed-by = { event = "started", owner-at = "session" }
"#;

/// What settles that a thread of nobody was shown.
fn advice(thread: &str) -> String {
    let trial = trial(
        RULE,
        &format!(
            r#"
A = session s-1, user u-1
B = session s-2, user u-1
0.1 A < {{"type":"started","thread":"t-1","session":"s-1"}}
0.2 B < {{"type":"note","thread":"{thread}"}}"#
        ),
    );
    assert!(trial.is_undecided(), "{}", trial.told());
    let [advice] = trial.advice()[..] else {
        panic!("one doubt, not {}", trial.told());
    };
    advice.to_owned()
}

#[test]
fn whose_a_thread_is_that_is_known_by_a_hash_is_settled_in_clear() {
    let made = advice("t-2");
    assert!(
        made.starts_with("record from the moment they are created"),
        "{made}"
    );
    let hashed = advice("[redacted-0123456789abcdef]");
    assert!(hashed.starts_with("record without redacting"), "{hashed}");
}
