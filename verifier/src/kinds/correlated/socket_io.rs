//! Socket.IO 3 and later over Engine.IO 4: `<Engine.IO type><Socket.IO type>[<attachments>-][<namespace>,][<ack id>][JSON]`.
//! <https://socket.io/docs/v4/socket-io-protocol/>
//!
//! Acknowledgements answer events, in both directions; events of a namespace come to those who connected
//! to it. A connection that began with polling goes on here with what was asked there.

use super::said::{Acts, Lasts, Space, Understood, What};
use crate::framing::socket_io::Packet;

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SocketIo {
    /// Whether Engine.IO's own handshake was seen here.
    begun: Begun,
    namespaces: Namespaces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// Everything that was asked was asked here.
    Here,
    /// It began with polling.
    Elsewhere,
}

/// How a client comes to be in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Namespaces {
    /// It asks.
    Asked,
    /// Before Engine.IO 4 it is in the main one without asking.
    Given,
}

/// Whether a server's message is Engine.IO's handshake.
pub(super) fn is_one(text: &str) -> bool {
    text.starts_with("0{\"sid\"")
}

impl SocketIo {
    /// A connection whose request target has this query.
    pub(super) fn new(query: &str) -> Self {
        let asked = query.split('&').any(|parameter| parameter == "EIO=4");
        Self {
            begun: Begun::Elsewhere,
            namespaces: if asked {
                Namespaces::Asked
            } else {
                Namespaces::Given
            },
        }
    }

    pub(super) fn read(&mut self, text: &str, acts: &mut Acts<'_>) -> Understood {
        if !acts.by_client() && text.starts_with("0{") {
            self.begun = Begun::Here;
        }
        if let Some(packet) = text.strip_prefix('4').and_then(Packet::read) {
            if (self.begun, self.namespaces) == (Begun::Here, Namespaces::Asked) {
                packet.in_its_namespace(acts);
            }
            packet.acknowledged(acts);
        }
        match self.begun {
            Begun::Here => Understood::Yes,
            Begun::Elsewhere => Understood::GoesOn,
        }
    }
}

impl Packet<'_> {
    fn in_its_namespace(&self, acts: &mut Acts<'_>) {
        let (what, called) = match (acts.by_client(), self.kind) {
            (true, b'0') => (What::Ask(Lasts::UntilItsEnd), "CONNECT"),
            (true, b'1') => (What::Cancel, "DISCONNECT"),
            (false, b'0') => (What::Item, "CONNECT"),
            (false, b'1') => (What::Final, "DISCONNECT"),
            (false, b'2' | b'5') => (What::Item, "EVENT"),
            (false, b'4') => (What::Final, "CONNECT_ERROR"),
            _ => return,
        };
        acts.add(what, Space::Namespace, self.namespace.into(), called);
    }

    fn acknowledged(&self, acts: &mut Acts<'_>) {
        let (what, called) = match self.kind {
            b'2' | b'5' => (What::Ask(Lasts::ForOneReply), "EVENT"),
            b'3' | b'6' => (What::Final, "ACK"),
            _ => return,
        };
        if !self.ack.is_empty() {
            acts.add_within(
                what,
                Space::Request,
                self.namespace,
                self.ack.into(),
                called,
            );
        }
    }
}
