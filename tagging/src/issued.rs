//! Cookies that a server has set: who presents one of them speaks of an id that was issued.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;

use wsaudit_wire::{Cookie, ResponseHead};

use crate::{Redactor, TagRules};

/// Cookies that were set, by name and keyed hash. It remembers the last 100,000: about 20 MB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issued {
    known: BTreeSet<(String, String)>,
    order: VecDeque<(String, String)>,
}

/// How many cookies are remembered.
const MOST: usize = 100_000;

impl Issued {
    /// Notes the cookies that an answer sets and a source of `rules` names; whether one of them is
    /// new. To be told before the answer is redacted.
    pub fn note(
        &mut self,
        response: &ResponseHead,
        rules: &TagRules,
        redactor: &dyn Redactor,
    ) -> bool {
        let mut new = false;
        for cookie in cookies(response).filter(|cookie| rules.names_cookie(cookie.name)) {
            let name = String::from_utf8_lossy(cookie.name).into_owned();
            new |= self.add(name, redactor.replacement(cookie.value));
        }
        new
    }

    fn add(&mut self, name: String, replacement: String) -> bool {
        let key = (name, replacement);
        if !self.known.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// Whether that cookie was set to that value, of which this is what stands for it.
    pub fn has(&self, name: &str, replacement: &str) -> bool {
        // Asked for each request: most recorders note no cookie at all.
        !self.known.is_empty()
            && self
                .known
                .contains(&(name.to_owned(), replacement.to_owned()))
    }
}

/// The cookies that an answer sets, without those that it removes.
pub(crate) fn cookies(response: &ResponseHead) -> impl Iterator<Item = Cookie<'_>> {
    response.set_cookies().filter(|cookie| {
        let mut fields = response.headers().all("Set-Cookie");
        let field = fields.find(|field| {
            field.value_at.start <= cookie.value_at.start
                && cookie.value_at.end <= field.value_at.end
        });
        !cookie.value.is_empty() && field.is_some_and(|field| !removes(field.value))
    })
}

/// Whether a `Set-Cookie` removes its cookie (RFC 6265, section 5.2): `Max-Age` is not above 0, or
/// `Expires` names the beginning of time, as everybody writes it.
fn removes(value: &[u8]) -> bool {
    let attributes = value.split(|byte| *byte == b';').skip(1);
    let decided = attributes
        .map(<[u8]>::trim_ascii)
        .try_for_each(|attribute| {
            let text = String::from_utf8_lossy(attribute).to_ascii_lowercase();
            let Some((name, value)) = text.split_once('=') else {
                return ControlFlow::Continue(());
            };
            match (name.trim(), value.trim()) {
                ("max-age", age) if age.starts_with('-') || age.parse() == Ok(0_u64) => {
                    ControlFlow::Break(())
                }
                ("expires", date) if date.contains("1970") => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
    decided.is_break()
}

#[cfg(test)]
mod tests {
    use wsaudit_wire::ResponseHead;

    use super::{Issued, MOST};
    use crate::{AlreadyRedacted, TagRules};

    fn answer(fields: &str) -> ResponseHead {
        ResponseHead::parse(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes()).unwrap()
    }

    fn rules() -> TagRules {
        TagRules {
            session: vec!["cookie:sid".parse().unwrap()],
            user: vec!["set-cookie:uid".parse().unwrap()],
            ..TagRules::default()
        }
    }

    #[test]
    fn what_is_set_is_known_and_new_once() {
        let mut issued = Issued::default();
        let mut note = |fields: &str| issued.note(&answer(fields), &rules(), &AlreadyRedacted);
        assert!(note(
            "Set-Cookie: sid=a; Path=/; HttpOnly\r\nSet-Cookie: theme=x\r\n"
        ));
        assert!(!note("Set-Cookie: sid=a\r\n"), "known");
        assert!(!note("Set-Cookie: theme=dark\r\n"), "no source names it");
        assert!(note("set-cookie: uid=7; Max-Age=3600\r\n"));
        assert!(issued.has("sid", "a") && issued.has("uid", "7"));
        assert!(!issued.has("theme", "x") && !issued.has("sid", "7"));
    }

    #[test]
    fn what_is_removed_is_not_issued() {
        for field in [
            "sid=a; Max-Age=0",
            "sid=a; max-age=-1",
            "sid=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "sid=; Path=/",
        ] {
            let answer = answer(&format!("Set-Cookie: {field}\r\n"));
            let mut issued = Issued::default();
            assert!(!issued.note(&answer, &rules(), &AlreadyRedacted), "{field}");
        }
    }

    #[test]
    fn a_server_that_makes_up_cookies_does_not_fill_the_memory() {
        let mut issued = Issued::default();
        for number in 0..=MOST {
            issued.add("sid".into(), number.to_string());
        }
        assert_eq!((issued.known.len(), issued.order.len()), (MOST, MOST));
        assert!(!issued.has("sid", "0") && issued.has("sid", "1"));
    }
}
