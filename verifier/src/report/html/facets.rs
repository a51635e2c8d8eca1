//! What the page can be filtered by. An element says by numbers what it is about, so that nothing
//! that was recorded stands in an attribute.

use std::collections::BTreeMap;

use super::markup::Markup;
use crate::report::Audit;

/// So many rules, sessions or users can be chosen from; the rest is found by its text.
const MOST_CHOICES: usize = 400;

/// The values of one facet, in the order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Facet<'a> {
    values: Vec<&'a str>,
    numbers: BTreeMap<&'a str, usize>,
}

impl<'a> Facet<'a> {
    fn add(&mut self, value: &'a str) {
        if !self.numbers.contains_key(value) {
            self.numbers.insert(value, self.values.len());
            self.values.push(value);
        }
    }

    /// Writes the numbers of those values; none that is not known.
    fn write<'v>(&self, values: impl IntoIterator<Item = &'v str>, page: &mut Markup) {
        let mut written = Vec::new();
        for number in values.into_iter().filter_map(|it| self.numbers.get(it)) {
            if !written.contains(number) {
                page.number(*number, if written.is_empty() { "" } else { " " }, "");
                written.push(*number);
            }
        }
    }

    /// The options of a choice.
    pub(super) fn options(&self, page: &mut Markup) {
        for (number, value) in self.values.iter().enumerate().take(MOST_CHOICES) {
            page.number(number, "<option value=\"", "\">");
            page.name(value).put("</option>");
        }
        if let Some(more @ 1..) = self.values.len().checked_sub(MOST_CHOICES) {
            page.number(
                more,
                "<option disabled>+",
                " more: search for them</option>",
            );
        }
    }
}

/// What the page can be filtered by.
#[derive(Debug, Default)]
pub(super) struct Facets<'a> {
    /// As `pack/rule`.
    pub(super) rules: Facet<'a>,
    /// Those that a violation concerns come first.
    pub(super) sessions: Facet<'a>,
    pub(super) users: Facet<'a>,
}

impl<'a> Facets<'a> {
    /// Of what a run tells; `rules` are the names of its rules.
    pub(super) fn of(audit: &'a Audit, rules: &'a [String]) -> Self {
        let mut facets = Self::default();
        for rule in rules {
            facets.rules.add(rule);
        }
        for violation in audit.histories.iter().flat_map(|it| &it.violations) {
            let sessions = [&violation.owner_session, &violation.session];
            for session in sessions.into_iter().flatten() {
                facets.sessions.add(session);
            }
            let users = [&violation.owner_user, &violation.user];
            for user in users.into_iter().flatten() {
                facets.users.add(user);
            }
        }
        for report in &audit.histories {
            for session in &report.sessions {
                facets.sessions.add(&session.session_id);
            }
            for user in &report.users {
                facets.users.add(&user.user_id);
            }
        }
        facets
    }

    /// ` data-rule="0 7"`
    pub(super) fn rule<'v>(&self, names: impl IntoIterator<Item = &'v str>, page: &mut Markup) {
        page.put(" data-rule=\"");
        self.rules.write(names, page);
        page.put("\"");
    }

    /// ` data-session="0 7"`
    pub(super) fn session<'v>(&self, ids: impl IntoIterator<Item = &'v str>, page: &mut Markup) {
        page.put(" data-session=\"");
        self.sessions.write(ids, page);
        page.put("\"");
    }

    /// ` data-user="0 7"`
    pub(super) fn user<'v>(&self, ids: impl IntoIterator<Item = &'v str>, page: &mut Markup) {
        page.put(" data-user=\"");
        self.users.write(ids, page);
        page.put("\"");
    }
}
