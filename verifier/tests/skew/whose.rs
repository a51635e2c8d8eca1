//! Whom facts speak of, where that goes by who was seen first.

use wsaudit_verifier::facts::{Fact, Facts};
use wsaudit_verifier::verdict::State;

use super::told;

/// Each user counts its own documents, and facts say which session has them.
const PACK: &str = r#"
[pack]
name   = "documents-of-each-user"
format = 1

[session]
message = "/session"

[message]
name = "/type"

[fields]
doc = "/doc"

[facts.docs]
from     = "csv"
path     = "docs.csv"
resource = "id"
owner    = "session"

[[rule]]
id            = "it"
title         = "a document is seen by the session that it is listed for"
kind          = "owned"
resource      = "doc"
unique-within = "user"
facts         = "docs"
"#;

/// Messages name their session, and reach it alone.
const ADDRESSED: &str = r#"
[pack]
name   = "addressed-to-sessions"
format = 1

[session]
message = "/session"

[message]
name = "/type"

[fields]
session = "/session"

[[rule]]
id    = "it"
title = "a message reaches the session that it names"
kind  = "addressed"
field = "session"
to    = "session"
"#;

/// How the rule stands where user u-1 names session s-1 after so many ms, and u-2 in the other recording; a document is
/// listed for that session, and another session of u-1 is shown it.
fn state(first: u32, second: u32, skew: u64) -> State {
    let named = |user, at| {
        format!(
            "A = user {user} (presented)\n0.1 A open\n0.{at} A > {{\"type\":\"hello\",\"session\":\"s-1\"}}\n"
        )
    };
    let shown = "0.9 B < {\"type\":\"told\",\"doc\":\"d-1\"}\n5.0 end";
    let first = format!(
        "B = session s-9, user u-1\n0.1 B open\n{}{shown}",
        named("u-1", first)
    );
    let mut facts = Facts::default();
    let listed = Fact {
        resource: "d-1".to_owned(),
        owner: "s-1".to_owned(),
        origin: "docs.csv line 2".to_owned(),
    };
    facts.extend("docs", [listed]);
    told::state(PACK, &facts, [&first, &named("u-2", second)], skew)
}

#[test]
fn a_fact_is_about_what_an_id_means_to_the_first_user_of_its_session() {
    assert_eq!(state(500, 540, 0), State::Violated);
    // It is about a document of the other user then, and nothing says whose this one is.
    assert_eq!(state(540, 500, 0), State::Undecided);
}

#[test]
fn of_two_users_whose_order_is_not_known_a_fact_may_be_about_either_ones() {
    assert_eq!(state(500, 540, 100), State::Undecided);
    assert_eq!(state(500, 640, 100), State::Violated);
}

/// How the rule stands where user u-1 names session s-1 after so many ms, and u-2 in the other recording, and u-2 is sent
/// what is addressed to that session.
fn sent(first: u32, second: u32, skew: u64) -> State {
    let named = |user: u32, at: u32| {
        format!(
            "A = session s-10{user} (presented), user u-{user}\n0.1 A open\n\
             0.{at} A > {{\"type\":\"hello\",\"session\":\"s-1\"}}\n"
        )
    };
    let told = "0.9 A < {\"type\":\"told\",\"session\":\"s-1\"}\n5.0 end";
    let traces = [named(1, first), named(2, second) + told];
    let [first, second] = &traces;
    told::state(ADDRESSED, &Facts::default(), [first, second], skew)
}

#[test]
fn a_session_is_its_first_users_and_nobodys_where_that_is_not_known() {
    assert_eq!(sent(500, 540, 0), State::Violated);
    assert_eq!(sent(540, 500, 0), State::Holds);
    assert_eq!(sent(500, 540, 100), State::Undecided);
    assert_eq!(sent(540, 500, 100), State::Undecided);
    assert_eq!(sent(500, 640, 100), State::Violated);
}
