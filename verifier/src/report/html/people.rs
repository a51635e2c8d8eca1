//! Who was there: sessions and users with the fields of the JSON report; and what was recorded.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::facets::Facets;
use super::history::Head;
use super::markup::{Markup, shortened};
use super::more;
use super::share::Share;
use crate::report::closing::utc;
use crate::report::model::{Report, Session, User, Violation};

/// So many names of messages are told of a session.
const MOST_NAMES: usize = 8;
/// So many violations of a user are named.
const MOST_VIOLATIONS: usize = 6;
/// So many files of a recording in parts are named.
const MOST_FILES: usize = 8;

/// What could not be read.
pub(super) fn unread(report: &Report, page: &mut Markup) {
    if report.unread.is_empty() {
        return;
    }
    page.put("<ul class=\"list unread\">\n");
    for unread in &report.unread {
        page.put("<li><span class=\"badge is-violated\">cannot be read</span> ")
            .text(&unread.told())
            .put("</li>\n");
    }
    page.put("</ul>\n");
}

/// The first so many of them in their order, those that did not succeed before the others.
fn chosen<T>(all: &[T], most: usize, succeeded: impl Fn(&T) -> bool) -> Vec<&T> {
    let mut chosen: Vec<_> = all.iter().enumerate().collect();
    chosen.sort_by_key(|(_, one)| succeeded(one));
    chosen.truncate(most);
    chosen.sort_by_key(|(number, _)| *number);
    chosen.into_iter().map(|(_, one)| one).collect()
}

/// The beginning of a table; `#` marks a column of figures.
fn table(label: &'static str, columns: &[&'static str], page: &mut Markup) {
    page.put("<div class=\"wide\" role=\"group\" tabindex=\"0\" aria-label=\"")
        .put(label)
        .put("\">\n<table>\n<thead><tr>");
    for column in columns {
        let (class, column) = match column.strip_prefix('#') {
            Some(column) => ("<th scope=\"col\" class=\"figure\">", column),
            None => ("<th scope=\"col\">", *column),
        };
        page.put(class);
        parts(column, page);
        page.put("</th>");
    }
    page.put("</tr></thead>\n<tbody>\n");
}

/// A name that may be broken at each underscore, where it is long.
fn parts(name: &str, page: &mut Markup) {
    for (number, part) in shortened(name).split('_').enumerate() {
        page.put(if number == 0 { "" } else { "_<wbr>" }).text(part);
    }
}

const TABLE_END: &str = "</tbody>\n</table>\n</div>\n";

/// Every session.
pub(super) fn sessions(
    report: &Report,
    head: Head,
    facets: &Facets<'_>,
    share: Share,
    page: &mut Markup,
) {
    head.section("sessions", "Sessions", report.sessions.len(), page);
    if report.sessions.is_empty() {
        page.put("<p class=\"none\">None.</p>\n</section>\n");
        return;
    }
    table(
        "Sessions",
        &[
            "session_id",
            "user_id",
            "session_type",
            "success",
            "websocket_connected",
            "authentication_successful",
            "agent_execution_isolated",
            "thread_isolation_verified",
            "#concurrent_operations_completed",
            "#execution_time",
            "websocket_events_received",
            "error_message",
        ],
        page,
    );
    for session in chosen(&report.sessions, share.rows, |it| it.success) {
        row(session, facets, page);
    }
    page.put(TABLE_END)
        .put("<p class=\"nothing\" hidden>No session matches the filters.</p>\n");
    more(
        report.sessions.len().saturating_sub(share.rows),
        "session",
        page,
    );
    page.put("</section>\n");
}

