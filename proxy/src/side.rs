//! A leg, and the bytes that were read from it and not yet passed on.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};

use crate::http::body::{BodyScanner, Framing, NotChunked};
use crate::leg::{Leg, ReadEnd};
use crate::scratch;

/// One side of a connection while HTTP is spoken on it.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) leg: Leg,
    /// Read, and not yet written to the other side.
    pub(crate) held: BytesMut,
    /// Whether the peer has sent FIN.
    pub(crate) reading: Reading,
}

/// Whether more can come from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It can.
    Open,
    /// The peer has sent FIN.
    Ended,
}

impl Side {
    pub(crate) fn new(leg: Leg) -> Self {
        Self {
            leg,
            held: BytesMut::new(),
            reading: Reading::Open,
        }
    }

    /// Reads once, and appends to `held`; [`ReadEnd::Fin`] again and again after the peer's FIN.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ReadEnd>> {
        if self.reading == Reading::Ended {
            return Poll::Ready(Ok(ReadEnd::Fin));
        }
        scratch::with(|buffer| {
            let end = ready!(self.leg.poll_read(cx, buffer))?;
            match end {
                ReadEnd::Bytes(count) => self.held.extend_from_slice(&buffer[..count]),
                ReadEnd::Fin => self.reading = Reading::Ended,
            }
            Poll::Ready(Ok(end))
        })
    }
}

/// Passes bytes from one side to the other up to the end of a message.
#[derive(Debug)]
pub(crate) struct Pump {
    /// Bytes at the front of the sender's `held` that may pass.
    cleared: usize,
    body: BodyScanner,
    flush: Flush,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    Nothing,
    Due,
}

/// How passing a message on ended.
#[derive(Debug)]
pub(crate) enum PumpEnd {
    /// The message is complete, and written.
    Whole,
    /// The sender's FIN came first; what it sent is written.
    Fin,
    /// The body's framing is broken; what came before it is written.
    Broken(NotChunked),
    /// Reading from the sender failed.
    ReadFailed,
    /// Writing to the receiver failed.
    WriteFailed,
}

impl Pump {
    /// A pump for a message: a head of `head` bytes, at the front of `held`, and a body.
    pub(crate) const fn new(head: usize, framing: Framing) -> Self {
        Self {
            cleared: head,
            body: BodyScanner::new(framing),
            flush: Flush::Nothing,
        }
    }

    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Side,
        to: &mut Leg,
    ) -> Poll<PumpEnd> {
        loop {
            if self.cleared == 0 && !self.body.is_done() && !from.held.is_empty() {
                match self.body.scan(&from.held) {
                    Ok(count) => self.cleared = count,
                    Err(error) => return Poll::Ready(PumpEnd::Broken(error)),
                }
            }
            while self.cleared > 0 {
                match ready!(to.poll_write(cx, &from.held[..self.cleared])) {
                    Ok(0) => {
                        return Poll::Ready(PumpEnd::WriteFailed);
                    }
                    Ok(count) => {
                        from.held.advance(count);
                        self.cleared -= count;
                        self.flush = Flush::Due;
                    }
                    Err(_) => return Poll::Ready(PumpEnd::WriteFailed),
                }
            }
            if self.flush == Flush::Due {
                match ready!(to.poll_flush(cx)) {
                    Ok(()) => self.flush = Flush::Nothing,
                    Err(_) => return Poll::Ready(PumpEnd::WriteFailed),
                }
            }
            if self.body.is_done() {
                return Poll::Ready(PumpEnd::Whole);
            }
            if !from.held.is_empty() {
                continue;
            }
            match ready!(from.poll_fill(cx)) {
                Ok(ReadEnd::Bytes(_)) => {}
                Ok(ReadEnd::Fin) => return Poll::Ready(PumpEnd::Fin),
                Err(_) => return Poll::Ready(PumpEnd::ReadFailed),
            }
        }
    }
}
