//! What is missing keeps rules from being believed, however little is known of it.

use std::path::Path;

use wsaudit_verifier::case::Case;
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Connection, Exchange, Gap, GapCause, MemoryMessage, MemorySource, Moment, Outline, Source,
    Unclean,
};
use wsaudit_verifier::report::{Report, report};
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{Directory, Prepared};
use wsaudit_verifier::verdict::{Reason, State};
use wsaudit_wire::{Direction, Opcode};

/// Two sessions, and a message to one of them that cannot be read.
const UNREADABLE: &str = r#"# A message that cannot be read

```toml
[pack]
name   = "threads"
format = 1

[message]
name = "/type"

[fields]
thread = "/thread"

[events]
created = { from = "server", name = "created" }

[[rule]]
id         = "foreign-thread"
title      = "a thread is its session's"
kind       = "owned"
resource   = "thread"
claimed-by = { event = "created", owner-at = "/owner" }
reports    = "thread_isolation_verified"
```

```trace
A = session s-1, user u-1
B = session s-2, user u-2

0.0  B  open
0.1  A  <  {"type":"created","thread":"t-1","owner":"s-1"}
0.2  B  <  text "{\"thread\":"

expect undecided foreign-thread
```
"#;

/// Two sessions, and a step to each that does not say of which run it is.
const WITHOUT_AN_ID: &str = r#"# Steps without an id

```toml
[pack]
name   = "runs"
format = 1

[message]
name = "/type"

[events]
started   = { from = "server", name = "started" }
completed = { from = "server", name = "completed" }

[[rule]]
id      = "order"
title   = "a run comes in order"
kind    = "sequence"
key     = "/run"
steps   = ["started", "completed"]
reports = "agent_execution_isolated"
```

```trace
A = session s-1, user u-1
B = session s-2, user u-2

0.0  A  <  {"type":"started","run":"r-1"}
0.1  B  <  {"type":"started","run":"r-2"}
0.2  A  <  {"type":"completed"}
0.3  B  <  {"type":"completed"}
0.4  A  <  {"type":"completed","run":"r-1"}
0.5  B  <  {"type":"completed","run":"r-2"}

expect undecided order
```
"#;

/// What a case with its own rules comes to.
fn reported(text: &str) -> Report {
    let case = Case::parse("case.md", text).unwrap_or_else(|errors| panic!("{errors}"));
    let directory = Directory::of(Path::new("case.md"));
    let prepared = Prepared::new(&case, &directory).expect("a case with its own rules");
    let found = prepared.verify(&case).expect("memory can be read");
    report(&prepared.packs, &found, &prepared.sources).expect("memory can be read")
}

#[test]
fn what_came_to_several_and_cannot_be_judged_is_doubted_of_each() {
    let report = reported(WITHOUT_AN_ID);
    for session in report.sessions {
        assert_eq!(
            session.agent_execution_isolated, None,
            "{}",
            session.session_id
        );
    }
}

#[test]
fn what_somebody_got_and_cannot_be_read_may_be_anybodys() {
    let report = reported(UNREADABLE);
    // The thread of the first one may have reached the second one.
    for session in report.sessions {
        assert_eq!(
            session.thread_isolation_verified, None,
            "{}",
            session.session_id
        );
    }
    for user in report.users {
        assert_eq!(user.thread_isolation_maintained, None, "{}", user.user_id);
    }
}

/// One connection, opened with that head, on which the client says something.
fn recording(head: &str, gaps: Vec<Gap>) -> MemorySource {
    let moment = |seq| Moment {
        seq,
        at: seq.cast_signed(),
    };
    let outline = Outline {
        name: "a.db".to_owned(),
        ended_at: 100,
        connections: vec![Connection {
            answered: Some(moment(2)),
            status: Some(101),
            request_head: head.as_bytes().to_vec(),
            ..Connection::new(1, moment(1))
        }],
        gaps,
        ..Outline::default()
    };
    let message = MemoryMessage {
        moment: moment(10),
        connection: 1,
        direction: Direction::ClientToServer,
        opcode: Opcode::TEXT,
        payload: b"{}".to_vec(),
    };
    MemorySource::new(outline, vec![message])
}

fn verified(pack: &str, source: MemorySource) -> Verification {
    verified_by(&[pack], source)
}

