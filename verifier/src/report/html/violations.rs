//! Violations, each with its argument.

use super::facets::Facets;
use super::history::Head;
use super::markup::Markup;
use super::more;
use super::share::Share;
use crate::report::model::{Evidence, Report, Violation};
use crate::report::text::argument;

/// So many lines of an argument are told.
const MOST_LINES: usize = 30;
/// So many violations are open from the beginning.
const MOST_OPEN: usize = 5;

pub(super) fn write(
    report: &Report,
    head: Head,
    facets: &Facets<'_>,
    share: Share,
    page: &mut Markup,
) {
    head.section("violations", "Violations", report.violations.len(), page);
    if report.violations.is_empty() {
        page.put("<p class=\"none\">None.</p>\n</section>\n");
        return;
    }
    let (told, left) = share.violations(&report.violations);
    for (number, violation) in told.iter().enumerate() {
        one(report, violation, number, head, facets, page);
    }
    page.put("<p class=\"nothing\" hidden>No violation matches the filters.</p>\n");
    for ((_, rule), count) in left {
        page.number(count, "<p class=\"more\">+", " more of <code>")
            .name(rule)
            .put("</code>: the JSON report has all (<code>--json FILE</code>).</p>\n");
    }
    page.put("</section>\n");
}

fn one(
    report: &Report,
    violation: &Violation,
    number: usize,
    head: Head,
    facets: &Facets<'_>,
    page: &mut Markup,
) {
    let outcome = violation.standing.as_ref().map_or("", |it| it.outcome);
    page.put("<details class=\"violation ")
        .put(outcome)
        .put("\" id=\"");
    head.id("v", number, page);
    page.put("\" data-state=\"violated");
    if !outcome.is_empty() {
        page.put(" ").put(outcome);
    }
    page.put("\"");
    facets.rule([name(violation).as_str()], page);
    let sessions = [&violation.owner_session, &violation.session];
    facets.session(sessions.into_iter().flatten().map(String::as_str), page);
    let users = [&violation.owner_user, &violation.user];
    facets.user(users.into_iter().flatten().map(String::as_str), page);
    page.put(if number < MOST_OPEN && outcome != "known" {
        " open>\n<summary>"
    } else {
        ">\n<summary>"
    });
    badge(violation, outcome, page);
    page.put("<span class=\"message\"><code class=\"rule\">")
        .name(&violation.rule)
        .put("</code> ")
        .told(&violation.message)
        .put("</span>");
    if let Some(at) = violation.offending.at {
        page.put("<span class=\"when\">").seconds(at).put("</span>");
    }
    page.put("</summary>\n<div class=\"argument\">\n");
    cast(report, violation, page);
    page.put("<ol>\n");
    for line in violation.evidence.iter().take(MOST_LINES) {
        step(report, violation, line, page);
    }
    page.put("</ol>\n");
    more(
        violation.evidence.len().saturating_sub(MOST_LINES),
        "line of evidence",
        page,
    );
    page.put("<dl>\n<div><dt>expected</dt><dd>")
        .told(&violation.expected)
        .put("</dd></div>\n");
    if let Some(resource) = &violation.resource {
        page.put("<div><dt>resource</dt><dd><code>")
            .name(resource)
            .put("</code></dd></div>\n");
    }
    if let Some(entry) = violation.standing.as_ref().and_then(|it| it.entry.as_ref()) {
        page.put("<div><dt>baseline</dt><dd>known from ")
            .text(&entry.added)
            .put(" until ")
            .text(&entry.expires)
            .put(": ")
            .text(&entry.reason)
            .put("</dd></div>\n");
    }
    page.put("<div><dt>fingerprint</dt><dd><code>")
        .text(&violation.fingerprint)
        .put("</code></dd></div>\n</dl>\n</div>\n</details>\n");
}

fn name(violation: &Violation) -> String {
    format!("{}/{}", violation.pack, violation.rule)
}

fn badge(violation: &Violation, outcome: &str, page: &mut Markup) {
    let of_owner = violation.owner_session.is_some() || violation.owner_user.is_some();
    page.put(match outcome {
        "known" => "<span class=\"badge is-known\">known</span>",
        "expired" => "<span class=\"badge is-violated\">expired</span>",
        "new" => "<span class=\"badge is-violated\">new</span>",
        _ if violation.severity == "write" => "<span class=\"badge is-violated\">write</span>",
        _ if of_owner => "<span class=\"badge is-violated\">read</span>",
        _ => "<span class=\"badge is-violated\">violated</span>",
    });
}

/// Whose it was, and who received or did it.
fn cast(report: &Report, violation: &Violation, page: &mut Markup) {
    let party = |role: &'static str, session: &str, page: &mut Markup| {
        page.put("<div><dt>")
            .put(role)
            .put("</dt><dd><code>")
            .name(session)
            .put("</code>");
        let known = report.sessions.iter().find(|it| it.session_id == session);
        let user = known.and_then(|it| it.user_id.as_deref());
        let device = known.and_then(|it| it.session_type.as_deref());
        if let Some(user) = user {
            page.put(" <span class=\"fine\">user ")
                .name(user)
                .put("</span>");
        }
        if let Some(device) = device {
            page.put(" <span class=\"fine\">· ")
                .name(device)
                .put("</span>");
        }
        page.put("</dd></div>\n");
    };
    if violation.owner_session.is_none() && violation.session.is_none() {
        return;
    }
    page.put("<dl class=\"cast\">\n");
    if let Some(owner) = &violation.owner_session {
        party("owner", owner, page);
    }
    if let Some(session) = &violation.session {
        party("session", session, page);
    }
    page.put("</dl>\n");
}

fn step(report: &Report, violation: &Violation, line: &Evidence, page: &mut Markup) {
    let offending = line.seq == Some(violation.offending.seq)
        && line.recording.as_deref() == Some(violation.offending.recording.as_str());
    page.put(if offending {
        "<li class=\"offending\">"
    } else {
        "<li>"
    })
    .put("<span class=\"shows\">")
    .told(&line.text)
    .put("</span>");
    if let Some(seq) = line.seq {
        let place = argument::place(report, line.recording.as_deref(), seq, line.at);
        page.put(" <span class=\"place\">")
            .text(&place.replace("  ", " · "));
        way(line, page);
        page.put("</span>");
    }
    if let Some(excerpt) = &line.excerpt {
        page.put("<pre><code>");
        match line.mark {
            Some((start, end)) => page
                .text(&excerpt[..start])
                .put("<mark>")
                .text(&excerpt[start..end])
                .put("</mark>")
                .text(&excerpt[end..]),
            None => page.text(excerpt),
        };
        page.put("</code></pre>");
    }
    page.put("</li>\n");
}

/// `server → s-7f2`
fn way(line: &Evidence, page: &mut Markup) {
    let mut peer = Markup::default();
    match (&line.session, line.connection) {
        (Some(session), _) => peer.name(session),
        (None, Some(connection)) => peer.text(&format!("connection {connection}")),
        (None, None) => return,
    };
    page.put(" · ");
    match line.direction {
        Some("client-to-server") => page.add(&peer).put(" → server"),
        Some(_) => page.put("server → ").add(&peer),
        None => page.add(&peer),
    };
}