fn row(session: &Session, facets: &Facets<'_>, page: &mut Markup) {
    page.put("<tr");
    facets.session([session.session_id.as_str()], page);
    facets.user(session.user_id.as_deref(), page);
    page.put("><th scope=\"row\"><code>")
        .name(&session.session_id)
        .put("</code></th><td>");
    optional(session.user_id.as_deref(), page);
    page.put("</td><td>");
    match &session.session_type {
        Some(kind) => parts(kind, page),
        None => optional(None, page),
    }
    page.put("</td>");
    judged(Some(session.success), Good::Yes, page);
    judged(Some(session.websocket_connected), Good::Yes, page);
    judged(session.authentication_successful, Good::Yes, page);
    judged(session.agent_execution_isolated, Good::Yes, page);
    judged(session.thread_isolation_verified, Good::Yes, page);
    page.put("<td class=\"figure\">");
    let completed = session
        .concurrent_operations_completed
        .map(|it| it.to_string());
    optional(completed.as_deref(), page);
    page.put("</td><td class=\"figure\">");
    let time = session.execution_time.map(|it| format!("{it:.3} s"));
    optional(time.as_deref(), page);
    page.put("</td><td class=\"prose\">");
    events(&session.websocket_events_received, page);
    page.put("</td><td class=\"prose\">");
    optional(session.error_message.as_deref(), page);
    page.put("</td></tr>\n");
}

/// The names of messages, the most frequent ones first.
fn events(received: &BTreeMap<String, u64>, page: &mut Markup) {
    let mut names: Vec<_> = received.iter().collect();
    names.sort_by_key(|(_, count)| Reverse(**count));
    for (number, (name, count)) in names.iter().take(MOST_NAMES).enumerate() {
        page.put(if number == 0 { "<code>" } else { ", <code>" })
            .name(name)
            .put("</code> ")
            .text(&count.to_string());
    }
    match names.len().checked_sub(MOST_NAMES) {
        Some(left @ 1..) => {
            page.number(left, ", +", " more names");
        }
        _ if names.is_empty() => {
            page.put("<span class=\"fine\">none</span>");
        }
        _ => {}
    }
}

fn optional(value: Option<&str>, page: &mut Markup) {
    match value {
        Some(value) => page.text(value),
        None => page.put("<span class=\"fine\">–</span>"),
    };
}

/// Which answer is the good one.
#[derive(Clone, Copy)]
enum Good {
    Yes,
    No,
}

fn judged(value: Option<bool>, good: Good, page: &mut Markup) {
    page.put(match (value, good) {
        (Some(true), Good::Yes) => "<td class=\"is-clean\">yes</td>",
        (Some(true), Good::No) => "<td class=\"is-violated\">yes</td>",
        (Some(false), Good::Yes) => "<td class=\"is-violated\">no</td>",
        (Some(false), Good::No) => "<td class=\"is-clean\">no</td>",
        (None, _) => "<td><span class=\"fine\">not judged</span></td>",
    });
}

/// Every user.
pub(super) fn users(
    report: &Report,
    head: Head,
    facets: &Facets<'_>,
    share: Share,
    page: &mut Markup,
) {
    if report.users.is_empty() {
        return;
    }
    head.section("users", "Users", report.users.len(), page);
    table(
        "Users",
        &[
            "user_id",
            "#session_count",
            "success",
            "cross_session_interference",
            "websocket_event_leakage",
            "agent_context_isolation",
            "database_session_isolation",
            "thread_isolation_maintained",
            "violations",
        ],
        page,
    );
    let (told, _) = share.violations(&report.violations);
    for user in chosen(&report.users, share.rows, |it: &User| it.success) {
        page.put("<tr");
        facets.user([user.user_id.as_str()], page);
        page.put("><th scope=\"row\"><code>")
            .name(&user.user_id)
            .put("</code></th>")
            .number(user.session_count, "<td class=\"figure\">", "</td>");
        judged(Some(user.success), Good::Yes, page);
        judged(user.cross_session_interference, Good::No, page);
        judged(user.websocket_event_leakage, Good::No, page);
        judged(user.agent_context_isolation, Good::Yes, page);
        judged(user.database_session_isolation, Good::Yes, page);
        judged(user.thread_isolation_maintained, Good::Yes, page);
        violations(user, &told, head, page);
        page.put("</tr>\n");
    }
    page.put(TABLE_END)
        .put("<p class=\"nothing\" hidden>No user matches the filters.</p>\n");
    more(report.users.len().saturating_sub(share.rows), "user", page);
    page.put("</section>\n");
}

