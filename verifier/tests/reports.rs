//! What reports look like, to people and to programs.

use std::fmt::Write as _;
use std::path::Path;

use wsaudit_recording::Unread;
use wsaudit_verifier::case::Case;
use wsaudit_verifier::engine::Verification;
use wsaudit_verifier::report::{self, Palette, Report, Shown, TextOptions};
use wsaudit_verifier::suite::{Directory, Prepared};
use wsaudit_verifier::survey::survey;

const LEAK: &str = include_str!("cases/leak.md");

fn verify(text: &str) -> (Prepared, Verification) {
    let case = Case::parse("leak.md", text).unwrap_or_else(|errors| panic!("{errors}"));
    let prepared =
        Prepared::new(&case, &Directory::of(Path::new("leak.md"))).expect("a shipped case");
    let verification = prepared.verify(&case).expect("memory can be read");
    (prepared, verification)
}

fn report(text: &str) -> Report {
    let (prepared, verification) = verify(text);
    report::report(&prepared.packs, &verification, &prepared.sources).expect("memory can be read")
}

const PLAIN: TextOptions<'_> = TextOptions {
    palette: &Palette::PLAIN,
    width: None,
    shown: Shown::DEFAULT,
    coverage: None,
    survey: None,
    misses: None,
    remark: None,
};

/// The leak, without a leak: the foreign thread is refused.
fn refused() -> String {
    LEAK.replace("#! expect foreign-thread", "")
        .replace("A = session", "expect none\nA = session")
        .replace(
            r#"{"type":"thread","request":"r2","thread_id":"thr_9c","messages":["secret"]}"#,
            r#"{"type":"refused","request":"r2","thread_id":"thr_9c"}"#,
        )
}

#[test]
fn a_leak_is_told_as_an_argument() {
    insta::assert_snapshot!("leak-text", report::text(&report(LEAK), &PLAIN));
}

#[test]
fn a_leak_is_told_to_programs() {
    let json = report::json(&report(LEAK));
    insta::assert_snapshot!("leak-json", json);
}

#[test]
fn what_is_not_exercised_or_missing_is_told_with_what_settles_it() {
    let text = refused().replace(
        "9.000  B  close 1000",
        "5.000  B  gap 3 frames: recorder stalled\n9.000  B  close 1000",
    );
    insta::assert_snapshot!("inconclusive-text", report::text(&report(&text), &PLAIN));
}

/// Bytes that passed unread pass so again, whether the recorder stalls or not.
#[test]
fn what_was_not_read_is_told_with_what_would_have_it_read() {
    let settled = |why: &str| {
        let gap = format!("5.000  B  gap: {why}\n9.000  B  close 1000");
        let told = report::text(
            &report(&refused().replace("9.000  B  close 1000", &gap)),
            &PLAIN,
        );
        let at = told.find(why).unwrap_or_else(|| panic!("{why}: {told}"));
        let settle = told[at..].lines().nth(1).unwrap_or_default().trim();
        settle.to_owned()
    };
    let stall = "to settle it: see to what made them missing, and record again";
    assert_eq!(settled("the recorder stalled for 5s"), stall);
    for (unread, part) in Unread::ALL.into_iter().zip([
        "a server whose answers are HTTP/1.1",
        "a larger --max-head",
        "ends its chunked answers",
        "connect to the recorder itself",
        "keep the other protocol away",
        "opening handshake has no body",
        "a request within another one's body",
        "a request within another one's body",
    ]) {
        let settle = settled(unread.why());
        assert!(settle.starts_with("to settle it: "), "{unread:?}: {settle}");
        assert!(settle.contains(part), "{unread:?}: {settle}");
        assert_ne!(settle, stall, "{unread:?}");
    }
}

#[test]
fn a_clean_verdict_is_short() {
    let text = refused().replace("A = session", "rules only: foreign-thread\nA = session");
    insta::assert_snapshot!("clean-text", report::text(&report(&text), &PLAIN));
}

