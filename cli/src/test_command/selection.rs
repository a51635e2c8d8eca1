//! Which cases are run.

use std::path::PathBuf;

use anyhow::bail;
use wsaudit_verifier::case::{Case, RuleName};
use wsaudit_verifier::suite::{self, CaseFile, SuiteError};

use super::TestArgs;
use crate::linked;

/// Where cases are, unless somebody says otherwise; those that exist.
const USUAL: [&str; 2] = ["fixtures", "rules"];

/// The cases that were asked for; an error where there is none.
pub(super) fn files(args: &TestArgs) -> anyhow::Result<Vec<CaseFile>> {
    let mut files = Vec::new();
    let mut empty = None;
    for path in paths(args)? {
        let found = suite::files(&path)?;
        linked::say_left_out(&found.links, "to run");
        if found.files.is_empty() {
            empty = Some(SuiteError::Empty { path });
        }
        files.extend(found.files);
    }
    // Of the usual directories, one may hold no case.
    if let Some(error) = empty.filter(|_| files.is_empty() || !args.paths.is_empty()) {
        return Err(error.into());
    }
    let all = files.len();
    files.retain(|file| is_wanted(args, file));
    if files.is_empty() {
        bail!("none of {all} cases is about what --rule and --filter ask for");
    }
    Ok(files)
}

fn paths(args: &TestArgs) -> anyhow::Result<Vec<PathBuf>> {
    if !args.paths.is_empty() {
        return Ok(args.paths.clone());
    }
    let usual: Vec<_> = USUAL
        .iter()
        .map(PathBuf::from)
        .filter(|path| path.is_dir())
        .collect();
    if usual.is_empty() {
        bail!(
            "no cases: neither {} is a directory here; name a case, or a directory of cases",
            USUAL.join(" nor ")
        );
    }
    Ok(usual)
}

/// Whether a case is about what was asked for. One that cannot be read is: nobody knows.
fn is_wanted(args: &TestArgs, file: &CaseFile) -> bool {
    if args.rule.is_empty() && args.filter.is_empty() {
        return true;
    }
    let Ok(case) = file.parse() else {
        return true;
    };
    let by_rule = args.rule.is_empty() || args.rule.iter().any(|rule| names(&case, rule));
    let by_text = args.filter.iter().all(|text| {
        let contains = |whole: &str| whole.to_lowercase().contains(&text.to_lowercase());
        contains(&file.name) || contains(&case.title)
    });
    by_rule && by_text
}

/// Whether a case names a rule, with or without its pack.
fn names(case: &Case, rule: &str) -> bool {
    let id = |name: &str| name.rsplit_once('/').map_or(name, |(_, id)| id).to_owned();
    let is = |name: &RuleName| name.0 == rule || id(&name.0) == id(rule);
    let expected = case.expectations.iter();
    let mut expected = expected.filter_map(|expectation| expectation.expected.rule());
    expected.any(is) || case.only.iter().any(|(name, _)| is(name))
}
