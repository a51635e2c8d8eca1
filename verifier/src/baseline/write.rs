//! The start of a baseline: every violation of a run, with a reason that somebody has to fill in.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Baseline, Entry};
use crate::date::Date;
use crate::report::Audit;

const HEAD: &str = "\
# Violations that are known and may stay for a while. `wsaudit verify --baseline` does not fail for
# them until the day they expire. Say why in each `reason`, and who mends it: an entry whose reason
# begins with TODO is refused. An entry that the report calls gone can be deleted.
format = 1
";

/// A baseline of what was found, as text. What `known` knows and was found keeps its entry; what is
/// new may stay until `expires`.
pub fn start(audit: &Audit, known: Option<&Baseline>, today: Date, expires: Date) -> String {
    let mut out = HEAD.to_owned();
    let mut written = BTreeSet::new();
    let all = audit.histories.iter().flat_map(|it| &it.violations);
    for violation in all {
        if !written.insert(&violation.fingerprint) {
            continue;
        }
        let entry = known.and_then(|known| {
            let mut entries = known.entries.iter();
            entries.find(|entry| entry.fingerprint == violation.fingerprint)
        });
        let fresh = || Entry {
            fingerprint: violation.fingerprint.clone(),
            rule: format!("{}/{}", violation.pack, violation.rule),
            reason: "TODO".to_owned(),
            added: today,
            expires,
            line: 0,
        };
        let entry = entry.cloned().unwrap_or_else(fresh);
        let _ = write!(
            out,
            "\n[[known]]\nfingerprint = {}\nrule        = {}\nwhat        = {}\nreason      = {}\nadded       = {}\nexpires     = {}\n",
            quoted(&entry.fingerprint),
            quoted(&entry.rule),
            quoted(&violation.message),
            quoted(&entry.reason),
            entry.added,
            entry.expires
        );
    }
    out
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
    out
}
