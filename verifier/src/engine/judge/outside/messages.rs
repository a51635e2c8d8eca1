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
        let codec = self.packs[pack].codec.as_str();
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecodable,
                message,
                settle: match error {
                    DecodeError::Withheld { .. } => "record again with a --redact that can be \
                         followed in such messages (an expression needs no JSON), or leave the \
                         connection out with [scope]"
                        .to_owned(),
                    _ if is_exchange => "record again with a larger \
                         --max-recorded-body, or choose other paths with --record-http"
                        .to_owned(),
                    _ => format!(
                        "choose another codec than `{codec}` in [message], or leave the \
                         connection out with [scope]"
                    ),
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

const WITHHELD: &str = "record again with a --redact that can be followed in such bodies (an expression needs no JSON)";
