//! Whatever a history holds, it is verified, and twice the same.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::told::told;
use crate::case::Case;
use crate::engine::Input;
use crate::history::Source;
use crate::rules::Pack;
use crate::suite::{Prepared, Surroundings, run_case};

/// A text is a case or has errors, each with its file; a case is verified without a panic, and the
/// reports of two runs are equal.
pub fn cases(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else {
        return;
    };
    let case = match Case::parse("case.md", source) {
        Ok(case) => case,
        Err(errors) => {
            assert!(!errors.errors().is_empty());
            for error in errors.errors() {
                assert!(error.to_string().starts_with("case.md:"), "{error}");
            }
            return;
        }
    };
    run_case(&case, &Nowhere);
    let Ok(prepared) = Prepared::new(&case, &Nowhere) else {
        return;
    };
    let input = Input {
        packs: &prepared.packs,
        facts: &prepared.facts,
        sources: &prepared.sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    assert!(told(&input) == told(&input), "two runs, two reports");
}

/// No files: what is on the machine is no part of an input.
struct Nowhere;

static SHIPPED: LazyLock<BTreeMap<&str, Pack>> = LazyLock::new(|| {
    let names = Pack::shipped_names().into_iter();
    names
        .map(|name| (name, Pack::shipped(name).expect("shipped packs are valid")))
        .collect()
});

impl Surroundings for Nowhere {
    fn pack(&self, name: &str) -> Result<Pack, String> {
        let pack = SHIPPED.get(name).cloned();
        pack.ok_or_else(|| format!("no shipped pack `{name}`"))
    }

    fn recording(&self, path: &str) -> Result<Box<dyn Source>, String> {
        Err(format!("no recording {path}"))
    }
}
