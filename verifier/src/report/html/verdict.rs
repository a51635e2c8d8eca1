//! The top of the page: the verdict, and what keeps it from being clean.

use std::collections::BTreeMap;

use super::markup::Markup;
use crate::report::Audit;
use crate::report::closing::{closing, plural};
use crate::verdict::Verdict;

/// So many rules are named that are violated.
const MOST_NAMED: usize = 12;

pub(super) fn write(audit: &Audit, page: &mut Markup) {
    page.put("<header class=\"verdict ")
        .put(audit.verdict)
        .put("\">\n<p class=\"product\">wsaudit</p>\n<h1><span class=\"word\">")
        .put(audit.verdict)
        .put("</span>");
    if let Some(report) = audit.only() {
        page.put(" <span class=\"of\">")
            .name(&report.name())
            .put("</span>");
    } else {
        page.put(" <span class=\"of\">")
            .text(&histories(audit.histories.len()))
            .put("</span>");
    }
    page.put("</h1>\n<p class=\"meaning\">")
        .put(meaning(audit))
        .put("</p>\n");
    if let Some(remark) = &audit.remark {
        page.put("<p class=\"remark\">").told(remark).put("</p>\n");
    }
    keeps(audit, page);
    if let Some(report) = audit.only() {
        let mut lines = closing(report);
        // The verdict, which stands above.
        lines.pop();
        page.put("<ul class=\"closing\">\n");
        for line in lines {
            page.put("<li>").text(&line).put("</li>\n");
        }
        page.put("</ul>\n");
    }
    page.put("</header>\n");
}

fn histories(count: usize) -> String {
    match count {
        1 => "1 history".to_owned(),
        count => format!("{count} histories"),
    }
}

fn meaning(audit: &Audit) -> &'static str {
    if audit.is_incomplete() {
        "Not all could be read; this is what the rest says."
    } else if audit.verdict == Verdict::Violated.as_str() {
        "Something was seen that a rule forbids."
    } else if audit.verdict == Verdict::Clean.as_str() {
        "In what was recorded, every rule held that counts, and had the opportunity to be broken."
    } else {
        "Nothing was seen that counts as a violation, but the recording does not prove that all is well."
    }
}

/// What keeps the verdict from being clean, each line a way to where it is told.
fn keeps(audit: &Audit, page: &mut Markup) {
    let (fresh, known) = audit.violations();
    let unread: usize = audit.histories.iter().map(|it| it.unread.len()).sum();
    let doubts = doubts(audit);
    if fresh == 0 && unread == 0 && doubts.is_empty() {
        if known > 0 {
            page.put("<p class=\"keeps\">")
                .text(&plural(known, "known violation"))
                .put(" in the baseline.</p>\n");
        }
        return;
    }
    // Of several histories, the table of them leads on.
    let told_in = |only| if audit.is_one() { only } else { "#histories" };
    let begin = |class, told_in, page: &mut Markup| {
        page.put("<li class=\"").put(class).put("\"><a href=\"");
        page.put(told_in).put("\"><b>");
    };
    page.put("<h2 class=\"label\">What keeps it from clean</h2>\n<ul class=\"keeps\">\n");
    let rules = violated(audit);
    for ((name, title), count) in rules.iter().take(MOST_NAMED) {
        begin("is-violated", told_in("#violations"), page);
        page.text(&plural(*count, "violation"))
            .put("</b></a> of <code>")
            .name(name)
            .put("</code>");
        if !title.is_empty() {
            page.put(": ").told(title);
        }
        page.put("</li>\n");
    }
    if let Some(more @ 1..) = rules.len().checked_sub(MOST_NAMED) {
        page.put("<li class=\"is-violated\">")
            .text(&format!("and of {}", plural(more, "more rule")))
            .put("</li>\n");
    }
    if unread > 0 {
        page.put("<li class=\"is-violated\"><b>")
            .text(&plural(unread, "recording"))
            .put("</b> could not be read</li>\n");
    }
    for (reason, count) in doubts {
        begin("is-doubt", told_in("#doubts"), page);
        page.text(&plural(count, "doubt"))
            .put("</b></a> ")
            .put(told(reason))
            .put("</li>\n");
    }
    page.put("</ul>\n");
    if audit.is_one() && !audit.histories[0].reasons.is_empty() {
        page.put("<p class=\"next\">What would settle each doubt stands with it, under <a href=\"#doubts\">Reasons for doubt</a>.</p>\n");
    }
    if known > 0 {
        page.put("<p class=\"fine\">Besides, ")
            .text(&plural(known, "known violation"))
            .put(" in the baseline.</p>\n");
    }
}

/// The rules with violations that no baseline knows, by name and title, with their number: the most
/// first.
fn violated(audit: &Audit) -> Vec<((String, String), usize)> {
    let mut counts = BTreeMap::<_, usize>::new();
    for report in &audit.histories {
        for violation in report.violations.iter().filter(|it| !it.is_known()) {
            let name = format!("{}/{}", violation.pack, violation.rule);
            let rule = report.rule(&violation.pack, &violation.rule);
            let title = rule.map_or_else(String::new, |rule| rule.title.clone());
            *counts.entry((name, title)).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The doubts that count, by their kind. What another history settles does not.
fn doubts(audit: &Audit) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for reason in audit.histories.iter().flat_map(|it| &it.reasons) {
        if audit.is_one() || !audit.is_exercised_elsewhere(reason) {
            *counts.entry(reason.reason).or_default() += 1;
        }
    }
    counts
}

fn told(reason: &'static str) -> &'static str {
    match reason {
        "gap" => "because frames are missing (gap)",
        "unclean" => "because a recording lacks its end (unclean)",
        "unread" => "because a recording could not be read (unread)",
        "undecodable" => "because messages cannot be decoded (undecodable)",
        "unidentified" => "because it is not known whose connections they are (unidentified)",
        "not-exercised" => "because rules had no opportunity to be broken (not exercised)",
        "undecided" => "because the answer lies beyond what was recorded (undecided)",
        other => other,
    }
}
