//! What there is to read about rules: the kinds, as their own files describe them, and the shipped
//! packs. `docs/rules.md` and `wsaudit rules` are made of it.

mod book;
mod packs;

pub use book::book;
pub use packs::{about_pack, shipped_packs};

use crate::kinds::Spec;

macro_rules! kinds {
    ($($kind:literal),+ $(,)?) => {
        /// The files whose documentation is the page of a kind.
        const FILES: &[(&str, &str)] =
            &[$(($kind, include_str!(concat!("kinds/", $kind, ".rs")))),+];
    };
}

// A test compares this list with the kinds.
kinds! {
    "addressed",
    "always",
    "correlated",
    "count",
    "duration",
    "handshake",
    "never",
    "owned",
    "protocol",
    "response",
    "sequence",
    "sql",
}

/// The kinds of rules, in order.
pub fn kinds() -> Vec<&'static str> {
    Spec::READERS.iter().map(|(kind, _)| *kind).collect()
}

/// The page of a kind, as Markdown: what it proves, why, an example, its keys, what it cannot see.
/// `None`: there is no such kind.
pub fn kind(name: &str) -> Option<String> {
    let (_, file) = FILES.iter().find(|(kind, _)| *kind == name)?;
    let lines = file
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// What a kind proves, in one line.
pub fn summary(name: &str) -> String {
    let page = kind(name).unwrap_or_default();
    let first = page.split("\n\n").next().unwrap_or_default();
    let first = first.replace('\n', " ");
    match first.split_once("`: ") {
        Some((_, says)) => says.to_owned(),
        None => first,
    }
}

/// What a key of a kind says, as its page has it; `None`: the page does not speak of it.
///
/// ```text
/// - `at-least`, `at-most`: the limits; at least one of them.
/// ```
pub(crate) fn key_of(name: &str, key: &str) -> Option<String> {
    keys(&section(&kind(name)?, "Keys")?)
        .into_iter()
        .find(|(names, _)| names.iter().any(|name| name == key))
        .map(|(_, says)| says)
}

/// The text below a heading, up to the next one.
fn section(page: &str, heading: &str) -> Option<String> {
    let mut lines = page.lines();
    lines.find(|line| line.strip_prefix("# ") == Some(heading))?;
    let text: Vec<_> = lines.take_while(|line| !line.starts_with("# ")).collect();
    Some(text.join("\n").trim().to_owned())
}

/// The items of a list of keys: the names, and what is said of them.
fn keys(list: &str) -> Vec<(Vec<String>, String)> {
    let mut items = Vec::<String>::new();
    for line in list.lines() {
        if let Some(item) = line.strip_prefix("- ") {
            items.push(item.to_owned());
        } else if let (Some(item), false) = (items.last_mut(), line.trim().is_empty()) {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
        .into_iter()
        .filter_map(|item| {
            let (head, says) = item.split_once(':')?;
            // Every second part stands between backticks.
            let names = head.split('`').skip(1).step_by(2).map(str::to_owned);
            Some((names.collect(), says.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_page() {
        let files: Vec<_> = FILES.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(files, kinds(), "list each kind in manual.rs, sorted");
        for kind in kinds() {
            assert!(summary(kind).ends_with('.'), "{kind}: {}", summary(kind));
        }
    }

    #[test]
    fn a_list_of_keys_is_read() {
        let list = "- `a`, `b-c` (required): the first,\n  and more: so.\n\n- `d`: `\"x\"`.\n";
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            keys(list),
            [
                (names(&["a", "b-c"]), "the first, and more: so.".to_owned()),
                (names(&["d"]), "`\"x\"`.".to_owned())
            ]
        );
    }
}
