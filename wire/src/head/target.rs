//! Request targets: path, query, and percent-encoding (RFC 3986).

use std::ops::Range;

/// The places of the path and of the query in a request target.
///
/// An absolute-form target (`http://host/path?query`) has its path after the authority.
pub(super) fn path_and_query(target: &str) -> (Range<usize>, Option<Range<usize>>) {
    let start = match target.find("://") {
        Some(scheme) if !target.starts_with('/') => {
            let authority = scheme + "://".len();
            target[authority..]
                .find(['/', '?', '#'])
                .map_or(target.len(), |i| authority + i)
        }
        Some(_) | None => 0,
    };
    let end = target[start..]
        .find('#')
        .map_or(target.len(), |i| start + i);
    match target[start..end].find('?') {
        Some(mark) => (start..start + mark, Some(start + mark + 1..end)),
        None => (start..end, None),
    }
}

/// The pairs of a query string: the places of their names and of their values. A name without `=`
/// has an empty value after it.
pub(super) fn pairs(query: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let mut pairs = Vec::new();
    let mut start = 0;
    for pair in query.split('&') {
        let end = start + pair.len();
        if !pair.is_empty() {
            pairs.push(match pair.find('=') {
                Some(equals) => (start..start + equals, start + equals + 1..end),
                None => (start..end, end..end),
            });
        }
        start = end + 1;
    }
    pairs
}

/// Decodes percent-encoding, and `+` as a space, as forms and browsers write a query. A `%` without
/// two hexadecimal digits after it stays as it is.
pub fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let encoded = match after {
            [high, low, ..] if *first == b'%' => hex_pair(*high, *low),
            _ => None,
        };
        match (encoded, first) {
            (Some(byte), _) => {
                out.push(byte);
                rest = &after[2..];
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(*byte),
        }
    }
    out
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(high)? * 16 + digit(low)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::{pairs, path_and_query, percent_decode};

    #[test]
    fn every_form_of_a_target() {
        for (target, path, query) in [
            ("/", "/", None),
            ("/a/b?c=d", "/a/b", Some("c=d")),
            ("/a?", "/a", Some("")),
            ("/a?u=http://x/y?z", "/a", Some("u=http://x/y?z")),
            ("http://h:1/a?b", "/a", Some("b")),
            ("wss://h?b", "", Some("b")),
            ("http://h", "", None),
            ("*", "*", None),
            ("/a#b?c", "/a", None),
        ] {
            let (p, q) = path_and_query(target);
            assert_eq!(&target[p], path, "{target}");
            assert_eq!(q.map(|q| &target[q]), query, "{target}");
        }
    }

    #[test]
    fn pairs_keep_order_duplicates_and_empty_values() {
        let query = "a=1&&b&a=2=3&=x";
        let got: Vec<_> = pairs(query)
            .into_iter()
            .map(|(name, value)| (&query[name], &query[value]))
            .collect();
        assert_eq!(got, [("a", "1"), ("b", ""), ("a", "2=3"), ("", "x")]);
    }

    #[test]
    fn percent_decoding_leaves_what_is_not_encoded() {
        assert_eq!(percent_decode("a%20b+c%2B%zz%4"), b"a b c+%zz%4");
        assert_eq!(percent_decode("%ff"), [0xFF]);
        assert_eq!(percent_decode("%+1"), b"% 1");
    }
}
