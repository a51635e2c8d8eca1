//! A connection of a trace, from its declaration to its end.

use super::super::error::Problem;
use super::super::word::Words;
use crate::history::{Connection, Moment, Tag};

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Nothing happened yet.
    Declared,
    /// Opened. Where no line says how it is answered, it is accepted at once.
    Opened,
    /// Accepted by a line, or because a message followed.
    Accepted,
    /// Refused, or ended.
    Ended,
}

/// A connection and its name.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    /// Where it is declared.
    pub(super) line: u32,
    pub(super) life: Life,
    /// Tags that hold from its opening on.
    pub(super) declared: Vec<Tag>,
    /// Whether it has asked for something over plain HTTP.
    pub(super) speaks_http: bool,
    pub(super) info: Connection,
}

/// What every client sends.
const REQUIRED: [(&str, &str); 5] = [
    ("Host", "app.example"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

/// Names with their values.
pub(super) type Headers<'t> = Vec<(&'t str, &'t str)>;

impl Named {
    pub(super) fn new(name: &str, line: u32) -> Self {
        Self {
            name: name.to_owned(),
            line,
            life: Life::Declared,
            declared: Vec::new(),
            speaks_http: false,
            info: Connection::new(0, Moment { seq: 0, at: 0 }),
        }
    }

    fn wrong(&self, state: &'static str, hint: &'static str) -> Problem {
        Problem::WrongState {
            name: self.name.clone(),
            state,
            hint,
        }
    }

    pub(super) fn open(&mut self, number: u64, moment: Moment) -> Result<(), Problem> {
        if self.life != Life::Declared {
            let hint = "for a reconnect, declare another connection with the same session";
            return Err(self.wrong("was opened before", hint));
        }
        self.life = Life::Opened;
        self.info.number = number;
        self.info.opened = moment;
        let declared = std::mem::take(&mut self.declared);
        self.tag(moment.seq, declared)
    }

    /// The request's head, from `[METHOD] TARGET` and headers. What a client must send (RFC 6455,
    /// section 4.1) is added where it is not there.
    pub(super) fn request(&mut self, line: &str, headers: &[(&str, &str)]) -> Result<(), Problem> {
        let (method, target) = match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => ("GET", "/"),
            [target] => ("GET", target),
            [method, target] => (method, target),
            [_, _, other, ..] => return Err(Problem::LeftOver(other.to_owned())),
        };
        let missing = REQUIRED.iter().filter(|(name, _)| {
            !headers
                .iter()
                .any(|(given, _)| given.eq_ignore_ascii_case(name))
        });
        let first = format!("{method} {target} HTTP/1.1");
        self.info.request_head = head(&first, missing.chain(headers));
        Ok(())
    }

    pub(super) fn accept<'t>(
        &mut self,
        moment: Moment,
        subprotocol: &'t str,
        headers: Headers<'t>,
    ) -> Result<(), Problem> {
        match self.life {
            Life::Opened => {}
            Life::Declared => return Err(self.wrong("is not open", "open it on a line before")),
            Life::Accepted => {
                return Err(self.wrong(
                    "is accepted already",
                    "put the line before its first message",
                ));
            }
            Life::Ended => return Err(self.wrong("has ended", "remove the line")),
        }
        let chosen = match subprotocol.split_whitespace().collect::<Vec<_>>()[..] {
            [] => None,
            ["subprotocol", chosen] => Some(chosen),
            [other, ..] => return Err(Problem::LeftOver(other.to_owned())),
        };
        self.accepted(moment, chosen, headers);
        Ok(())
    }

    fn accepted<'t>(&mut self, moment: Moment, chosen: Option<&'t str>, mut headers: Headers<'t>) {
        if let Some(chosen) = chosen {
            headers.push(("Sec-WebSocket-Protocol", chosen));
        }
        self.info.subprotocol = chosen.map(str::to_owned);
        let first = "HTTP/1.1 101 Switching Protocols";
        self.info.response_head = head(first, headers.iter());
        self.info.answered = Some(moment);
        self.info.status = Some(101);
        self.life = Life::Accepted;
    }

    pub(super) fn refuse(
        &mut self,
        moment: Moment,
        status: u16,
        headers: &[(&str, &str)],
    ) -> Result<(), Problem> {
        if self.life != Life::Opened {
            return Err(self.wrong("was answered before", "remove the line"));
        }
        self.info.response_head = head(&format!("HTTP/1.1 {status} "), headers.iter());
        self.info.answered = Some(moment);
        self.info.closed = Some(moment);
        self.info.status = Some(status);
        self.life = Life::Ended;
        Ok(())
    }

    /// A message is about to travel on it.
    pub(super) fn speaks(&mut self) -> Result<(), Problem> {
        match self.life {
            Life::Opened => {
                self.accepted(self.info.opened, None, Vec::new());
                Ok(())
            }
            Life::Accepted => Ok(()),
            Life::Declared => Err(self.wrong("is not open", "open it on a line before")),
            Life::Ended => Err(self.wrong(
                "has ended",
                "for a reconnect, declare another with the same session",
            )),
        }
    }

    pub(super) fn tag(&mut self, from: u64, tags: Vec<Tag>) -> Result<(), Problem> {
        if self.life == Life::Ended {
            return Err(self.wrong("has ended", "put the line before its end"));
        }
        self.info
            .tags
            .extend(tags.into_iter().map(|tag| Tag { from, ..tag }));
        Ok(())
    }

    /// The tags that hold now, before it opens as well.
    pub(super) fn tags(&self) -> Vec<Tag> {
        let all = self.declared.iter().chain(&self.info.tags);
        let mut now: Vec<Tag> = Vec::new();
        for tag in all {
            let same = |known: &Tag| known.kind == tag.kind && known.source == tag.source;
            now.retain(|known| !same(known));
            now.push(tag.clone());
        }
        now
    }

    /// Its end. One that nobody answered stays unanswered.
    pub(super) fn close(&mut self, moment: Moment) -> Result<(), Problem> {
        if self.life == Life::Ended {
            return Err(self.wrong("has ended", "remove the line"));
        }
        self.info.closed = Some(moment);
        self.life = Life::Ended;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Connection {
        if self.life == Life::Opened {
            self.accepted(self.info.opened, None, Vec::new());
        }
        self.info
    }
}

/// The headers on the lines that are left.
pub(super) fn headers<'t>(words: &mut Words<'t>) -> Result<Headers<'t>, Problem> {
    let lines = words.lines().into_iter();
    lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.split_once(':')
                .map(|(name, value)| (name.trim(), value.trim()))
                .filter(|(name, _)| is_token(name))
                .ok_or_else(|| Problem::BadHeader(line.to_owned()))
        })
        .collect()
}

/// What a header may be called (RFC 9110, section 5.6.2).
fn is_token(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_part)
}

pub(super) fn head<'h>(
    first: &str,
    headers: impl Iterator<Item = &'h (&'h str, &'h str)>,
) -> Vec<u8> {
    let headers = headers.flat_map(|(name, value)| [name, ": ", value, "\r\n"]);
    let parts = [first, "\r\n"].into_iter().chain(headers).chain(["\r\n"]);
    parts.collect::<String>().into_bytes()
}
