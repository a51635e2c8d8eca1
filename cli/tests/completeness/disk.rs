//! A disk that forgets what was not synced.

use std::collections::BTreeMap;
use std::path::Path;

/// What a loss of power can tear: the unit that a disk writes whole, in bytes.
const SECTOR: usize = 512;

/// A directory: names, and the files that they are for.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// By number; whatever was created, also what has no name any more.
    files: Vec<File>,
    /// Names as they are now.
    names: Names,
    /// Names that are safe.
    synced: Names,
    /// Changes of names that are not, in order.
    pending: Vec<Naming>,
    /// How many were, and are safe now.
    safe: usize,
}

type Names = BTreeMap<String, usize>;

/// What a file holds.
#[derive(Debug, Default)]
struct File {
    /// What is safe.
    synced: Vec<u8>,
    /// What is not, in order.
    pending: Vec<Change>,
    /// How many changes are safe.
    safe: usize,
}

/// What was there when a sync began; another one may end meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(usize);

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

#[derive(Debug, Clone)]
enum Naming {
    Give { name: String, file: usize },
    Remove { name: String },
}

/// What is left of the changes that were not synced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Survivors {
    None,
    All,
    /// Any of their sectors, and of the names, drawn with this seed.
    Some(u64),
}

impl Disk {
    /// A file was created, unless it is there.
    pub(crate) fn create(&mut self, name: &str) {
        if !self.names.contains_key(name) {
            self.files.push(File::default());
            self.name(name, self.files.len() - 1);
        }
    }

    /// A file has one more name.
    pub(crate) fn link(&mut self, name: &str, also: &str) {
        self.name(also, self.names[name]);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let name = name.to_owned();
        self.rename(Naming::Remove { name });
    }

    fn name(&mut self, name: &str, file: usize) {
        let name = name.to_owned();
        self.rename(Naming::Give { name, file });
    }

    fn rename(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending.push(naming);
    }

    pub(crate) fn change(&mut self, name: &str, change: Change) {
        self.files[self.names[name]].pending.push(change);
    }

    /// The changes of a file so far.
    pub(crate) fn mark(&self, name: &str) -> Mark {
        let file = &self.files[self.names[name]];
        Mark(file.safe + file.pending.len())
    }

    /// The changes up to there are safe; gives those that were not before.
    pub(crate) fn sync(&mut self, name: &str, Mark(to): Mark) -> Vec<Change> {
        let file = &mut self.files[self.names[name]];
        let safe: Vec<_> = file.pending.drain(..to.saturating_sub(file.safe)).collect();
        file.safe += safe.len();
        for change in &safe {
            change.apply(&mut file.synced);
        }
        safe
    }

    /// How many changes of a file are pending.
    pub(crate) fn pending(&self, name: &str) -> usize {
        let file = self.names.get(name);
        file.map_or(0, |file| self.files[*file].pending.len())
    }

    /// How many changes of names are pending.
    pub(crate) fn pending_names(&self) -> usize {
        self.pending.len()
    }

    /// These so far.
    pub(crate) const fn mark_names(&self) -> Mark {
        Mark(self.safe + self.pending.len())
    }

    /// Those up to there are safe.
    pub(crate) fn sync_names(&mut self, Mark(to): Mark) {
        for naming in self.pending.drain(..to.saturating_sub(self.safe)) {
            naming.apply(&mut self.synced);
            self.safe += 1;
        }
    }

    /// Names as they are now.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Writes into `directory` what is there after a loss of power.
    pub(crate) fn write_after_loss(&self, directory: &Path, survivors: Survivors) {
        let mut draw = Draw(match survivors {
            Survivors::None | Survivors::All => 1,
            Survivors::Some(seed) => seed | 1,
        });
        let mut names = self.synced.clone();
        for naming in &self.pending {
            if match survivors {
                Survivors::None => false,
                Survivors::All => true,
                Survivors::Some(_) => draw.coin(),
            } {
                naming.apply(&mut names);
            }
        }
        for (name, file) in names {
            let file = &self.files[file];
            let mut left = file.synced.clone();
            for change in &file.pending {
                match survivors {
                    Survivors::None => {}
                    Survivors::All => change.apply(&mut left),
                    Survivors::Some(_) => change.apply_torn(&mut left, &mut draw),
                }
            }
            std::fs::write(directory.join(name), left).unwrap();
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Give { name, file } => names.insert(name.clone(), *file),
            Self::Remove { name } => names.remove(name),
        };
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                file.resize(file.len().max(end), 0);
                file[*offset..end].copy_from_slice(bytes);
            }
            Self::Truncate { length } => file.resize(*length, 0),
        }
    }

    fn apply_torn(&self, file: &mut Vec<u8>, draw: &mut Draw) {
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
