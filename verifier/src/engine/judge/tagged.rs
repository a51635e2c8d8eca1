//! On whose behalf connections speak: as they were recorded, as packs say, and by the names of sessions that are renewed.

use super::super::lanes::Lanes;
use super::super::renewed::Renewed;
use super::super::retag;
use super::super::run::Input;
use super::super::state::Cx;
use super::RunError;
use crate::finding::{Doubt, Note, Outcome};
use crate::history::Outline;
use crate::kinds::Spec;
use crate::rules::{HolderKind, Pointer};

/// What is known of it before any rule runs.
pub(super) struct Tagged {
    /// The outlines, where they are not those of the sources.
    anew: Option<Vec<Outline>>,
    pub(super) lanes: Lanes,
    pub(super) renewed: Renewed,
    /// Where a message names its session; empty: nowhere.
    pub(super) naming: Vec<Pointer>,
}

impl Tagged {
    pub(super) fn of(input: &Input<'_>) -> Result<Self, RunError> {
        let mut tagged = Self {
            anew: None,
            lanes: Lanes::default(),
            renewed: Renewed::default(),
            naming: Vec::new(),
        };
        if let Some(said) = retag::rules(input.packs)? {
            let sources = input.sources.iter();
            let outlines = sources.map(|source| retag::tag_anew(&said.tags, &**source));
            let mut outlines = outlines.collect::<Result<Vec<_>, _>>()?;
            if !said.naming.is_empty() {
                tagged.lanes = Lanes::find(&said.naming, input, &mut outlines)?;
            }
            tagged.anew = Some(outlines);
            tagged.naming = said.naming;
        }
        tagged.renewed = Renewed::find(&tagged.outlines(input));
        if !tagged.renewed.is_none() {
            let outlines = tagged.outlines(input).into_iter();
            let mut outlines: Vec<_> = outlines.cloned().collect();
            let connections = outlines.iter_mut();
            let connections = connections.flat_map(|outline| &mut outline.connections);
            let tags = connections.map(|connection| &mut connection.tags);
            for tags in tags.chain(&mut tagged.lanes.by_connection) {
                tagged.renewed.rename(tags);
            }
            tagged.anew = Some(outlines);
        }
        Ok(tagged)
    }

    /// The outlines of all recordings.
    pub(super) fn outlines<'o>(&'o self, input: &Input<'o>) -> Vec<&'o Outline> {
        if let Some(anew) = &self.anew {
            return anew.iter().collect();
        }
        let sources = input.sources.iter();
        sources.map(|source| source.outline()).collect()
    }

    /// Where a rule is about sessions: what they may not be, and what it cannot tell, where one is held by several.
    pub(super) fn doubt(
        &self,
        cx: &Cx<'_>,
        spec: &Spec,
        by_several: Option<&Doubt>,
        outcome: &mut Outcome,
    ) {
        if spec.holders() != HolderKind::Session {
            return;
        }
        self.lanes.doubt(cx, outcome);
        // Who holds a session is what the one asks, and tags are what the other reads.
        if !matches!(spec, Spec::Handshake(_) | Spec::Sql(_)) {
            self.renewed.doubt(cx, outcome);
            outcome.doubts.extend(by_several.cloned());
        }
    }

    /// What is worth knowing of sessions though nothing is wrong.
    pub(super) fn notes(&self, cx: &Cx<'_>) -> Vec<Note> {
        let mut notes = self.lanes.notes(cx);
        notes.extend(self.renewed.note());
        notes
    }
}
