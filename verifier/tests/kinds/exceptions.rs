//! `except`, for every kind: who was issued the attribute is excepted and counted, who only presents it
//! is not, and that is noted.

use std::path::Path;

use wsaudit_verifier::verdict::State;

use super::trial::{Trial, trial};

/// By kind: a rule, and what S (and another session) does to break it once.
const BROKEN: [(&str, &str, &str); 12] = [
    (
        "addressed",
        "field = \"session\"",
        "1 S < {\"type\":\"note\",\"session\":\"s-2\"}",
    ),
    (
        "always",
        "event = \"note\"\nmatches = { \"/session\" = { exists = true } }",
        "1 S < {\"type\":\"note\"}",
    ),
    (
        "correlated",
        "",
        "1 S < {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}",
    ),
    (
        "count",
        "event = \"note\"\nat-most = 1",
        "1 S < {\"type\":\"note\"}\n1.1 S < {\"type\":\"note\"}",
    ),
    (
        "duration",
        "from = \"started\"\nto = \"completed\"\nmax = \"1s\"",
        "1 S < {\"type\":\"started\"}\n5 S < {\"type\":\"completed\"}",
    ),
    ("handshake", "url = \"no-secret\"", ""),
    ("never", "event = \"note\"", "1 S < {\"type\":\"note\"}"),
    (
        "owned",
        "resource = \"thread\"\nclaimed-by = { event = \"ready\", owner-at = \"session\" }",
        "1 T < {\"type\":\"ready\",\"thread\":\"t\",\"session\":\"s-2\"}\n2 S < {\"type\":\"note\",\"thread\":\"t\"}",
    ),
    ("protocol", "", "1 S < anomaly masked-server-frame length 5"),
    (
        "response",
        "request = \"ask\"\nreply = \"reply\"\nmatch = \"request\"\nwithin = \"1s\"",
        "1 S > {\"type\":\"ask\",\"request\":1}",
    ),
    (
        "sequence",
        "key = \"run\"\nsteps = [\"started\", \"completed\"]",
        "1 S < {\"type\":\"completed\",\"run\":1}",
    ),
    (
        "sql",
        "query = \"SELECT seq FROM session_message WHERE session_id = 's-1' AND opcode = 'text'\"",
        "1 S < {\"type\":\"note\"}",
    ),
];

fn tried(kind: &str, keys: &str, history: &str, except: &str, how: &str) -> Trial {
    let rule =
        format!("kind = \"{kind}\"\n{keys}\nexcept = [{{ {except}, why = \"it is allowed\" }}]");
    let trace = format!(
        "S = session s-1{how}, user support{how}, device KIOSK{how}\nT = session s-2, user u-2\n\
         0 S open /ws?token=redacted-0011\n0 T open /ws\n{history}\n30 end"
    );
    trial(&rule, &trace)
}

const WHOM: [&str; 3] = [
    "session = \"s-1\"",
    "user = \"support\"",
    "device = { prefix = \"KIOSK\" }",
];

#[test]
fn whoever_was_issued_the_attribute_is_excepted_and_counted() {
    for (kind, keys, history) in BROKEN {
        for except in WHOM {
            let trial = tried(kind, keys, history, except, "");
            assert_ne!(trial.state(), State::Violated, "{kind}, {except}");
            assert_eq!(trial.excepted(), [("it is allowed", 1)], "{kind}, {except}");
            assert!(trial.noted().is_empty(), "{kind}, {except}");
        }
    }
}

#[test]
fn whoever_only_presents_it_is_not() {
    for (kind, keys, history) in BROKEN {
        for except in WHOM {
            let trial = tried(kind, keys, history, except, " (presented)");
            assert_eq!(trial.state(), State::Violated, "{kind}, {except}");
            assert!(trial.excepted().is_empty(), "{kind}, {except}");
            let noted = "the exception \"it is allowed\" does not count for 1 violation: what it names was \
                         only presented by the client, and only what the server issued counts";
            assert_eq!(trial.noted(), [noted], "{kind}, {except}");
        }
    }
}

#[test]
fn an_exception_that_is_about_somebody_else_is_not_noted() {
    for (kind, keys, history) in BROKEN {
        let somebody_else = "user = \"support\", device = \"TABLET\"";
        let trial = tried(kind, keys, history, somebody_else, " (presented)");
        assert_eq!(trial.state(), State::Violated, "{kind}");
        assert!(trial.noted().is_empty(), "{kind}");
    }
}

#[test]
fn every_kind_is_tried() {
    // `sql` knows frames and sessions of the recording, and is tried with recordings.
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    let mut files: Vec<_> = std::fs::read_dir(kinds)
        .expect("the kinds' directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    assert_eq!(BROKEN.map(|(kind, ..)| kind.to_owned()).as_slice(), files);
}

#[test]
fn a_kind_that_looks_at_no_events_cannot_except_one() {
    let text = "[pack]\nname = \"x\"\nformat = 1\n[events]\na = { name = \"a\" }\n[[rule]]\nid = \"p\"\n\
                title = \"t\"\nkind = \"protocol\"\nexcept = [{ event = \"a\", why = \"no reason\" }]\n";
    let errors = wsaudit_verifier::rules::Pack::from_texts(&[("x.toml", text)]);
    let errors = errors.expect_err("it means nothing").to_string();
    assert!(errors.contains("looks at no events"), "{errors}");
}
