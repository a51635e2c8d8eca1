//! Random histories: ids are few, so that they collide; times are few, so that limits are met exactly.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use super::lives::{Fields, Garble, Happened, History, User, What};

/// So many histories, the same ones each time; `PROPTEST_CASES` says how many others, `PROPTEST_RNG_SEED` which.
pub(crate) fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    let (cases, rng_seed) = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => (default.cases, default.rng_seed),
        // The same ones each time: what is red here is red because of a change.
        None => (300, RngSeed::Fixed(2_611_251_809)),
    };
    ProptestConfig {
        cases,
        rng_seed,
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..default
    }
}

/// The same, for what is one of several ways to ask the same: fewer, where nobody says how many.
pub(crate) fn fewer_cases() -> ProptestConfig {
    let all = cases();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => all.cases,
        None => all.cases / 4,
    };
    ProptestConfig { cases, ..all }
}

/// The messages that a history is made of; a name that comes twice comes twice as often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) asks: &'static [&'static str],
    pub(crate) says: &'static [&'static str],
}

pub(crate) const SESSIONS: usize = 3;
/// How many clients there are; each has one connection at a time.
const CLIENTS: usize = 4;

/// What may be wrong with a recording. Each is rare, so that rules are also decided.
#[derive(Debug, Clone)]
struct Trouble {
    /// Messages that cannot be read.
    garbled: bool,
    /// Connections that nothing identifies, or that only a later message does.
    strangers: bool,
    /// Sessions without their users.
    userless: bool,
    gaps: Vec<(Option<usize>, usize)>,
    unclean: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Does(What),
    /// The connection opens, and is not answered yet.
    Dials,
}

/// Random histories of messages of these names.
pub(crate) fn histories(names: Names) -> impl Strategy<Value = History> {
    let pause = select(&[0, 0, 10, 400, 1000, 2000, 3000][..]);
    let acts = proptest::collection::vec((pause, 0..CLIENTS, act(names)), 0..32);
    let usual = proptest::collection::vec(0..SESSIONS, CLIENTS);
    let rest = select(&[0, 10, 1000, 2000, 100_000][..]);
    (trouble(), usual, acts, rest, any::<bool>()).prop_map(
        |(trouble, usual, acts, rest, all_leave)| live(&trouble, &usual, acts, rest, all_leave),
    )
}

fn act(names: Names) -> impl Strategy<Value = Act> {
    let (up, down) = (Direction::ClientToServer, Direction::ServerToClient);
    let says = move |way: Direction, names| {
        (select(names), fields()).prop_map(move |(name, fields)| What::Says(way, name, fields))
    };
    let garble = select(
        &[
            Garble::Truncated,
            Garble::Undecodable,
            Garble::Withheld,
            Garble::NotJson,
        ][..],
    );
    let what = prop_oneof![
        2 => (0..SESSIONS).prop_map(|session| What::Login(session, User::Said)),
        1 => (0..SESSIONS).prop_map(|session| What::Login(session, User::Unsaid)),
        8 => says(up, names.asks),
        14 => says(down, names.says),
        1 => (select(vec![up, down]), garble).prop_map(|(way, why)| What::Garbled(way, why)),
        1 => Just(What::Ping),
        1 => Just(What::Refused),
        3 => Just(What::Closed),
    ];
    prop_oneof![
        30 => what.prop_map(Act::Does),
        1 => Just(Act::Dials),
    ]
}

