//! Files that the program writes, and the tree keeps: whether they are still what it writes.

use std::fs;
use std::path::Path;

use wsaudit_verifier::manual::book;
use wsaudit_verifier::rules::schema::schema;

/// Compares a kept file with what the program writes.
fn holds(path: &str, written: &str, command: &str) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let kept = fs::read_to_string(&kept).unwrap_or_default();
    let line = kept
        .lines()
        .zip(written.lines())
        .position(|(kept, written)| kept != written);
    assert!(
        kept == written,
        "{path} is not what the program writes (line {}): cargo run -- {command} --out {path}",
        line.map_or_else(|| kept.lines().count(), |line| line + 1)
    );
}

#[test]
fn the_schema_is_the_readers() {
    holds("rules/pack.schema.json", &schema(), "rules schema");
}

#[test]
fn the_manual_is_the_kinds_and_the_packs() {
    holds("docs/rules.md", &book(), "rules doc");
}
