//! Commands that are printed to be pasted into a shell.

/// This program, as it was called: what is printed can be pasted, also after `cargo run`, where no
/// `wsaudit` is on the path.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next();
    let called = called.filter(|name| !name.is_empty());
    quoted(&called.map_or_else(
        || "wsaudit".into(),
        |name| name.to_string_lossy().into_owned(),
    ))
}

/// A word as a shell takes it: quoted where it must be.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn only_what_a_shell_would_change_is_quoted() {
        assert_eq!(quoted("/tmp/traffic-1.db"), "/tmp/traffic-1.db");
        assert_eq!(quoted("my traffic.db"), "'my traffic.db'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