fn fields() -> impl Strategy<Value = Fields> {
    let some = |most: usize, likely| proptest::option::weighted(likely, 0..most);
    (
        some(3, 0.9),
        some(2, 0.85),
        some(SESSIONS, 0.6),
        some(3, 0.3),
    )
        .prop_map(|(doc, request, party, see)| Fields {
            doc,
            request,
            party,
            see,
            session: None,
        })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let gap = (proptest::option::of(0..CLIENTS + 2), 0..40_usize);
    let gaps = prop_oneof![
        5 => Just(Vec::new()),
        1 => proptest::collection::vec(gap, 1..3),
    ];
    let rarely = || proptest::bool::weighted(0.15);
    let often = || proptest::bool::weighted(0.3);
    (
        rarely(),
        often(),
        rarely(),
        gaps,
        proptest::bool::weighted(0.05),
    )
        .prop_map(|(garbled, strangers, userless, gaps, unclean)| Trouble {
            garbled,
            strangers,
            userless,
            gaps,
            unclean,
        })
}

/// The connection that a client has at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Down,
    Dialling(usize),
    Up(usize),
}

/// What comes of acts: a client that has no connection opens another one first, and logs in as it
/// usually does.
fn live(
    trouble: &Trouble,
    usual: &[usize],
    acts: Vec<(i64, usize, Act)>,
    rest: i64,
    all_leave: bool,
) -> History {
    let (mut at, mut next) = (0, 0);
    let mut lines = [Line::Down; CLIENTS];
    let mut happened = Vec::new();
    for (pause, client, act) in acts {
        at += pause;
        let mut tell = |on, what| happened.push(Happened { at, on, what });
        let on = match lines[client] {
            Line::Up(on) | Line::Dialling(on) => on,
            Line::Down => {
                let on = next;
                next += 1;
                tell(on, What::Open);
                if !trouble.strangers || client % 2 == 0 {
                    tell(on, What::Login(usual[client], User::Said));
                }
                lines[client] = Line::Dialling(on);
                on
            }
        };
        let answered = matches!(lines[client], Line::Up(_));
        match act {
            Act::Dials => continue,
            Act::Does(What::Refused) if !answered => {
                tell(on, What::Refused);
                tell(on, What::Closed);
                lines[client] = Line::Down;
                continue;
            }
            Act::Does(What::Closed) if !answered => {
                tell(on, What::Closed);
                lines[client] = Line::Down;
                continue;
            }
            Act::Does(what) => {
                if !answered {
                    tell(on, What::Accepted);
                    lines[client] = Line::Up(on);
                }
                match what {
                    What::Refused => {}
                    What::Garbled(..) if !trouble.garbled => {}
                    What::Login(_, User::Unsaid) if !trouble.userless => {}
                    What::Closed => {
                        tell(on, What::Closed);
                        lines[client] = Line::Down;
                    }
                    what => tell(on, what),
                }
            }
        }
    }
    if all_leave {
        for line in lines {
            if let Line::Up(on) | Line::Dialling(on) = line {
                happened.push(Happened {
                    at,
                    on,
                    what: What::Closed,
                });
            }
        }
    }
    let gaps = trouble.gaps.iter();
    let gaps =
        gaps.filter(|(of, number)| *number < happened.len() && of.is_none_or(|of| of < next));
    History {
        says: Vec::new(),
        gaps: gaps.copied().collect(),
        unclean: trouble.unclean,
        ended_at: at + rest,
        happened,
    }
}

/// Whom a rule can be about.
pub(crate) fn holder_kinds() -> impl Strategy<Value = HolderKind> {
    select(vec![
        HolderKind::Session,
        HolderKind::User,
        HolderKind::Connection,
    ])
}

/// How rules call them.
pub(crate) fn word(kind: HolderKind) -> &'static str {
    match kind {
        HolderKind::Session => "session",
        HolderKind::User => "user",
        HolderKind::Connection => "connection",
    }
}

/// Of most histories, all events of these names say which document they are about: where one does not, a rule is in
/// doubt whatever else there is.
pub(crate) fn mostly_named(mut history: History, names: &[&str]) -> History {
    if history.happened.len().is_multiple_of(8) {
        return history;
    }
    for one in &mut history.happened {
        if let What::Says(_, name, fields) = &mut one.what
            && names.contains(name)
        {
            fields.doc.get_or_insert(0);
        }
    }
    history
}
