//! The path of an HTTP event: what it must be, and the ids in it.

use regex::Regex;

use super::{FieldId, Literal, Matcher};

/// What the path of a request must be, and which fields its parts are.
///
/// ```toml
/// path = "/api/threads"                                  # equal
/// path = "/api/threads/{thread}"                         # a segment is the field `thread`
/// path = ["/api/threads", "/api/v2/threads"]             # one of
/// path = { prefix = "/api/" }                            # any other matcher
/// path = { regex = '^/t/(?P<thread>[^/]+)/messages$' }   # a named group is a field, too
/// ```
#[derive(Debug, Clone)]
pub struct PathPattern {
    /// What it must be.
    pub matcher: Matcher,
    /// The paths as they are written, where these are paths, and not what some must be like.
    pub written: Vec<String>,
    /// Expressions, each with its groups that are fields.
    pub captures: Vec<(Regex, Vec<(usize, FieldId)>)>,
}

impl PathPattern {
    /// The pattern of a matcher as it was written; `field` gives the field of a name.
    pub(super) fn new(
        matcher: Matcher,
        mut field: impl FnMut(&str) -> Option<FieldId>,
    ) -> Result<Self, String> {
        let mut captures = Vec::new();
        let mut written = Vec::new();
        let mut fields_of = |regex: &Regex, names: &mut dyn Iterator<Item = (usize, String)>| {
            let groups: Vec<_> = names
                .filter_map(|(group, name)| Some((group, field(&name)?)))
                .collect();
            if !groups.is_empty() {
                captures.push((regex.clone(), groups));
            }
        };
        let matcher = match matcher {
            Matcher::AnyOf(literals) => {
                let mut patterns = Vec::new();
                for literal in &literals {
                    let (Literal::Text(text) | Literal::Number(text)) = literal else {
                        return Err("a path is a string".to_owned());
                    };
                    let (pattern, names) = template(text)?;
                    let regex = Regex::new(&format!("^{pattern}$")).map_err(|e| e.to_string())?;
                    fields_of(&regex, &mut (1..).zip(names));
                    written.push(text.clone());
                    patterns.push(pattern);
                }
                if captures.is_empty() {
                    Matcher::AnyOf(literals)
                } else {
                    let all = format!("^(?:{})$", patterns.join("|"));
                    Matcher::Regex(Regex::new(&all).map_err(|e| e.to_string())?)
                }
            }
            Matcher::Regex(regex) => {
                let named: Vec<_> = regex
                    .capture_names()
                    .enumerate()
                    .filter_map(|(group, name)| Some((group, name?.to_owned())))
                    .collect();
                fields_of(&regex, &mut named.into_iter());
                Matcher::Regex(regex)
            }
            other => other,
        };
        Ok(Self {
            matcher,
            written,
            captures,
        })
    }
}

/// A path that one as it is written stands for: each `{field}` is some segment.
pub(crate) fn example(written: &str) -> String {
    let mut example = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('{') {
        example.push_str(before);
        example.push('-');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    example + rest
}

/// `/api/threads/{thread}` as an expression, and the names in it.
fn template(text: &str) -> Result<(String, Vec<String>), String> {
    if !text.starts_with('/') {
        return Err(format!("a path begins with /: write `/{text}`"));
    }
    if text.contains('?') {
        return Err("a query is no part of the path; leave it out".to_owned());
    }
    let (mut pattern, mut names) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err("a `{` without its `}`".to_owned());
        };
        if name.is_empty() {
            return Err("`{}` names no field: write `{thread}`".to_owned());
        }
        pattern.push_str(&regex::escape(before));
        pattern.push_str("([^/]+)");
        names.push(name.to_owned());
        rest = after;
    }
    pattern.push_str(&regex::escape(rest));
    Ok((pattern, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(texts: &[&str]) -> Result<PathPattern, String> {
        let literals = texts.iter().map(|text| Literal::Text((*text).to_owned()));
        PathPattern::new(Matcher::AnyOf(literals.collect()), |name| {
            Some(FieldId(u16::try_from(name.len()).unwrap()))
        })
    }

    #[test]
    fn a_template_stands_for_paths_and_its_names_for_segments() {
        let threads = pattern(&["/api/t.s/{thread}", "/v2/{ab}/{thread}/x"]).unwrap();
        for (path, expected) in [
            ("/api/t.s/t1", true),
            ("/api/txs/t1", false),
            ("/api/t.s/t1/more", false),
            ("/api/t.s/", false),
            ("/v2/a/b/x", true),
        ] {
            assert_eq!(threads.matcher.matches_text(path), expected, "{path}");
        }
        let (regex, groups) = &threads.captures[1];
        assert_eq!(groups[..], [(1, FieldId(2)), (2, FieldId(6))]);
        assert_eq!(&regex.captures("/v2/a/b/x").unwrap()[2], "b");
        assert!(pattern(&["/plain"]).unwrap().captures.is_empty());
        assert_eq!(threads.written[0], "/api/t.s/{thread}");
        assert_eq!(example("/v2/{ab}/{thread}/x"), "/v2/-/-/x");
    }

    #[test]
    fn what_is_no_path_says_what_to_write() {
        for (text, said) in [
            ("api", "write `/api`"),
            ("/a?b=1", "a query is no part"),
            ("/a/{b", "without its `}`"),
            ("/a/{}", "names no field"),
        ] {
            let error = pattern(&[text]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
