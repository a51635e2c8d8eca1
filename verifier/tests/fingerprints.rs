//! What fingerprints tell apart where messages have no name of their own, as in JSON-RPC, and what they do not.

use std::collections::BTreeSet;
use std::path::Path;

use wsaudit_verifier::baseline::{Baseline, start};
use wsaudit_verifier::case::Case;
use wsaudit_verifier::date::Date;
use wsaudit_verifier::report::{self, Audit, Report};
use wsaudit_verifier::suite::{Directory, Prepared};

/// `order.last` is no event: the rule does not speak of it.
const PACK: &str = r#"
[pack]
name   = "rpc"
format = 1

[message]
name = "/method"

[fields]
order = ["/params/order", "/result/order", "/pushed/order"]
id    = "/id"
owner = "/result/owner"

[events]
made     = { from = "server", where = { "/result/owner" = { exists = true } } }
get      = { from = "client", name = "order.get" }
change   = { from = "client", name = ["order.touch", "order.cancel"] }
ok       = { from = "server", where = { "/result" = { exists = true } } }
no       = { from = "server", where = { "/error" = { exists = true } } }
pushed   = { from = "server", where = { "/pushed" = { exists = true } } }
shared   = { from = "server", where = { "/result/with" = { exists = true } }, bind = { to = "/result/with" } }
unshared = { from = "server", where = { "/result/from" = { exists = true } }, bind = { to = "/result/from" } }

[[rule]]
id         = "it"
title      = "an order is its session's"
kind       = "owned"
resource   = "order"
claimed-by = { event = "made", owner-at = "owner" }
shared-by  = { event = "shared", with = "to" }
revoked-by = { event = "unshared", with = "to" }
used-by    = "get"
written-by = "change"
reply      = { REPLY granted-by = "ok", denied-by = "no" }
"#;

const BY_ID: &str = r#"match = "id","#;

const ASKED: &str = r#"
3.0 B > {"id":7,"method":"order.get","params":{"order":"o-1"}}
3.1 B < {"id":7,"result":{"order":"o-1"}}"#;
const CACHED: &str = r#"
3.0 B > {"id":7,"method":"order.last"}
3.1 B < {"id":7,"result":{"order":"o-1"}}"#;
const MIXED_UP: &str = r#"
3.0 B > {"id":7,"method":"order.get","params":{"order":"o-2"}}
3.1 B < {"id":7,"result":{"order":"o-1"}}"#;
const TOUCHED: &str = r#"
3.0 B > {"id":7,"method":"order.touch","params":{"order":"o-1"}}
3.1 B < {"id":7,"result":{"order":"o-1"}}"#;
const CANCELLED: &str = r#"
3.0 B > {"id":7,"method":"order.cancel","params":{"order":"o-1"}}
3.1 B < {"id":7,"result":true}"#;
const PUSHED: &str = r#"
3.1 B < {"pushed":{"order":"o-1"}}"#;
const REVOKED: &str = r#"
0.2 A < {"result":{"order":"o-1","with":"s-2"}}
0.3 A < {"result":{"order":"o-1","from":"s-2"}}
3.0 B > {"id":7,"method":"order.get","params":{"order":"o-1"}}
3.1 B < {"id":7,"result":{"order":"o-1"}}"#;
const TOUCHED_LATE: &str = r#"
0.2 A < {"result":{"order":"o-1","with":"s-2"}}
0.3 A < {"result":{"order":"o-1","from":"s-2"}}
3.0 B > {"id":7,"method":"order.touch","params":{"order":"o-1"}}
3.1 B < {"id":7,"result":true}"#;

const FAULTS: [&str; 8] = [
    ASKED,
    CACHED,
    MIXED_UP,
    TOUCHED,
    CANCELLED,
    PUSHED,
    REVOKED,
    TOUCHED_LATE,
];