#[test]
fn coverage_names_what_no_rule_speaks_of() {
    let text = LEAK.replace("\"online\":2", "\"online\":2,\"room_id\":\"room_77a\"");
    let (prepared, verification) = verify(&text);
    let report = report::report(&prepared.packs, &verification, &prepared.sources).unwrap();
    let survey = survey(&prepared.packs, &prepared.sources).unwrap();
    let options = TextOptions {
        coverage: Some(&verification.coverage),
        survey: Some(&survey),
        ..PLAIN
    };
    insta::assert_snapshot!("coverage-text", report::text(&report, &options));
}

/// `thread_isolation_verified` of s-1 and s-2, and `thread_isolation_maintained` of their user.
fn threads(report: &Report) -> [Option<bool>; 3] {
    [
        report.sessions[0].thread_isolation_verified,
        report.sessions[1].thread_isolation_verified,
        report.users[0].thread_isolation_maintained,
    ]
}

#[test]
fn a_judgement_is_null_where_nothing_was_exercised_or_the_recording_cannot_tell() {
    let broken = report(LEAK);
    assert_eq!(
        threads(&broken),
        [Some(false); 3],
        "giver and receiver are not isolated"
    );
    assert!(!broken.sessions[0].success && !broken.sessions[1].success);
    assert_eq!(broken.users[0].cross_session_interference, Some(true));
    assert_eq!(
        broken.users[0].violations.len(),
        1,
        "told once, though both sessions are its own"
    );
    let holds = report(&refused());
    assert_eq!(threads(&holds), [Some(true); 3]);
    assert_eq!(holds.users[0].cross_session_interference, Some(false));
    assert_eq!(
        holds.users[0].agent_context_isolation, None,
        "no run was started"
    );
    assert!(holds.sessions[0].success && holds.users[0].success);
    assert_eq!(holds.sessions[0].error_message, None);
    let gap = report(&refused().replace(
        "9.000  B  close",
        "5.000  gap: the disk was full\n9.000  B  close",
    ));
    assert_eq!(threads(&gap), [None; 3]);
    assert!(
        gap.sessions[0]
            .error_message
            .as_ref()
            .is_some_and(|why| why.contains("disk was full"))
    );
    let stranger = refused()
        .replace("B = session", "X =\nB = session")
        .replace("3.000  B", "2.500  X  <  {\"type\":\"presence\"}\n3.000  B");
    assert_eq!(
        threads(&report(&stranger)),
        [None; 3],
        "who nobody knows could be anybody"
    );
}

#[test]
fn a_session_that_no_rule_looked_at_is_not_judged() {
    const TRACE: &str = r#"# Two endpoints

```toml
[pack]
name   = "scoped"
format = 1

[scope]
path = "/ws"

[message]
name = "/type"

[fields]
session = "/session"

[[rule]]
id      = "own"
title   = "a message reaches the session that it names"
kind    = "addressed"
field   = "session"
to      = "session"
reports = "thread_isolation_verified"
```

```trace
A = session s-1, user u-1
B = session s-2, user u-2
C = session s-3, user u-1
0.1 A open /ws
0.2 B open /ws
0.3 C open /v2
1.0 A < {"type":"told","session":"s-1"}
1.1 B < {"type":"told","session":"s-2"}
1.2 C < {"type":"told","session":"s-2"}

expect clean
```
"#;
    let found = report(TRACE);
    let sessions = found.sessions.iter();
    let sessions: Vec<_> = sessions.map(|it| it.thread_isolation_verified).collect();
    assert_eq!(sessions, [Some(true), Some(true), None]);
    let users = found.users.iter();
    let users: Vec<_> = users.map(|it| it.thread_isolation_maintained).collect();
    assert_eq!(
        users,
        [None, Some(true)],
        "one of its sessions was not seen"
    );
    let notes: Vec<_> = found.notes.iter().map(|note| &note.message[..]).collect();
    assert_eq!(
        notes,
        [
            "connection 3 (`/v2`) is outside the [scope] of pack scoped, whose rules say nothing of what was sent there"
        ]
    );
}

