//! Ownership facts: what somebody else than the wire says about who owns what.

use std::collections::BTreeMap;

/// Facts by the name that rules know them by (`[facts.NAME]`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    tables: BTreeMap<String, Vec<Fact>>,
}

/// Somebody owns something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The resource's id, as canonical text.
    pub resource: String,
    /// The owner's id: a session or a user, as the rule says.
    pub owner: String,
    /// Where it stands: `threads.csv line 3`.
    pub origin: String,
}

impl Facts {
    /// Adds facts to a table.
    pub fn extend(&mut self, table: &str, facts: impl IntoIterator<Item = Fact>) {
        self.tables
            .entry(table.to_owned())
            .or_default()
            .extend(facts);
    }

    /// The facts of a table; empty where there is none of that name.
    pub fn table(&self, name: &str) -> &[Fact] {
        self.tables.get(name).map_or(&[], Vec::as_slice)
    }
}
