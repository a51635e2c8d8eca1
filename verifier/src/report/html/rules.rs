//! What the rules came to, what is in doubt, what is worth a note, and what a baseline knows.

use super::facets::Facets;
use super::history::Head;
use super::markup::Markup;
use super::more;
use super::share::Share;
use crate::report::model::{Report, Rule};
use crate::report::standing::{Baseline, BaselineEntry};
use crate::report::text::argument;

/// So many accepted doubts of a rule are told.
const MOST_ACCEPTED: usize = 5;
/// So many rules are named that a doubt touches.
const MOST_TOUCHED: usize = 6;

/// Every rule with its state.
pub(super) fn write(report: &Report, head: Head, facets: &Facets<'_>, page: &mut Markup) {
    head.section("rules", "Rules", report.rules.len(), page);
    if report.rules.is_empty() {
        page.put("<p class=\"none\">None.</p>\n</section>\n");
        return;
    }
    page.put("<div class=\"wide\" role=\"group\" aria-label=\"Rules\" tabindex=\"0\">\n<table>\n<thead><tr><th scope=\"col\">state</th><th scope=\"col\">rule</th>")
        .put("<th scope=\"col\">what holds</th><th scope=\"col\" class=\"figure\">violations</th>")
        .put("<th scope=\"col\" class=\"figure\">opportunities</th><th scope=\"col\" class=\"figure\">examined</th>")
        .put("<th scope=\"col\">hidden or accepted</th></tr></thead>\n<tbody>\n");
    for rule in &report.rules {
        page.put("<tr data-state=\"").put(rule.state).put("\"");
        facets.rule([rule.name().as_str()], page);
        page.put("><td>")
            .put(state(rule))
            .put("</td><th scope=\"row\"><code>")
            .name(&rule.name())
            .put("</code><span class=\"fine\">")
            .put(rule.kind)
            .put(", ")
            .name(&format!("{}:{}", rule.location.file, rule.location.line))
            .put("</span></th><td class=\"prose\">")
            .text(&rule.title)
            .put("</td>")
            .number(rule.violations, "<td class=\"figure\">", "");
        if rule.known > 0 {
            page.number(rule.known, " <span class=\"fine\">", " known</span>");
        }
        page.put("</td><td class=\"figure\">")
            .text(&rule.matched.to_string())
            .put("</td><td class=\"figure\">")
            .text(&rule.examined.to_string())
            .put("</td><td class=\"prose\">");
        hidden(rule, page);
        page.put("</td></tr>\n");
    }
    page.put("</tbody>\n</table>\n</div>\n<p class=\"nothing\" hidden>No rule matches the filters.</p>\n</section>\n");
}

fn state(rule: &Rule) -> &'static str {
    match rule.state {
        "violated" if rule.known < rule.violations => {
            "<span class=\"badge is-violated\">violated</span>"
        }
        "violated" => "<span class=\"badge is-known\">violated, known</span>",
        "holds" => "<span class=\"badge is-clean\">holds</span>",
        "not exercised" => "<span class=\"badge is-doubt\">not exercised</span>",
        _ => "<span class=\"badge is-doubt\">undecided</span>",
    }
}

/// What its exceptions hid, and which doubts the pack accepts.
fn hidden(rule: &Rule, page: &mut Markup) {
    if rule.excepted.is_empty() && rule.accepted.is_empty() {
        return;
    }
    page.put("<ul>");
    for exception in &rule.excepted {
        page.put("<li>")
            .text(&format!("{} hidden: {}", exception.count, exception.why))
            .put("</li>");
    }
    for doubt in rule.accepted.iter().take(MOST_ACCEPTED) {
        page.put("<li>accepted (")
            .put(doubt.reason)
            .put("): ")
            .told(&doubt.message)
            .put(" <span class=\"fine\">because ")
            .told(&doubt.why)
            .put("</span></li>");
    }
    if let Some(left @ 1..) = rule.accepted.len().checked_sub(MOST_ACCEPTED) {
        page.number(left, "<li>+", " more accepted</li>");
    }
    page.put("</ul>");
}

