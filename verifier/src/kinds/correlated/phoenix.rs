//! Phoenix channels, v2: `[join_ref, ref, topic, event, payload]`, and the binary form of it.
//! <https://hexdocs.pm/phoenix/writing_a_channels_client.html>
//!
//! A `ref` ties a reply to its push; a topic's events come to those who joined it.

use std::borrow::Cow;

use hashbrown::HashMap;

use super::members::{elements, id, members, string};
use super::said::{Acts, Lasts, Space, Understood, What};

/// The topics that a connection has joined, each with the `join_ref` of the last join: what ends an
/// earlier one does not end it.
#[derive(Debug, Default)]
pub(super) struct Phoenix {
    joined: HashMap<Box<str>, Box<str>>,
}

struct Message<'m> {
    join_ref: Option<Cow<'m, str>>,
    number: Option<Cow<'m, str>>,
    topic: Cow<'m, str>,
    event: Cow<'m, str>,
    status: Status,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Error,
    /// Or there is none.
    Other,
}

/// Whether a client's message is a first one of this framing.
pub(super) fn is_one(text: &str) -> bool {
    let message = Message::of_text(text);
    message.is_some_and(|message| {
        message.number.is_some()
            && (message.event == "phx_join"
                || message.event == "heartbeat" && message.topic == "phoenix")
    })
}

impl Phoenix {
    pub(super) fn text(&mut self, text: &str, acts: &mut Acts<'_>) -> Understood {
        if let Some(message) = Message::of_text(text) {
            self.says(message, acts);
        }
        Understood::Yes
    }

    pub(super) fn binary(&mut self, bytes: &[u8], acts: &mut Acts<'_>) -> Understood {
        match Message::of_binary(bytes, acts.by_client()) {
            Some(message) => {
                self.says(message, acts);
                Understood::Yes
            }
            None => Understood::No,
        }
    }

    fn says(&mut self, message: Message<'_>, acts: &mut Acts<'_>) {
        if acts.by_client() {
            self.client_says(message, acts);
        } else {
            self.server_says(message, acts);
        }
    }

    fn client_says(&mut self, message: Message<'_>, acts: &mut Acts<'_>) {
        let Message {
            number,
            topic,
            event,
            ..
        } = message;
        let Some(number) = number else { return };
        match &*event {
            "phx_join" => {
                self.joined.insert((&*topic).into(), (&*number).into());
                let joins = What::Ask(Lasts::UntilItsEnd);
                acts.add(joins, Space::Topic, (&*topic).into(), "phx_join");
            }
            "phx_leave" => acts.add(What::Cancel, Space::Topic, (&*topic).into(), "phx_leave"),
            _ => {}
        }
        let asks = What::Ask(Lasts::ForOneReply);
        acts.add_within(asks, Space::Request, &topic, number, "push");
    }

    fn server_says(&mut self, message: Message<'_>, acts: &mut Acts<'_>) {
        let Message {
            join_ref,
            number,
            topic,
            event,
            status,
        } = message;
        let joined = self.joined.get(&*topic).map(|number| &**number);
        let of_last_join = join_ref.is_none() || join_ref.as_deref() == joined;
        let ends = match &*event {
            "phx_reply" => {
                // A join that is refused is no join.
                let refused = status == Status::Error && number.is_some() && number == join_ref;
                if let Some(number) = number {
                    acts.add_within(What::Final, Space::Request, &topic, number, "phx_reply");
                }
                if !refused {
                    return;
                }
                true
            }
            "phx_close" | "phx_error" => true,
            _ => false,
        };
        match (ends, of_last_join) {
            (true, true) => {
                if self.joined.remove(&*topic).is_some() {
                    acts.add(What::Final, Space::Topic, topic, "the topic's end");
                }
            }
            (true, false) => {}
            (false, _) => acts.add(What::Item, Space::Topic, topic, "an event of the topic"),
        }
    }
}

impl<'m> Message<'m> {
    fn of_text(text: &'m str) -> Option<Self> {
        let [join_ref, number, topic, event, payload] = elements(text)?.try_into().ok()?;
        let event = string(event)?;
        let status = || {
            let [status] = members(payload.get(), ["status"])?;
            string(status?)
        };
        let is_error = event == "phx_reply" && status().is_some_and(|status| status == "error");
        Some(Self {
            join_ref: id(join_ref),
            number: id(number),
            topic: string(topic)?,
            event,
            status: if is_error {
                Status::Error
            } else {
                Status::Other
            },
        })
    }

    /// A kind, the lengths of the parts, the parts, the payload.
    /// <https://github.com/phoenixframework/phoenix/blob/main/lib/phoenix/socket/serializers/v2_json_serializer.ex>
    fn of_binary(bytes: &'m [u8], by_client: bool) -> Option<Self> {
        const PUSH: u8 = 0;
        const REPLY: u8 = 1;
        const BROADCAST: u8 = 2;
        let (kind, rest) = bytes.split_first()?;
        let count = match (by_client, *kind) {
            (true, PUSH) | (false, REPLY) => 4,
            (false, PUSH) => 3,
            (false, BROADCAST) => 2,
            _ => return None,
        };
        let (lengths, mut rest) = rest.split_at_checked(count)?;
        let mut parts = lengths.iter().map(|length| {
            let (part, more) = rest.split_at_checked(usize::from(*length))?;
            rest = more;
            std::str::from_utf8(part).ok()
        });
        let mut next = || parts.next().flatten().map(Cow::Borrowed);
        let present = |part: Cow<'m, str>| (!part.is_empty()).then_some(part);
        Some(match (by_client, *kind) {
            (true, _) => Self {
                join_ref: present(next()?),
                number: present(next()?),
                topic: next()?,
                event: next()?,
                status: Status::Other,
            },
            (false, PUSH) => Self {
                join_ref: present(next()?),
                number: None,
                topic: next()?,
                event: next()?,
                status: Status::Other,
            },
            (false, REPLY) => Self {
                join_ref: present(next()?),
                number: present(next()?),
                topic: next()?,
                status: match &*next()? {
                    "error" => Status::Error,
                    _ => Status::Other,
                },
                event: Cow::Borrowed("phx_reply"),
            },
            (false, _) => Self {
                join_ref: None,
                number: None,
                topic: next()?,
                event: next()?,
                status: Status::Other,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_form_says_what_the_text_says() {
        let mut push = vec![0, 1, 1, 4, 4];
        push.extend(b"17room:pic\x00\xff");
        let message = Message::of_binary(&push, true).unwrap();
        assert_eq!((&*message.topic, &*message.event), ("room", ":pic"));
        assert_eq!(message.number.as_deref(), Some("7"));
        let mut reply = vec![1, 1, 1, 4, 5];
        reply.extend(b"17roomerror{}");
        let message = Message::of_binary(&reply, false).unwrap();
        assert!(message.status == Status::Error && message.event == "phx_reply");
        let mut broadcast = vec![2, 4, 3];
        broadcast.extend(b"roomnewx");
        let message = Message::of_binary(&broadcast, false).unwrap();
        assert_eq!((&*message.topic, &*message.event), ("room", "new"));
        for broken in [&[][..], &[0, 9, 9], &[7, 0, 0], &[2, 4, 3, b'r']] {
            assert!(Message::of_binary(broken, false).is_none());
        }
    }
}
