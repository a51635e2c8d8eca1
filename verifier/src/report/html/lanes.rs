//! Sessions over time: what the page's script draws, as data. Each session is a lane; a connection
//! that speaks for none is one of its own.

mod parties;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::history::Head;
use super::markup::{Markup, drawn};
use super::share::Share;
use crate::report::model::{Connection, Recording, Report, Violation};

use parties::{Parties, Party, spans};

/// So many connections of a lane.
const MOST_SPANS: usize = 60;
/// So many gaps.
const MOST_GAPS: usize = 200;
/// Where a recording lacks its end, so much of the whole time is drawn behind it.
const BEYOND: f64 = 0.04;
/// So many frames of a violation's evidence.
const MOST_FRAMES: usize = 30;

/// What is drawn of a history. Times are seconds from its start; a lane is named by its number.
#[derive(Debug, Serialize)]
struct Picture {
    /// When the last recording ended; later, where it lacks its end.
    end: f64,
    lanes: Vec<Lane>,
    /// How many lanes are left out,
    left_lanes: usize,
    /// and how many spans of those that are there.
    left_spans: usize,
    gaps: Vec<Gap>,
    violations: Vec<Leak>,
}

#[derive(Debug, Serialize)]
struct Lane {
    name: String,
    /// Its user and device.
    about: String,
    /// Whether a violation that is told concerns it.
    concerned: bool,
    spans: Vec<Span>,
}

/// A connection, while it spoke for the lane's session.
#[derive(Debug, Serialize)]
struct Span {
    from: f64,
    /// Where the recording ended first, its end.
    to: f64,
    /// `connection 3, opened at +1.002 s`
    name: String,
    /// Whether its handshake was accepted.
    accepted: bool,
}

#[derive(Debug, Serialize)]
struct Gap {
    from: f64,
    to: f64,
    why: String,
    /// `None`: all.
    lanes: Option<BTreeSet<usize>>,
}

/// A violation: from where the claim was to who received it.
#[derive(Debug, Serialize)]
struct Leak {
    /// Its number among those of the history that are told.
    id: usize,
    known: bool,
    rule: String,
    from: Option<Point>,
    to: Option<Point>,
    frames: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct Point {
    lane: usize,
    at: f64,
    name: String,
}

pub(super) fn write(report: &Report, head: Head, share: Share, page: &mut Markup) {
    if report.connections.is_empty() {
        return;
    }
    let parties = Parties::of(report);
    head.section("lanes", "Sessions over time", parties.all.len(), page);
    page.put("<noscript><p class=\"none\">The picture needs JavaScript. The violations below say the same in words.</p></noscript>\n")
        .put("<figure data-prefix=\"");
    if let Head::OneOf(number) = head {
        page.number(number, "h", "-");
    }
    page.put("\"><script type=\"application/json\">")
        .json(&picture(report, &parties, share))
        .put("</script></figure>\n</section>\n");
}

fn picture(report: &Report, parties: &Parties<'_>, share: Share) -> Picture {
    let (told, _) = share.violations(&report.violations);
    let concerned: BTreeSet<_> = told.iter().flat_map(|it| parties.concerned(it)).collect();
    let mut order: Vec<_> = parties.all.clone();
    order.sort_by_key(|party| !concerned.contains(party));
    // Those that a violation concerns come before the others.
    let kept: BTreeSet<_> = order.into_iter().take(share.lanes).collect();
    let order: Vec<_> = parties
        .all
        .iter()
        .copied()
        .filter(|it| kept.contains(it))
        .collect();
    let lane: BTreeMap<_, _> = order.iter().enumerate().map(|(at, it)| (*it, at)).collect();
    let mut lanes: Vec<_> = order
        .iter()
        .map(|party| Lane {
            name: party.name(),
            about: parties.about(*party),
            concerned: concerned.contains(party),
            spans: Vec::new(),
        })
        .collect();
    let ends = Ends::of(report);
    let mut left_spans = 0;
    let mut of_connection = BTreeMap::<_, BTreeSet<usize>>::new();
    for connection in &report.connections {
        for (party, from, to) in spans(connection) {
            let Some(at) = lane.get(&party) else {
                continue;
            };
            let own = (connection.recording.as_str(), connection.number);
            of_connection.entry(own).or_default().insert(*at);
            if lanes[*at].spans.len() == MOST_SPANS {
                left_spans += 1;
                continue;
            }
            lanes[*at].spans.push(Span {
                from,
                to: to.unwrap_or_else(|| ends.of_open(&connection.recording)),
                name: span_name(connection),
                accepted: connection.status == Some(101),
            });
        }
    }
    let of_connection = |recording, number| of_connection.get(&(recording, number)).cloned();
    let gaps = report.gaps.iter().take(MOST_GAPS).filter_map(|gap| {
        let (from, to) = match (gap.from_at, gap.to_at) {
            (None, None) => return None,
            (from, to) => (from.unwrap_or(0.0), to),
        };
        Some(Gap {
            from,
            to: to.unwrap_or_else(|| ends.last.max(from)),
            why: drawn(&gap.why),
            lanes: gap
                .connection
                .map(|number| of_connection(gap.recording.as_str(), number).unwrap_or_default()),
        })
    });
    // What came after the end that was written is as unknown as what is in a gap.
    let lacking = report.recordings.iter().filter(|it| !it.closed_cleanly);
    let lacking = lacking.map(|recording| {
        let own = report
            .connections
            .iter()
            .filter(|it| it.recording == recording.name);
        let lanes = own.filter_map(|it| of_connection(it.recording.as_str(), it.number));
        Gap {
            from: ends.end(recording),
            to: ends.beyond(recording),
            why: format!(
                "{} was not closed cleanly: what came last is not in it",
                drawn(&recording.name)
            ),
            lanes: (report.recordings.len() > 1).then(|| lanes.flatten().collect()),
        }
    });
    Picture {
        end: ends.of_picture(),
        gaps: gaps.chain(lacking).collect(),
        left_lanes: parties.all.len() - lanes.len(),
        lanes,
        left_spans,
        violations: told
            .iter()
            .enumerate()
            .map(|(id, violation)| leak(id, violation, parties, &lane))
            .collect(),
    }
}

/// When recordings ended, in seconds from the start of the history.
struct Ends<'r> {
    recordings: &'r [Recording],
    start: f64,
    last: f64,
}

