//! The search for secrets in whatever was written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;

use super::traffic::Sent;

/// Bytes, and where they are from.
pub(super) type Texts = Vec<(PathBuf, Vec<u8>)>;

/// The secrets that are found, with where.
pub(super) fn found(secrets: &[&str], sent: &Sent, texts: &Texts) -> BTreeSet<(String, PathBuf)> {
    let forms = secrets.iter().flat_map(|secret| {
        // Also as it was compressed, and in the pieces in which it was sent.
        let all = forms(secret.as_bytes())
            .into_iter()
            .chain(sent.forms_of(secret));
        all.map(move |form| (*secret, form))
    });
    let (names, forms): (Vec<_>, Vec<_>) = forms.unzip();
    let search = AhoCorasick::new(forms).unwrap();
    let mut found = BTreeSet::new();
    for (path, text) in texts {
        for place in search.find_overlapping_iter(text) {
            let name = names[place.pattern().as_usize()];
            found.insert((name.to_owned(), path.clone()));
        }
    }
    found
}

/// The forms in which a secret may be written.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let coded = |code: &dyn Fn(u8) -> String| {
        let coded = secret.iter().map(|byte| code(*byte)).collect::<String>();
        coded.into_bytes()
    };
    let mut forms = vec![
        secret.to_vec(),
        coded(&|byte| format!("%{byte:02X}")),
        coded(&|byte| format!("\\u{byte:04x}")),
        coded(&|byte| format!("{byte:02x}")),
        coded(&|byte| format!("{byte:02X}")),
        coded(&|byte| format!("{byte}, ")),
    ];
    for before in 0..3 {
        // What stands before a secret shifts its bits; the outermost characters hold others, too.
        let text = [&b"xx"[..before], secret].concat();
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            let (first, last) = (before.min(1) * 4, (text.len() % 3).min(1) * 4);
            forms.push(encoded.as_bytes()[first..encoded.len() - last].to_vec());
        }
    }
    forms
}

/// Every file in a directory: recordings, their logs, indices of those, journals, parts half made.
pub(super) fn files(directory: &Path) -> Texts {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            // A log may be gone meanwhile.
            files.push((path, bytes));
        }
    }
    files.sort();
    files
}

pub(super) fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
