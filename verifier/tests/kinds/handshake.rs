use wsaudit_verifier::verdict::State;

use super::trial::trial;

fn handshake(demand: &str, trace: &str) -> super::trial::Trial {
    trial(&format!("kind = \"handshake\"\n{demand}"), trace)
}

#[test]
fn accepted() {
    let demand = "accepted = true";
    let refused = "A = session s-1\n0.1 A open\n0.2 A refuse 401";
    assert_eq!(handshake(demand, refused).story(), ["0.1", "0.2"]);
    let dropped = "A = session s-1\n0.1 A open\n0.2 A drop";
    assert_eq!(handshake(demand, dropped).broken_at(), ["0.2"]);
    let accepted = "A = session s-1\n0.1 A open\n0.2 A accept";
    assert_eq!(handshake(demand, accepted).state(), State::Holds);
    assert_eq!(handshake(demand, "0.1 end").state(), State::NotExercised);
}

#[test]
fn subprotocol() {
    let accept = |what: &str| format!("A = session s-1\n0.1 A open\n0.2 A accept {what}");
    let chat = "subprotocol = [\"chat.v2\"]";
    let chosen = accept("subprotocol chat.v2");
    assert_eq!(handshake(chat, &chosen).state(), State::Holds);
    assert_eq!(
        handshake(chat, &accept("")).roles(),
        ["no subprotocol chosen"]
    );
    let none = "subprotocol = [\"\"]";
    assert_eq!(handshake(none, &chosen).roles(), ["wrong subprotocol"]);
    assert_eq!(handshake(none, &accept("")).state(), State::Holds);
}

#[test]
fn a_foreign_origin_may_be_refused_but_not_accepted() {
    let demand = "origin = [{ regex = \"^https://app\" }]";
    let from = |origin: &str, answer: &str| {
        format!("A = session s-1\n0.1 A open /ws\n    Origin: {origin}\n0.2 A {answer}")
    };
    let foreign = from("https://evil.example", "accept");
    assert_eq!(
        handshake(demand, &foreign).roles(),
        ["foreign origin accepted"]
    );
    for trace in [
        from("https://evil.example", "refuse 403"),
        from("https://app.example", "accept"),
        "A = session s-1\n0.1 A open /ws".to_owned(),
    ] {
        assert_eq!(handshake(demand, &trace).state(), State::Holds, "{trace}");
    }
}

#[test]
fn a_credential_is_presented_by_what_is_accepted() {
    let demand = "credential = \"required\"";
    let without = "A = session s-1\n0.1 A open\n0.2 A accept";
    assert_eq!(handshake(demand, without).story(), ["0.1", "0.2"]);
    let with = "A = session s-1, credential redacted-1\n0.1 A open\n0.2 A accept";
    assert_eq!(handshake(demand, with).state(), State::Holds);
    let refused = "A = session s-1\n0.1 A open\n0.2 A refuse 401";
    assert_eq!(handshake(demand, refused).state(), State::Holds);
}

#[test]
fn a_secret_in_the_target() {
    let demand = "url = \"no-secret\"";
    let secret = "A = session s-1\n0.1 A open /ws?access_token=redacted-00ff";
    assert_eq!(handshake(demand, secret).story(), ["0.1"]);
    let none = "A = session s-1\n0.1 A open /ws?session_id=s-1";
    assert_eq!(handshake(demand, none).state(), State::Holds);
}

const ONE_HOLDER: &str = "one-holder = [\"user\", \"device\", \"credential\"]";

#[test]
fn a_session_id_that_two_users_hold_is_taken_over() {
    let trial = handshake(
        ONE_HOLDER,
        r"
A = session s-1, user u-1
B = session s-1, user u-2
0.1 A open
0.2 A close
0.3 B open",
    );
    assert_eq!(trial.story(), ["0.1", "0.3"]);
    assert_eq!(trial.roles(), ["one session id, two users"]);
}

