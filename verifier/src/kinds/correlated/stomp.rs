//! STOMP 1.0 to 1.2: a MESSAGE names the `subscription` that it is for, a RECEIPT the `receipt` that was
//! asked for. <https://stomp.github.io/stomp-specification-1.2.html>
//!
//! Frames may be split over WebSocket messages, or packed into one: they are read as a stream for each
//! direction.

use wsaudit_wire::Direction;

use super::said::{Acts, Lasts, Space, Understood, What};
use crate::framing::stomp::Frame;

/// A frame of more bytes is not waited for.
const LONGEST: usize = 16 << 20;

/// The beginnings of frames that are not complete yet.
#[derive(Debug, Default)]
pub(super) struct Stomp {
    from_client: Vec<u8>,
    from_server: Vec<u8>,
}

/// Whether a client's message is a first one of this framing.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    [&b"CONNECT\n"[..], b"CONNECT\r\n", b"STOMP\n", b"STOMP\r\n"]
        .iter()
        .any(|command| bytes.starts_with(command))
}

impl Stomp {
    pub(super) fn read(&mut self, bytes: &[u8], acts: &mut Acts<'_>) -> Understood {
        let rest = match acts.sender() {
            Direction::ClientToServer => &mut self.from_client,
            Direction::ServerToClient => &mut self.from_server,
        };
        // Mostly a message is a frame, and nothing has to be kept.
        let mut joined = std::mem::take(rest);
        let mut bytes = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        while let Some((frame, more)) = Frame::read(bytes) {
            frame.says(acts);
            bytes = more;
        }
        let heart_beats = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let bytes = &bytes[heart_beats.count()..];
        if bytes.len() > LONGEST {
            return Understood::No;
        }
        *rest = bytes.to_vec();
        Understood::Yes
    }
}

impl Frame<'_> {
    fn says(&self, acts: &mut Acts<'_>) {
        let of_client = acts.by_client();
        let (what, name, called) = match (of_client, self.command) {
            (true, "SUBSCRIBE") => (What::Ask(Lasts::UntilItsEnd), "id", "SUBSCRIBE"),
            (true, "UNSUBSCRIBE") => (What::Cancel, "id", "UNSUBSCRIBE"),
            // A queue for replies, to which RabbitMQ subscribes its sender.
            (true, "SEND") => (What::Ask(Lasts::UntilItsEnd), "reply-to", "SEND"),
            (false, "MESSAGE") => (What::Item, "subscription", "MESSAGE"),
            _ => (What::Cancel, "", ""),
        };
        if !name.is_empty()
            && let Some(id) = self.header(name)
        {
            acts.add(what, Space::Subscription, id, called);
        }
        let (what, name, called) = match (of_client, self.command) {
            (true, _) => (What::Ask(Lasts::ForOneReply), "receipt", "receipt"),
            (false, "RECEIPT") => (What::Final, "receipt-id", "RECEIPT"),
            (false, "ERROR") => (What::Final, "receipt-id", "ERROR"),
            (false, _) => return,
        };
        if let Some(id) = self.header(name) {
            acts.add(what, Space::Receipt, id, called);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::said::Act;
    use super::*;

    const STREAM: &[u8] = b"\nSUBSCRIBE\nid:a\\c1\nid:2\ndestination:/q\nreceipt:r\n\n\0\n\
        SEND\r\ndestination:/q\r\ncontent-length:3\r\n\r\na\0b\0UNSUBSCRIBE\nid:a\\c1\n\n\0";

    fn acts(pieces: impl Iterator<Item = &'static [u8]>) -> Vec<Act> {
        let (mut stomp, mut acts) = (Stomp::default(), Vec::new());
        for piece in pieces {
            let mut acts = Acts::new(Direction::ClientToServer, &mut acts);
            assert_eq!(stomp.read(piece, &mut acts), Understood::Yes);
        }
        acts
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut() {
        let whole = acts(std::iter::once(STREAM));
        let said: Vec<_> = whole
            .iter()
            .map(|act| (act.what, act.key.space, &*act.key.id))
            .collect();
        assert_eq!(
            said,
            [
                (What::Ask(Lasts::UntilItsEnd), Space::Subscription, "a:1"),
                (What::Ask(Lasts::ForOneReply), Space::Receipt, "r"),
                (What::Cancel, Space::Subscription, "a:1"),
            ]
        );
        for size in 1..STREAM.len() {
            assert_eq!(acts(STREAM.chunks(size)), whole, "{size} bytes at a time");
        }
    }
}
