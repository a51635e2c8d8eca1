//! The part of a payload that proves something.

mod index;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use self::index::Index;

/// How much of a payload is shown, in characters.
const LONGEST: usize = 120;
/// How much of it stands before the value, where the payload is longer than that.
const BEFORE: usize = 40;
/// From how many values in one payload on they are looked up in an [`Index`].
const MANY: usize = 16;
/// How many bytes of a payload are shown that is no text.
const MOST_BYTES: usize = 24;
/// How much of any other text is shown, in characters: an id may have a megabyte.
const LONGEST_TEXT: usize = 2000;

/// A part of a payload, as it can be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The text; `…` stands for what is left out. No control characters.
    pub text: String,
    /// The bytes of it that are the value; `None` where it is not in the payload.
    pub mark: Option<Range<usize>>,
}

/// What lies around `value` in a payload; its beginning where there is no value, or it is not there.
pub fn excerpt(payload: &[u8], value: Option<&str>) -> Excerpt {
    excerpt_of(payload, value, LONGEST)
}

/// The same, with another limit, in characters.
pub(super) fn excerpt_of(payload: &[u8], value: Option<&str>, longest: usize) -> Excerpt {
    let Ok(text) = std::str::from_utf8(payload) else {
        return bytes(payload);
    };
    around(text, value.and_then(|value| find(text, value)), longest)
}

/// What lies around each of these values in one payload.
pub(super) fn excerpts(
    payload: &[u8],
    values: &BTreeSet<Option<String>>,
) -> BTreeMap<Option<String>, Excerpt> {
    let text = std::str::from_utf8(payload);
    let index = text.ok().filter(|_| values.len() >= MANY).map(Index::of);
    let one = |value: &Option<String>| match (&index, text) {
        (Some(index), Ok(text)) => {
            let place = value.as_ref().and_then(|value| index.find(value));
            around(text, place, LONGEST)
        }
        _ => excerpt(payload, value.as_deref()),
    };
    let each = values.iter().map(|value| (value.clone(), one(value)));
    each.collect()
}

/// What lies around a place in a text.
fn around(text: &str, place: Option<Range<usize>>, longest: usize) -> Excerpt {
    let window = window(text, place.as_ref(), longest);
    let mut out = String::new();
    if window.start > 0 {
        out.push('…');
    }
    let mut mark = None;
    if let Some(place) = place {
        let end = place.end.min(window.end);
        escape(&text[window.start..place.start], &mut out);
        let start = out.len();
        escape(&text[place.start..end], &mut out);
        mark = Some(start..out.len());
        escape(&text[end..window.end], &mut out);
    } else {
        escape(&text[window.clone()], &mut out);
    }
    if window.end < text.len() {
        out.push('…');
    }
    Excerpt { text: out, mark }
}

/// Where a value stands: as a JSON string, else where it is not part of a longer word, else anywhere.
fn find(text: &str, value: &str) -> Option<Range<usize>> {
    if value.is_empty() {
        return None;
    }
    let quoted = serde_json::to_string(value).ok()?;
    let string = text
        .match_indices(&quoted)
        .map(|(at, found)| at + 1..at + found.len() - 1)
        .find(|place| !stands_as_a_name(text, place.end));
    let in_word = |character: Option<char>| character.is_some_and(is_word);
    let anywhere = || {
        text.match_indices(value)
            .map(|(at, found)| at..at + found.len())
    };
    string
        .or_else(|| {
            anywhere().find(|place| {
                !in_word(text[..place.start].chars().next_back())
                    && !in_word(text[place.end..].chars().next())
            })
        })
        .or_else(|| anywhere().next())
}

/// Whether the string whose closing quote is at `end` is a member's name, which is no value: `"thread": ...`.
fn stands_as_a_name(text: &str, end: usize) -> bool {
    text[end + 1..].trim_start().starts_with(':')
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The part of a text that is shown: its beginning, if the value is in it, else what is around it.
fn window(text: &str, place: Option<&Range<usize>>, longest: usize) -> Range<usize> {
    let after = |start: usize, characters: usize| {
        text[start..]
            .char_indices()
            .nth(characters)
            .map_or(text.len(), |(at, _)| start + at)
    };
    let from_start = after(0, longest);
    match place {
        Some(place) if place.end > from_start => {
            let start = text[..place.start]
                .char_indices()
                .rev()
                .nth(BEFORE - 1)
                .map_or(0, |(at, _)| at);
            start..after(start, longest)
        }
        Some(_) | None => 0..from_start,
    }
}

/// Characters that a terminal would obey, that change the order of others, or that cannot be seen are
/// written as codes.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if character.is_control() || is_hidden(character) => code(character, out),
            character => out.push(character),
        }
    }
}

/// Whether a character turns the direction of writing, or is not seen, so that two ids look alike:
/// Unicode's `Bidi_Control` and `Default_Ignorable_Code_Point`, without the variation selectors that
/// stand behind many emoji; separators of lines, and what XML has no word for.
/// <https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{FFFE}'..='\u{FFFF}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

fn code(character: char, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
}

fn bytes(payload: &[u8]) -> Excerpt {
    let mut text = format!("{} bytes:", payload.len());
    for byte in payload.iter().take(MOST_BYTES) {
        let _ = write!(text, " {byte:02x}");
    }
    if payload.len() > MOST_BYTES {
        text.push_str(" …");
    }
    Excerpt { text, mark: None }
}

