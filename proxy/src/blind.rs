//! Bytes that pass unrecorded: ignored paths, and tunnels that are no WebSocket.

use std::task::{Context, Poll};

use wsaudit_wire::Direction;

use crate::http::lookout::Lookout;
use crate::relay::{Observer, Order, Refusal};

/// An observer that sees nothing but how much passes, and whether the server's bytes hold what it is on
/// the lookout for.
#[derive(Debug, Default)]
pub(crate) struct Blind {
    to_server: u64,
    to_client: u64,
    lookout: Option<Lookout>,
}

impl Blind {
    pub(crate) fn on(lookout: Lookout) -> Self {
        Self {
            lookout: Some(lookout),
            ..Self::default()
        }
    }

    /// Whether the server's bytes held what was looked for.
    pub(crate) fn has_seen(&self) -> bool {
        self.lookout.as_ref().is_some_and(Lookout::has_seen)
    }

    /// How many bytes have passed.
    pub(crate) const fn passed(&self, direction: Direction) -> u64 {
        match direction {
            Direction::ClientToServer => self.to_server,
            Direction::ServerToClient => self.to_client,
        }
    }
}

impl Observer for Blind {
    type Stamp = ();

    fn poll_ready(&mut self, _: &mut Context<'_>, _: Direction) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn stamp(&mut self, direction: Direction, bytes: &[u8]) {
        let passed = match direction {
            Direction::ClientToServer => &mut self.to_server,
            Direction::ServerToClient => {
                if let Some(lookout) = &mut self.lookout {
                    lookout.look(bytes);
                }
                &mut self.to_client
            }
        };
        *passed += bytes.len() as u64;
    }

    fn observe(&mut self, _: Direction, _: &[u8], (): ()) {}

    fn order(&self) -> Order {
        Order::PeerFirst
    }

    fn poll_durable(&mut self, _: &mut Context<'_>, _: Direction) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }
}
