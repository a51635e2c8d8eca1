//! Sections and rules that are well formed and make no sense.

use super::{HEAD, errors, raw_errors};

#[test]
fn names_of_sessions_that_nothing_can_hold() {
    let rule = "[[rule]]\nid = \"a\"\ntitle = \"a\"\nkind = \"never\"\nevent = \"refused\"\n";
    let session = |text: &str| errors(&format!("{text}\n{rule}"));
    let either =
        format!("{HEAD}any = {{ name = \"any\" }}\nlogin = {{ from = \"http-response\" }}\n");
    let told = [
        session("[session]\njoined-by = \"created\""),
        session("[session]\nmessage = \"session\""),
        session(
            "[session]\nmessage = \"/session_id\"\njoined-by = [\"create\", \"@open\", \"create_d\"]",
        ),
        session("[session]\nmessage = \"/session_id\"\n[message]\ncodec = \"text\""),
        raw_errors(&format!(
            "{either}[session]\nmessage = \"/session_id\"\njoined-by = [\"any\", \"login\"]\n{rule}"
        )),
    ];
    shows!("naming", told.join("\n"));
}

#[test]
fn a_limit_that_nothing_breaks() {
    let limit = |limit: &str| {
        errors(&format!(
            "[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"count\"\nevent = \"thread\"\n{limit}\n"
        ))
    };
    shows!("at-least-nothing", limit("at-least = 0\nat-most = 3"));
    assert_eq!(limit("exactly = 0\nx = 1").matches("error").count(), 1);
}

#[test]
fn a_rule_that_asks_for_nothing() {
    shows!(
        "asks-for-nothing",
        errors(
            r#"
[[rule]]
id    = "a"
title = " "
kind  = "handshake"
[[rule]]
id    = "b"
title = "t"
kind  = "count"
event = "thread"
[[rule]]
id       = "c"
title    = "t"
kind     = "owned"
resource = "thread"
except   = [{ why = "everybody" }]
used-by  = "opened"
reply    = { within = "2s" }
[[rule]]
id      = "e"
title   = "t"
kind    = "response"
request = "opened"
reply   = "thread"
match   = "/request_id"
[[rule]]
id    = "d"
title = "t"
kind  = "duration"
from  = "@open"
to    = "thread"
"#
        )
    );
}

#[test]
fn keys_that_contradict_each_other() {
    shows!(
        "contradictions",
        errors(
            r#"
[[rule]]
id       = "a"
title    = "t"
kind     = "count"
event    = "thread"
exactly  = 2
at-least = 3
at-most  = 2
[[rule]]
id      = "b"
title   = "t"
kind    = "never"
event   = "thread"
before  = "created"
after   = "refused"
between = ["created"]
[[rule]]
id       = "c"
title    = "t"
kind     = "count"
event    = "thread"
at-least = 1
within   = "1s"
[[rule]]
id       = "d"
title    = "t"
kind     = "addressed"
field    = "session"
missing  = "violated"
[[rule]]
id         = "e"
title      = "t"
kind       = "owned"
resource   = "thread"
owner      = "connection"
claimed-by = "created"
shared-by  = { event = "thread", with = "session" }
left-by    = "refused"
survives-reconnect = true
[[rule]]
id       = "f"
title    = "t"
kind     = "handshake"
accepted = false
"#
        )
    );
}

#[test]
fn facts_from_everywhere_and_from_nowhere() {
    shows!(
        "facts",
        errors(
            r#"
[facts.spreadsheet]
from     = "csv"
path     = "threads.csv"

[facts.file]
from     = "sqlite"
path     = "app.db"
url-from = "DATABASE_URL"

[facts.server]
from     = "postgres"
query    = "select id, session_id from user_threads"
url-from = "postgres://me:secret@db/shop"
complete = "yes"

[facts.other]
from     = "postgresql"
path     = "x"
"#
        )
    );
}

#[test]
fn events_of_plain_http() {
    shows!(
        "http-events",
        errors(
            r#"
asked    = { from = "http-request", status = 200 }
pathless = { from = "server", name = "x", path = "/api" }
relative = { from = "http-response", path = "api/threads" }
query    = { from = "http-request", path = "/api/threads?id={thread}" }
open     = { from = "http-request", path = "/api/{thread" }
misspelt = { from = "http-respond", methd = "GET" }
created2 = { from = "http-response", status = 201 }

[[rule]]
id         = "foreign-thread"
title      = "a thread is seen only by its session"
kind       = "owned"
resource   = "thread"
claimed-by = { event = "created2", answers = { event = "created2", match = "@exchnge" } }
"#
        )
    );
}

#[test]
fn a_query_that_sqlite_does_not_take() {
    shows!(
        "bad-query",
        errors(
            r#"
[[rule]]
id    = "typo"
title = "a column that is not there"
kind  = "sql"
query = '''
  SELECT seq, lenth AS message
    FROM message_view
'''

[[rule]]
id          = "no-frame"
title       = "rows without a frame"
kind        = "sql"
query       = "SELECT id, uuid AS message FROM connection"
opportunity = "SELECT 1, 2"

[[rule]]
id    = "elsewhere"
title = "another file"
kind  = "sql"
query = "ATTACH '/etc/passwd' AS p"
"#
        )
    );
}