/// Text from the wire, fit for a terminal: control characters, those that turn the direction of writing, and
/// those that cannot be seen are codes. What a recording holds must not move the cursor of who reads it, nor
/// look like another id.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

/// The same, and no more than [`LONGEST_TEXT`] characters of it.
pub(super) fn printable(text: &str) -> String {
    let mut characters = text.char_indices();
    let cut = characters.nth(LONGEST_TEXT).map(|(end, _)| end);
    let shown = &text[..cut.unwrap_or(text.len())];
    let mut out = escaped(shown);
    if cut.is_some() {
        // Writing to a string cannot fail.
        let _ = write!(out, "… ({} more characters)", characters.count() + 1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(payload: &str, value: &str) -> (String, Option<String>) {
        let Excerpt { text, mark } = excerpt(payload.as_bytes(), Some(value));
        let marked = mark.map(|mark| text[mark].to_owned());
        (text, marked)
    }

    #[test]
    fn a_short_payload_is_shown_whole_with_the_value_marked() {
        let payload = r#"{"t1":1,"xt1x":"t12","id":"t1"}"#;
        let Excerpt { text, mark } = excerpt(payload.as_bytes(), Some("t1"));
        assert_eq!(text, payload);
        assert_eq!(
            mark,
            Some(27..29),
            "the value, not the name or a part of another"
        );
    }

    #[test]
    fn a_number_is_found_as_a_word() {
        assert_eq!(
            excerpt(br#"{"a":420,"b":42}"#, Some("42")).mark,
            Some(13..15)
        );
    }

    #[test]
    fn of_a_long_payload_the_surroundings_of_the_value_are_shown() {
        let payload = format!(
            r#"{{"text":"{}","id":"thr_9c","more":"{}"}}"#,
            "ä".repeat(200),
            "b".repeat(200)
        );
        let (text, value) = marked(&payload, "thr_9c");
        assert_eq!(value.as_deref(), Some("thr_9c"));
        assert!(text.starts_with('…') && text.ends_with('…'));
        assert_eq!(text.chars().count(), LONGEST + 2);
    }

    #[test]
    fn a_value_near_the_beginning_keeps_the_beginning() {
        let payload = format!(
            r#"{{"type":"thread","id":"t1","text":"{}"}}"#,
            "x".repeat(300)
        );
        let (text, value) = marked(&payload, "t1");
        assert_eq!(value.as_deref(), Some("t1"));
        assert!(text.starts_with(r#"{"type":"thread""#) && text.ends_with('…'));
    }

    #[test]
    fn a_value_longer_than_the_excerpt_is_cut_and_marked() {
        let long = "y".repeat(500);
        let (text, value) = marked(&format!("{{\"id\":\"{long}\"}}"), &long);
        assert!(text.chars().count() <= LONGEST + 2);
        assert!(value.is_some_and(|value| value.chars().all(|c| c == 'y')));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let (text, value) = marked("a\u{1b}[31m\n\u{202e}b", "b");
        assert_eq!(text, "a\\u{1b}[31m\\n\\u{202e}b");
        assert_eq!(value.as_deref(), Some("b"));
    }

    #[test]
    fn an_id_of_a_megabyte_does_not_flood_a_report() {
        let text = printable(&"é".repeat(1_000_000));
        assert!(text.ends_with("é… (998000 more characters)"));
        assert_eq!(text.chars().filter(|it| *it == 'é').count(), LONGEST_TEXT);
        assert_eq!(
            printable(&"é".repeat(LONGEST_TEXT)).chars().count(),
            LONGEST_TEXT
        );
    }

    #[test]
    fn escapes_stay_visible() {
        assert_eq!(escaped("a\u{1b}[2Jb\nü"), "a\\u{1b}[2Jb\\nü");
        assert_eq!(escaped("\u{202E}x"), "\\u{202e}x");
        assert_eq!(escaped("s-1\u{200B}"), "s-1\\u{200b}");
        assert_eq!(escaped("s-1\u{61C}"), "s-1\\u{61c}");
    }

    #[test]
    fn what_cannot_be_seen_is_written_as_a_code() {
        for hidden in [
            "\u{61c}",
            "\u{ad}",
            "\u{180e}",
            "\u{206a}",
            "\u{e0041}",
            "\u{3164}",
        ] {
            let text = printable(&format!("s-1{hidden}"));
            assert!(text.starts_with("s-1\\u{") && text.is_ascii(), "{text}");
        }
        assert_eq!(printable("ü \u{2764}\u{fe0f}"), "ü \u{2764}\u{fe0f}");
    }

    #[test]
    fn a_value_that_needs_escapes_in_json_is_found() {
        let (_, value) = marked(r#"{"id":"a\"b"}"#, "a\"b");
        assert_eq!(value.as_deref(), Some("a\\\"b"));
    }

    #[test]
    fn bytes_are_shown_as_such() {
        assert_eq!(excerpt(&[0xff, 0], Some("x")).text, "2 bytes: ff 00");
    }

    #[test]
    fn what_is_not_there_is_not_marked() {
        assert_eq!(
            excerpt(b"{}", Some("t1")),
            Excerpt {
                text: "{}".into(),
                mark: None
            }
        );
        assert_eq!(excerpt(b"", None).text, "");
    }
}