#[test]
fn a_reconnect_of_the_same_holder_holds() {
    let trial = handshake(
        ONE_HOLDER,
        r"
A = session s-1, user u-1, device D, credential c-1
B = session s-1, user u-1, device D, credential c-1
C = session s-2, user u-1, device E, credential c-2
0.1 A open
0.2 A close
0.3 B open
0.4 C open",
    );
    assert_eq!(trial.state(), State::Holds);
    assert_eq!(trial.opportunities(), 3);
}

#[test]
fn another_credential_at_the_same_time_breaks_it_and_a_later_one_may_be_renewed() {
    let traits =
        "A = session s-1, user u-1, credential c-1\nB = session s-1, user u-1, credential c-2";
    let together = format!("{traits}\n0.1 A open\n0.2 B open");
    let trial = handshake(ONE_HOLDER, &together);
    assert_eq!(trial.roles(), ["one session id, two credentials"]);
    let renewed = format!("{traits}\n0.1 A open\n0.2 A close\n0.3 B open");
    assert!(handshake(ONE_HOLDER, &renewed).is_undecided());
    let by_user = handshake("one-holder = \"user\"", &renewed);
    assert_eq!(by_user.state(), State::Holds);
}

#[test]
fn nothing_known_of_the_holder_never_holds() {
    let unknown = "A = session s-1\nB = session s-2, user u-2\n0.1 A open\n0.2 B open";
    assert!(handshake(ONE_HOLDER, unknown).is_undecided());
    let not_comparable =
        "A = session s-1, user u-1\nB = session s-1, device D\n0.1 A open\n0.2 B open";
    assert!(handshake(ONE_HOLDER, not_comparable).is_undecided());
}

#[test]
fn one_connection_alone_could_not_have_taken_anything_over() {
    let alone = "A = session s-1, user u-1\n0.1 A open";
    assert_eq!(handshake(ONE_HOLDER, alone).state(), State::NotExercised);
    // Another demand does not make up for it.
    let both = format!("accepted = true\n{ONE_HOLDER}");
    assert_eq!(handshake(&both, alone).state(), State::NotExercised);
}

#[test]
fn a_takeover_that_was_refused_is_none() {
    let refused = r"
A = session s-1, user u-1
B = session s-1, user u-2
C = session s-3, user u-2
0.1 A open
0.2 B refuse 401
0.3 C open";
    assert_eq!(handshake(ONE_HOLDER, refused).state(), State::Holds);
}

#[test]
fn a_user_that_changes_on_one_connection_is_a_second_holder() {
    let switched = r"
A = session s-1, user u-1
B = session s-2, user u-3
0.1 A open
0.2 B open
0.3 A is user u-2";
    assert_eq!(
        handshake(ONE_HOLDER, switched).roles(),
        ["one session id, two users"]
    );
    let both = switched.replace("is user u-2", "is session s-9, user u-2");
    assert_eq!(handshake(ONE_HOLDER, &both).state(), State::Holds);
}

#[test]
fn two_sessions_share_nothing_that_is_a_sessions_own() {
    let demand = "unshared = [\"credential\", \"token-id\"]";
    let shared = r"
A = session s-1, credential c-1, claim jti=t-1
B = session s-2, credential c-2, claim jti=t-1
C = session s-3, credential c-1, claim jti=t-3
0.1 A open
0.2 B open
0.3 C open";
    let trial = handshake(demand, shared);
    assert_eq!(trial.broken_at(), ["0.2", "0.3"]);
    assert_eq!(
        trial.roles(),
        [
            "two session ids, one token-id",
            "two session ids, one credential"
        ]
    );
    let own =
        "A = session s-1, credential c-1\nB = session s-2, credential c-2\n0.1 A open\n0.2 B open";
    assert_eq!(handshake(demand, own).state(), State::Holds);
    let alone =
        "A = session s-1, credential c-1\nB = session s-1, credential c-1\n0.1 A open\n0.2 B open";
    assert_eq!(handshake(demand, alone).state(), State::NotExercised);
    let unknown = "A = session s-1\nB = session s-2, credential c-2\nC = session s-3, credential c-3\n0.1 A open\n0.2 B open\n0.3 C open";
    assert!(handshake(demand, unknown).is_undecided());
}
