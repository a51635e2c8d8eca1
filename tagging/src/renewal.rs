//! What an answer makes of a cookie that its request presented.

use wsaudit_wire::{RequestHead, ResponseHead};

use crate::{Redactor, issued, tagger};

/// A cookie that an answer sets: what stands for its value, and for the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// What the request presented; `None`: no cookie of that name.
    pub before: Option<String>,
    /// What the answer sets; the same as before where it sets what was presented.
    pub now: String,
}

impl Renewal {
    /// What an answer makes of the cookie of that name; `None`: it does not set it, or removes it.
    pub fn of(
        name: &str,
        request: &RequestHead,
        response: &ResponseHead,
        redactor: &dyn Redactor,
    ) -> Option<Self> {
        let set = issued::cookies(response).find(|cookie| cookie.name == name.as_bytes())?;
        Some(Self {
            before: tagger::presented(name, request, redactor),
            now: redactor.replacement(set.value),
        })
    }
}

#[cfg(test)]
mod tests {
    use wsaudit_wire::{RequestHead, ResponseHead};

    use super::Renewal;
    use crate::AlreadyRedacted;

    #[test]
    fn an_answer_sets_a_cookie_anew_or_for_the_first_time() {
        for (presented, set, expected) in [
            ("sid=a", "sid=b; HttpOnly", Some((Some("a"), "b"))),
            ("theme=x; sid=\"a\"", "sid=b", Some((Some("a"), "b"))),
            ("sid=a", "sid=a", Some((Some("a"), "a"))),
            ("theme=x", "sid=b", Some((None, "b"))),
            ("sid=", "sid=b", Some((None, "b"))),
            ("sid=a", "sid=gone; Max-Age=0", None),
            ("sid=a", "theme=y", None),
        ] {
            let request = format!("GET / HTTP/1.1\r\nCookie: {presented}\r\n\r\n");
            let response = format!("HTTP/1.1 200 OK\r\nSet-Cookie: {set}\r\n\r\n");
            let got = Renewal::of(
                "sid",
                &RequestHead::parse(request.as_bytes()).unwrap(),
                &ResponseHead::parse(response.as_bytes()).unwrap(),
                &AlreadyRedacted,
            );
            let expected = expected.map(|(before, now)| Renewal {
                before: before.map(str::to_owned),
                now: now.to_owned(),
            });
            assert_eq!(got, expected, "{presented}, {set}");
        }
    }
}
