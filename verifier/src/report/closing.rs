//! The lines at the end that a person reads first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::excerpt::printable;
use super::model::{Recording, Report, Rule, Session};
use crate::rules::ReportField;
use crate::verdict::{State, Verdict};

/// More users than this are told as a sum, and those by name that not all is well with.
const MOST_USERS: usize = 8;
/// More sessions than this are told as a sum,
const MOST_SESSIONS: usize = 6;
/// and so are those whose names need more characters.
const LONGEST: usize = 72;

/// The recordings; authentication per user, agents, events and threads; then the verdict.
pub(super) fn closing(report: &Report) -> Vec<String> {
    let mut lines: Vec<_> = report.recordings.iter().map(recording).collect();
    if report.skew > 0.0 {
        lines.push(format!(
            "their clocks may be {:?} apart (--skew): what is closer has no known order",
            Duration::try_from_secs_f64(report.skew).unwrap_or_default()
        ));
    }
    lines.extend(users(report));
    lines.extend(agents(report));
    lines.extend(events(report));
    lines.extend(threads(report));
    lines.push(verdict(report));
    lines
}

/// `traffic.db: from 2026-11-23T23:21:42.527Z, 2.230 s, 4 connections`
fn recording(recording: &Recording) -> String {
    let mut line = format!(
        "{}: from {}, {:.3} s, {}",
        printable(&recording.name),
        utc(recording.started_at),
        recording.duration,
        plural(recording.connections, "connection")
    );
    match recording.anomalies {
        0 => {}
        1 => line.push_str(", 1 anomaly"),
        // Writing to a string cannot fail.
        count => {
            let _ = write!(line, ", {count} anomalies");
        }
    }
    if !recording.closed_cleanly {
        line.push_str(", not closed cleanly");
    }
    line
}

/// Seconds since the Unix epoch, as RFC 3339 writes them. Evidence counts from there.
pub(super) fn utc(seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

fn users(report: &Report) -> Vec<String> {
    let mut own: BTreeMap<&str, Vec<&Session>> = BTreeMap::new();
    for session in &report.sessions {
        if let Some(user) = &session.user_id {
            own.entry(user).or_default().push(session);
        }
    }
    // Where somebody else held a user's sessions first, it has none; a rule about holders tells more.
    let users: Vec<(&str, &[&Session])> = report
        .users
        .iter()
        .filter_map(|user| {
            Some((
                user.user_id.as_str(),
                own.get(user.user_id.as_str())?.as_slice(),
            ))
        })
        .collect();
    let line =
        |(user, own): &(&str, &[&Session])| format!("{}: {}", printable(user), established(own));
    if users.len() <= MOST_USERS {
        return users.iter().map(line).collect();
    }
    let all: Vec<_> = own.values().flatten().copied().collect();
    let sum = format!("{}: {}", plural(users.len(), "user"), established(&all));
    let lacking = users.iter().filter(|(_, own)| {
        let (good, _) = ready(own);
        good < own.len()
    });
    std::iter::once(sum)
        .chain(lacking.take(MOST_USERS).map(line))
        .collect()
}

/// How many sessions authenticated, where that was judged; else, how many connected.
fn ready(sessions: &[&Session]) -> (usize, &'static str) {
    let judged = sessions
        .iter()
        .any(|session| session.authentication_successful.is_some());
    let good = |session: &&&Session| {
        if judged {
            session.authentication_successful == Some(true)
        } else {
            session.websocket_connected
        }
    };
    let what = if judged { "authenticated" } else { "connected" };
    (sessions.iter().filter(good).count(), what)
}

fn established(sessions: &[&Session]) -> String {
    let (good, what) = ready(sessions);
    format!("{good} of {} {what}", plural(sessions.len(), "session"))
}

fn agents(report: &Report) -> Option<String> {
    let ran: Vec<_> = report
        .sessions
        .iter()
        .filter(|session| {
            session
                .concurrent_operations_completed
                .is_some_and(|count| count > 0)
        })
        .collect();
    let runs: u64 = ran
        .iter()
        .filter_map(|session| session.concurrent_operations_completed)
        .sum();
    if runs == 0 {
        return None;
    }
    let judgements = ran.iter().map(|session| session.agent_execution_isolated);
    let judged = told(judgements, "all isolated", "not isolated");
    Some(format!(
        "{} in {}, {judged}{}",
        counted(runs, "agent run"),
        plural(ran.len(), "session"),
        unjudged(report, ReportField::AgentExecutionIsolated)
    ))
}

fn events(report: &Report) -> Option<String> {
    if report.sessions.is_empty() {
        return None;
    }
    let saw = saw(&report.sessions);
    let judgements = report
        .users
        .iter()
        .map(|user| user.websocket_event_leakage.map(|leaks| !leaks));
    Some(format!(
        "event isolation: {saw}, {}{}",
        told(judgements, "none foreign", "some foreign"),
        unjudged(report, ReportField::WebsocketEventLeakage)
    ))
}

/// Why nobody is judged, where no rule is about that.
fn unjudged(report: &Report, field: ReportField) -> String {
    if report.rules.iter().any(|rule| rule.reports == Some(field)) {
        return String::new();
    }
    format!(": no rule has `reports = \"{}\"`", field.as_str())
}

/// `s-1 saw 8 events, s-2 saw 3`; of many, or with long names, `50 sessions saw 603 events (12 to 13
/// each)`.
fn saw(sessions: &[Session]) -> String {
    let total = |session: &Session| session.websocket_events_received.values().sum::<u64>();
    if sessions.len() <= MOST_SESSIONS {
        let each = sessions.iter().enumerate().map(|(number, session)| {
            let id = printable(&session.session_id);
            if number == 0 {
                format!("{id} saw {}", counted(total(session), "event"))
            } else {
                format!("{id} saw {}", total(session))
            }
        });
        let named = each.collect::<Vec<_>>().join(", ");
        if named.chars().count() <= LONGEST || sessions.len() == 1 {
            return named;
        }
    }
    let least = sessions.iter().map(total).min().unwrap_or(0);
    let most = sessions.iter().map(total).max().unwrap_or(0);
    let each = if least == most {
        format!("{most} each")
    } else {
        format!("{least} to {most} each")
    };
    format!(
        "{} saw {} ({each})",
        plural(sessions.len(), "session"),
        counted(sessions.iter().map(total).sum(), "event")
    )
}

fn threads(report: &Report) -> Option<String> {
    let judgements: Vec<_> = report
        .sessions
        .iter()
        .map(|session| session.thread_isolation_verified)
        .collect();
    if judgements.iter().all(Option::is_none) {
        return None;
    }
    let foreign = judgements
        .iter()
        .filter(|judged| **judged == Some(false))
        .count();
    let sessions = plural(report.sessions.len(), "session");
    if foreign > 0 {
        return Some(format!(
            "thread isolation: broken, {foreign} of {sessions} saw a foreign thread, or had its own seen"
        ));
    }
    let told = told(judgements.into_iter(), "none foreign", "some foreign");
    Some(format!("thread isolation: {sessions}, {told}"))
}

/// One word for many judgements.
fn told(judgements: impl Iterator<Item = Option<bool>>, good: &str, bad: &str) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    for judgement in judgements {
        *counts.entry(judgement).or_default() += 1;
    }
    match (
        counts.contains_key(&Some(false)),
        counts.contains_key(&Some(true)),
        counts.get(&None),
    ) {
        (true, ..) => bad.to_owned(),
        (false, true, None) => good.to_owned(),
        (false, true, Some(unknown)) => format!("{good}, {unknown} not judged"),
        (false, false, _) => "not judged".to_owned(),
    }
}

