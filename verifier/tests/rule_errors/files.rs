//! Files that hold no pack, or one that clashes with another.

use std::fs;

use wsaudit_verifier::rules::{LoadError, Pack, Style};

use super::raw_errors;

const RULE: &str = "[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"protocol\"\n";

#[test]
fn a_duplicate_rule_in_another_file() {
    let first = format!("[pack]\nname = \"shop\"\nformat = 1\n{RULE}");
    let error = Pack::from_texts(&[("one.toml", &first), ("two.toml", RULE)]).unwrap_err();
    shows!("duplicate-rule", error);
}

/// One mistake is told once, whatever both are called alike in.
#[test]
fn another_pack_in_the_same_directory() {
    let pack = format!("[pack]\nname = \"shop\"\nformat = 1\n{RULE}");
    let error = Pack::from_texts(&[("one.toml", &pack), ("two.toml", &pack)]).unwrap_err();
    shows!("second-pack", error);
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
fn a_list_of_rules_in_single_brackets() {
    let rule = |id: &str| format!("[rule]\nid = \"{id}\"\ntitle = \"t\"\nkind = \"protocol\"\n");
    let rules = [rule("a"), rule("b"), rule("c")].concat();
    let twice = "[message]\nname = \"/type\"\n[message]\ncodec = \"json\"\nx = 1\nx = 2\n";
    let told = [raw_errors(&rules), raw_errors(twice)];
    shows!("single-brackets", told.join("\n"));
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
