//! What is not known of connections: whose they are, and whether a pack is about them.

use super::{Judge, OutsideDoubt, Touches};
use crate::engine::skipped::source_wanted;
use crate::engine::{ConnectionIx, Holder};
use crate::finding::{Doubt, Place, Subject};
use crate::rules::HolderKind;
use crate::verdict::Reason;

impl Judge<'_, '_> {
    /// Connections without a session, told to rules about sessions as that, and to rules about users by
    /// what is missing there: the user, or the session alone.
    pub(super) fn unidentified(&self, pack: usize) -> Vec<OutsideDoubt> {
        let cx = &self.finished.cx;
        let unidentified = cx.connections().filter(|(index, state)| {
            self.finished.scopes[pack][index.0 as usize]
                // Of exchanges, those that a rule could not judge are told by the rule.
                && state.info.http.is_none()
                && state.identified_from.is_none()
                // Where several sessions share it, rules tell which messages name none.
                && state.lanes.is_empty()
                && state.received > 0
        });
        let all: Vec<_> = unidentified.map(|(index, _)| index).collect();
        let (without_user, with_user): (Vec<_>, Vec<_>) = all
            .iter()
            .copied()
            .partition(|index| cx.first_name(HolderKind::User, *index).is_none());
        let about = [
            (HolderKind::Session, HolderKind::Session, all),
            (HolderKind::User, HolderKind::User, without_user),
            (HolderKind::User, HolderKind::Session, with_user),
        ];
        about
            .into_iter()
            .filter_map(|(rules, missing, connections)| self.nobodys(rules, missing, &connections))
            .collect()
    }

    /// That nothing says whose connections are, told to the rules about some kind of holder.
    fn nobodys(
        &self,
        rules: HolderKind,
        missing: HolderKind,
        connections: &[ConnectionIx],
    ) -> Option<OutsideDoubt> {
        let (first, others) = connections.split_first()?;
        let cx = &self.finished.cx;
        let name = cx.describe_connection(*first);
        let which = missing.as_str();
        let message = match others.len() {
            0 => format!("nothing says which {which} {name} belongs to"),
            others => format!("nothing says which {which} {name} and {others} more belong to"),
        };
        let state = cx.connection(*first);
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Unidentified,
                message,
                settle: source_wanted(missing).to_owned(),
                place: Some(Place {
                    recording: state.recording,
                    seq: state.info.opened.seq,
                }),
                subject: Subject {
                    connection: Some(*first),
                    ..Subject::default()
                },
            },
            touches: Touches::ThoseAbout(rules),
        })
    }

    /// Connections of which nothing says whether the pack is about them: it is taken for not.
    pub(super) fn pathless(&self, pack: usize) -> Option<OutsideDoubt> {
        if self.packs[pack].scope.path.is_empty() {
            return None;
        }
        let cx = &self.finished.cx;
        let mut pathless = cx.connections().filter(|(_, state)| {
            state.info.http.is_none() && state.path.is_empty() && state.carried > 0
        });
        let (first, state) = pathless.next()?;
        let name = cx.describe_connection(first);
        let which = match pathless.count() {
            0 => name,
            others => format!("{name} and {others} more"),
        };
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecided,
                message: format!(
                    "whether [scope] is about {which} is not known: the recording has no request head"
                ),
                settle: "record again, with the heads".to_owned(),
                place: Some(Place {
                    recording: state.recording,
                    seq: state.info.opened.seq,
                }),
                subject: cx.subject(Holder::Connection(first)),
            },
            touches: Touches::Every,
        })
    }
}