impl<'r> Ends<'r> {
    fn of(report: &'r Report) -> Self {
        let recordings = &report.recordings[..];
        let starts = recordings.iter().map(|it| it.started_at);
        let mut ends = Self {
            recordings,
            start: starts.fold(f64::INFINITY, f64::min),
            last: 0.0,
        };
        ends.last = recordings.iter().map(|it| ends.end(it)).fold(0.0, f64::max);
        ends
    }

    fn end(&self, recording: &Recording) -> f64 {
        recording.started_at - self.start + recording.duration
    }

    /// The end, or a place behind it where it is not known.
    fn beyond(&self, recording: &Recording) -> f64 {
        let end = self.end(recording);
        if recording.closed_cleanly {
            end
        } else {
            end + self.last * BEYOND
        }
    }

    /// Up to where a connection is drawn that its recording does not see closed.
    fn of_open(&self, recording: &str) -> f64 {
        let own = self.recordings.iter().find(|it| it.name == recording);
        own.map_or(self.last, |it| self.beyond(it))
    }

    fn of_picture(&self) -> f64 {
        let all = self.recordings.iter().map(|it| self.beyond(it));
        all.fold(self.last, f64::max)
    }
}

fn span_name(connection: &Connection) -> String {
    let answer = match connection.status {
        Some(101) => String::new(),
        Some(status) => format!(", answered {status}"),
        None => ", not answered".to_owned(),
    };
    let number = connection.number;
    format!(
        "connection {number}{answer}, opened at +{:.3} s",
        connection.opened
    )
}

fn leak(
    id: usize,
    violation: &Violation,
    parties: &Parties<'_>,
    lanes: &BTreeMap<Party<'_>, usize>,
) -> Leak {
    let points = violation.evidence.iter().filter_map(|line| {
        let party = parties.of_line(line)?;
        let lane = *lanes.get(&party)?;
        let name = format!("frame {}: {}", line.seq?, drawn(&line.text));
        let at = line.at?;
        Some((party, Point { lane, at, name }))
    });
    let claim = points
        .clone()
        .find(|(party, _)| parties.is_owner(*party, violation));
    let receiver = parties
        .receiver(violation)
        .and_then(|party| lanes.get(&party));
    let to = receiver
        .zip(violation.offending.at)
        .map(|(lane, at)| Point {
            lane: *lane,
            at,
            name: format!("frame {}", violation.offending.seq),
        });
    Leak {
        id,
        known: violation.is_known(),
        rule: drawn(&violation.rule),
        from: claim.map(|(_, point)| point),
        to,
        frames: points.map(|(_, point)| point).take(MOST_FRAMES).collect(),
    }
}
