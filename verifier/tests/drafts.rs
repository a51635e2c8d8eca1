//! What `wsaudit rules new` makes of a history.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test's setting fails the test"
)]

use std::path::Path;

use wsaudit_verifier::case::{Case, CaseHistory};
use wsaudit_verifier::draft::draft;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{Directory, run_case};

/// The draft of a pack, from a trace; it is one that can be read.
fn drafted(trace: &str) -> String {
    let rules = "[pack]\nname = \"none\"\nformat = 1";
    let text = format!("# draft\n\n```trace\nexpect none\n{trace}\n```\n\n```toml\n{rules}\n```\n");
    let case = Case::parse("draft.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let CaseHistory::Trace(source) = case.history else {
        panic!("the case has a trace");
    };
    let text = draft("mine", &[source]).unwrap();
    Pack::from_texts(&[("mine.toml", &text)]).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    text
}

/// Each user has two sessions, and each of them is told of the user's threads.
const SHARED_BY_SESSIONS: &str = r#"
A = session a-1, user alice
B = session a-2, user alice
C = session b-1, user bob
0.1 A < {"type":"created","thread_id":"thr-1000001"}
0.2 B < {"type":"created","thread_id":"thr-1000001"}
0.3 C < {"type":"created","thread_id":"thr-1000002"}
0.4 A < {"type":"created","thread_id":"thr-1000003"}
0.5 C < {"type":"note","thread_id":"thr-1000002"}"#;

#[test]
fn what_sessions_of_a_user_share_is_the_users() {
    let text = drafted(SHARED_BY_SESSIONS);
    for line in [
        "# 3 values of /thread_id, each of them sent to one user only, and seen first in created (server).",
        "title      = \"each thread is seen only by the user that it was given to\"",
        "owner      = \"user\"",
        "claimed-by = \"created\"",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
}

#[test]
fn what_goes_to_one_session_each_is_the_sessions() {
    let alone = SHARED_BY_SESSIONS.replace("B = session a-2, user alice\n", "");
    let text = drafted(&alone.replace("0.2 B", "0.2 A"));
    assert!(
        text.contains("each of them sent to one session only"),
        "{text}"
    );
    assert!(!text.contains("owner "), "{text}");
}

/// With one user, nothing is known of what others would see.
#[test]
fn of_one_user_alone_no_rule_is_drafted() {
    let text = drafted(&SHARED_BY_SESSIONS.replace("user bob", "user alice"));
    assert!(!text.contains("kind       = \"owned\""), "{text}");
    assert!(
        text.contains("Of no field was each value sent to one session, or one user, only."),
        "{text}"
    );
}

#[test]
fn where_users_are_known_a_session_has_one() {
    let text = drafted(SHARED_BY_SESSIONS);
    for line in [
        "# 3 sessions have a user, and each of them has one.",
        "one-holder = [\"user\"]",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    let taken = SHARED_BY_SESSIONS.replace("session b-1, user bob", "session a-1, user bob");
    let text = drafted(&taken);
    let line = "# 1 of 2 sessions with a user have several, which breaks this rule.";
    assert!(text.contains(line), "{text}");
    let nobody = SHARED_BY_SESSIONS
        .replace(", user alice", "")
        .replace(", user bob", "");
    assert!(!drafted(&nobody).contains("one-holder"));
}

/// Two sessions are told of their threads and runs, and one of them has asked for a list.
const GRAPHQL: &str = r#"
A = session a-1, user alice
B = session b-1, user bob
0.01 A open /graphql
0.02 A accept subprotocol graphql-transport-ws
0.03 B open /graphql
0.04 B accept subprotocol graphql-transport-ws
0.05 A > {"id":"1","type":"subscribe","payload":{"operationName":"Threads","query":"subscription Threads { threadAdded { id } }"}}
0.06 A > {"id":"2","type":"subscribe","payload":{"query":"subscription { runStarted { id } }"}}
0.1 A < {"id":"1","type":"next","payload":{"data":{"threadAdded":{"id":"thr-1000001"}}}}
0.2 A < {"id":"2","type":"next","payload":{"data":{"runStarted":{"id":"run-1000001"}}}}
0.3 B < {"id":"1","type":"next","payload":{"data":{"threadAdded":{"id":"thr-1000002"}}}}
0.4 B < {"id":"2","type":"next","payload":{"data":{"runStarted":{"id":"run-1000002"}}}}
0.5 A < {"id":"3","type":"next","payload":{"data":{"me":{"noteId":"not-1000001"},"you":1}}}
0.6 B < {"id":"3","type":"next","payload":{"data":{"me":{"noteId":"not-1000002"},"you":1}}}"#;

#[test]
fn what_graphql_brings_is_told_by_its_field_and_never_by_its_type() {
    for (framing, next, subscribe) in [
        ("graphql-transport-ws", "next", "subscribe"),
        ("graphql-ws", "data", "start"),
    ] {
        let trace = GRAPHQL
            .replace("graphql-transport-ws", framing)
            .replace(r#""type":"next""#, &format!(r#""type":"{next}""#))
            .replace(r#""type":"subscribe""#, &format!(r#""type":"{subscribe}""#));
        let text = drafted(&trace);
        for line in [
            format!(
                "\nrunStarted = {{ from = \"server\", name = \"{next}\", where = {{ \"/payload/data/runStarted\" = {{ exists = true }} }} }}   # 2 times\n"
            ),
            format!(
                "\n# asks-Threads = {{ from = \"client\", name = \"{subscribe}\", where = {{ \"/payload/operationName\" = \"Threads\" }} }}   # once\n"
            ),
            format!(
                "\n# {next} = {{ from = \"server\", name = \"{next}\" }}   # 2 times, and nothing tells what about\n"
            ),
            format!("seen first in {next} of threadAdded (server)."),
            "told by what is under\n# /payload/data".to_owned(),
            "claimed-by = \"threadAdded\"\n".to_owned(),
            "claimed-by = \"runStarted\"\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{line}:\n{text}");
        }
        assert_eq!(text.matches("\nclaimed-by").count(), 2, "{text}");
        // The draft holds over what it was made from.
        let case = format!(
            "# drafted\n\n```toml\n{text}\n```\n\n```trace\nexpect holds foreign-threadAdded, foreign-runStarted\n{trace}\n```\n"
        );
        let case = Case::parse("drafted.md", &case).unwrap_or_else(|errors| panic!("{errors}"));
        let result = run_case(&case, &Directory::of(Path::new("drafted.md")));
        assert_eq!(result.mismatches, [], "{text}");
    }
    // Of a connection that does not say so, the type is the name.
    let text = drafted(&GRAPHQL.replace(" subprotocol graphql-transport-ws", ""));
    assert!(text.contains("\nnext = {"), "{text}");
}
