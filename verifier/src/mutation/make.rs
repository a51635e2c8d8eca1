//! Mutants: a clean history in which one thing went wrong.

mod handshakes;
mod messages;
mod places;

use std::collections::BTreeSet;

use super::Operator;
use super::history::{self, History};
use super::ids;
use crate::history::MemorySource;
use crate::kinds::Spec;
use crate::kinds::handshake::HolderTrait;
use crate::rules::{Pack, Rule};

use places::Places;

/// A history in which one thing went wrong.
#[derive(Debug)]
pub(super) struct Mutant {
    pub(super) operator: Operator,
    /// The line of the case, or the `seq`, that it is about.
    pub(super) line: u64,
    /// What went wrong, in words.
    pub(super) what: String,
    pub(super) source: MemorySource,
}

/// Makes mutants, and collects them.
struct Maker<'h> {
    history: &'h History,
    holders: BTreeSet<String>,
    mutants: Vec<Mutant>,
}

/// What of a connection rules look at. Where none does, nothing goes wrong there: each such mutant
/// would survive, and say nothing of the rules.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of five things, each asked for once by its name"
)]
struct Looks {
    /// Whether a handshake is accepted.
    acceptance: bool,
    /// Credentials.
    credentials: bool,
    /// Its address.
    address: bool,
    /// Who holds a session id.
    holders: bool,
    /// Breaches of the protocol.
    protocol: bool,
}

impl Looks {
    fn of(rules: &[(&Pack, &Rule)]) -> Self {
        let mut looks = Self::default();
        for (_, rule) in rules {
            match &rule.spec {
                Spec::Handshake(handshake) => {
                    let traits = handshake.one_holder.iter().chain(&handshake.unshared);
                    let credentials = |it: &HolderTrait| {
                        matches!(it, HolderTrait::Credential | HolderTrait::TokenId)
                    };
                    looks.acceptance |= handshake.accepted.is_some();
                    looks.address |= handshake.clean_url.is_some();
                    looks.credentials |=
                        handshake.credential.is_some() || traits.clone().any(credentials);
                    looks.holders |= !handshake.one_holder.is_empty();
                }
                Spec::Protocol(_) => looks.protocol = true,
                // To them, a message comes to another holder.
                Spec::Addressed(_) | Spec::Owned(_) => looks.holders = true,
                Spec::Always(_)
                | Spec::Correlated(_)
                | Spec::Count(_)
                | Spec::Duration(_)
                | Spec::Never(_)
                | Spec::Response(_)
                | Spec::Sequence(_)
                // What a query looks at is not known.
                | Spec::Sql(_) => {}
            }
        }
        looks
    }
}

/// All mutants of a history that these rules could notice, by operator and line.
pub(super) fn mutants(history: &History, rules: &[(&Pack, &Rule)]) -> Vec<Mutant> {
    let mut maker = Maker {
        history,
        holders: ids::holders(history),
        mutants: Vec::new(),
    };
    maker.messages(&Places::of(history, rules));
    maker.handshakes(Looks::of(rules));
    maker
        .mutants
        .sort_by_key(|mutant| (mutant.operator, mutant.line));
    maker.mutants
}

impl Maker<'_> {
    /// Adds the history with one change.
    fn add(
        &mut self,
        operator: Operator,
        seq: u64,
        what: String,
        change: impl FnOnce(&mut History),
    ) {
        let mut changed = self.history.clone();
        change(&mut changed);
        self.mutants.push(Mutant {
            operator,
            line: history::line(seq),
            what,
            source: changed.source(),
        });
    }

    /// A connection, by what a reader knows it by.
    fn name(&self, connection: u64, seq: u64) -> String {
        match self.history.session(connection, seq) {
            Some(session) => format!("session {session}"),
            None => format!("connection {connection}"),
        }
    }
}
