//! `command --name value ...`

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use super::USAGE;

/// What was typed, and not yet asked for.
pub(crate) struct Arguments {
    pub(crate) command: String,
    named: BTreeMap<String, String>,
}

impl Arguments {
    pub(crate) fn parse(mut typed: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = typed.next().ok_or(USAGE)?;
        let mut named = BTreeMap::new();
        while let Some(flag) = typed.next() {
            let name = flag
                .strip_prefix("--")
                .ok_or_else(|| format!("{flag:?} is no flag\n{USAGE}"))?;
            let value = typed
                .next()
                .ok_or_else(|| format!("{flag} needs a value\n{USAGE}"))?;
            named.insert(name.to_owned(), value);
        }
        Ok(Self { command, named })
    }

    pub(crate) fn take<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<T, String> {
        let value = self
            .named
            .remove(name)
            .ok_or_else(|| format!("--{name} is missing\n{USAGE}"))?;
        value
            .parse()
            .map_err(|error| format!("--{name} {value}: {error}"))
    }

    /// Everything that was typed has been asked for.
    pub(crate) fn end(&self) -> Result<(), String> {
        match self.named.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("--{name} is not known here\n{USAGE}")),
        }
    }
}
