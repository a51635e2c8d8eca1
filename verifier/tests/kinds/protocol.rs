use wsaudit_verifier::verdict::State;

use super::trial::trial;

const HISTORY: &str = r#"
A = session s-1
0.1 A > {"type":"ask"}
0.2 A anomaly unmasked-client-frame the frame has no masking key
0.3 A anomaly unmasked-client-frame the frame has no masking key
0.4 A < anomaly masked-server-frame the frame has a masking key"#;

#[test]
fn anomalies_break_it_once_for_each_code_and_connection() {
    let trial = trial("kind = \"protocol\"", HISTORY);
    assert_eq!(trial.broken_at(), ["0.2", "0.4"]);
    assert_eq!(
        trial.roles(),
        [
            "unmasked-client-frame by the client",
            "masked-server-frame by the server"
        ]
    );
}

#[test]
fn what_is_ignored_or_of_the_other_side_is_no_breach() {
    let rule = "kind = \"protocol\"\nfrom = \"server\"";
    assert_eq!(trial(rule, HISTORY).broken_at(), ["0.4"]);
    let rule = format!("{rule}\nignore = [\"masked-server-frame\"]");
    assert_eq!(trial(&rule, HISTORY).state(), State::Holds);
}

#[test]
fn without_a_connection_it_is_not_exercised() {
    let nothing = "0.1 end";
    assert_eq!(
        trial("kind = \"protocol\"", nothing).state(),
        State::NotExercised
    );
    let refused = "A = session s-1\n0.1 A refuse 401";
    assert_eq!(
        trial("kind = \"protocol\"", refused).state(),
        State::NotExercised
    );
    let accepted = "A = session s-1\n0.1 A open\n0.2 A accept";
    assert_eq!(trial("kind = \"protocol\"", accepted).state(), State::Holds);
}
