//! What is told of one history, and the table of several.

use super::facets::Facets;
use super::markup::Markup;
use super::share::Share;
use super::{lanes, more, people, rules, violations};
use crate::report::Audit;
use crate::report::closing::closing;
use crate::report::model::Report;
use crate::verdict::Verdict;

/// So many histories have a line in the table.
const MOST_LISTED: usize = 2_000;

/// Which history it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// The only one that was asked for: its sections are those of the page.
    Only,
    /// One of several, by its number.
    OneOf(usize),
}

impl Head {
    /// Writes an id of an element, which no other history has.
    pub(super) fn id(self, what: &'static str, number: usize, page: &mut Markup) {
        if let Self::OneOf(history) = self {
            page.number(history, "h", "-");
        }
        page.number(number, what, "");
    }

    /// Writes the beginning of a section with its heading.
    pub(super) fn section(
        self,
        id: &'static str,
        title: &'static str,
        count: usize,
        page: &mut Markup,
    ) {
        let prefixed = |page: &mut Markup| {
            if let Self::OneOf(history) = self {
                page.number(history, "h", "-");
            }
            page.put(id);
        };
        page.put("<section class=\"").put(id).put("\"");
        // With a name it is a landmark, which is the only one of that name.
        if self == Self::Only {
            page.put(" aria-labelledby=\"").put(id).put("\"");
        }
        page.put(">\n").put(self.open()).put(" id=\"");
        prefixed(page);
        page.put("\">").put(title);
        page.number(count, " <span class=\"count\">", "</span>");
        page.put(self.close()).put("\n");
    }

    fn open(self) -> &'static str {
        match self {
            Self::Only => "<h2",
            Self::OneOf(_) => "<h3",
        }
    }

    fn close(self) -> &'static str {
        match self {
            Self::Only => "</h2>",
            Self::OneOf(_) => "</h3>",
        }
    }
}

/// Every history in a line.
pub(super) fn overview(audit: &Audit, share: Share, page: &mut Markup) {
    page.put("<section class=\"histories\" aria-labelledby=\"histories\">\n")
        .put("<h2 id=\"histories\">Histories")
        .number(
            audit.histories.len(),
            " <span class=\"count\">",
            "</span></h2>\n",
        );
    page.put("<div class=\"wide\" role=\"group\" aria-label=\"Histories\" tabindex=\"0\">\n<table>\n<thead><tr>")
        .put("<th scope=\"col\">verdict</th><th scope=\"col\">history</th>")
        .put("<th scope=\"col\" class=\"figure\">rules</th><th scope=\"col\" class=\"figure\">violations</th>")
        .put("<th scope=\"col\" class=\"figure\">doubts</th></tr></thead>\n<tbody>\n");
    for (number, report) in audit.histories.iter().enumerate().take(MOST_LISTED) {
        page.put("<tr><td>");
        verdict(report, page);
        page.put("</td><th scope=\"row\">");
        if number < share.histories {
            page.number(number, "<a href=\"#h", "\">")
                .name(&report.name())
                .put("</a>");
        } else {
            page.name(&report.name());
        }
        page.put("</th>")
            .number(report.rules.len(), "<td class=\"figure\">", "</td>")
            .number(report.violations.len(), "<td class=\"figure\">", "</td>")
            .number(
                report.reasons.len(),
                "<td class=\"figure\">",
                "</td></tr>\n",
            );
    }
    page.put("</tbody>\n</table>\n</div>\n");
    more(
        audit.histories.len().saturating_sub(MOST_LISTED),
        "line",
        page,
    );
    if let Some(left @ 1..) = audit.histories.len().checked_sub(share.histories) {
        page.number(
            left,
            "<p class=\"more\">+",
            " of them are told in this table only.</p>\n",
        );
    }
    page.put("</section>\n");
}

/// All of one history.
pub(super) fn write(
    report: &Report,
    head: Head,
    facets: &Facets<'_>,
    share: Share,
    page: &mut Markup,
) {
    if let Head::OneOf(number) = head {
        page.number(number, "<details class=\"history\" id=\"h", "\"");
        page.put(if report.verdict == Verdict::Violated.as_str() {
            " open>\n<summary><h2>"
        } else {
            ">\n<summary><h2>"
        });
        page.name(&report.name()).put("</h2> ");
        verdict(report, page);
        page.put("</summary>\n<ul class=\"closing\">\n");
        for line in closing(report) {
            page.put("<li>").text(&line).put("</li>\n");
        }
        page.put("</ul>\n");
    }
    people::unread(report, page);
    lanes::write(report, head, share, page);
    violations::write(report, head, facets, share, page);
    rules::doubts(report, head, facets, share, page);
    rules::write(report, head, facets, page);
    rules::notes(report, head, facets, share, page);
    people::sessions(report, head, facets, share, page);
    people::users(report, head, facets, share, page);
    people::recordings(report, head, share, page);
    if let Head::OneOf(_) = head {
        page.put("</details>\n");
    }
}

fn verdict(report: &Report, page: &mut Markup) {
    page.put(match report.verdict {
        "violated" => "<span class=\"badge is-violated\">violated</span>",
        "clean" => "<span class=\"badge is-clean\">clean</span>",
        _ => "<span class=\"badge is-doubt\">inconclusive</span>",
    });
    if !report.unread.is_empty() {
        page.put(" <span class=\"badge is-violated\">not all read</span>");
    }
}
