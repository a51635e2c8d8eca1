//! `--html`: one page for people, which needs nothing but a browser: the verdict, the violations with
//! their evidence, the rules, the doubts, and who was there. It reads without scripts; its own ones
//! add filters, keys, and the picture of the sessions over time.
//!
//! Nothing that was recorded can act in it: text and markup have different types
//! ([`markup::Markup`]), and the page's policy allows its own style and scripts by their hashes, and
//! nothing else: no network, no image, no form.

mod facets;
mod history;
mod lanes;
mod markup;
mod people;
mod rules;
mod share;
mod verdict;
mod violations;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use self::facets::Facets;
use self::history::Head;
use self::markup::Markup;
use self::share::Share;
use super::Audit;
use super::closing::plural;

const STYLE: &str = include_str!("html/page.css");
/// Filters, keys, light and dark.
const PAGE_SCRIPT: &str = include_str!("html/page.js");
/// The sessions over time.
const LANES_SCRIPT: &str = include_str!("html/lanes.js");
/// What only works with scripts, and is shown by them.
const TOOLS: &str = include_str!("html/tools.html");
const HELP: &str = include_str!("html/help.html");

/// What a run tells, as a page that stands alone.
pub fn html(audit: &Audit) -> String {
    let names = audit.histories.iter().flat_map(|it| &it.rules);
    let names: Vec<_> = names.map(super::model::Rule::name).collect();
    let facets = Facets::of(audit, &names);
    let share = Share::of(audit);
    let mut page = Markup::default();
    page.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    policy(&mut page);
    page.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .put("<meta name=\"referrer\" content=\"no-referrer\">\n")
        .put("<title>wsaudit: ")
        .put(audit.verdict)
        .put("</title>\n<style>")
        .put(STYLE)
        .put(
            "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n",
        );
    verdict::write(audit, &mut page);
    tools(audit, &facets, &mut page);
    page.put("<main id=\"main\" tabindex=\"-1\">\n");
    if !audit.is_one() {
        history::overview(audit, share, &mut page);
    }
    for (number, report) in audit.histories.iter().enumerate().take(share.histories) {
        let head = if audit.is_one() {
            Head::Only
        } else {
            Head::OneOf(number)
        };
        history::write(report, head, &facets, share, &mut page);
    }
    if let Some(baseline) = &audit.baseline {
        rules::baseline(baseline, share, &mut page);
    }
    page.put("</main>\n<footer>Made by <code>wsaudit verify --html</code>. The same input gives the same page. ")
        .put("What is not told here is in the JSON report, <code>--json FILE</code>.</footer>\n")
        .put(HELP)
        .put("<script>")
        .put(PAGE_SCRIPT)
        .put("</script>\n<script>")
        .put(LANES_SCRIPT)
        .put("</script>\n</body>\n</html>\n");
    page.finish()
}

/// What the page may do: run these two scripts, and look like this.
fn policy(page: &mut Markup) {
    page.put(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src",
    )
    .put(" '")
    .name(&hash(PAGE_SCRIPT))
    .put("' '")
    .name(&hash(LANES_SCRIPT))
    .put("'; style-src '")
    .name(&hash(STYLE))
    .put("'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'\">\n");
}

/// A source of the policy: `sha256-...`, of an element's text.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// The filters, which the script shows.
fn tools(audit: &Audit, facets: &Facets<'_>, page: &mut Markup) {
    let mut slots = TOOLS.split("<!-- options -->");
    let mut next = || slots.next().unwrap_or_default();
    page.put(next());
    facets.rules.options(page);
    page.put(next());
    facets.sessions.options(page);
    page.put(next());
    facets.users.options(page);
    page.put(next());
    for state in ["violated", "holds", "not exercised", "undecided"] {
        page.put("<option>").put(state).put("</option>");
    }
    if audit.baseline.is_some() {
        for outcome in ["new", "known", "expired"] {
            page.put("<option>").put(outcome).put("</option>");
        }
    }
    page.put(next());
}

/// `+12 more ...`, where something is left out.
fn more(count: usize, what: &str, page: &mut Markup) {
    if count > 0 {
        page.put("<p class=\"more\">+")
            .text(&plural(count, &format!("more {what}")))
            .put(": the JSON report has all (<code>--json FILE</code>).</p>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_have_a_slot_for_each_choice() {
        assert_eq!(TOOLS.matches("<!-- options -->").count(), 4);
        assert_eq!(
            hash(""),
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }

    /// An element that is hashed ends where its text ends, and carries no reference out.
    #[test]
    fn the_parts_of_the_page_are_self_contained() {
        for text in [STYLE, PAGE_SCRIPT, LANES_SCRIPT] {
            let lower = text.to_ascii_lowercase();
            for bad in [
                "</script",
                "</style",
                "<!--",
                "innerhtml",
                "@import",
                "fetch(",
            ] {
                assert!(!lower.contains(bad), "{bad}");
            }
            // A pattern of the same document.
            assert!(!lower.replace("url(#", "").contains("url("));
        }
    }
}