/// How many there are, and the way to each of those that are told.
fn violations(user: &User, told: &[&Violation], head: Head, page: &mut Markup) {
    page.number(user.violations.len(), "<td class=\"ways\">", "");
    let own = told.iter().enumerate().filter(|(_, violation)| {
        let concerned = [&violation.user, &violation.owner_user];
        concerned.contains(&&Some(user.user_id.clone()))
    });
    let own: Vec<_> = own.collect();
    for (number, violation) in own.iter().take(MOST_VIOLATIONS) {
        page.put(" <a href=\"#");
        head.id("v", *number, page);
        page.put("\">").name(&violation.rule);
        if let Some(at) = violation.offending.at {
            page.put(" ").seconds(at);
        }
        page.put("</a>");
    }
    let shown = own.len().min(MOST_VIOLATIONS);
    if let Some(more @ 1..) = user.violations.len().checked_sub(shown) {
        page.number(more, " <span class=\"fine\">+", " more</span>");
    }
    page.put("</td>");
}

/// The recordings, and the frames that they lack.
pub(super) fn recordings(report: &Report, head: Head, share: Share, page: &mut Markup) {
    head.section("recordings", "Recordings", report.recordings.len(), page);
    table(
        "Recordings",
        &[
            "recording",
            "began (UTC)",
            "#duration",
            "#connections",
            "#anomalies",
            "closed cleanly",
        ],
        page,
    );
    for recording in report.recordings.iter().take(share.rows) {
        page.put("<tr><th scope=\"row\"><code>")
            .name(&recording.name)
            .put("</code>");
        for file in recording.files.iter().take(MOST_FILES) {
            page.put("<span class=\"fine\">").name(file).put("</span>");
        }
        if let Some(left @ 1..) = recording.files.len().checked_sub(MOST_FILES) {
            page.number(left, "<span class=\"fine\">and ", " more files</span>");
        }
        page.put("</th><td>")
            .text(&utc(recording.started_at))
            .put("</td><td class=\"figure\">")
            .text(&format!("{:.3} s", recording.duration))
            .put("</td>")
            .number(recording.connections, "<td class=\"figure\">", "</td>")
            .number(recording.anomalies, "<td class=\"figure\">", "</td>");
        judged(Some(recording.closed_cleanly), Good::Yes, page);
        page.put("</tr>\n");
    }
    page.put(TABLE_END);
    more(
        report.recordings.len().saturating_sub(share.rows),
        "recording",
        page,
    );
    gaps(report, head, share, page);
    page.put("</section>\n");
}

fn gaps(report: &Report, head: Head, share: Share, page: &mut Markup) {
    let gaps = &report.gaps;
    if gaps.is_empty() {
        let whole = report.recordings.iter().all(|it| it.closed_cleanly);
        page.put("<p class=\"none\">").put(if whole {
            "No gap: no frame is known to be missing.</p>\n"
        } else {
            "No gap is written down, but what came last may be missing.</p>\n"
        });
        return;
    }
    page.put(match head {
        Head::Only => "<h3>Gaps</h3>\n",
        Head::OneOf(_) => "<h4>Gaps</h4>\n",
    });
    table(
        "Gaps",
        &[
            "why",
            "#frames missing",
            "recording",
            "connection",
            "between frames",
            "time",
        ],
        page,
    );
    for gap in gaps.iter().take(share.rows) {
        page.put("<tr><th scope=\"row\">")
            .text(&gap.why)
            .put("</th><td class=\"figure\">");
        let frames = gap.frames.map(|it| it.to_string());
        page.text(frames.as_deref().unwrap_or("not known"))
            .put("</td><td><code>");
        page.name(&gap.recording).put("</code></td><td>");
        let connection = gap.connection.map(|it| it.to_string());
        page.text(connection.as_deref().unwrap_or("all"))
            .put("</td><td>")
            .text(&format!("{} and {}", gap.from, gap.to))
            .put("</td><td>");
        match (gap.from_at, gap.to_at) {
            (None, None) => {
                page.put("<span class=\"fine\">not known</span>");
            }
            (after, before) => {
                if let Some(after) = after {
                    page.put("from ").seconds(after).put(" ");
                }
                if let Some(before) = before {
                    page.put("to ").seconds(before);
                }
            }
        }
        page.put("</td></tr>\n");
    }
    page.put(TABLE_END);
    more(gaps.len().saturating_sub(share.rows), "gap", page);
}
