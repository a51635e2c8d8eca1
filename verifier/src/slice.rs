//! Cutting a history down to the messages that show one violation: a fixture in the making.
//!
//! What is cut is checked by running it: as long as the rule still finds a violation of the same
//! fingerprint, and tells it by the same argument, more is left out. Where an argument cannot be had
//! from its own messages alone (it may count what else there was), the fingerprint is enough. Within
//! the bounds of what is tried, nothing that is left can be spared alone.

mod material;
mod reduce;

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{self, Case, CaseHistory, Draft, Unwritable, Writing};
use crate::engine::{Input, RunError, Verification, verify};
use crate::facts::{Fact, Facts};
use crate::finding;
use crate::history::{MemorySource, Source, SourceError};
use crate::report::{Violation, fingerprint};
use crate::rules::Pack;

pub use material::Origin;
use material::{Extent, Material};
use reduce::reduce;

/// The violation that a slice has to show.
#[derive(Clone, Copy)]
pub struct Target<'t> {
    /// The packs that were verified.
    pub packs: &'t [Pack],
    /// The facts that they were verified with.
    pub facts: &'t Facts,
    /// The recordings in which it was found.
    pub sources: &'t [Box<dyn Source>],
    /// The violation, as it was reported.
    pub violation: &'t Violation,
}

/// A small history that shows a violation.
#[derive(Debug)]
pub struct Slice {
    /// Its messages and connections.
    pub source: MemorySource,
    /// The facts that it needs, by table.
    pub facts: Vec<(String, Fact)>,
    /// By recording, in the order in which they were given: what of it is in the slice.
    pub origins: BTreeMap<usize, Origin>,
    /// The sessions of the violation, the owner first.
    cast: Vec<String>,
    trial: Trial,
}

/// Why nothing was cut.
#[derive(Debug, thiserror::Error)]
pub enum SliceError {
    /// A recording could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The rules could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// All messages together do not show it.
    #[error(
        "the messages of the recordings alone do not break `{rule}` in the same way: what shows it cannot \
         be cut out (a message that was recorded in part, a gap)"
    )]
    NotInMessages {
        /// The rule.
        rule: String,
    },
}

/// Cuts. `progress` is told how many messages are left whenever they become fewer.
pub fn slice(target: &Target<'_>, progress: &mut dyn FnMut(usize)) -> Result<Slice, SliceError> {
    let mut trial = Trial::of(target);
    let mut material = None;
    for extent in Extent::ALL {
        // All there is need not be read for the sake of the words.
        if extent == Extent::All && material.is_some() {
            break;
        }
        let gathered = Material::gather(target.sources, target.violation, extent)?;
        let verification = trial.verify(&gathered.whole())?;
        match trial.found(&verification) {
            Some(shown) if trial.argues(shown) => {
                material = Some((gathered, Told::Likewise));
                break;
            }
            Some(_) => {
                material.get_or_insert((gathered, Told::Otherwise));
            }
            None => {}
        }
    }
    let Some((material, told)) = material else {
        return Err(SliceError::NotInMessages {
            rule: target.violation.rule.clone(),
        });
    };
    if told == Told::Otherwise {
        trial.argument = None;
    }
    let source = reduce(&material, &trial, progress)?;
    let tables = trial.pack.facts.keys();
    let facts = tables
        .flat_map(|table| {
            let rows = trial.facts.table(table).iter();
            rows.map(|fact| (table.clone(), fact.clone()))
        })
        .collect();
    let cast = [&target.violation.owner_session, &target.violation.session];
    Ok(Slice {
        origins: material.origins(&source),
        source,
        facts,
        cast: cast.into_iter().flatten().cloned().collect(),
        trial,
    })
}

impl Slice {
    /// The slice as a case, with a mark for each violation. `rules` is how the case names the pack.
    pub fn case(&self, title: &str, prose: &str, rules: &str) -> Result<String, Unwritable> {
        let draft = Draft::of(Writing {
            title,
            prose,
            rules,
            only: &self.trial.pack.rules[0].id,
            first: &self.cast,
            facts: &self.facts,
            source: &self.source,
        })?;
        // Where the violations are is asked of the case itself: its places are lines.
        let case = Case::parse("slice", &draft.unmarked());
        let case = case.map_err(|errors| Unwritable::NotRead(errors.to_string()))?;
        let CaseHistory::Trace(written) = &case.history else {
            return Err(Unwritable::NotRead("it has no history".to_owned()));
        };
        let verification = self.trial.verify(written);
        let verification = verification.map_err(|error| Unwritable::NotRead(error.to_string()))?;
        if !self.trial.is_shown_by(&verification) {
            return Err(Unwritable::NotShown);
        }
        let violations = verification.rules[0].outcome.violations.iter();
        let offending: Vec<_> = violations.map(|it| it.offending.seq).collect();
        Ok(draft.marked(&offending))
    }

