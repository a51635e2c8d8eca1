//! The rule packs that are in the program itself: the directories of `/rules`.

macro_rules! shipped {
    ($($file:literal),+ $(,)?) => {
        /// Names (`protocol/protocol.toml`) and texts, in order.
        const FILES: &[(&str, &str)] =
            &[$(($file, include_str!(concat!("../../../rules/", $file)))),+];
    };
}

// A test compares this list with the directory.
shipped! {
    "agent-platform/pack.toml",
    "agent-platform/s1-sessions.toml",
    "agent-platform/s2-agents.toml",
    "agent-platform/s3-events.toml",
    "agent-platform/s4-threads.toml",
    "correlated/correlated.toml",
    "handshake/handshake.toml",
    "protocol/protocol.toml",
}

/// The packs' names, in order.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = FILES.iter().filter_map(|(file, _)| pack_of(file)).collect();
    names.dedup();
    names
}

/// The files of a pack, in order; none, if there is no such pack.
pub(super) fn files(pack: &str) -> Vec<(&'static str, &'static str)> {
    FILES
        .iter()
        .copied()
        .filter(|(file, _)| pack_of(file) == Some(pack))
        .collect()
}

fn pack_of(file: &'static str) -> Option<&'static str> {
    file.split_once('/').map(|(pack, _)| pack)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::rules::Pack;

    fn entries(directory: &Path) -> Vec<PathBuf> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    #[test]
    fn the_list_is_the_directory() {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
        let mut on_disk: Vec<_> = entries(&rules)
            .iter()
            .filter(|path| path.is_dir())
            .flat_map(|pack| entries(pack))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            })
            .map(|path| {
                path.strip_prefix(&rules)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/")
            })
            .collect();
        on_disk.sort();
        let listed: Vec<_> = FILES.iter().map(|(file, _)| (*file).to_owned()).collect();
        assert_eq!(
            listed, on_disk,
            "list each rule file of /rules in rules/shipped.rs, sorted"
        );
    }

    #[test]
    fn every_shipped_pack_is_sound_and_named_for_its_directory() {
        for name in names() {
            let pack = Pack::shipped(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(pack.name, name);
        }
    }
}