/// A history in which session A made an order, and what comes of it.
fn report(pack: &str, what: &str) -> Report {
    let text = format!(
        "# trial\n\n```trace\nexpect none\nA = session s-1\nB = session s-2\n0.0 B open\n\
         0.1 A < {{\"result\":{{\"order\":\"o-1\",\"owner\":\"s-1\"}}}}\n{what}\n```\n\n```toml\n{pack}```\n"
    );
    let case = Case::parse("trial.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let prepared = Prepared::new(&case, &Directory::of(Path::new("trial.md"))).expect("a pack");
    let verification = prepared.verify(&case).expect("memory can be read");
    report::report(&prepared.packs, &verification, &prepared.sources).expect("memory can be read")
}

fn prints_of(pack: &str, what: &str) -> BTreeSet<String> {
    let found = report(pack, what).violations.into_iter();
    found.map(|violation| violation.fingerprint).collect()
}

fn prints(what: &str) -> BTreeSet<String> {
    prints_of(&PACK.replace("REPLY", BY_ID), what)
}

/// The fingerprint of the only fault.
fn print(what: &str) -> String {
    let all = prints(what);
    let [print] = &Vec::from_iter(all)[..] else {
        panic!("one fault: {what}");
    };
    print.clone()
}

#[test]
fn each_fault_of_messages_without_names_has_its_own() {
    let prints: BTreeSet<_> = FAULTS.iter().map(|fault| print(fault)).collect();
    assert_eq!(prints.len(), FAULTS.len());
}

#[test]
fn ids_numbers_times_and_others_who_are_there_are_not_in_them() {
    let others = r#"
0.11 C > {"id":7,"method":"order.list"}
0.12 C < {"id":7,"result":[]}
0.13 B > {"id":1,"method":"order.touch"}
0.14 B < {"id":1,"error":"which one?"}
0.15 B > {"id":2,"method":"order.list"}"#;
    for fault in FAULTS {
        let id = fault.replace(r#""id":7"#, r#""id":"0f7c-11""#);
        let later = id.replace("3.0", "9.0").replace("3.1", "9.7");
        let other = report(
            &PACK.replace("REPLY", BY_ID),
            &format!("C = session s-3\n{others}\n{later}"),
        );
        let found: Vec<_> = other.violations.iter().map(|it| &it.fingerprint).collect();
        assert_eq!(found, [&print(fault)], "{fault}");
    }
}

#[test]
fn one_fault_hides_no_other_of_the_same_order() {
    for first in FAULTS {
        for second in FAULTS {
            // Where it was shared and no more, one that had not been its own is not any more.
            if first.contains("with") || second.contains("with") {
                continue;
            }
            let later = second.replace("3.0", "4.0").replace("3.1", "4.1");
            let found = prints(&format!("{first}{later}"));
            assert_eq!(found, BTreeSet::from([first, second].map(print)));
        }
    }
}

#[test]
fn without_an_id_in_the_rule_a_message_is_called_by_its_events_and_a_change_is_one() {
    let prints = |what| prints_of(&PACK.replace("REPLY", ""), what);
    let faults = [ASKED, TOUCHED, CANCELLED, PUSHED, REVOKED, TOUCHED_LATE];
    let all: BTreeSet<_> = faults.iter().flat_map(|what| prints(what)).collect();
    assert_eq!(all.len(), faults.len());
    // Nothing says that it answers another request.
    assert_eq!(prints(CACHED), prints(ASKED));
    // A change hides nothing that is shown in spite of it.
    let later = PUSHED.replace("3.1", "4.1");
    assert_eq!(
        prints(&format!("{TOUCHED}{later}")),
        [TOUCHED, PUSHED].into_iter().flat_map(prints).collect()
    );
    assert!(
        report(&PACK.replace("REPLY", ""), PUSHED).violations[0].evidence[1]
            .text
            .ends_with("in `event pushed`")
    );
}

#[test]
fn a_change_that_was_granted_is_told_as_one() {
    let report = report(&PACK.replace("REPLY", BY_ID), TOUCHED);
    assert_eq!(
        report.violations[0].message,
        "session s-2 changed order o-1 of session s-1, and the server granted it"
    );
}

#[test]
fn that_access_ended_is_told_where_it_did() {
    let report = report(&PACK.replace("REPLY", BY_ID), REVOKED);
    let [violation] = &report.violations[..] else {
        panic!("one violation");
    };
    let told: Vec<_> = violation.evidence.iter().map(|line| &*line.text).collect();
    assert_eq!(
        told,
        [
            "the server named session s-1 as the owner of o-1",
            "the access of session s-2 to o-1 ended",
            "session s-2 asked for o-1",
            "session s-2 received o-1 in the answer to `order.get`",
        ]
    );
    assert!(violation.message.ends_with("after its access had ended"));
}

/// What messages with names showed, asked for or not, was one.
#[test]
fn an_answer_with_a_name_is_told_from_a_broadcast_of_that_name() {
    let pack = PACK
        .replace("REPLY", BY_ID)
        .replace(r#"name = "/method""#, r#"name = ["/method", "/type"]"#);
    let answer = ASKED.replace(r#""result""#, r#""type":"order","result""#);
    let push = PUSHED.replace(r#""pushed""#, r#""type":"order","pushed""#);
    let both = prints_of(&pack, &format!("{answer}{push}"));
    let [answer, push] = [answer, push].map(|what| prints_of(&pack, &what));
    assert_ne!(answer, push);
    assert_eq!(both, answer.union(&push).cloned().collect());
}

#[test]
fn messages_without_names_that_are_for_somebody_else_are_called_by_their_events() {
    let (pack, _) = PACK.split_once("[[rule]]").expect("a rule");
    let pack = format!(
        "{pack}\n[[rule]]\nid = \"it\"\ntitle = \"t\"\nkind = \"addressed\"\nfield = \"owner\"\nto = \"session\"\n"
    );
    let made = r#"
3.0 B < {"result":{"order":"o-2","owner":"s-1"}}"#;
    let shared = r#"
3.0 B < {"result":{"order":"o-2","owner":"s-1","with":"s-2"}}"#;
    let [made, shared] = [made, shared].map(|what| prints_of(&pack, what));
    assert_eq!((made.len(), shared.len()), (1, 1));
    assert_ne!(made, shared);
}

#[test]
fn a_baseline_knows_its_fault_and_no_other_one() {
    let pack = PACK.replace("REPLY", BY_ID);
    let day = |text: &str| -> Date { text.parse().expect("a day") };
    let (from, to) = (day("2026-11-25"), day("2027-02-23"));
    let text = start(&Audit::of(report(&pack, ASKED)), None, from, to);
    let text = text.replace("\"TODO\"", "\"WEB-1\"");
    let known = Baseline::parse("known.toml", &text).unwrap();
    for fault in FAULTS {
        let mut audit = Audit::of(report(&pack, fault));
        known.apply(from, &mut audit);
        let is_known = audit.histories[0].rules[0].known == 1;
        let is_new = audit.exit_code() == 1;
        assert_eq!(
            (is_known, is_new),
            (fault == ASKED, fault != ASKED),
            "{fault}"
        );
        let gone = &audit.baseline.as_ref().expect("one was applied").gone;
        assert_eq!(gone.len(), usize::from(fault != ASKED), "{fault}");
    }
}
