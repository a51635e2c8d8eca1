//! What is not known of messages: those that cannot be decoded, and bodies over HTTP that are not looked into.

use wsaudit_wire::Direction;

use super::{Judge, OutsideDoubt, Touches};
use crate::decode::DecodeError;
use crate::engine::Holder;
use crate::engine::tally::{Bodies, Unread};
use crate::finding::{Doubt, Subject};
use crate::verdict::Reason;

impl Judge<'_, '_> {
    pub(super) fn undecodable(&self, pack: usize) -> Option<OutsideDoubt> {
        let undecodable = &self.finished.tally.undecodable[pack];
        let (place, connection, error) = undecodable.first.as_ref()?;
        let cx = &self.finished.cx;
        let (connection_name, seq) = (cx.describe_connection(*connection), place.seq);
        let is_exchange = cx.connection(*connection).info.http.is_some();
        let message = match undecodable.count {
            1 => format!("frame {seq} on {connection_name} cannot be decoded: {error}"),
            count => format!(
                "{count} messages cannot be decoded; the first is frame {seq} on \
                 {connection_name}: {error}"
            ),
        };
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecodable,
                message,
                settle: if is_exchange {
                    settles_body(error)
                } else {
                    settles_message(error)
                },
                place: Some(*place),
                subject: cx.subject(Holder::Connection(*connection)),
            },
            touches: if cx.learns_from_messages() {
                Touches::ThoseThatLearnFromMessages
            } else {
                Touches::ThoseThatReadMessages
            },
        })
    }

    /// Bodies that were not looked into: told to all rules that read messages where an event may be in them; to
    /// those that look at all that a server sends, together with those of other answers.
    pub(super) fn unread_bodies(&self, pack: usize) -> Vec<OutsideDoubt> {
        let unread = &self.finished.tally.unread[pack];
        let of_events = self.unread(&unread.of_events, Touches::ThoseThatNameWhatTheyRead);
        let all = self.unread(&unread.all, Touches::ThoseThatReadAllAnswers);
        of_events.into_iter().chain(all).collect()
    }

    fn unread(&self, bodies: &Bodies, touches: Touches) -> Option<OutsideDoubt> {
        let first = bodies.first.as_ref()?;
        let cx = &self.finished.cx;
        let exchange = cx.connection(first.connection).info.http.as_ref();
        let name = exchange.map_or("", |exchange| &exchange.name);
        let what = match first.direction {
            Direction::ClientToServer => format!("that of the request `{name}`"),
            Direction::ServerToClient => format!("that of the answer to `{name}`"),
        };
        let media_types = bodies.media_types.iter().map(|(media_type, count)| {
            let media_type = media_type.as_deref().unwrap_or("no media type");
            match count {
                1 => media_type.to_owned(),
                count => format!("{count} of {media_type}"),
            }
        });
        let media_types = few(media_types.collect());
        let seq = first.place.seq;
        let message = match bodies.count {
            1 => format!("a body was not looked into ({media_types}): {what} at {seq}"),
            count => format!(
                "{count} bodies were not looked into ({media_types}); the first is {what} at {seq}"
            ),
        };
        let message = match &first.missing {
            Some(missing) => format!("{message}: {missing}"),
            None => message,
        };
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecodable,
                message,
                settle: settles_unread(first),
                place: Some(first.place),
                subject: match bodies.count {
                    1 => cx.subject(Holder::Connection(first.connection)),
                    _ => Subject::default(),
                },
            },
            touches,
        })
    }
}

/// More than these are counted.
const MOST_NAMED: usize = 4;

