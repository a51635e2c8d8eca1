//! Names, comments and strings of a pack, from what came over the wire.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Letters, digits and `-`, which every name may have; what is left out is told apart by its code.
pub(super) fn identifier(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => out.push(character),
            '.' | ':' | '/' | ' ' => out.push('-'),
            other => {
                let _ = write!(out, "-{:x}", u32::from(other));
            }
        }
    }
    let out = out.trim_matches(['-', '_']).to_owned();
    if out.starts_with(|first: char| first.is_ascii_alphabetic()) {
        out
    } else {
        format!("e-{out}")
    }
}

/// `/payload/thread_id` is a thread.
pub(super) fn short(pointer: &str) -> String {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    let bare = ["_id", "-id", "Id", "ID"]
        .iter()
        .find_map(|ending| last.strip_suffix(ending));
    let tokens: Vec<_> = pointer.split('/').collect();
    match bare {
        Some(bare) if !bare.is_empty() => identifier(bare),
        // `/thread/id` is one too.
        _ if last.eq_ignore_ascii_case("id") && tokens.len() > 2 => {
            identifier(tokens[tokens.len() - 2])
        }
        _ => identifier(last),
    }
}

pub(super) fn unique(names: &mut BTreeSet<String>, name: String) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let free = std::iter::once(name.clone())
        .chain(numbered)
        .find(|name| !names.contains(name));
    let free = free.unwrap_or(name);
    names.insert(free.clone());
    free
}

/// Text from the wire, within a comment.
pub(super) fn comment(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// A string of TOML, which JSON's notation is but for DEL.
pub(super) fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a string is JSON");
    json.replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers() {
        assert_eq!(identifier("thread.created"), "thread-created");
        assert_eq!(identifier("42"), "e-42");
        assert_eq!(identifier("ü"), "fc");
        assert_eq!(short("/payload/thread_id"), "thread");
        assert_eq!(short("/thread/id"), "thread");
        assert_eq!(short("/roomId"), "room");
        assert_eq!(short("/id"), "id");
    }
}
