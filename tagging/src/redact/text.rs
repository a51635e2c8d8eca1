//! Secrets in text of any kind: a URL in `Referer`, a link, a request target.

use std::ops::Range;

use wsaudit_wire::percent_decode;

use crate::jwt;
use crate::secrets::is_secret_name;

/// How often a name may be percent-encoded: a URL in a URL in a URL.
const MAX_ENCODINGS: usize = 3;

/// The places of JWTs, of user information in URLs, and of the values of `name=value` where the name
/// is a secret's and not `readable`.
pub(super) fn secrets_in(text: &[u8], readable: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut places = user_information(text);
    places.extend(secret_pairs(text, readable));
    places.extend(jwt::places(text));
    places.extend(encoded_tokens(text));
    places
}

/// JWTs of which the dots are percent-encoded: `eyJ...%2EeyJ...%2E...`, any number of times.
fn encoded_tokens(text: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut start = 0;
    for run in text.split(|byte| !is_name_byte(*byte) && !matches!(byte, b'%' | b'=')) {
        let at = start;
        start += run.len() + 1;
        if !run.contains(&b'%') {
            continue;
        }
        let mut decoded = String::from_utf8_lossy(run).into_owned();
        for _ in 0..MAX_ENCODINGS {
            decoded = String::from_utf8_lossy(&percent_decode(&decoded)).into_owned();
        }
        if jwt::contains(decoded.as_bytes()) {
            // What comes before its first letters is a name. Without those, all of it may be token.
            let name = run.windows(3).position(|window| window == b"eyJ");
            places.push(at + name.unwrap_or(0)..at + run.len());
        }
    }
    places
}

/// `user:password` of `scheme://user:password@host` (RFC 3986, section 3.2.1).
fn user_information(text: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for (at, window) in text.windows(3).enumerate() {
        if window != b"://" {
            continue;
        }
        let start = at + 3;
        let authority = text[start..]
            .iter()
            .take_while(|byte| !ends_value(**byte) && !matches!(byte, b'/' | b'?'))
            .count();
        let host = text[start..start + authority]
            .iter()
            .rposition(|byte| *byte == b'@');
        places.extend(host.map(|length| start..start + length));
    }
    places
}

fn secret_pairs(text: &[u8], readable: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    // Behind the last equals sign: each byte is part of one name, however many signs there are.
    let mut name_from = 0;
    for at in 0..text.len() {
        let Some(equals) = equals_sign(&text[at..]) else {
            continue;
        };
        let start = at + equals;
        let name = &text[std::mem::replace(&mut name_from, start)..at];
        if places.last().is_some_and(|place| at < place.end) {
            continue;
        }
        let name = name_before(name);
        if is_secret_name(&name) && !readable(&name) {
            places.push(value_at(text, start));
        }
    }
    places
}

/// The place of the value that begins at `start`, without its quotes.
fn value_at(text: &[u8], start: usize) -> Range<usize> {
    let quoted = text.get(start) == Some(&b'"');
    let start = start + usize::from(quoted);
    let ends = |byte: &u8| {
        if quoted {
            *byte == b'"'
        } else {
            ends_value(*byte)
        }
    };
    let length = text[start..].iter().take_while(|byte| !ends(byte)).count();
    start..start + length
}

/// The length of an equals sign at the front of `text`, percent-encoded any number of times: `=`,
/// `%3D`, `%253D`.
fn equals_sign(text: &[u8]) -> Option<usize> {
    let mut rest = match text {
        [b'=', ..] => return Some(1),
        [b'%', rest @ ..] => rest,
        _ => return None,
    };
    while let [b'2', b'5', after @ ..] = rest {
        rest = after;
    }
    matches!(rest, [b'3', b'D' | b'd', ..]).then(|| text.len() - rest.len() + 2)
}

/// The name that ends before an equals sign.
fn name_before(text: &[u8]) -> String {
    let length = text
        .iter()
        .rev()
        .take_while(|byte| is_name_byte(**byte) || **byte == b'%')
        .count();
    let mut name = String::from_utf8_lossy(&text[text.len() - length..]).into_owned();
    for _ in 0..MAX_ENCODINGS {
        if !name.contains('%') {
            break;
        }
        name = String::from_utf8_lossy(&percent_decode(&name)).into_owned();
    }
    let tail = |c: char| !u8::try_from(c).is_ok_and(is_name_byte);
    name.rsplit(tail).next().unwrap_or_default().to_owned()
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
}

/// Whether a value that is not quoted ends before this byte.
const fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'&' | b';' | b',' | b'#' | b'"' | b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use super::secrets_in;

    fn found(text: &str) -> Vec<&str> {
        let places = secrets_in(text.as_bytes(), &|name| name == "named_token");
        places.into_iter().map(|at| &text[at]).collect()
    }

    #[test]
    fn pairs_with_names_of_secrets() {
        assert_eq!(found("https://h/p?a=1&token=abc&b=2"), ["abc"]);
        assert_eq!(found("/p;password=abc;v=1"), ["abc"]);
        assert_eq!(found("#access_token=abc"), ["abc"]);
        assert_eq!(found("a, token=\"a,b\", c"), ["a,b"]);
        assert_eq!(found("session_id=1&named_token=2"), Vec::<&str>::new());
    }

    #[test]
    fn pairs_in_a_url_in_a_url() {
        assert_eq!(
            found("/login?next=https%3A%2F%2Fh%2F%3Ftoken%3Dabc&x=1"),
            ["abc"]
        );
        assert_eq!(found("next=%252Fp%253Ftoken%253Dabc"), ["abc"]);
    }

    #[test]
    fn however_many_equals_signs_there_are_each_byte_is_looked_at_once() {
        // In a moment; it would take many minutes if each sign were a reason to look at all before it.
        let signs = "%3D".repeat(100_000);
        assert_eq!(found(&format!("{signs}token={signs}")), [signs]);
        let names = "token=".repeat(100_000);
        assert_eq!(found(&names), [&names["token=".len()..]]);
    }

    #[test]
    fn tokens_with_encoded_dots() {
        let token = "eyJhbGciOiJub25lIn0%2EeyJhIjoi%2Ec2ln";
        assert_eq!(found(&format!("https://h/?x={token}&y")), [token]);
        assert_eq!(found(&format!("/ws#x={token}")), [token]);
        let twice = token.replace('%', "%25");
        assert_eq!(found(&format!("/?next=%2Fp%3Fx%3D{twice}&y")), [twice]);
        assert_eq!(found("/?x=a%2Eb&y"), Vec::<&str>::new());
    }

    #[test]
    fn user_information() {
        assert_eq!(found("https://u:p@h/x@y"), ["u:p"]);
        assert_eq!(found("https://h/x@y"), Vec::<&str>::new());
    }
}
