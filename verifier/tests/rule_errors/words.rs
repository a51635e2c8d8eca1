//! Words and values that are not what is expected at their place.

use super::{errors, raw_errors};

#[test]
fn a_wrong_key() {
    shows!(
        "wrong-key",
        errors(
            r#"
[[rule]]
id         = "foreign-thread"
title      = "a thread is seen only by its session"
kind       = "owned"
resource   = "thread"
clamed_by  = { event = "created", owner-att = "/session_id" }
"#
        )
    );
}

#[test]
fn an_unknown_section() {
    shows!(
        "unknown-section",
        errors("[feilds]\nx = \"/x\"\n[[rule]]\nid = \"p\"\ntitle = \"t\"\nkind = \"protocol\"\n")
    );
}

#[test]
fn an_unknown_kind() {
    shows!(
        "unknown-kind",
        errors("[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"adressed\"\n")
    );
}

#[test]
fn a_strange_key_where_one_is_missing() {
    shows!(
        "strange-key",
        errors(
            r#"
[[rule]]
id    = "a"
title = "t"
kind  = "sequence"
key   = "thread"
order = ["created", "thread"]

[[rule]]
id    = "b"
title = "t"
Kind  = "protocol"
"#
        )
    );
}

#[test]
fn a_place_that_is_written_without_its_slash() {
    shows!(
        "no-slash",
        errors(
            r#"
[[rule]]
id      = "a"
title   = "t"
kind    = "response"
within  = "1s"
request = "create"
reply   = "created"
match   = "request_id"
"#
        )
    );
}

#[test]
fn unknown_names() {
    shows!(
        "unknown-names",
        errors(
            r#"
[[rule]]
id       = "a"
title    = "t"
kind     = "response"
within  = "1s"
request  = ["create", "opend"]
reply    = ["@open", "thread"]
match    = "treads"

[[rule]]
id    = "b"
title = "t"
kind  = "owned"
resource = "thread"
facts = "db"

[[accept]]
rule   = "c"
reason = "gaps"
why    = "we know"
"#
        )
    );
}

#[test]
fn a_wrong_direction() {
    shows!(
        "wrong-direction",
        errors(
            r#"
[[rule]]
id         = "a"
title      = "t"
kind       = "owned"
resource   = "thread"
claimed-by = { event = "create", owner-at = "session" }
used-by    = "thread"
"#
        )
    );
}

#[test]
fn a_wrong_pointer() {
    shows!(
        "wrong-pointer",
        raw_errors(
            r#"
[pack]
name   = "shop"
format = 1
[message]
name = "type"
[fields]
thread = ["/thread~id", "thread_id"]
[events]
a = { where = { "code" = 1 }, bind = { other = "/x~2" } }
[[rule]]
id    = "a"
title = "t"
kind  = "never"
event = "a"
"#
        )
    );
}

#[test]
fn a_wrong_type() {
    shows!(
        "wrong-type",
        errors(
            r#"
[[rule]]
id       = 7
title    = ["t"]
kind     = "count"
event    = { name = "created" }
at-least = "two"
at-most  = -1
reports  = "execution_time"
"#
        )
    );
}

#[test]
fn a_bad_duration() {
    shows!(
        "bad-duration",
        errors(
            r#"
[[rule]]
id     = "a"
title  = "t"
kind   = "duration"
from   = "@open"
to     = "thread"
max    = "10 seconds"
mean   = 10
p95    = "5s"
p100   = "5s"
"#
        )
    );
}

#[test]
fn a_bad_matcher() {
    shows!(
        "bad-matcher",
        errors(
            r#"
[[rule]]
id    = "a"
title = "t"
kind  = "never"
event = "thread"
where = { "/a" = { regex = "a(b" }, "/b" = {}, "/c" = { at_least = 1 }, "/d" = [] }
"#
        )
    );
}

#[test]
fn too_many_events() {
    let events: Vec<_> = (0..300)
        .map(|n| format!("e{n} = {{ name = \"e{n}\" }}\n"))
        .collect();
    let text = format!(
        "[pack]\nname = \"shop\"\nformat = 1\n[events]\n{}[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"protocol\"\n",
        events.concat()
    );
    shows!("too-many-events", raw_errors(&text));
}

#[test]
fn reserved_names() {
    shows!(
        "reserved-names",
        raw_errors(
            "[pack]\nname = \"shop\"\nformat = 1\n[fields]\n\"/a\" = \"/a\"\n[events]\n\"@open\" = {}\n\"a+\" = {}\n[[rule]]\nid = \"a b\"\ntitle = \"t\"\nkind = \"protocol\"\nignore = [\"reserved-opcodes\"]\n"
        )
    );
}
