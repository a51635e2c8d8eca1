//! Whatever is in a rule file, it is a pack or an error that can be shown.

use crate::rules::{Pack, Style};

/// Texts, with a zero byte between files, are a pack, or errors each of which names its file.
pub fn packs(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let names = ["a.toml", "b.toml", "c.toml"];
    let files: Vec<_> = names.into_iter().zip(text.splitn(3, '\0')).collect();
    match Pack::from_texts(&files) {
        Ok(pack) => {
            assert!(!pack.rules.is_empty(), "a pack that finds nothing");
            for rule in &pack.rules {
                assert!(!rule.id.is_empty(), "a rule without a name");
            }
        }
        Err(errors) => {
            assert!(!errors.diagnostics().is_empty(), "refused without a reason");
            let plain = errors.render(Style::Plain);
            assert!(names.iter().any(|name| plain.contains(name)), "{plain}");
            assert!(errors.render(Style::Ansi).len() >= plain.len());
        }
    }
}