fn verified_by(packs: &[&str], source: MemorySource) -> Verification {
    let packs = packs.iter().map(|pack| {
        Pack::from_texts(&[("pack.toml", pack)]).unwrap_or_else(|errors| panic!("{errors}"))
    });
    let sources: Vec<Box<dyn Source>> = vec![Box::new(source)];
    let input = Input {
        packs: &packs.collect::<Vec<_>>(),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).expect("memory can be read")
}

fn reasons(found: &Verification) -> Vec<Reason> {
    let doubts = found.rules[0].outcome.doubts.iter();
    doubts.map(|doubt| doubt.reason).collect()
}

const QUERY: &str = r#"
[pack]
name   = "query"
format = 1
[[rule]]
id    = "nothing"
title = "nothing is found"
kind  = "sql"
query = "SELECT seq FROM http_message WHERE 0"
[[rule]]
id    = "framing"
title = "the framing is right"
kind  = "protocol"
"#;

#[test]
fn a_query_sees_exchanges_of_which_no_event_speaks_and_what_is_missing_of_them() {
    let socket = recording(HEAD, vec![gap_of(2)]);
    let mut outline = socket.outline().clone();
    let exchange = Connection {
        number: 2,
        status: Some(200),
        http: Some(Exchange::new("GET", "/api/notes")),
        ..outline.connections[0].clone()
    };
    outline.connections.push(exchange);
    let found = verified(
        QUERY,
        MemorySource::new(outline, socket.messages().to_vec()),
    );
    let states: Vec<_> = found.rules.iter().map(|rule| rule.state).collect();
    assert_eq!(states, [State::Undecided, State::Holds]);
}

const CHAT: &str = r#"
[pack]
name   = "chat"
format = 1
[scope]
path = ["/chat"]
[[rule]]
id    = "framing"
title = "the framing is right"
kind  = "protocol"
"#;

const HEAD: &str = "GET /chat HTTP/1.1\r\nHost: h\r\n\r\n";

fn gap_of(connection: u64) -> Gap {
    Gap {
        connection: Some(connection),
        from: 20,
        to: 30,
        frames: None,
        why: "the recorder stalled for 5s".to_owned(),
        cause: GapCause::Recorder,
    }
}

#[test]
fn a_gap_of_a_connection_of_which_nothing_else_is_known_may_be_of_any_pack() {
    for (connection, gaps) in [(7, vec![gap_of(7)]), (1, vec![gap_of(1)])] {
        let found = verified(CHAT, recording(HEAD, gaps));
        assert_eq!(found.rules[0].state, State::Undecided, "{connection}");
        assert_eq!(reasons(&found), [Reason::Gap], "{connection}");
    }
    let elsewhere = HEAD.replace("/chat", "/other");
    let found = verified(CHAT, recording(&elsewhere, vec![gap_of(1)]));
    assert_eq!(reasons(&found), [Reason::NotExercised]);
}

#[test]
fn a_connection_without_a_head_may_be_what_a_scope_is_about() {
    let found = verified(CHAT, recording("", Vec::new()));
    assert_eq!(reasons(&found), [Reason::Undecided, Reason::NotExercised]);
    let doubt = &found.rules[0].outcome.doubts[0];
    assert_eq!(
        doubt.message,
        "whether [scope] is about connection 1 is not known: the recording has no request head"
    );
    // A pack that is about all connections has no such question.
    let all = CHAT.replace("path = [\"/chat\"]", "");
    let found = verified(&all, recording("", Vec::new()));
    assert_eq!(found.rules[0].state, State::Holds);
    assert_eq!(reasons(&found), []);
}

const ANSWERED: &str = r#"
[pack]
name   = "answered"
format = 1
[message]
name = "/type"
[events]
ask    = { from = "client", name = "ask" }
answer = { from = "server", name = "answer" }
[[rule]]
id      = "answered"
title   = "who asks is answered"
kind    = "response"
request = "ask"
reply   = "answer"
match   = "/id"
within  = "1s"
on      = "connection"
"#;

const AGAIN: &str = "record again without gaps, with a codec that decodes all messages";
const PARTS: &str = "verify with all parts of the run";

fn missing_part() -> Gap {
    Gap {
        connection: None,
        why: "part 2 of run r is missing, and b.db is part 3".to_owned(),
        cause: GapCause::MissingPart,
        ..gap_of(1)
    }
}