fn verdict(report: &Report) -> String {
    let in_state = |state: State| {
        report
            .rules
            .iter()
            .filter(move |rule| rule.state == state.as_str())
            .count()
    };
    let known = report.violations.iter().filter(|it| it.is_known()).count();
    let but = match known {
        0 => String::new(),
        _ => format!(" but for {}", plural(known, "known violation")),
    };
    let detail = if report.verdict == Verdict::Violated.as_str() {
        let broken = |rule: &&Rule| rule.violations > rule.known;
        let violated = report.rules.iter().filter(broken).count();
        let violations = plural(report.violations.len() - known, "violation");
        let more = match known {
            0 => String::new(),
            known => format!(", and {known} known"),
        };
        let detail = format!("{}, {violations}{more}", plural(violated, "rule"));
        return format!("verdict: {} ({detail})", report.verdict);
    } else if report.verdict == Verdict::Clean.as_str() {
        let of = plural(report.rules.len(), "rule");
        match in_state(State::Holds) {
            held if held == report.rules.len() => format!("{of} held"),
            held if known > 0 => format!("{held} of {of} held, the rest is known or accepted"),
            held => format!("{held} of {of} held, the rest is accepted"),
        }
    } else if report.rules.is_empty() {
        "no rules".to_owned()
    } else {
        plural(report.reasons.len(), "reason")
    };
    format!("verdict: {}{but} ({detail})", report.verdict)
}

/// `1 session`, `2 sessions`
pub(super) fn plural(count: usize, what: &str) -> String {
    counted(count as u64, what)
}

/// `1 opportunity`, `2 opportunities`
pub(super) fn opportunities(count: u64) -> String {
    match count {
        1 => "1 opportunity".to_owned(),
        count => format!("{count} opportunities"),
    }
}

pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// `once`, `6 times`
pub(crate) fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