/// Every doubt, with what would settle it.
pub(super) fn doubts(
    report: &Report,
    head: Head,
    facets: &Facets<'_>,
    share: Share,
    page: &mut Markup,
) {
    if report.reasons.is_empty() {
        return;
    }
    head.section("doubts", "Reasons for doubt", report.reasons.len(), page);
    page.put("<ul class=\"list\">\n");
    for doubt in report.reasons.iter().take(share.rows) {
        page.put("<li data-item");
        facets.rule(doubt.rules.iter().map(String::as_str), page);
        page.put("><span class=\"badge is-doubt\">")
            .put(doubt.reason)
            .put("</span> ")
            .told(&doubt.message);
        if let Some(seq) = doubt.seq {
            let place = argument::place(report, doubt.recording.as_deref(), seq, None);
            page.put(" <span class=\"place\">")
                .text(&place)
                .put("</span>");
        }
        page.put("<p class=\"settle\"><b>to settle it:</b> ")
            .told(&doubt.settle);
        page.put("</p><p class=\"fine\">touches ");
        touched(report, &doubt.rules, page);
        page.put("</p></li>\n");
    }
    page.put("</ul>\n<p class=\"nothing\" hidden>No doubt matches the filters.</p>\n");
    more(
        report.reasons.len().saturating_sub(share.rows),
        "doubt",
        page,
    );
    page.put("</section>\n");
}

fn touched(report: &Report, rules: &[String], page: &mut Markup) {
    if rules.len() == report.rules.len() && rules.len() > 1 {
        page.put("every rule");
        return;
    }
    for (number, rule) in rules.iter().take(MOST_TOUCHED).enumerate() {
        page.put(if number == 0 { "<code>" } else { ", <code>" })
            .name(rule)
            .put("</code>");
    }
    if let Some(left @ 1..) = rules.len().checked_sub(MOST_TOUCHED) {
        page.number(left, " and ", " more");
    }
}

/// What is worth saying though nothing is wrong.
pub(super) fn notes(
    report: &Report,
    head: Head,
    facets: &Facets<'_>,
    share: Share,
    page: &mut Markup,
) {
    if report.notes.is_empty() {
        return;
    }
    head.section("notes", "Notes", report.notes.len(), page);
    page.put("<ul class=\"list\">\n");
    for note in report.notes.iter().take(share.rows) {
        page.put("<li data-item");
        facets.rule([format!("{}/{}", note.pack, note.rule).as_str()], page);
        facets.session(note.session.as_deref(), page);
        let place = argument::place(report, Some(&note.recording), note.seq, note.at);
        page.put(">")
            .text(&note.message)
            .put(" <span class=\"place\"><code>")
            .name(&note.rule)
            .put("</code> · ")
            .text(&place.replace("  ", " · "))
            .put("</span></li>\n");
    }
    page.put("</ul>\n<p class=\"nothing\" hidden>No note matches the filters.</p>\n");
    more(report.notes.len().saturating_sub(share.rows), "note", page);
    page.put("</section>\n");
}

/// What has become of a baseline's entries.
pub(super) fn baseline(baseline: &Baseline, share: Share, page: &mut Markup) {
    page.put("<section class=\"baseline\" aria-labelledby=\"baseline\">\n<h2 id=\"baseline\">Baseline</h2>\n<p><code>")
        .name(&baseline.file)
        .put("</code> on ")
        .text(&baseline.today)
        .number(baseline.new, ": ", " new, ")
        .number(baseline.known, "", " known, ")
        .number(baseline.expired, "", " expired, ")
        .number(baseline.gone.len(), "", " gone.</p>\n<ul class=\"list\">\n");
    let mut list = |badge: &'static str, advice: &'static str, entries: &[BaselineEntry]| {
        for entry in entries.iter().take(share.rows) {
            page.put("<li>")
                .put(badge)
                .put(" <code>")
                .name(&entry.rule)
                .put("</code> <code>")
                .text(&entry.fingerprint)
                .put("</code> ")
                .text(&format!("line {}", entry.line))
                .put("<p class=\"fine\">")
                .put(advice)
                .put("</p></li>\n");
        }
        if let Some(left @ 1..) = entries.len().checked_sub(share.rows) {
            page.number(left, "<li>+", " more</li>\n");
        }
    };
    list(
        "<span class=\"badge is-clean\">gone</span>",
        "The rule was exercised, and did not find it: delete the entry.",
        &baseline.gone,
    );
    list(
        "<span class=\"badge is-doubt\">not found</span>",
        "Its rule was not run, not exercised or undecided, so that this tells nothing.",
        &baseline.unsettled,
    );
    page.put("</ul>\n</section>\n");
}
