//! Other files than rule packs, read in the same way: all errors at once, each with its place.

use std::sync::Arc;

use super::read::{Context, Errors, Table};
use super::{RuleErrors, RuleFile, parse};

/// Reads one TOML file; `what` it is, for its errors: `a baseline`. What `read` returns counts only
/// where nothing is wrong.
pub(crate) fn document<T>(
    file: RuleFile,
    what: &str,
    read: impl FnOnce(&mut Table<'_>) -> Option<T>,
) -> Result<T, RuleErrors> {
    let file = Arc::new(file);
    let errors = Errors::default();
    let value = {
        let document = parse::syntax(&file, &errors);
        if errors.is_empty() {
            let context = Context {
                file: &file,
                errors: &errors,
            };
            let entries = document.get_ref();
            let mut table = Table::new(entries, document.span(), what.to_owned(), context);
            let value = read(&mut table);
            table.finish();
            value
        } else {
            None
        }
    };
    let found = errors.into_sorted();
    match value {
        Some(value) if found.is_empty() => Ok(value),
        _ => Err(RuleErrors(found)),
    }
}