#[test]
fn a_doubt_about_a_user_is_one_about_whoever_shares_a_session() {
    const TRACE: &str = r#"# Begun, and done by one of them

```toml
[pack]
name   = "shared"
format = 1

[message]
name = "/type"

[events]
begin = { from = "client", name = "begin" }
done  = { from = "server", name = "done" }

[[rule]]
id      = "it"
title   = "what is begun is done"
kind    = "duration"
from    = "begin"
to      = "done"
per     = "user"
max     = "5s"
reports = "thread_isolation_verified"
```

```trace
A = session s-1, user u-1
B = session s-1, user u-2
C = session s-3, user u-3
1.0 A > {"type":"begin"}
1.1 B > {"type":"begin"}
1.1 C > {"type":"begin"}
1.2 B < {"type":"done"}
1.2 C < {"type":"done"}

expect undecided it
```
"#;
    let report = report(TRACE);
    let users = report.users.iter();
    let users: Vec<_> = users.map(|it| it.thread_isolation_maintained).collect();
    assert_eq!(users, [None, None, Some(true)]);
}

#[test]
fn a_session_that_two_users_held_belongs_to_both() {
    let report = report(
        &LEAK
            .replace(
                "B = session s-2, user u-1",
                "C = session s-2, user u-2\nB = session s-2, user u-1",
            )
            .replace("1.000  A  >", "0.500  C  open\n1.000  A  >"),
    );
    let users: Vec<_> = report
        .users
        .iter()
        .map(|user| (user.user_id.as_str(), user.session_count, user.success))
        .collect();
    assert_eq!(users, [("u-1", 2, false), ("u-2", 1, false)]);
}

#[test]
fn only_the_worst_of_many_are_told_in_full_and_the_rest_counted() {
    let mut many = String::new();
    for number in 0..12 {
        let _ = write!(
            many,
            "1.500  A  >  {{\"type\":\"create\",\"request\":\"q{number}\"}}\n\
             1.500  A  <  {{\"type\":\"created\",\"request\":\"q{number}\",\"thread_id\":\"x{number}\"}}\n\
             1.500  B  <  {{\"type\":\"thread\",\"thread_id\":\"x{number}\"}}\n"
        );
    }
    let report = report(&LEAK.replace("2.000  B  >", &format!("{many}2.000  B  >")));
    assert_eq!(report.violations.len(), 13);
    let text = report::text(&report, &PLAIN);
    assert_eq!(text.matches("violated: foreign-thread").count(), 10);
    assert!(
        text.contains("... and 3 more violations of foreign-thread"),
        "{text}"
    );
    let all = report::text(
        &report,
        &TextOptions {
            shown: Shown::All,
            ..PLAIN
        },
    );
    assert_eq!(all.matches("violated: foreign-thread").count(), 13);
    let fingerprints: Vec<_> = report
        .violations
        .iter()
        .map(|found| &found.fingerprint)
        .collect();
    assert!(
        fingerprints[..12].iter().all(|one| *one == fingerprints[0]),
        "one fault, twelve ids"
    );
}

/// The path of an exchange holds ids; what it came to is one fault in every recording.
#[test]
fn a_leak_over_http_has_the_fingerprint_of_its_fault() {
    let of = |id: &str| {
        let text = include_str!("../../fixtures/http/opened-by-another.md");
        let text = text.replace("./rules.toml", "../fixtures/http/rules.toml");
        let report = report(&text.replace("t-1", id));
        let [violation] = &report.violations[..] else {
            panic!("one violation: {}", report::text(&report, &PLAIN));
        };
        assert!(violation.message.contains(id), "{}", violation.message);
        violation.fingerprint.clone()
    };
    assert_eq!(of("t-4711"), of("0f7c2a1e-3b1d-4b7e-9c55-1a2b3c4d5e6f"));
}

