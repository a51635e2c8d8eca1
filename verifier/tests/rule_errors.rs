//! What somebody sees who made a mistake in a rule file: the place, what was expected, and the
//! nearest valid word.

use std::fs;

use insta::{assert_snapshot, with_settings};
use wsaudit_verifier::rules::{LoadError, Pack, Style};

const HEAD: &str = r#"
[pack]
name   = "shop"
format = 1

[fields]
session = "/session_id"
thread  = ["/thread_id", "/thread/id"]

[events]
created = { from = "server", name = "thread_created" }
create  = { from = "client", name = "create_thread" }
opened  = { from = "client", name = "open_thread" }
thread  = { from = "server", name = "thread" }
refused = { from = "server", name = "error", where = { "/code" = "forbidden" } }
"#;

/// The errors of a pack that begins with [`HEAD`].
fn errors(rest: &str) -> String {
    raw_errors(&format!("{HEAD}{rest}"))
}

fn raw_errors(text: &str) -> String {
    Pack::from_texts(&[("shop.toml", text)])
        .expect_err("a mistake goes unnoticed")
        .to_string()
}

/// Compares what is printed with the snapshot of that name.
macro_rules! shows {
    ($name:literal, $errors:expr) => {
        with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            assert_snapshot!($name, $errors);
        });
    };
}

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
fn a_duplicate_rule_in_another_file() {
    let rule = "[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"protocol\"\n";
    let error = Pack::from_texts(&[
        (
            "one.toml",
            &format!("[pack]\nname = \"shop\"\nformat = 1\n{rule}"),
        ),
        (
            "two.toml",
            &format!("[pack]\nname = \"shop\"\nformat = 1\n{rule}"),
        ),
    ])
    .unwrap_err();
    shows!("duplicate-rule", error);
}

#[test]
fn duplicate_names_in_one_file_are_errors_of_toml() {
    shows!(
        "duplicate-key",
        raw_errors("[fields]\na = \"/a\"\na = \"/b\"\n")
    );
}

#[test]
fn a_newer_format() {
    shows!(
        "newer-format",
        raw_errors(
            "[pack]\nname = \"shop\"\nformat = 2\n[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"protocol\"\n"
        )
    );
}

/// What a newer program takes, this one cannot judge: nothing else is told.
#[test]
fn a_newer_format_with_what_is_not_known_yet() {
    let told = raw_errors(
        "[pack]\nname = \"shop\"\nformat = 7\n[novelty]\nx = 1\n[[rule]]\nid = \"a\"\nkind = \"psychic\"\n",
    );
    assert!(
        told.contains("rule format 7 is newer than this program"),
        "{told}"
    );
    assert_eq!(told.matches("error: ").count(), 1, "{told}");
}

#[test]
fn no_toml() {
    shows!(
        "no-toml",
        raw_errors("[pack\nname = \"shop\"\nformat = \n[[rule]]\nid = a\n")
    );
}

#[test]
fn no_rules_and_no_header() {
    shows!(
        "no-rules",
        raw_errors("[pack]\nname = \"shop\"\nformat = 1\n")
    );
    shows!(
        "no-header",
        raw_errors("[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"protocol\"\n")
    );
    assert!(Pack::from_texts(&[]).is_err());
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

#[test]
fn colour_is_the_callers_choice() {
    let errors = Pack::from_texts(&[("a.toml", "[pac]")]).unwrap_err();
    assert!(!errors.render(Style::Plain).contains('\u{1b}'));
    assert!(errors.render(Style::Ansi).contains('\u{1b}'));
}

#[test]
fn nothing_to_load() {
    let directory = tempfile::tempdir().unwrap();
    let shown = |error: LoadError| {
        error
            .to_string()
            .replace(directory.path().to_str().unwrap(), "DIR")
    };
    let path = |name: &str| directory.path().join(name);

    let empty = Pack::load(directory.path()).unwrap_err();
    assert!(matches!(empty, LoadError::Empty { .. }));
    shows!("empty-directory", shown(empty));

    let missing = Pack::load(path("none.toml")).unwrap_err();
    assert!(matches!(missing, LoadError::NotFound { .. }));
    shows!("missing-path", shown(missing));

    fs::write(path("a.toml"), b"# \xff").unwrap();
    let not_utf8 = Pack::load(directory.path()).unwrap_err();
    assert!(matches!(not_utf8, LoadError::NotUtf8 { at: 2, .. }));
    shows!("not-utf8", shown(not_utf8));

    let unknown = Pack::resolve("protocl").unwrap_err();
    assert!(matches!(unknown, LoadError::Unknown { .. }));
    shows!("unknown-pack", shown(unknown));
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
