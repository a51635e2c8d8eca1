//! Bytes that pass unrecorded: ignored paths, and tunnels that are no WebSocket.

use std::task::{Context, Poll};

use wsaudit_wire::Direction;

use crate::relay::{Observer, Order, Refusal};

/// An observer that sees nothing.
#[derive(Debug)]
pub(crate) struct Blind;

impl Observer for Blind {
    type Stamp = ();

    fn poll_ready(&mut self, _: &mut Context<'_>, _: Direction) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn stamp(&mut self, _: Direction, _: &[u8]) {}

    fn observe(&mut self, _: Direction, _: &[u8], (): ()) {}

    fn order(&self) -> Order {
        Order::PeerFirst
    }

    fn poll_durable(&mut self, _: &mut Context<'_>, _: Direction) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }
}