/// The last lines: what is told of sessions and users, and the verdict.
fn last_lines(report: &Report) -> String {
    let text = report::text(report, &PLAIN);
    let from = text.find("leak.md: from ").expect("the recording is named");
    text[from..].to_owned()
}

#[test]
fn the_last_lines_do_not_grow_with_sessions_and_users() {
    let mut report = report(&refused());
    let (session, user) = (report.sessions[0].clone(), report.users[0].clone());
    let named = |count: usize| {
        let sessions = (0..count).map(|number| report::Session {
            session_id: format!("00000000-0000-4000-8000-{number:012}"),
            user_id: Some(format!("u-{}", number / 2)),
            websocket_connected: number != 7,
            ..session.clone()
        });
        let users = (0..count / 2).map(|number| report::User {
            user_id: format!("u-{number}"),
            ..user.clone()
        });
        (sessions.collect(), users.collect())
    };
    (report.sessions, report.users) = named(200);
    let many = last_lines(&report);
    assert!(
        many.contains("100 users: 199 of 200 sessions connected\nu-3: 1 of 2 sessions connected\n"),
        "{many}"
    );
    assert!(
        many.contains("event isolation: 200 sessions saw 200 events (1 each)"),
        "{many}"
    );
    assert!(
        many.lines().all(|line| line.chars().count() < 120),
        "{many}"
    );
    (report.sessions, report.users) = named(4);
    let few = last_lines(&report);
    assert!(few.contains("u-1: 2 of 2 sessions connected\n"), "{few}");
    assert!(
        few.contains("event isolation: 4 sessions saw 4 events"),
        "{few}"
    );
}

