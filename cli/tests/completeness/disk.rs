//! A disk that forgets what was not synced.

use std::collections::BTreeMap;
use std::path::Path;

/// What a loss of power can tear: the unit that a disk writes whole, in bytes.
const SECTOR: usize = 512;

/// The files of a directory, by name.
#[derive(Debug, Default)]
pub(crate) struct Disk(BTreeMap<String, File>);

#[derive(Debug, Default)]
struct File {
    /// What is safe; `None` where the file is gone.
    synced: Option<Vec<u8>>,
    /// What is not, in order.
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { length: usize },
    Remove,
}

/// What is left of the changes that were not synced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Survivors {
    None,
    All,
    /// Any of their sectors, drawn with this seed.
    Some(u64),
}

impl Disk {
    /// A file was created, unless it is there.
    pub(crate) fn create(&mut self, name: &str) {
        let file = self.0.entry(name.to_owned()).or_default();
        let removed = |change: &Change| matches!(change, Change::Remove);
        if file.synced.is_none() || file.pending.iter().any(removed) {
            // Another file of that name.
            *file = File {
                synced: Some(Vec::new()),
                pending: Vec::new(),
            };
        }
    }

    pub(crate) fn change(&mut self, name: &str, change: Change) {
        self.0
            .entry(name.to_owned())
            .or_default()
            .pending
            .push(change);
    }

    /// The first `count` changes that are pending are safe; gives them.
    pub(crate) fn sync(&mut self, name: &str, count: usize) -> Vec<Change> {
        let file = self.0.entry(name.to_owned()).or_default();
        let safe: Vec<_> = file.pending.drain(..count).collect();
        for change in &safe {
            change.apply(&mut file.synced);
        }
        safe
    }

    /// How many changes of a file are pending.
    pub(crate) fn pending(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, |file| file.pending.len())
    }

    /// Files were removed for good: their directory was synced.
    pub(crate) fn sync_names(&mut self) {
        for file in self.0.values_mut() {
            let removed = |change: &Change| matches!(change, Change::Remove);
            if let Some(last) = file.pending.iter().rposition(removed) {
                file.pending.drain(..=last);
                file.synced = None;
            }
        }
    }

    /// Writes into `directory` what is there after a loss of power.
    pub(crate) fn write_after_loss(&self, directory: &Path, survivors: Survivors) {
        let mut draw = Draw(match survivors {
            Survivors::None | Survivors::All => 1,
            Survivors::Some(seed) => seed | 1,
        });
        for (name, file) in &self.0 {
            let mut left = file.synced.clone();
            for change in &file.pending {
                match survivors {
                    Survivors::None => {}
                    Survivors::All => change.apply(&mut left),
                    Survivors::Some(_) => change.apply_torn(&mut left, &mut draw),
                }
            }
            if let Some(bytes) = left {
                std::fs::write(directory.join(name), bytes).unwrap();
            }
        }
    }
}

impl Change {
    fn apply(&self, file: &mut Option<Vec<u8>>) {
        match self {
            Self::Write { offset, bytes } => {
                let file = file.get_or_insert_default();
                let end = offset + bytes.len();
                file.resize(file.len().max(end), 0);
                file[*offset..end].copy_from_slice(bytes);
            }
            Self::Truncate { length } => file.get_or_insert_default().resize(*length, 0),
            Self::Remove => *file = None,
        }
    }

    fn apply_torn(&self, file: &mut Option<Vec<u8>>, draw: &mut Draw) {
        let Self::Write { offset, bytes } = self else {
            if draw.coin() {
                self.apply(file);
            }
            return;
        };
        let mut at = 0;
        while at < bytes.len() {
            // Up to the next border between sectors.
            let end = bytes.len().min(at + SECTOR - (offset + at) % SECTOR);
            if draw.coin() {
                let torn = Self::Write {
                    offset: offset + at,
                    bytes: bytes[at..end].to_vec(),
                };
                torn.apply(file);
            }
            at = end;
        }
    }
}

/// Marsaglia's xorshift64.
struct Draw(u64);

impl Draw {
    fn coin(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 63 == 1
    }
}
