//! From TOML to a baseline, or to everything that is wrong in it.

use std::collections::BTreeMap;

use super::{Baseline, Entry};
use crate::rules::read::{Node, Table};
use crate::rules::{RuleErrors, RuleFile, document};

/// The version of the format.
const FORMAT: u64 = 1;

pub(super) fn read(file: &str, text: &str) -> Result<Baseline, RuleErrors> {
    let source = RuleFile {
        name: file.to_owned(),
        text: text.to_owned(),
    };
    document(source, "a baseline", |table| {
        format(table);
        let nodes = table.get("known").map_or_else(Vec::new, Node::items);
        let mut first = BTreeMap::new();
        let mut entries = Vec::new();
        for node in nodes {
            let Some((entry, written)) = entry(node) else {
                continue;
            };
            if let Some(line) = first.insert(entry.fingerprint.clone(), entry.line) {
                written
                    .error(format_args!("`{}` is known already", entry.fingerprint))
                    .label(format_args!(
                        "the entry in line {line} has this fingerprint, too"
                    ))
                    .emit();
            }
            entries.push(entry);
        }
        Some(Baseline {
            file: file.to_owned(),
            entries,
        })
    })
}

fn format(table: &mut Table<'_>) {
    let Some(node) = table.required("format") else {
        return;
    };
    if let Some(format) = node.count()
        && format != FORMAT
    {
        node.error(format_args!("format {format} is not known"))
            .label(format_args!("this wsaudit reads format {FORMAT}"))
            .emit();
    }
}

/// One entry, and where its fingerprint stands.
fn entry(node: Node<'_>) -> Option<(Entry, Node<'_>)> {
    let line = node.location().line;
    let mut table = node.table("an entry of a baseline")?;
    let written = table.required("fingerprint");
    let fingerprint = written.and_then(fingerprint);
    let rule = table.required("rule").and_then(rule);
    // What it was when it was added; the fingerprint alone says what is meant.
    table.get("what").and_then(Node::string);
    let reason = table.required("reason").and_then(reason);
    let added = table.required("added").and_then(Node::date);
    let expires = table.required("expires");
    let last = expires.and_then(Node::date);
    if let (Some(added), Some(last), Some(node)) = (added, last, expires)
        && last < added
    {
        node.error(format_args!("it expires before it was added ({added})"))
            .label("expected a later day")
            .emit();
    }
    table.finish();
    let entry = Entry {
        fingerprint: fingerprint?.to_owned(),
        rule: rule?.to_owned(),
        reason: reason?.to_owned(),
        added: added?,
        expires: last?,
        line,
    };
    Some((entry, written?))
}

fn fingerprint(node: Node<'_>) -> Option<&str> {
    let text = node.string()?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == 16 && text.bytes().all(is_digit) {
        return Some(text);
    }
    node.error(format_args!("`{text}` is no fingerprint"))
        .label("expected 16 hexadecimal digits, as the report shows them")
        .emit();
    None
}

fn rule(node: Node<'_>) -> Option<&str> {
    let text = node.string()?;
    let good = |(pack, rule): (&str, &str)| !pack.is_empty() && !rule.is_empty();
    if text.split_once('/').is_some_and(good) {
        return Some(text);
    }
    node.error(format_args!("`{text}` is no rule of a pack"))
        .label("expected `pack/rule`, such as \"agent-platform/foreign-thread\"")
        .emit();
    None
}

/// A reason that somebody thought about.
fn reason(node: Node<'_>) -> Option<&str> {
    let text = node.prose()?;
    let first = text.trim_start().chars().take(4).collect::<String>();
    if !first.eq_ignore_ascii_case("todo") {
        return Some(text);
    }
    node.error("an entry without a reason")
        .label("say why this may stay for a while, and who mends it")
        .emit();
    None
}
