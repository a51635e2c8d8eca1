//! What peers sent, made fit for a terminal.

use wsaudit_verifier::report::is_hidden;

/// The text with control characters, those that turn the direction of writing, and those that cannot
/// be seen, as escapes: what a recording holds must not move the cursor of who reads it, nor look like
/// another id.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_hidden(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_stay_visible() {
        assert_eq!(printable("a\u{1b}[2Jb\nü"), "a\\u{1b}[2Jb\\nü");
        assert_eq!(printable("\u{202E}x"), "\\u{202e}x");
        assert_eq!(printable("s-1\u{200B}"), "s-1\\u{200b}");
        assert_eq!(printable("s-1\u{61C}"), "s-1\\u{61c}");
    }
}