    /// The violation as the slice shows it: its argument is about what is in it.
    pub fn violation(&self) -> Result<finding::Violation, RunError> {
        let verification = self.trial.verify(&self.source)?;
        let shown = self.trial.found(&verification);
        Ok(shown.expect("a slice shows it").clone())
    }

    /// Whether a recording shows the violation.
    pub fn is_shown_by(&self, sources: &[Box<dyn Source>]) -> Result<bool, RunError> {
        Ok(self.trial.is_shown_by(&self.trial.verify_all(sources)?))
    }

    /// The pack, with nothing but the rule.
    pub fn pack(&self) -> &Pack {
        &self.trial.pack
    }
}

/// How a part of the history tells the violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// By the same argument.
    Likewise,
    /// By another one.
    Otherwise,
}

/// A run of the one rule over a part of the history.
#[derive(Debug)]
struct Trial {
    pack: Pack,
    facts: Facts,
    fingerprint: String,
    /// What the argument says, the [`Wording::form`] of each line; `None`: whatever it says.
    argument: Option<Vec<String>>,
    wording: Wording,
}

impl Trial {
    fn of(target: &Target<'_>) -> Self {
        let violation = target.violation;
        let mut packs = target.packs.iter();
        let pack = packs.find(|pack| pack.name == violation.pack);
        let mut pack = pack.expect("a violation is of one of the packs").clone();
        pack.rules.retain(|rule| rule.id == violation.rule);
        // Of the facts those that are about the resource.
        let mut facts = Facts::default();
        for table in pack.facts.keys() {
            let rows = target.facts.table(table).iter();
            let own = rows.filter(|fact| Some(&fact.resource) == violation.resource.as_ref());
            facts.extend(table, own.cloned());
        }
        let wording = Wording::of(target.sources);
        let lines = violation.evidence.iter();
        let argument = lines.map(|line| wording.form(&line.text)).collect();
        Self {
            pack,
            facts,
            fingerprint: violation.fingerprint.clone(),
            argument: Some(argument),
            wording,
        }
    }

    fn verify(&self, source: &MemorySource) -> Result<Verification, RunError> {
        self.verify_all(&[Box::new(source.clone())])
    }

    fn verify_all(&self, sources: &[Box<dyn Source>]) -> Result<Verification, RunError> {
        let input = Input {
            packs: std::slice::from_ref(&self.pack),
            facts: &self.facts,
            sources,
            unread: &[],
            skew: std::time::Duration::ZERO,
        };
        verify(&input, &mut |_| {})
    }

    /// Whether the violation is there.
    fn shows(&self, source: &MemorySource) -> Result<bool, RunError> {
        Ok(self.is_shown_by(&self.verify(source)?))
    }

    fn is_shown_by(&self, verification: &Verification) -> bool {
        self.found(verification).is_some_and(|it| self.argues(it))
    }

    /// The violation of that fingerprint; of several, one that is told by the same argument.
    fn found<'v>(&self, verification: &'v Verification) -> Option<&'v finding::Violation> {
        let violations = verification.rules[0].outcome.violations.iter();
        let rule = &self.pack.rules[0].id;
        let mut same = violations
            .filter(|it| fingerprint(&self.pack.name, rule, &it.roles) == self.fingerprint);
        let first = same.clone().next();
        same.find(|it| self.argues(it)).or(first)
    }

    /// Whether a violation is told as it was.
    fn argues(&self, violation: &finding::Violation) -> bool {
        let lines = violation.evidence.iter();
        let told = lines.map(|line| self.wording.form(&line.text));
        let wanted = self.argument.as_ref();
        wanted.is_none_or(|wanted| told.eq(wanted.iter().cloned()))
    }
}

/// What the same argument is told by in a recording and in a case.
#[derive(Debug)]
struct Wording {
    /// What lines end in that name where an id was read: ` (query:sid)`. A case says whose a connection
    /// is, and not how its recorder came to know.
    asides: BTreeSet<String>,
}

impl Wording {
    fn of(sources: &[Box<dyn Source>]) -> Self {
        let connections = sources.iter().flat_map(|it| &it.outline().connections);
        let tags = connections.flat_map(|connection| &connection.tags);
        let read = tags.map(|tag| tag.source.as_str());
        Self {
            asides: read
                .chain([case::TAG_SOURCE])
                .map(|source| format!(" ({source})"))
                .collect(),
        }
    }

    /// A line without what a slice tells otherwise: the numbers of connections and frames, and where an
    /// id was read.
    fn form(&self, text: &str) -> String {
        let mut asides = self.asides.iter();
        let said = asides.find_map(|aside| text.strip_suffix(aside.as_str()));
        let said = said.unwrap_or(text).chars();
        said.filter(|it| !it.is_ascii_digit()).collect()
    }
}
