//! `correlated`: a reply or stream item answers an open request or subscription of the same connection.
//!
//! # What it proves
//!
//! Every reply, stream item and end of a stream that reached a connection belongs to a request or subscription that was made on
//! that connection, was open at that moment, and was not answered before.
//!
//! # Why
//!
//! Framings on top of WebSocket number their requests, and most count from one on each connection. A server whose table of open
//! requests is off by one, or still holds those of a connection that is gone, hands one client the content of another, under a
//! number that looks right. No ids of the application's are needed to see it: the framing itself says who asked.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "graphql"
//! format = 1
//!
//! [scope]
//! path = ["/graphql"]
//!
//! [[rule]]
//! id      = "subscriptions-stay-apart"
//! title   = "a subscription's results reach the connection that subscribed"
//! kind    = "correlated"
//! framing = "graphql-transport-ws"
//! from    = "server"
//! cancel-grace = "5s"
//! ```
//!
//! # Keys
//!
//! - `framing`: what the messages are framed by: `"json-rpc"` (2.0), `"graphql-transport-ws"`, `"graphql-ws"` (the older one, of
//!   subscriptions-transport-ws), `"phoenix"` (channels, v2), `"socket.io"` (3 and later, and Engine.IO), `"signalr"` (JSON),
//!   `"stomp"` or `"actioncable"`. Default: `"auto"`: for each connection by its subprotocol, else by its request target, else
//!   by its first eight messages.
//! - `from`: only replies that the `"server"` (`"client"`) sent; default: both. JSON-RPC and Socket.IO clients answer, too.
//! - `cancel-grace`: after a client has cancelled a stream, items that were on their way may still come for this long. Default
//!   `"5s"`.
//!
//! # What it cannot see
//!
//! It is exercised by each reply and item on a connection whose framing is known; other connections are not examined, and where
//! there are none of these framings, it is not exercised. Requests that are never answered are for `response` to find. Where what
//! was asked may be missing from the recording (before a gap, a message that was recorded in part only, another transport such as
//! Engine.IO's polling, a connection that SignalR resumed), a reply to nothing is undecided. What equal numbers hide stays hidden:
//! a foreign reply that comes while a request of the same number is open on its connection takes that one's place; the true one,
//! if it comes, is the one that is found. SignalR's MessagePack form, MQTT, and framings inside SockJS are not read.

mod actioncable;
mod check;
mod framing;
mod graphql_transport_ws;
mod graphql_ws;
mod json_rpc;
mod members;
mod phoenix;
mod said;
mod signalr;
mod socket_io;
mod stomp;
mod table;

use std::time::Duration;

use wsaudit_wire::Direction;

use crate::rules::read::{SENDERS, Table};

pub use framing::Framing;

/// A `correlated` rule.
#[derive(Debug, Clone)]
pub struct Correlated {
    /// The framing of all connections; `None`: each connection's own.
    pub framing: Option<Framing>,
    /// Only what this side replied.
    pub from: Option<Direction>,
    /// How long items may still come after their stream was cancelled.
    pub cancel_grace: Duration,
}

impl Correlated {
    pub(crate) fn read(table: &mut Table<'_>) -> Self {
        let mut words = vec![("auto", None)];
        words.extend(Framing::ALL.map(|framing| (framing.as_str(), Some(framing))));
        let framing = table.word_or("framing", &words, None);
        let from = table.get("from").and_then(|node| node.word(&SENDERS));
        let cancel_grace = table
            .duration("cancel-grace")
            .unwrap_or(Duration::from_secs(5));
        Self {
            framing,
            from,
            cancel_grace,
        }
    }
}