/// A question, and no answer for seconds.
fn asked(gaps: Vec<Gap>) -> MemorySource {
    let socket = recording(HEAD, gaps);
    let mut outline = socket.outline().clone();
    outline.ended_at = 5_000_000_000;
    let mut messages = socket.messages().to_vec();
    messages[0].payload = br#"{"type":"ask","id":1}"#.to_vec();
    MemorySource::new(outline, messages)
}

/// Only what was never recorded has to be recorded again.
#[test]
fn what_is_in_parts_that_are_not_here_is_settled_by_all_parts() {
    for (gaps, settled_by) in [
        (vec![gap_of(1)], AGAIN),
        (vec![missing_part()], PARTS),
        (vec![gap_of(1), missing_part()], AGAIN),
    ] {
        let found = verified(ANSWERED, asked(gaps));
        let doubts = &found.rules[0].outcome.doubts;
        let unanswered = doubts.iter().find(|it| it.reason == Reason::Undecided);
        let unanswered = unanswered.unwrap_or_else(|| panic!("{doubts:?}"));
        assert_eq!(unanswered.settle, settled_by, "{}", unanswered.message);
    }
}

/// Whoever accepts a doubt is told the same.
#[test]
fn a_doubt_that_is_accepted_is_settled_as_another_one() {
    let accepting =
        format!("{ANSWERED}accept = [{{ reason = \"undecided\", why = \"a part\" }}]\n");
    let found = verified(&accepting, asked(vec![missing_part()]));
    let (doubt, _) = &found.rules[0].accepted[0];
    assert_eq!(doubt.settle, PARTS, "{}", doubt.message);
}

/// What one pack cannot decode is hidden from all.
#[test]
fn parts_are_not_enough_where_any_pack_cannot_decode_a_message() {
    let other = ANSWERED.replace("[message]", "[message]\ncodec = \"socket.io\"");
    let other = other.replace("\"answered\"\nformat", "\"other\"\nformat");
    let found = verified_by(&[ANSWERED, &other], asked(vec![missing_part()]));
    let mut doubts = found.rules[0].outcome.doubts.iter();
    let unanswered = doubts.find(|it| it.reason == Reason::Undecided);
    assert_eq!(unanswered.map(|it| it.settle.as_str()), Some(AGAIN));
}

const ACCEPTED: &str = r#"
[pack]
name   = "accepted"
format = 1
[[rule]]
id     = "accepted"
title  = "every handshake is accepted"
kind   = "handshake"
accepted = true
"#;

/// Also where more is missing elsewhere.
#[test]
fn an_answer_in_a_part_that_is_not_here_is_settled_by_all_parts() {
    let socket = recording(
        HEAD,
        vec![
            missing_part(),
            Gap {
                from: 40,
                to: 41,
                ..gap_of(1)
            },
        ],
    );
    let mut outline = socket.outline().clone();
    let connection = &mut outline.connections[0];
    (connection.answered, connection.status) = (None, None);
    connection.closed = Some(Moment { seq: 25, at: 25 });
    let found = verified(ACCEPTED, MemorySource::new(outline, Vec::new()));
    let mut doubts = found.rules[0].outcome.doubts.iter();
    let doubt = doubts.find(|it| it.message.contains("in a part that is missing"));
    assert_eq!(doubt.map(|it| it.settle.as_str()), Some(PARTS));
}

const READY_IN_TIME: &str = r#"
[pack]
name   = "ready-in-time"
format = 1

[message]
name = "/type"

[events]
ready = { from = "server", name = "ready" }

[[rule]]
id    = "ready"
title = "a connection is ready within 1 s"
kind  = "duration"
from  = "@open"
to    = "ready"
per   = "connection"
max   = "1s"
"#;

#[test]
fn a_handshake_without_an_answer_may_be_refused_where_the_recorder_was_killed() {
    let state = |answered: Option<Moment>| {
        let moment = |seq| Moment { seq, at: 0 };
        let outline = Outline {
            ended_at: 5_000_000_000,
            connections: vec![Connection {
                answered,
                status: answered.map(|_| 101),
                ..Connection::new(1, moment(1))
            }],
            unclean: Some(Unclean {
                why: "run 1 was not closed cleanly".to_owned(),
                last: None,
            }),
            ..Outline::default()
        };
        let found = verified(READY_IN_TIME, MemorySource::new(outline, Vec::new()));
        found.rules[0].state
    };
    assert_eq!(state(None), State::Undecided);
    assert_eq!(state(Some(Moment { seq: 2, at: 0 })), State::Violated);
}
