//! Bytes that pass unrecorded: ignored paths, and tunnels that are no WebSocket.

use std::task::{Context, Poll};

use wsaudit_wire::Direction;

use crate::relay::{Observer, Order, Refusal};

/// An observer that sees nothing but how much passes.
#[derive(Debug, Default)]
pub(crate) struct Blind {
    to_server: u64,
    to_client: u64,
}

impl Blind {
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
            Direction::ServerToClient => &mut self.to_client,
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
