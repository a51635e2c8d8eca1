//! Sessions over time: what the page's script draws, as data. Each session is a lane; a connection
//! that speaks for none is one of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::history::Head;
use super::markup::{Markup, drawn};
use super::share::Share;
use crate::report::model::{Connection, Report, Violation};

/// So many connections of a lane.
const MOST_SPANS: usize = 60;
/// So many gaps.
const MOST_GAPS: usize = 200;
/// So many frames of a violation's evidence.
const MOST_FRAMES: usize = 30;

/// What is drawn of a history. Times are seconds from its start; a lane is named by its number.
#[derive(Debug, Serialize)]
struct Picture {
    /// When the last recording ended.
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
    /// `None`: the recording ended first.
    to: Option<f64>,
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

/// Who has a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Party<'r> {
    Session(&'r str),
    /// The recording's name, and the connection's number there.
    Connection(&'r str, u64),
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
    let start = report
        .recordings
        .iter()
        .map(|it| it.started_at)
        .fold(f64::INFINITY, f64::min);
    let ends = report
        .recordings
        .iter()
        .map(|it| it.started_at - start + it.duration);
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
                to,
                name: span_name(connection),
                accepted: connection.status == Some(101),
            });
        }
    }
    let gaps = report.gaps.iter().take(MOST_GAPS).filter_map(|gap| {
        let (from, to) = match (gap.from_at, gap.to_at) {
            (None, None) => return None,
            (from, to) => (from.unwrap_or(0.0), to),
        };
        let lanes = |number| {
            of_connection
                .get(&(gap.recording.as_str(), number))
                .cloned()
        };
        Some(Gap {
            from,
            to: to.unwrap_or_else(|| ends.clone().fold(from, f64::max)),
            why: drawn(&gap.why),
            lanes: gap
                .connection
                .map(|number| lanes(number).unwrap_or_default()),
        })
    });
    Picture {
        end: ends.clone().fold(0.0, f64::max),
        gaps: gaps.collect(),
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

/// Whose a connection is, and from when to when.
fn spans(connection: &Connection) -> Vec<(Party<'_>, f64, Option<f64>)> {
    let held = &connection.sessions;
    if held.is_empty() {
        let own = Party::Connection(&connection.recording, connection.number);
        return vec![(own, connection.opened, connection.closed)];
    }
    let mut spans = Vec::new();
    for (number, one) in held.iter().enumerate() {
        let from = one.at.filter(|_| number > 0).unwrap_or(connection.opened);
        let to = held
            .get(number + 1)
            .map_or(connection.closed, |next| next.at);
        spans.push((Party::Session(&one.session), from, to));
    }
    spans
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
    let owner = violation.owner_session.as_deref();
    let points = violation.evidence.iter().filter_map(|line| {
        let party = parties.of_line(
            line.session.as_deref(),
            line.recording.as_deref(),
            line.connection,
        )?;
        let lane = *lanes.get(&party)?;
        let name = format!("frame {}: {}", line.seq?, drawn(&line.text));
        let at = line.at?;
        Some((line, Point { lane, at, name }))
    });
    let claim = points
        .clone()
        .find(|(line, _)| owner.is_some() && line.session.as_deref() == owner);
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

impl Party<'_> {
    fn name(self) -> String {
        match self {
            Party::Session(id) => drawn(id),
            Party::Connection(_, number) => format!("connection {number}"),
        }
    }
}

/// Everybody who has a lane, in the order of the lanes: the sessions of one user beside each other.
struct Parties<'r> {
    all: Vec<Party<'r>>,
    abouts: BTreeMap<Party<'r>, String>,
    /// The recording of which a file is a part.
    recordings: BTreeMap<&'r str, &'r str>,
}

impl<'r> Parties<'r> {
    fn of(report: &'r Report) -> Self {
        let mut users = BTreeMap::new();
        for session in &report.sessions {
            let next = users.len();
            users.entry(&session.user_id).or_insert(next);
        }
        let mut sessions: Vec<_> = report.sessions.iter().collect();
        sessions.sort_by_key(|session| users.get(&session.user_id).copied());
        let mut abouts = BTreeMap::new();
        let mut all = Vec::new();
        for session in sessions {
            let about = [&session.user_id, &session.session_type];
            let about: Vec<_> = about.into_iter().flatten().map(|it| drawn(it)).collect();
            let party = Party::Session(&session.session_id);
            if abouts.insert(party, about.join(" · ")).is_none() {
                all.push(party);
            }
        }
        for connection in &report.connections {
            for (party, ..) in spans(connection) {
                let about = match party {
                    Party::Session(_) => String::new(),
                    Party::Connection(..) => "no session".to_owned(),
                };
                abouts.entry(party).or_insert_with(|| {
                    all.push(party);
                    about
                });
            }
        }
        let files = report.recordings.iter().flat_map(|recording| {
            let own = recording.files.iter();
            own.map(|file| (file.as_str(), recording.name.as_str()))
        });
        Self {
            all,
            abouts,
            recordings: files.collect(),
        }
    }

    fn about(&self, party: Party<'_>) -> String {
        self.abouts.get(&party).cloned().unwrap_or_default()
    }

    /// Who a line of evidence is about.
    fn of_line<'v>(
        &self,
        session: Option<&'v str>,
        recording: Option<&'v str>,
        connection: Option<u64>,
    ) -> Option<Party<'v>>
    where
        'r: 'v,
    {
        if let Some(session) = session {
            return Some(Party::Session(session));
        }
        let recording = recording?;
        let recording = self.recordings.get(recording).copied().unwrap_or(recording);
        Some(Party::Connection(recording, connection?))
    }

    /// Who received or did what a violation is about.
    fn receiver<'v>(&self, violation: &'v Violation) -> Option<Party<'v>>
    where
        'r: 'v,
    {
        let connection = violation.connection.as_ref();
        self.of_line(
            violation.session.as_deref(),
            connection.map(|it| it.recording.as_str()),
            connection.map(|it| it.number),
        )
    }

    fn concerned<'v>(&self, violation: &'v Violation) -> Vec<Party<'v>>
    where
        'r: 'v,
    {
        let owner = violation.owner_session.as_deref().map(Party::Session);
        let lines = violation
            .evidence
            .iter()
            .take(MOST_FRAMES)
            .filter_map(|line| {
                self.of_line(
                    line.session.as_deref(),
                    line.recording.as_deref(),
                    line.connection,
                )
            });
        owner
            .into_iter()
            .chain(self.receiver(violation))
            .chain(lines)
            .collect()
    }
}
