//! Which fields look like ids though no rule mentions them: one more pass over the recordings, which
//! reads every message whole.
//!
//! Array indices, and names that are ids themselves, are written as `*`.

mod walk;

pub(crate) use walk::{for_each_id, looks_like_an_id};

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_wire::Direction;

use crate::engine::pointers;
use crate::history::{Source, SourceError, SourcePayload};
use crate::rules::{Pack, Pointer, PointerStep};

/// Fields that look like ids, and that no rule mentions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// By pointer and sender.
    pub fields: Vec<IdField>,
    /// How many times a field was met that was not counted, because there were too many before it.
    pub left_out: u64,
}

/// A field that looks like an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdField {
    /// Where it is.
    pub pointer: String,
    /// Who sends it: the way it travels.
    pub direction: Direction,
    /// How many values.
    pub count: u64,
    /// One of them: the first.
    pub example: String,
}

/// How many fields are told apart: a server that makes up names does not fill the memory.
const MOST_FIELDS: usize = 2_000;
/// How much of an example is kept, in characters.
const LONGEST_EXAMPLE: usize = 40;

/// Surveys recordings for ids that `packs` do not mention.
pub fn survey(packs: &[Pack], sources: &[Box<dyn Source>]) -> Result<Survey, SourceError> {
    let known = pointers(packs);
    let mut found = BTreeMap::<(String, Direction), (u64, String)>::new();
    let mut left_out = 0;
    for source in sources {
        // What is asked for over HTTP is not known to be in the packs' words.
        let exchanges: BTreeSet<_> = source
            .outline()
            .connections
            .iter()
            .filter(|connection| connection.http.is_some())
            .map(|connection| connection.number)
            .collect();
        let mut reading = source.reading()?;
        let mut cursor = reading.begin()?;
        while cursor.advance()?.is_some() {
            let message = cursor.current()?;
            if exchanges.contains(&message.connection) {
                continue;
            }
            let SourcePayload::Whole(bytes) = message.payload else {
                continue;
            };
            if !message.is_message() {
                continue;
            }
            walk::for_each_id(bytes, &mut |pointer, value| {
                let key = (pointer.to_owned(), message.direction);
                if let Some((count, _)) = found.get_mut(&key) {
                    *count += 1;
                } else if found.len() < MOST_FIELDS {
                    found.insert(key, (1, value.chars().take(LONGEST_EXAMPLE).collect()));
                } else {
                    left_out += 1;
                }
            });
        }
    }
    let fields = found
        .into_iter()
        .filter(|((pointer, _), _)| !known.iter().any(|known| covers(known, pointer)))
        .map(|((pointer, direction), (count, example))| IdField {
            pointer,
            direction,
            count,
            example,
        })
        .collect();
    Ok(Survey { fields, left_out })
}

/// Whether a rule's pointer leads to a surveyed one.
fn covers(known: &Pointer, surveyed: &str) -> bool {
    let tokens: Vec<_> = surveyed.split('/').skip(1).collect();
    known.steps().len() == tokens.len()
        && known
            .steps()
            .iter()
            .zip(tokens)
            .all(|(step, token)| match step {
                PointerStep::Any => true,
                // One element of an array is as good as all of them: somebody has looked there.
                PointerStep::Name(name) => {
                    token == "*" || *name == token.replace("~1", "/").replace("~0", "~")
                }
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rules_pointer_covers_what_it_leads_to() {
        let covers = |known: &str, surveyed| covers(&known.parse().unwrap(), surveyed);
        assert!(covers("/a/*/id", "/a/*/id"));
        assert!(covers("/a/0/id", "/a/*/id"));
        assert!(covers("/*", "/thread_id"));
        assert!(covers("/a~1b", "/a~1b"));
        assert!(!covers("/a", "/a/id"));
        assert!(!covers("/thread", "/thread_id"));
    }
}
