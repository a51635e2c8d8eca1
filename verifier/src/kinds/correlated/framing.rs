//! Which framing a connection speaks, and what its messages say in it.

use wsaudit_wire::{Direction, Opcode};

use super::phoenix::Phoenix;
use super::said::{Acts, Understood};
use super::signalr::Protocol;
use super::socket_io::SocketIo;
use super::stomp::Stomp;
use super::{
    actioncable, graphql_transport_ws, graphql_ws, json_rpc, phoenix, signalr, socket_io, stomp,
};
use crate::history::Connection;

/// A framing on top of WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Framing {
    /// Action Cable.
    ActionCable,
    /// graphql-transport-ws.
    GraphqlTransportWs,
    /// graphql-ws, of subscriptions-transport-ws.
    GraphqlWs,
    /// JSON-RPC 2.0.
    JsonRpc,
    /// Phoenix channels, v2.
    Phoenix,
    /// SignalR's JSON hub protocol.
    SignalR,
    /// Socket.IO over Engine.IO.
    SocketIo,
    /// STOMP.
    Stomp,
}

impl Framing {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ActionCable,
        Self::GraphqlTransportWs,
        Self::GraphqlWs,
        Self::JsonRpc,
        Self::Phoenix,
        Self::SignalR,
        Self::SocketIo,
        Self::Stomp,
    ];

    /// Its name in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActionCable => "actioncable",
            Self::GraphqlTransportWs => "graphql-transport-ws",
            Self::GraphqlWs => "graphql-ws",
            Self::JsonRpc => "json-rpc",
            Self::Phoenix => "phoenix",
            Self::SignalR => "signalr",
            Self::SocketIo => "socket.io",
            Self::Stomp => "stomp",
        }
    }

    /// What the handshake of a connection says; `None`: nothing.
    pub(crate) fn of_handshake(connection: &Connection) -> Option<Self> {
        let subprotocol = connection.subprotocol.as_deref();
        subprotocol
            .and_then(Self::of_subprotocol)
            .or_else(|| Self::of_target(&String::from_utf8_lossy(connection.target())))
    }

    /// What a subprotocol says; `None`: nothing.
    fn of_subprotocol(subprotocol: &str) -> Option<Self> {
        Some(match subprotocol.to_ascii_lowercase().as_str() {
            "graphql-transport-ws" => Self::GraphqlTransportWs,
            "graphql-ws" => Self::GraphqlWs,
            "actioncable-v1-json" => Self::ActionCable,
            "v10.stomp" | "v11.stomp" | "v12.stomp" | "stomp" => Self::Stomp,
            "jsonrpc" | "jsonrpc-2.0" | "json-rpc" | "jsonrpc2.0" => Self::JsonRpc,
            _ => return None,
        })
    }

    /// What a request target says; `None`: nothing.
    fn of_target(target: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let has = |prefix: &str| query.split('&').any(|one| one.starts_with(prefix));
        if path.contains("socket.io") && has("EIO=") {
            Some(Self::SocketIo)
        } else if path.ends_with("/websocket") && has("vsn=2.") {
            Some(Self::Phoenix)
        } else {
            None
        }
    }

    /// What a message says; `None`: nothing.
    fn of_message(from: Direction, bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        match from {
            Direction::ServerToClient if socket_io::is_one(text) => Some(Self::SocketIo),
            _ if json_rpc::is_one(text) => Some(Self::JsonRpc),
            Direction::ServerToClient => None,
            Direction::ClientToServer => match () {
                () if signalr::handshake(text) == Some(Protocol::Json) => Some(Self::SignalR),
                () if stomp::is_one(bytes) => Some(Self::Stomp),
                () if graphql_transport_ws::is_one(text) => Some(Self::GraphqlTransportWs),
                () if graphql_ws::is_one(text) => Some(Self::GraphqlWs),
                () if phoenix::is_one(text) => Some(Self::Phoenix),
                () if actioncable::is_one(text) => Some(Self::ActionCable),
                () => None,
            },
        }
    }
}

/// How many messages are looked at to find out which framing a connection speaks.
const MOST_LOOKED_AT: u8 = 8;

/// What is known of how a connection's messages are to be read.
#[derive(Debug)]
pub(super) enum Speech {
    /// So many messages said nothing of it.
    NotKnownYet(u8),
    /// None that is read here.
    Foreign,
    Known(Reading),
    /// The connection has ended.
    Ended(Framing),
}

/// How a connection's messages are read.
#[derive(Debug)]
pub(super) enum Reading {
    ActionCable,
    GraphqlTransportWs,
    GraphqlWs,
    JsonRpc,
    Phoenix(Phoenix),
    SignalR,
    SocketIo(SocketIo),
    Stomp(Stomp),
}

impl Speech {
    /// What is known of a connection before it carries anything.
    pub(super) fn of(connection: &Connection, framing: Option<Framing>) -> Self {
        let framing = framing.or_else(|| Framing::of_handshake(connection));
        match framing {
            Some(framing) => Self::Known(Reading::new(
                framing,
                &String::from_utf8_lossy(connection.target()),
            )),
            None => Self::NotKnownYet(0),
        }
    }

    /// Looks at a message, if that is not known yet.
    pub(super) fn look(&mut self, connection: &Connection, from: Direction, bytes: &[u8]) {
        let Self::NotKnownYet(looked) = self else {
            return;
        };
        *looked += 1;
        if let Some(framing) = Framing::of_message(from, bytes) {
            *self = Self::Known(Reading::new(
                framing,
                &String::from_utf8_lossy(connection.target()),
            ));
        } else if *looked == MOST_LOOKED_AT {
            *self = Self::Foreign;
        }
    }
}

