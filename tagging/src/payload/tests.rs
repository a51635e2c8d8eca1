use super::{PayloadRules, Withheld};
use crate::{HmacRedactor, Provenance, Redactor as _, Tag, TagKind};

fn redactor() -> HmacRedactor {
    HmacRedactor::new(&[9; 32])
}

fn hash(secret: &str) -> String {
    redactor().replacement(secret.as_bytes())
}

fn rules(texts: &[&str]) -> PayloadRules {
    let rules = texts.iter().map(|text| text.parse());
    PayloadRules::new(rules.collect::<Result<_, _>>().unwrap())
}

fn redact(texts: &[&str], message: &str) -> String {
    let out = rules(texts).redact(message.as_bytes(), &redactor());
    String::from_utf8(out.unwrap().into_owned()).unwrap()
}

/// What stands between the angle brackets is replaced by its token: `<"x">` by a string.
#[track_caller]
fn check(texts: &[&str], marked: &str) {
    let (mut message, mut expected, mut rest) = (String::new(), String::new(), marked);
    while let Some((before, after)) = rest.split_once('<') {
        let (secret, after) = after.split_once('>').unwrap();
        message += before;
        message += secret;
        expected += before;
        let token = match serde_json::from_str::<String>(secret) {
            Ok(text) => format!("\"{}\"", hash(&text)),
            Err(_) if secret.starts_with(['{', '[', '-', '4', 't']) => {
                format!("\"{}\"", hash(secret))
            }
            Err(_) => hash(secret),
        };
        expected += &token;
        rest = after;
    }
    message += rest;
    expected += rest;
    assert_eq!(redact(texts, &message), expected, "{message}");
}

