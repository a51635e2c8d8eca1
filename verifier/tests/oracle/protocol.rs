//! `protocol`: each anomaly, but those that are ignored.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{Anomaly, Moment};
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::{AnomalyKind, Direction};

use super::lives::{History, Reads, What};
use super::random::{Names, cases, histories};
use super::told::{Expected, Told, check_recording, pack, seq};

pub(crate) const NAMES: Names = Names {
    asks: &["ask"],
    says: &["reply"],
};

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    after: usize,
    direction: Direction,
    kind: AnomalyKind,
}

pub(crate) fn seen() -> impl Strategy<Value = Vec<Seen>> {
    let kinds = AnomalyKind::ALL.iter().copied().take(3).collect::<Vec<_>>();
    let ways = vec![Direction::ClientToServer, Direction::ServerToClient];
    let one = (0..40_usize, select(ways), select(kinds));
    let one = one.prop_map(|(after, direction, kind)| Seen {
        after,
        direction,
        kind,
    });
    proptest::collection::vec(one, 0..4)
}

fn judge(
    history: &History,
    seen: &[Seen],
    ignored: Option<AnomalyKind>,
    from: Option<Direction>,
) -> Expected {
    let mut expected = Expected {
        doubts: history.is_doubtful(Reads::Frames, HolderKind::Connection),
        exercised: history.happened.iter().any(|one| {
            !matches!(
                one.what,
                What::Open | What::Refused | What::Closed | What::Login(..)
            )
        }),
        ..Expected::default()
    };
    let mut told = BTreeSet::new();
    for one in seen {
        let on = history.happened[one.after].on;
        let asked = ignored != Some(one.kind) && from.is_none_or(|from| from == one.direction);
        // The first of each code, on each connection, while it is of the same ones: an exception may be for them.
        let kinds = [HolderKind::Session, HolderKind::User];
        let whose = kinds.map(|kind| history.holder_at(kind, on, one.after));
        if asked
            && told.insert((
                one.kind.code(),
                one.direction == Direction::ServerToClient,
                on,
                whose,
            ))
        {
            let who = Some(super::lives::Who::Connection(on));
            expected.violated.insert((one.after, who, None));
        }
    }
    expected
}

/// As a recorder notes them: in order, of what happened.
pub(crate) fn order(all: &mut Vec<Seen>, history: &History) {
    all.retain(|one| one.after < history.happened.len());
    all.sort_by_key(|one| one.after);
}

/// The rule, all but that.
pub(crate) fn text(ignored: Option<AnomalyKind>, from: Option<Direction>) -> String {
    let ignore = ignored.map_or(String::new(), |kind| format!("\"{}\"", kind.code()));
    let side = match from {
        None => "",
        Some(Direction::ClientToServer) => "from = \"client\"",
        Some(Direction::ServerToClient) => "from = \"server\"",
    };
    format!(
        "[[rule]]\nid = \"it\"\ntitle = \"it\"\nkind = \"protocol\"\nignore = [{ignore}]\n{side}\n"
    )
}

/// A recording of it all.
pub(crate) fn told(history: &History, all: &[Seen]) -> Told {
    let mut told = Told::new(history, &|event| event.name.to_owned());
    for one in all {
        told.outline.anomalies.push(Anomaly {
            connection: history.happened[one.after].on as u64,
            direction: one.direction,
            moment: Moment {
                seq: seq(one.after) + 1,
                at: history.happened[one.after].at * 1_000_000,
            },
            code: one.kind.code().to_owned(),
            detail: String::new(),
        });
    }
    told
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn each_anomaly_is_found(
        history in histories(NAMES),
        mut all in seen(),
        ignores in any::<bool>(),
        from in select(vec![None, Some(Direction::ClientToServer), Some(Direction::ServerToClient)]),
    ) {
        order(&mut all, &history);
        let ignored = AnomalyKind::ALL.first().copied().filter(|_| ignores);
        let rule = pack(&text(ignored, from));
        let told = told(&history, &all);
        let found = check_recording(&rule, &told, &Facts::default());
        judge(&history, &all, ignored, from).agree(&found, HolderKind::Connection)?;
    }
}