#[test]
fn colours_are_the_callers_choice_and_change_nothing_else() {
    let report = report(LEAK);
    let plain = report::text(&report, &PLAIN);
    assert!(!plain.contains('\u{1b}'));
    let coloured = report::text(
        &report,
        &TextOptions {
            palette: &Palette::ANSI,
            ..PLAIN
        },
    );
    assert!(coloured.contains('\u{1b}'));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

/// The argument of a leak with a long payload on 80 columns: what does not fit stands below or is cut, and
/// what matters is in sight.
#[test]
fn an_argument_fits_a_terminal() {
    let long = format!("\"messages\":[\"{}\"]", "secret ".repeat(30));
    let text = LEAK.replace("\"messages\":[\"secret\"]", &long);
    let text = text.replace("\"thread_id\":\"thr_9c\",\"messages\"", "\"messages\"");
    let text = text.replace("\"]}", "\"],\"thread_id\":\"thr_9c\"}");
    let told = |width| {
        let options = TextOptions { width, ..PLAIN };
        report::text(&report(&text), &options)
    };
    let argument = |told: &str| -> Vec<String> {
        let lines = told.lines().skip(1);
        let lines = lines.take_while(|line| !line.starts_with("  expected:"));
        lines.map(str::to_owned).collect()
    };
    let wide = argument(&told(None));
    assert!(
        wide.iter().any(|line| line.chars().count() > 80),
        "{wide:#?}"
    );
    for columns in [60, 80, 100] {
        let narrow = argument(&told(Some(columns)));
        for line in &narrow {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
        // The line with the content shows whose it is.
        let content = narrow.iter().filter(|line| line.contains("secret"));
        let shown: Vec<_> = content.collect();
        assert!(
            shown.len() == 1 && shown[0].contains("thr_9c"),
            "{narrow:#?}"
        );
    }
    assert_eq!(told(Some(1000)), told(None));
}

/// Of many violations, each fault is told before one is told again; of many doubts, some.
#[test]
fn what_is_told_first_is_of_each_kind() {
    let mut many = report(LEAK);
    let [first, ..] = &many.violations[..] else {
        panic!("there is a leak");
    };
    let alike = |number: usize, fingerprint: &str| {
        let mut one = first.clone();
        one.message = format!("leak number {number}");
        one.fingerprint = fingerprint.to_owned();
        one
    };
    let mut all: Vec<_> = (0..40).map(|number| alike(number, "aaaa")).collect();
    all.push(alike(40, "bbbb"));
    let rule = many.rules.iter_mut().find(|rule| rule.id == first.rule);
    rule.expect("its rule").violations = all.len();
    many.violations = all;
    let doubt = |number: usize| report::Reason {
        reason: "undecided",
        rules: vec!["rooms/foreign-thread".to_owned()],
        message: format!("doubt number {number}"),
        settle: "record".to_owned(),
        recording: None,
        seq: None,
    };
    many.reasons = (0..25).map(doubt).collect();
    let told = report::text(&many, &PLAIN);
    let count = |what: &str| told.lines().filter(|line| line.contains(what)).count();
    assert_eq!(
        (count("leak number"), count("doubt number")),
        (10, 10),
        "{told}"
    );
    assert!(
        told.contains("leak number 40") && told.contains("leak number 8"),
        "{told}"
    );
    assert!(
        told.contains("... and 31 more violations of foreign-thread"),
        "{told}"
    );
    assert!(
        told.contains("... and 15 more doubts (undecided) about rooms/foreign-thread"),
        "{told}"
    );
    let all = TextOptions {
        shown: Shown::All,
        ..PLAIN
    };
    assert_eq!(
        report::text(&many, &all).matches("doubt number").count(),
        25
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let once = report::json(&report(LEAK));
    for _ in 0..3 {
        assert_eq!(report::json(&report(LEAK)), once);
    }
}

/// A gateway with two sessions on one connection, of which one is shown a thread of the other.
const SHARED: &str = r#"# A leak between two sessions of one connection

```toml
[pack]
name   = "gateway"
format = 1

[session]
message = "/session"

[message]
name = "/type"

[fields]
thread = "/thread"

[events]
create  = { from = "client", name = "create" }
created = { from = "server", name = "created" }

[[rule]]
id         = "foreign-thread"
title      = "a thread is seen by the session that created it"
kind       = "owned"
resource   = "thread"
claimed-by = { event = "created", answers = { event = "create", match = "/request" } }
```

```trace
G = user gateway

0.000  G  open
0.100  G  >  {"type":"create","session":"s-1","request":1}
0.200  G  <  {"type":"created","session":"s-1","request":1,"thread":"t-1"}
0.300  G  >  {"type":"hello","session":"s-2"}
1.000  G  <  {"type":"told","session":"s-2","thread":"t-1"}   #! expect foreign-thread
2.000  G  <  {"type":"told","session":"s-7"}
9.000  end
```
"#;

#[test]
fn frames_of_a_shared_connection_are_of_the_session_that_they_name() {
    let report = report(SHARED);
    let violation = &report.violations[0];
    let lines = violation.evidence.iter();
    let of: Vec<_> = lines.map(|line| line.session.as_deref()).collect();
    assert_eq!(of, [Some("s-1"), Some("s-1"), Some("s-2")]);
    assert_eq!(violation.session.as_deref(), Some("s-2"));
    assert_eq!(violation.owner_session.as_deref(), Some("s-1"));
    let sessions: Vec<_> = report
        .sessions
        .iter()
        .map(|session| &*session.session_id)
        .collect();
    assert_eq!(
        sessions,
        ["s-1", "s-2"],
        "nobody is made a session by a stranger's name"
    );
    let held = report.connections[0].sessions.iter();
    let held: Vec<_> = held.map(|held| (&*held.session, held.from)).collect();
    assert_eq!(held, [("s-1", 33), ("s-2", 35)]);
    insta::assert_snapshot!("shared-text", report::text(&report, &PLAIN));
}