#[test]
fn a_pointer_replaces_a_value_and_nothing_around_it() {
    check(
        &["/a/b"],
        r#" { "a" : { "b" : <"x"> , "c":1.50 } , "b":"x" } "#,
    );
    check(&["/a/*/b"], r#"{"a":[{"b":<"x">},{"b":<4.20e1>},{"c":0}]}"#);
    check(&["/a"], r#"{"a":<{"b":["x"]}>,"z":1e999}"#);
    check(&["/a"], r#"{"a":<[ 1, "]" ]>}"#);
    check(&["/a"], r#"{"a":<true>,"b":true}"#);
    check(&["/1"], r#"["a",<"b">,"c"]"#);
    check(&["/1"], r#"{"1":<"a">,"01":"b"}"#);
    check(&["/a~1b/~0"], r#"{"a/b":{"~":<"x">}}"#);
    check(&["/*"], r#"{"a":<"x">,"b":<-1>,"":<"y">}"#);
}

#[test]
fn all_members_of_one_name_are_replaced_however_it_is_written() {
    check(&["/a"], r#"{"a":<"x">,"\u0061":<"y">,"a":<"z">}"#);
    check(&["/a/b"], r#"{"a":{"b":<"x">},"a":"y","a":{"b":<"z">}}"#);
    check(&["/😀"], r#"{"\ud83d\ude00":<"x">,"\ud83d":"y"}"#);
}

#[test]
fn the_token_is_of_what_the_value_says() {
    let message = r#"{"a":"4\u0032","b":42,"c":"42"}"#;
    let expected = format!(r#"{{"a":"{0}","b":"{0}","c":"{0}"}}"#, hash("42"));
    assert_eq!(redact(&["/*"], message), expected);
    // What a head shows of a credential is the same.
    assert_eq!(
        redact(&["/t"], r#"{"t":"abc"}"#),
        format!(r#"{{"t":"{}"}}"#, hash("abc"))
    );
}

#[test]
fn what_says_nothing_stays() {
    check(&["/a", "/b", "/c"], r#"{"a":null,"b":"","d":"x"}"#);
    check(&["/a/b"], r#"{"a":"x"}"#);
}

#[test]
fn an_outer_value_takes_the_inner_ones_with_it() {
    check(
        &["/a/b", "/a", r"/x\d/"],
        r#"{"a":<{"b":"x1"}>,"c":"<x2>"}"#,
    );
}

#[test]
fn an_expression_replaces_its_group_or_all_that_it_matches() {
    check(&[r"/card-\d+/"], r#"{"note":"by <card-42>, or <card-7>"}"#);
    check(&[r"/(?i)token=([^&]+)/"], "a=b&Token=<s3cret>&c");
    check(&[r#"/"pin":\s*(\d+)/"#], r#"{"pin": <4711>,"pan":4711}"#);
    check(&["/a(x)|b(y)/"], "a<x> <by>");
    let binary = rules(&[r"/(?-u)k=([\x80-\xFF]+)/"]);
    let out = binary.redact(b"\0k=\xFF\xFE;", &redactor()).unwrap();
    let token = redactor().replacement(b"\xFF\xFE");
    assert_eq!(&*out, format!("\0k={token};").as_bytes());
}

/// Else the recording would hold the rest of a secret, or JSON that is none.
#[test]
fn in_json_a_match_never_leaves_half_of_what_has_no_halves() {
    // A number, a word, and a string that is written in escapes.
    check(&[r"/\d{3}/"], r#"{"n":<4711>,"w":true}"#);
    check(&["/t.ue/"], r#"{"w":<true>,"s":"x"}"#);
    check(
        &[r#"/"password":"([^"]*)"/"#],
        r#"{"password":<"hun\"ter">}"#,
    );
    check(&["/hunter2+/"], r#"{"a":<"\u0068unter2">,"b":"<hunter2>"}"#);
    // A match across quotes.
    check(
        &[r#"/"password":"\w+/"#],
        r#"{<"password">:<"abc-def">,"x":1}"#,
    );
    check(
        &[r#"/"password":"[^"]*"/"#],
        r#"{<"password">:<"abc">,"x":1}"#,
    );
    // JSON in a string of JSON.
    check(
        &[r#"/"pin":"(\d+)"/"#],
        r#"{"data":<"{\"pin\":\"4711\"}">,"x":"\""}"#,
    );
    // Half a surrogate pair.
    check(&["/hunter2+/"], r#"{"x":"hunter\n"}"#);
    let half = redact(&["/hunter2+/"], r#"{"x":"\ud800"}"#);
    assert!(half.starts_with(r#"{"x":"redacted-"#), "{half}");
}

#[test]
fn json_in_the_usual_framings_is_json() {
    check(&["/1/token"], r#"42["login",{"token":<"x">}]"#);
    check(&["/0/token"], r#"43/admin,12[{"token":<"x">}]"#);
    check(
        &["/arguments/*"],
        "{\"type\":1,\"arguments\":[<\"x\">]}\u{1E}{\"type\":6}\u{1E}",
    );
    for without in [
        "2",
        "3probe",
        "40",
        "41/admin,",
        "{}\u{1E}",
        "o",
        "h",
        "c[3000,\"Go\"]",
    ] {
        check(&["/token"], without);
    }
    check(&[r"/x\d/"], r#"42/<x1>,["<x2>",{"<x3>":4}]"#);
}

#[test]
fn a_pointer_is_followed_into_strings_that_are_json() {
    let token = hash("x");
    let inner = r#"{ "token":"x","room":"r-1" }"#;
    let kept = format!(r#"{{ "token":"{token}","room":"r-1" }}"#);
    let string = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    for (before, after) in [("[", "]"), ("a[", "]"), (r#"{"data":"#, ",\"n\":1}")] {
        let message = format!("{before}{}{after}", string(inner));
        let expected = format!("{before}{}{after}", string(&kept));
        assert_eq!(redact(&["/token"], &message), expected, "{message}");
        // Twice encoded.
        let message = format!("{before}{}{after}", string(&format!("[{}]", string(inner))));
        let expected = format!("{before}{}{after}", string(&format!("[{}]", string(&kept))));
        assert_eq!(redact(&["/token"], &message), expected, "{message}");
    }
    // What leads nowhere stays as it is written.
    let written = r#"["{\u0022room\":1}"]"#;
    assert_eq!(redact(&["/token"], written), written);
    // What an expression finds there, too: all of it goes.
    let message = format!("[{}]", string(inner));
    let whole = redact(&["/token", r"/r-\d/"], &message);
    assert_eq!(whole, format!("[\"{}\"]", hash(inner)));
}

#[test]
fn what_is_encoded_too_often_to_be_looked_at_goes_as_a_whole() {
    let mut message = r#"{"token":"x"}"#.to_owned();
    for _ in 0..8 {
        message = format!("[{}]", serde_json::Value::String(message));
    }
    let kept = redact(&["/token"], &message);
    assert!(!kept.contains("token"), "{kept}");
    assert!(kept.contains("redacted-"), "{kept}");
}

#[test]
fn where_a_pointer_cannot_be_followed_the_message_is_withheld() {
    let withheld = |message: &[u8]| rules(&["/a"]).redact(message, &redactor()).unwrap_err();
    assert_eq!(withheld(b"{\"a\":\"\xFF\"}"), Withheld::NotUtf8 { at: 6 });
    for (text, column) in [
        ("{\"a\":\"x", 7),
        ("hello", 1),
        ("42/x?t=1,[]", 3),
        ("{} {}", 4),
    ] {
        assert_eq!(
            withheld(text.as_bytes()),
            Withheld::NotJson { line: 1, column },
            "{text}"
        );
    }
    assert_eq!(redact(&["/a"], ""), "", "nothing is in it");
    // Expressions need no JSON.
    check(&[r"/x\d/"], r#"{"a":"<x1>"#);
}

#[test]
fn without_rules_everything_stays() {
    let none = PayloadRules::default();
    let out = none.redact(b"\xFF", &redactor()).unwrap();
    assert!(matches!(out, std::borrow::Cow::Borrowed(b"\xFF")));
}

#[test]
fn a_tag_shows_what_the_message_shows() {
    let tag = |value: &str| Tag {
        kind: TagKind::Session,
        value: value.to_owned(),
        source: "message:/login/id".to_owned(),
        provenance: Provenance::Presented,
    };
    let shown = |texts: &[&str], message: &str, value: &str| {
        let rules = rules(texts);
        let redacted = rules.redact(message.as_bytes(), &redactor());
        let redacted = redacted.as_deref().ok();
        rules.redact_tag(tag(value), redacted, &redactor()).value
    };
    let message = r#"{"login":{"id":"s-1"},"pin":"1"}"#;
    assert_eq!(shown(&["/pin"], message, "s-1"), "s-1");
    assert_eq!(shown(&["/login/id"], message, "s-1"), hash("s-1"));
    assert_eq!(shown(&["/login"], message, "s-1"), hash("s-1"));
    let part = shown(&[r"/-(\d)/"], message, "s-1");
    assert_eq!(part, format!("s-{}", hash("1")));
    let withheld = rules(&["/pin"]).redact_tag(tag("s-1"), None, &redactor());
    assert_eq!(withheld.value, hash("s-1"));
}