fn few(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// What settles that a message of a socket cannot be decoded.
fn settles_message(error: &DecodeError) -> String {
    const LEAVE_OUT: &str = "or leave the connection out with [scope]";
    let settle = match error {
        DecodeError::Withheld { .. } => {
            "record again with another --redact, that can be followed in such messages (an expression needs no JSON)"
        }
        DecodeError::Truncated { .. } | DecodeError::CutOff { .. } => {
            "record again with a larger --max-recorded-payload"
        }
        DecodeError::NotJson { .. } | DecodeError::NotFramed { .. } => {
            "name the codec that its messages are written in, as `codec` in [message] (`text`, where they have no \
             structure), or those that carry nothing, as `ignore`"
        }
        DecodeError::NotUtf8 { .. } => {
            "no codec reads binary messages: let the application speak JSON while it is recorded"
        }
        DecodeError::Undecodable { .. } => {
            "see to what made it so, and record again from the opening of the connection on"
        }
    };
    format!("{settle}, {LEAVE_OUT}")
}

/// What settles that a body that says that it is JSON cannot be read.
fn settles_body(error: &DecodeError) -> String {
    let settle = match error {
        DecodeError::NotJson { .. }
        | DecodeError::NotFramed { .. }
        | DecodeError::NotUtf8 { .. } => {
            "it says that it is JSON: let the application send what it says"
        }
        other => missing(other),
    };
    format!("{settle}, or choose other paths with --record-http")
}

/// What settles that a body was not looked into.
fn settles_unread(unread: &Unread) -> String {
    let settle = match &unread.missing {
        Some(error) => missing(error),
        None => match unread.direction {
            Direction::ClientToServer => {
                "let the client send JSON or a form, or let the event find its ids in the path (`{field}`)"
            }
            Direction::ServerToClient => {
                "let the server answer with JSON, or let the event find its ids in the path (`{field}`)"
            }
        },
    };
    format!(
        "{settle}; where nothing that the rule asks for can be in it, leave its path out with --record-http, or \
         accept undecodable in the pack"
    )
}

/// What settles that a body is not in the recording.
fn missing(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Withheld { .. } => WITHHELD,
        DecodeError::Undecodable { why } if why.starts_with("withheld") => WITHHELD,
        DecodeError::CutOff { why } if !why.contains("--max-recorded-body") => {
            "record again, and let its answer end before the recorder does, and before its server leaves"
        }
        DecodeError::CutOff { .. } | DecodeError::Truncated { .. } => {
            "record again with a larger --max-recorded-body"
        }
        DecodeError::Undecodable { .. }
        | DecodeError::NotJson { .. }
        | DecodeError::NotFramed { .. }
        | DecodeError::NotUtf8 { .. } => {
            "record again with bodies that are sent as they are, or in gzip or deflate"
        }
    }
}

const WITHHELD: &str = "record again with another --redact, that can be followed in such bodies (an expression needs no JSON)";

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_off(why: &str) -> DecodeError {
        let why = why.to_owned();
        DecodeError::CutOff { why }
    }

    fn undecodable(why: &str) -> DecodeError {
        let why = why.to_owned();
        DecodeError::Undecodable { why }
    }

    #[test]
    fn advice_about_a_message_follows_what_is_wrong_with_it() {
        let (kept, full_length, why) = (1, 9, String::new());
        for (error, settles) in [
            (
                DecodeError::Truncated { kept, full_length },
                "larger --max-recorded-payload",
            ),
            (
                DecodeError::NotUtf8 { at: 0 },
                "no codec reads binary messages",
            ),
            (
                DecodeError::NotJson { why: why.clone() },
                "`codec` in [message]",
            ),
            (DecodeError::Withheld { why }, "another --redact"),
            (
                undecodable("context lost"),
                "from the opening of the connection on",
            ),
        ] {
            let advice = settles_message(&error);
            assert!(advice.contains(settles), "{error}: {advice}");
            assert!(advice.ends_with("[scope]"), "{advice}");
        }
    }

    #[test]
    fn advice_about_a_body_follows_what_is_wrong_with_it() {
        let why = String::new();
        for (error, settles) in [
            (
                cut_off("it is longer than --max-recorded-body"),
                "larger --max-recorded-body",
            ),
            (cut_off("the server ended too early"), "let its answer end"),
            (
                DecodeError::NotJson { why },
                "let the application send what it says",
            ),
            (
                undecodable("withheld by redaction: why"),
                "another --redact",
            ),
            (
                undecodable("br is not known"),
                "sent as they are, or in gzip",
            ),
        ] {
            let advice = settles_body(&error);
            assert!(advice.contains(settles), "{error}: {advice}");
        }
    }
}
