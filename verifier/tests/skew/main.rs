//! Two recordings: what rests on an order that nobody knows is undecided, and so is what one of them may lack.

mod elsewhere;
mod named;
mod random;
mod told;
mod whose;
mod windows;

use std::time::Duration;

use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::engine::{Input, RuleResult, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Connection, MemoryMessage, MemorySource, Moment, Outline, Source, Tag,
};
use wsaudit_verifier::rules::Pack;
use wsaudit_wire::{Direction, Opcode};

const TOLERANCE: i64 = 100;

const PACK: &str = r#"
[pack]
name   = "skewed"
format = 1

[message]
name = "/type"

[fields]
doc   = "/doc"
party = "/party"

[events]
created   = { from = "server", name = "created" }
shared    = { from = "server", name = "shared" }
revoked   = { from = "server", name = "revoked" }
joined    = { from = "server", name = "joined" }
left      = { from = "server", name = "left" }
ask       = { from = "client", name = "ask" }
started   = { from = "server", name = "started" }
thinking  = { from = "server", name = "thinking" }
completed = { from = "server", name = "completed" }

[[rule]]
id         = "shares"
title      = "a document is seen by its owner and whom it is shared with"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "created", owner-at = "/party" }
shared-by  = { event = "shared", with = "party" }
revoked-by = { event = "revoked", with = "party" }
grant-slack = "20ms"

[[rule]]
id         = "members"
title      = "a document is seen by its members"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "created", owner-at = "/party" }
members-by = "joined"
left-by    = "left"
survives-reconnect = true
grant-slack = "20ms"

[[rule]]
id    = "order"
title = "a run comes in order"
kind  = "sequence"
key   = "doc"
on    = "session"
steps = ["started", "thinking*", "completed"]

[[rule]]
id     = "in-time"
title  = "a run comes in order and in time"
kind   = "sequence"
key    = "doc"
on     = "session"
steps  = ["started", "thinking*", "completed"]
within = "400ms"

[[rule]]
id          = "reply"
title       = "what is asked is answered"
kind        = "response"
request     = "ask"
reply       = "completed"
match       = "doc"
on          = "session"
within      = "400ms"
unsolicited = "violated"

[[rule]]
id    = "after"
title = "nothing is thought after the end"
kind  = "never"
event = "thinking"
after = "completed"
key   = "doc"
per   = "session"

[[rule]]
id    = "before"
title = "nothing is thought before the start"
kind  = "never"
event = "thinking"
before = "started"
key   = "doc"
per   = "session"

[[rule]]
id    = "time"
title = "a run takes no longer"
kind  = "duration"
from  = "started"
to    = "completed"
per   = "session"
match = "doc"
max   = "400ms"

[[rule]]
id      = "time-to-the-last"
title   = "nothing is thought for longer"
kind    = "duration"
from    = "started"
to      = "thinking"
to-last = true
per     = "session"
max     = "300ms"

[[rule]]
id    = "mean"
title = "runs take no longer, mostly"
kind  = "duration"
from  = "started"
to    = "completed"
per   = "session"
match = "doc"
mean  = "300ms"
p50   = "300ms"

[[rule]]
id      = "rate"
title   = "thoughts come one by one"
kind    = "count"
event   = "thinking"
per     = "session"
at-most = 1
within  = "300ms"

[[rule]]
id       = "rate-of-documents"
title    = "two documents are enough at a time"
kind     = "count"
event    = "shared"
per      = "recording"
distinct = "party"
at-most  = 2
within   = "400ms"

[[rule]]
id      = "between"
title   = "nothing is shared while it runs"
kind    = "never"
event   = "shared"
between = ["started", "completed"]
key     = "doc"
per     = "session"

[[rule]]
id         = "asked"
title      = "a document is seen by who asked for it"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "created", answers = { event = "ask", match = "party" } }
grant-slack = "20ms"

[[rule]]
id         = "asked-or-named"
title      = "a document is seen by who asked for it, and whom it names"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = [
    { event = "created", answers = { event = "ask", match = "party" } },
    { event = "joined", owner-at = "/party" },
]
shared-by  = { event = "shared", with = "party" }
grant-slack = "20ms"

[[rule]]
id          = "released"
title       = "a document is seen by its owner, until its id is another one's"
kind        = "owned"
resource    = "doc"
owner       = "session"
claimed-by  = { event = "created", owner-at = "/party" }
released-by = "left"
"#;

const NAMES: [&str; 9] = [
    "created",
    "shared",
    "revoked",
    "joined",
    "left",
    "ask",
    "started",
    "thinking",
    "completed",
];

/// A message: in ms, on a connection, of that name, about a document and a session.
#[derive(Debug, Clone)]
struct Happened {
    at: i64,
    on: usize,
    name: &'static str,
    doc: usize,
    party: usize,
}

/// Connections 0 and 1 are of the first recording, 2 and 3 of the second; 0 and 2 are of one session.
const SESSIONS: [&str; 4] = ["s-0", "s-1", "s-0", "s-2"];

fn recording(number: usize, shift: i64, history: &[Happened]) -> MemorySource {
    let at = |ms: i64| (ms + 1_000_000) * 1_000_000;
    let own = |on: usize| on / 2 == number;
    let connections = (0..4).filter(|on| own(*on)).map(|on| {
        let moment = |step| Moment {
            seq: on as u64 * 2 + step,
            at: at(-10_000),
        };
        Connection {
            number: on as u64,
            opened: moment(1),
            answered: Some(moment(2)),
            status: Some(101),
            closed: None,
            request_head: Vec::new(),
            response_head: Vec::new(),
            subprotocol: None,
            tags: vec![Tag {
                from: on as u64 * 2 + 1,
                kind: TagKind::Session,
                value: SESSIONS[on].to_owned(),
                source: "header:X".to_owned(),
                provenance: Provenance::Issued,
            }],
            http: None,
        }
    });
    let outline = Outline {
        name: format!("{number}.db"),
        started_at: at(-10_000),
        ended_at: at(60_000),
        connections: connections.collect(),
        ..Outline::default()
    };
    let messages = (100..)
        .zip(history)
        .filter(|(_, one)| own(one.on))
        .map(|(seq, one)| MemoryMessage {
            moment: Moment {
                seq,
                at: at(one.at + shift),
            },
            connection: one.on as u64,
            direction: match one.name {
                "ask" => Direction::ClientToServer,
                _ => Direction::ServerToClient,
            },
            opcode: Opcode::TEXT,
            payload: format!(
                r#"{{"type":"{}","doc":"d-{}","party":"{}"}}"#,
                one.name, one.doc, SESSIONS[one.party]
            )
            .into_bytes(),
        });
    MemorySource::new(outline, messages.collect())
}

fn rules(pack: &Pack, history: &[Happened], shift: i64, skew: i64) -> Vec<RuleResult> {
    let sources: Vec<Box<dyn Source>> = vec![
        Box::new(recording(0, 0, history)),
        Box::new(recording(1, shift, history)),
    ];
    let input = Input {
        packs: std::slice::from_ref(pack),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: Duration::from_millis(u64::try_from(skew).expect("no negative skew")),
    };
    verify(&input, &mut |_| {})
        .expect("memory can be read")
        .rules
}

fn pack() -> Pack {
    Pack::from_texts(&[("skewed.toml", PACK)]).unwrap_or_else(|errors| panic!("{errors}"))
}
