//! One run: packs over recordings.

mod pass;
mod room;

use std::num::NonZeroUsize;
use std::time::Duration;

use self::pass::Pass;
pub(super) use self::room::RuleOutcome;
use self::room::{Look, Room, rooms};
use super::checker::Again;
use super::lanes::Lanes;
use super::program::Program;
use super::renewed::Renewed;
use super::state::Cx;
use super::tally::Tally;
use super::time::nanoseconds;
use crate::decode::Strings;
use crate::facts::Facts;
use crate::history::{Outline, Source, SourceError};
use crate::rules::{Pack, Pointer};

/// What rules are checked over, and with what.
pub struct Input<'i> {
    /// The rule packs.
    pub packs: &'i [Pack],
    /// Ownership facts.
    pub facts: &'i Facts,
    /// The recordings: one history.
    pub sources: &'i [Box<dyn Source>],
    /// Recordings of the same history that could not be read: what they hold is in doubt.
    pub unread: &'i [SourceError],
    /// By how much the clocks of two of the recordings may disagree.
    pub skew: Duration,
}

/// What the rules of a run came to, before it is judged.
pub(super) struct Finished<'h> {
    /// By pack, by rule.
    pub(super) outcomes: Vec<Vec<RuleOutcome>>,
    pub(super) cx: Cx<'h>,
    pub(super) tally: Tally,
    /// How many values each pointer led to.
    pub(super) yielded: Vec<(Pointer, u64)>,
    /// By pack: which connections it is about.
    pub(super) scopes: Vec<Vec<bool>>,
}

/// Runs all rules over the history. `progress` is told after each message how many there were; where a rule is
/// shown everything once more, from the beginning.
///
/// The outlines are those of the sources, tagged anew where a pack wants it, and by the names that sessions
/// have where ids are renewed; the lanes are those of their connections.
pub(super) fn run<'h>(
    input: &Input<'h>,
    outlines: Vec<&'h Outline>,
    lanes: &'h Lanes,
    renewed: &'h Renewed,
    threads: NonZeroUsize,
    progress: &mut dyn FnMut(u64),
) -> Result<Finished<'h>, SourceError> {
    let mut cx = Cx::new(outlines, lanes, renewed, nanoseconds(input.skew));
    let program = Program::new(input.packs, input.facts);
    let mut rooms = rooms(input.packs, program.packs, program.checkers, &cx);
    for room in &mut rooms {
        room.ask(input.sources);
    }
    let mut tally = Tally::new(input.packs);
    let mut pass = Pass {
        cx: &mut cx,
        extractor: program.extractor,
        strings: Strings::default(),
        naming: &program.naming,
        rooms: &mut rooms,
        tally: &mut tally,
        look: Look::First,
        with_strings: false,
    };
    pass.run(input.sources, threads, progress)?;
    let extractor = pass.extractor;
    let yielded = extractor.yielded();
    let yielded = yielded
        .map(|(pointer, count)| (pointer.clone(), count))
        .collect();
    let again = rooms.iter().map(Room::again).max().unwrap_or(Again::No);
    if again != Again::No {
        // What to look for is known now. It is looked for from the beginning, with what is known of sessions
        // and access at each place.
        for room in &mut rooms {
            room.begin_again();
        }
        let mut pass = Pass {
            cx: &mut cx.rewound(),
            extractor,
            strings: Strings::default(),
            naming: &program.naming,
            rooms: &mut rooms,
            tally: &mut tally.rewound(input.packs),
            look: Look::Again,
            with_strings: again == Again::WithStrings,
        };
        pass.run(input.sources, threads, progress)?;
    }
    let finished = rooms.into_iter().map(|room| room.finish(&cx));
    let (outcomes, scopes) = finished.unzip();
    Ok(Finished {
        outcomes,
        cx,
        tally,
        yielded,
        scopes,
    })
}