impl Reading {
    fn new(framing: Framing, target: &str) -> Self {
        match framing {
            Framing::ActionCable => Self::ActionCable,
            Framing::GraphqlTransportWs => Self::GraphqlTransportWs,
            Framing::GraphqlWs => Self::GraphqlWs,
            Framing::JsonRpc => Self::JsonRpc,
            Framing::Phoenix => Self::Phoenix(Phoenix::default()),
            Framing::SignalR => Self::SignalR,
            Framing::SocketIo => {
                Self::SocketIo(SocketIo::new(target.split_once('?').map_or("", |it| it.1)))
            }
            Framing::Stomp => Self::Stomp(Stomp::default()),
        }
    }

    pub(super) fn framing(&self) -> Framing {
        match self {
            Self::ActionCable => Framing::ActionCable,
            Self::GraphqlTransportWs => Framing::GraphqlTransportWs,
            Self::GraphqlWs => Framing::GraphqlWs,
            Self::JsonRpc => Framing::JsonRpc,
            Self::Phoenix(_) => Framing::Phoenix,
            Self::SignalR => Framing::SignalR,
            Self::SocketIo(_) => Framing::SocketIo,
            Self::Stomp(_) => Framing::Stomp,
        }
    }

    /// What a message says. One that is not of this framing says nothing.
    pub(super) fn read(&mut self, opcode: Opcode, bytes: &[u8], acts: &mut Acts<'_>) -> Understood {
        let text = match self {
            Self::Stomp(stomp) => return stomp.read(bytes, acts),
            Self::Phoenix(phoenix) if opcode == Opcode::BINARY => {
                return phoenix.binary(bytes, acts);
            }
            _ => std::str::from_utf8(bytes),
        };
        let Ok(text) = text else {
            // SignalR's other form; the binary messages of all others are content.
            return match self {
                Self::SignalR => Understood::No,
                _ => Understood::Yes,
            };
        };
        match self {
            Self::ActionCable => actioncable::read(text, acts),
            Self::GraphqlTransportWs => graphql_transport_ws::read(text, acts),
            Self::GraphqlWs => graphql_ws::read(text, acts),
            Self::JsonRpc => json_rpc::read(text, acts),
            Self::Phoenix(phoenix) => return phoenix.text(text, acts),
            Self::SignalR => return signalr::read(text, acts),
            Self::SocketIo(socket_io) if opcode == Opcode::TEXT => {
                return socket_io.read(text, acts);
            }
            Self::SocketIo(_) | Self::Stomp(_) => {}
        }
        Understood::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subprotocol_a_target_or_a_message_says_which_framing_it_is() {
        for (subprotocol, framing) in [
            ("graphql-ws", Some(Framing::GraphqlWs)),
            ("v12.stomp", Some(Framing::Stomp)),
            ("mqtt", None),
        ] {
            assert_eq!(Framing::of_subprotocol(subprotocol), framing);
        }
        for (target, framing) in [
            (
                "/socket.io/?EIO=4&transport=websocket",
                Some(Framing::SocketIo),
            ),
            (
                "/socket/websocket?token=x&vsn=2.0.0",
                Some(Framing::Phoenix),
            ),
            ("/socket/websocket?vsn=1.0.0", None),
            ("/chat", None),
        ] {
            assert_eq!(Framing::of_target(target), framing, "{target}");
        }
        let (client, server) = (Direction::ClientToServer, Direction::ServerToClient);
        for (from, text, framing) in [
            (server, r#"0{"sid":"x"}"#, Some(Framing::SocketIo)),
            (
                client,
                r#"[{"jsonrpc":"2.0","method":"x"}]"#,
                Some(Framing::JsonRpc),
            ),
            (
                server,
                r#"{"jsonrpc":"2.0","method":"x"}"#,
                Some(Framing::JsonRpc),
            ),
            (
                client,
                "{\"protocol\":\"json\",\"version\":1}\u{1e}",
                Some(Framing::SignalR),
            ),
            (
                client,
                "{\"protocol\":\"messagepack\",\"version\":1}\u{1e}",
                None,
            ),
            (
                client,
                "CONNECT\naccept-version:1.2\n\n\0",
                Some(Framing::Stomp),
            ),
            (
                client,
                r#"["1","1","room:1","phx_join",{}]"#,
                Some(Framing::Phoenix),
            ),
            (
                client,
                r#"[null,"1","phoenix","heartbeat",{}]"#,
                Some(Framing::Phoenix),
            ),
            (client, r#"["1","1","room:1","hello",{}]"#, None),
            (
                client,
                r#"{"command":"subscribe","identifier":"{}"}"#,
                Some(Framing::ActionCable),
            ),
            (
                client,
                r#"{"id":"1","type":"subscribe","payload":{"query":"{ x }"}}"#,
                Some(Framing::GraphqlTransportWs),
            ),
            (
                client,
                r#"{"id":"1","type":"start","payload":{"query":"{ x }"}}"#,
                Some(Framing::GraphqlWs),
            ),
            (
                client,
                r#"{"id":"1","type":"subscribe","payload":{"room":"x"}}"#,
                None,
            ),
            (client, r#"{"type":"connection_init"}"#, None),
            (client, r#"{"id":1,"method":"x"}"#, None),
            (client, "ping", None),
        ] {
            assert_eq!(
                Framing::of_message(from, text.as_bytes()),
                framing,
                "{text}"
            );
        }
    }
}
