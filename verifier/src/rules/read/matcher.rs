//! Matchers and conditions; [`Matcher`]'s page says how they are written.

use regex::RegexBuilder;
use toml::de::DeValue;

use super::asked::Asked;
use super::node::Node;
use super::table::Table;
use crate::rules::{Comparison, Condition, Literal, Matcher};

/// A compiled expression may take so many bytes: a rule file is no way to fill the memory.
const LARGEST_REGEX: usize = 1 << 20;

impl Node<'_> {
    /// What a value must be.
    pub(crate) fn matcher(self) -> Option<Matcher> {
        self.asked(|| Asked::Matcher);
        match self.value() {
            DeValue::Table(_) => table(self.table("a matcher")?),
            DeValue::Array(_) => {
                let items = self.one_or_more();
                let count = items.len();
                let literals: Vec<_> = items.into_iter().filter_map(Self::literal).collect();
                (count > 0 && literals.len() == count).then_some(Matcher::AnyOf(literals))
            }
            _ => self.literal().map(|literal| Matcher::AnyOf(vec![literal])),
        }
    }

    /// One or more matchers, one of which must match.
    pub(crate) fn matchers(self) -> Vec<Matcher> {
        self.one_or_more()
            .into_iter()
            .filter_map(Self::matcher)
            .collect()
    }

    /// Values that a message must have: `{ "/code" = "forbidden" }`.
    pub(crate) fn conditions(self) -> Vec<Condition> {
        let Some(mut table) = self.table("conditions") else {
            return Vec::new();
        };
        let mut conditions = Vec::new();
        for (key, span, node) in table.entries() {
            let at = key.parse().map_err(|error| {
                table
                    .error_at(span, format_args!("`{key}` is no pointer"))
                    .label(error)
                    .emit();
            });
            let matcher = node.matcher();
            if let (Ok(at), Some(matcher)) = (at, matcher) {
                conditions.push(Condition { at, matcher });
            }
        }
        if table.is_empty() {
            self.error("this table is empty")
                .label("expected at least one pointer with a matcher")
                .emit();
        }
        conditions
    }

    fn literal(self) -> Option<Literal> {
        self.asked(|| Asked::Literal);
        match self.value() {
            DeValue::String(text) => Some(Literal::Text(text.clone().into_owned())),
            DeValue::Boolean(answer) => Some(Literal::Bool(*answer)),
            DeValue::Integer(number) if number.radix() == 10 => Some(Literal::Number(
                number.as_str().trim_start_matches('+').to_owned(),
            )),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map(|number| Literal::Number(number.to_string()))
                .ok()
                .or_else(|| self.expected("a number that fits into 64 bits")),
            DeValue::Float(number) => Some(Literal::Number(number.as_str().to_owned())),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.expected("a string, a number, `true` or `false`")
            }
        }
    }

    fn number(self) -> Option<f64> {
        self.asked(|| Asked::Number);
        let written = match self.value() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return self.expected("a number"),
        };
        let number = written
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite());
        number.or_else(|| self.expected("a finite number"))
    }

    fn regex(self) -> Option<Matcher> {
        let text = self.string()?;
        RegexBuilder::new(text)
            .size_limit(LARGEST_REGEX)
            .build()
            .map(Matcher::Regex)
            .map_err(|error| {
                let error = error.to_string();
                let why = error.lines().last().unwrap_or_default();
                self.error(format_args!("`{text}` is no regular expression"))
                    .label(why.trim_start_matches("error: "))
                    .help("the syntax is that of https://docs.rs/regex; in '...' a backslash needs no second one")
                    .emit();
            })
            .ok()
    }
}

fn table(mut table: Table<'_>) -> Option<Matcher> {
    const LIMITS: [(&str, Comparison); 4] = [
        ("at-least", Comparison::AtLeast),
        ("above", Comparison::Above),
        ("at-most", Comparison::AtMost),
        ("below", Comparison::Below),
    ];
    let mut all = Vec::new();
    let mut keys = 0;
    let mut take = |node: Option<Node<'_>>, read: &dyn Fn(Node<'_>) -> Option<Matcher>| {
        keys += usize::from(node.is_some());
        all.extend(node.and_then(read));
    };
    take(table.get("regex"), &|node| node.regex());
    take(table.get("prefix"), &|node| {
        node.string().map(|text| Matcher::Prefix(text.to_owned()))
    });
    take(table.get("exists"), &|node| {
        node.yes_or_no().map(|yes| {
            if yes {
                Matcher::Exists
            } else {
                Matcher::Absent
            }
        })
    });
    take(table.get("not"), &|node| {
        node.matcher().map(|inner| Matcher::Not(Box::new(inner)))
    });
    for (key, comparison) in LIMITS {
        take(table.get(key), &|node| {
            node.number().map(|it| Matcher::Compare(comparison, it))
        });
    }
    if table.is_empty() {
        table
            .error("this matcher is empty")
            .label("expected `regex`, `prefix`, `exists`, `not` or a limit such as `at-least`")
            .emit();
    }
    table.finish();
    if all.is_empty() || all.len() != keys {
        return None;
    }
    match all.len() {
        1 => all.pop(),
        _ => Some(Matcher::All(all)),
    }
}
