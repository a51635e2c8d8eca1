//! `duration`: so long, and no longer.
//!
//! # What it proves
//!
//! The time between two events stays within limits: each time, their mean, a percentile, or the time that sessions that work at once
//! need together.
//!
//! # Why
//!
//! "A session is established in under 10 s, all four concurrent ones in under 20 s": a limit for one says nothing about many, and a
//! mean hides the slow ones.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "agents"
//! format = 1
//!
//! [events]
//! ready = { from = "server", name = "ready" }
//!
//! [[rule]]
//! id    = "sessions-are-established-in-time"
//! title = "a session is established within 10 s, and all concurrent ones within 20 s"
//! kind  = "duration"
//! from  = "@open"
//! to    = "ready"
//! per   = "connection"
//! max   = "10s"
//! mean  = "10s"
//! p95   = "8s"
//! cohort-max = "20s"
//! ```
//!
//! # Keys
//!
//! - `from` (required): what starts the clock; the first of these, for each of `per` (and each id of `match`).
//! - `to` (required): what stops it: the first of these after the start.
//! - `to-last`: `true`: the last of them stops it. Default `false`.
//! - `match`: a field or pointer: only messages with equal ids belong together. Default: none.
//! - `per`: one measurement for each: `"session"` (default), `"user"` or `"connection"`.
//! - `max`: the limit for every measurement.
//! - `mean`: the limit for the mean over all.
//! - `p1 ... p99`: the limit for a percentile (nearest rank).
//! - `cohort-max`: the limit from the first start to the last end over all holders whose intervals share an instant: each of them
//!   is concurrent with each other one.
//!
//! # What it cannot see
//!
//! A start that has no end is undecided while the recording could still bring it within `max`, and a violation of `max` after that;
//! without `max` it is always undecided. In the mean, the percentiles and the cohorts it counts as long as it was watched: with
//! what comes after that it can only take longer. An end that comes after frames that are missing or cannot be decoded, and came
//! after the start, may be a second one, and so may one that comes after an end of nobody known (yet) on a connection of the same
//! holder: what would be too long with it is undecided. It counts as no time in the mean, the
//! percentiles and the cohorts, and so does a start without an end where there is such a thing. A mean or a percentile of what was
//! seen that is too high is undecided where starts may not have been seen: where frames of any connection are missing or cannot be
//! decoded (unless only steps of the connections start the clock), or where a start is of nobody known; a quick one may be among them.
//!
//! It is exercised by each measurement; with `cohort-max` alone, by those that overlap with another holder's. Of cohorts that are
//! too slow at the same time, the slowest is told; no cohort takes longer than its two slowest members one after the other, so
//! that a `cohort-max` of twice `max` breaks only where `max` does. A step of a handshake that was refused starts no
//! clock: that it was accepted is for `handshake` to say. With `to-last` what comes after the recording's end is not seen.
//! Over several recordings a time between two of them is undecided that is closer to its limit than `--skew`, and so are all in
//! which the order of start and end is not known; cohorts take their clocks as they are.

mod check;

use std::time::Duration;

use crate::rules::read::{HOLDERS, Names, Node, Table};
use crate::rules::{EventRef, Selector};

/// A `duration` rule.
#[derive(Debug, Clone)]
pub struct DurationSpec {
    /// What starts the clock.
    pub from: Vec<EventRef>,
    /// What stops it.
    pub to: Vec<EventRef>,
    /// Whether the first or the last stop counts.
    pub end: End,
    /// Only events with equal ids.
    pub key: Option<Selector>,
    /// One measurement for each.
    pub per: crate::rules::HolderKind,
    /// The limit for every measurement.
    pub max: Option<Duration>,
    /// The limit for their mean.
    pub mean: Option<Duration>,
    /// Limits for percentiles (1 to 99), by nearest rank.
    pub percentiles: Vec<(u8, Duration)>,
    /// The limit for a cohort: holders whose measured intervals overlap.
    pub cohort_max: Option<Duration>,
}

/// Which stop counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first one after the start.
    First,
    /// The last one: the span of everything in between.
    Last,
}

impl DurationSpec {
    pub(crate) fn read(table: &mut Table<'_>, names: Names<'_>) -> Option<Self> {
        let key = table.get("match").and_then(|node| names.selector(node));
        // A step in a connection's life has no id to match.
        let events = |node| {
            if key.is_none() {
                names.events(node)
            } else {
                names.messages(node)
            }
        };
        let from = table.required("from").map(events);
        let to = table.required("to").map(events);
        let end = match table.get("to-last").and_then(Node::yes_or_no) {
            Some(true) => End::Last,
            Some(false) | None => End::First,
        };
        let per = table.word_or("per", &HOLDERS, crate::rules::HolderKind::Session);
        if !table.has_any(&["max", "mean", "cohort-max"])
            && table.matching("p1 ... p99", percentile).is_empty()
        {
            table
                .error("this rule measures, and sets no limit")
                .label("expected `max`, `mean`, `cohort-max` or a percentile such as `p95`")
                .emit();
        }
        let max = table.duration("max");
        let mean = table.duration("mean");
        let cohort_max = table.duration("cohort-max");
        let percentiles = table
            .matching("p1 ... p99", percentile)
            .into_iter()
            .filter_map(|(percent, node)| Some((percent, node.duration()?)))
            .collect();
        Some(Self {
            from: from?,
            to: to?,
            end,
            key,
            per,
            max,
            mean,
            percentiles,
            cohort_max,
        })
    }
}

/// `p95` is the 95th.
fn percentile(key: &str) -> Option<u8> {
    let percent: u8 = key.strip_prefix('p')?.parse().ok()?;
    ((1..=99).contains(&percent) && key == format!("p{percent}")).then_some(percent)
}
