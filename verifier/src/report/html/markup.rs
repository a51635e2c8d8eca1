//! How the page is written: markup is what stands in this program, all else is text.

use std::fmt::Write as _;

use crate::report::excerpt::printable;

/// So many characters of a text are shown.
const LONGEST_TEXT: usize = 600;
/// So many characters of an id are shown, where it is longer: its beginning,
const NAME_BEGINNING: usize = 56;
/// and its end.
const NAME_END: usize = 16;

/// HTML in the making. Only a text that the program itself holds can be markup: whatever is recorded
/// goes through [`Markup::text`] or [`Markup::name`], because nothing else takes it.
#[derive(Debug, Default)]
pub(super) struct Markup {
    out: String,
}

impl Markup {
    /// Markup, as it stands.
    pub(super) fn put(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// A text: what it says, and no more than [`LONGEST_TEXT`] characters of it.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let mut characters = text.char_indices();
        match characters.nth(LONGEST_TEXT) {
            None => self.escaped(text),
            Some((end, _)) => {
                let left = characters.count() + 1;
                self.escaped(&text[..end]);
                self.number(left, "… (", " more characters)")
            }
        }
    }

    /// A text of this program, in which names stand between backticks: they are set as code.
    pub(super) fn told(&mut self, text: &str) -> &mut Self {
        let parts: Vec<_> = text.split('`').collect();
        // A name that holds one itself, or a text that is cut, is left as it is.
        if parts.len().is_multiple_of(2) || text.chars().count() > LONGEST_TEXT {
            return self.text(text);
        }
        for (number, part) in parts.into_iter().enumerate() {
            if number % 2 == 1 {
                self.put("<code>").escaped(part).put("</code>");
            } else {
                self.escaped(part);
            }
        }
        self
    }

    /// An id, or another name: its beginning and its end, where it is long.
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        self.escaped(&shortened(name))
    }

    /// A number between two pieces of markup.
    pub(super) fn number(
        &mut self,
        number: usize,
        before: &'static str,
        after: &'static str,
    ) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{before}{number}{after}");
        self
    }

    /// Seconds, as `+3.201 s`.
    pub(super) fn seconds(&mut self, at: f64) -> &mut Self {
        let _ = write!(self.out, "+{at:.3} s");
        self
    }

    /// What another writer has made.
    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.out.push_str(&other.out);
        self
    }

    /// A JSON document, for a `script` element that is data. Nothing in it ends that element, or
    /// begins a comment there: `<` is written as an escape, which only a string can hold.
    pub(super) fn json(&mut self, document: &impl serde::Serialize) -> &mut Self {
        let text = serde_json::to_string(document)
            .expect("what the page draws has text keys and finite numbers only");
        self.out.push_str(&text.replace('<', "\\u003c"));
        self
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn escaped(&mut self, text: &str) -> &mut Self {
        for character in printable(text).chars() {
            match character {
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                character => self.out.push(character),
            }
        }
        self
    }
}

/// A name as it is shown: its beginning and its end, where it is long.
pub(super) fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME_BEGINNING + NAME_END {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(NAME_BEGINNING).collect();
    let end: String = name.chars().skip(count - NAME_END).collect();
    format!("{beginning}…{end} ({count} characters)")
}

/// A name as the script shows it.
pub(super) fn drawn(name: &str) -> String {
    printable(&shortened(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(write: impl FnOnce(&mut Markup)) -> String {
        let mut markup = Markup::default();
        write(&mut markup);
        markup.finish()
    }

    #[test]
    fn what_is_recorded_is_no_markup() {
        let evil = "<img src=x onerror=\"alert('1')\">&</script>\u{202e}\u{1b}";
        let text = made(|it| {
            it.text(evil);
        });
        assert_eq!(
            text,
            "&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;&lt;/script&gt;\\u{202e}\\u{1b}"
        );
        let json = made(|it| {
            it.json(&["</script><!--<script>"]);
        });
        assert!(!json.contains('<'), "{json}");
        let read: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, ["</script><!--<script>"]);
    }

    #[test]
    fn names_between_backticks_are_code() {
        let told = |text: &str| {
            made(|it| {
                it.told(text);
            })
        };
        assert_eq!(
            told("was given `<b>` in `doc`"),
            "was given <code>&lt;b&gt;</code> in <code>doc</code>"
        );
        assert_eq!(told("one ` alone"), "one ` alone");
        let long = format!("`{}`", "a".repeat(LONGEST_TEXT));
        assert!(!told(&long).contains("<code>"));
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let id = "ä".repeat(1_000_000);
        let text = made(|it| {
            it.text(&id);
        });
        assert!(
            text.ends_with("… (999400 more characters)"),
            "{}",
            &text[1100..]
        );
        let name = made(|it| {
            it.name(&id);
        });
        assert!(name.ends_with("ä (1000000 characters)"), "{name}");
        assert!(name.chars().count() < 110);
        assert_eq!(shortened("s-1"), "s-1");
    }
}
