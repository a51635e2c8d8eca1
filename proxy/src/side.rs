//! A leg, and the bytes that were read from it and not yet passed on.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};

use crate::http::body::{BodyScanner, Framing, NotChunked};
use crate::http::lookout::{FirstLine, Lookout};
use crate::leg::{Leg, ReadEnd};
use crate::scratch;
use crate::tap::Ear;

/// One side of a connection while HTTP is spoken on it.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) leg: Leg,
    /// Read, and not yet written to the other side.
    pub(crate) held: BytesMut,
    /// Whether the peer has sent FIN.
    pub(crate) reading: Reading,
    /// Looks at the bodies that come from here, and at what nobody asked for.
    pub(crate) lookout: Lookout,
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
    /// A client's side.
    pub(crate) fn client(leg: Leg) -> Self {
        Self::new(leg, FirstLine::Request)
    }

    /// A server's side.
    pub(crate) fn server(leg: Leg) -> Self {
        Self::new(leg, FirstLine::Switch)
    }

    fn new(leg: Leg, line: FirstLine) -> Self {
        Self {
            leg,
            held: BytesMut::new(),
            reading: Reading::Open,
            lookout: Lookout::new(line),
        }
    }

    /// Forgets what was looked at, since what follows is no part of it; gives it.
    pub(crate) fn look_anew(&mut self, line: FirstLine) -> Lookout {
        std::mem::replace(&mut self.lookout, Lookout::new(line))
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
    /// Who hears the body; nobody where it is not recorded.
    ear: Option<Ear>,
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
    /// It cannot be recorded, and must not pass without.
    Unrecorded,
}

impl Pump {
    /// A pump for a message: a head of `head` bytes, at the front of `held`, and a body.
    pub(crate) const fn new(head: usize, framing: Framing) -> Self {
        Self {
            cleared: head,
            body: BodyScanner::new(framing),
            flush: Flush::Nothing,
            ear: None,
        }
    }

    /// The same pump, with somebody who hears the body.
    pub(crate) fn heard_by(mut self, ear: Option<Ear>) -> Self {
        self.ear = ear;
        if self.body.is_done()
            && let Some(ear) = &mut self.ear
        {
            ear.whole();
        }
        self
    }

    /// Whether the message has all of its body; one that lasts until the connection's end has.
    pub(crate) const fn is_whole(&self) -> bool {
        self.body.is_done() || self.body.is_until_end()
    }

    /// Tells who hears the body that no more of it comes.
    pub(crate) fn cut_off(&mut self, why: &str) {
        if let Some(ear) = &mut self.ear {
            ear.cut_off(why);
        }
    }

    /// What is left of the message where something else follows it than HTTP; `broken` where that was
    /// found no body. Nobody hears it.
    pub(crate) fn into_rest(mut self, broken: Option<NotChunked>) -> RestOfMessage {
        self.cut_off("the server has switched protocols");
        RestOfMessage {
            cleared: self.cleared,
            body: broken.map_or(Ok(self.body), Err),
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
                match scan(&mut self.body, &mut self.ear, &from.held) {
                    Ok(count) => {
                        from.lookout.look(&from.held[..count]);
                        self.cleared = count;
                    }
                    Err(error) => return Poll::Ready(PumpEnd::Broken(error)),
                }
            }
            if let Some(ear) = &mut self.ear
                && ready!(ear.poll_durable(cx)).is_err()
            {
                return Poll::Ready(PumpEnd::Unrecorded);
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
                self.passed();
                return Poll::Ready(PumpEnd::Whole);
            }
            if !from.held.is_empty() {
                continue;
            }
            match ready!(from.poll_fill(cx)) {
                Ok(ReadEnd::Bytes(_)) => {}
                Ok(ReadEnd::Fin) => return self.poll_fin(cx),
                Err(_) => return Poll::Ready(PumpEnd::ReadFailed),
            }
        }
    }

    /// The sender's FIN came: the end of a body that has no other one.
    fn poll_fin(&mut self, cx: &mut Context<'_>) -> Poll<PumpEnd> {
        if self.body.is_until_end()
            && let Some(ear) = &mut self.ear
        {
            ear.whole();
            if ready!(ear.poll_durable(cx)).is_err() {
                return Poll::Ready(PumpEnd::Unrecorded);
            }
            self.passed();
        }
        Poll::Ready(PumpEnd::Fin)
    }

    fn passed(&mut self) {
        if let Some(ear) = &mut self.ear {
            ear.passed();
        }
    }
}

/// The rest of a message whose bytes somebody else passes on.
#[derive(Debug)]
pub(crate) struct RestOfMessage {
    /// Bytes at the front that belong to it for certain.
    cleared: usize,
    /// Where it ends after them; an error where nobody can say.
    body: Result<BodyScanner, NotChunked>,
}

impl RestOfMessage {
    /// How many bytes at the front of `bytes`, the next ones, belong to the message, or may do so.
    pub(crate) fn skip(&mut self, bytes: &[u8]) -> usize {
        let cleared = self.cleared.min(bytes.len());
        self.cleared -= cleared;
        let Ok(body) = &mut self.body else {
            return bytes.len();
        };
        match body.scan(&bytes[cleared..], |_| {}) {
            Ok(count) => cleared + count,
            Err(error) => {
                self.body = Err(error);
                bytes.len()
            }
        }
    }

    /// Whether all of it has passed.
    pub(crate) fn is_over(&self) -> bool {
        self.cleared == 0 && self.body.as_ref().is_ok_and(BodyScanner::is_done)
    }
}

/// Finds the part of `bytes` that belongs to the body; `ear` hears it before it is passed on.
fn scan(body: &mut BodyScanner, ear: &mut Option<Ear>, bytes: &[u8]) -> Result<usize, NotChunked> {
    let Some(ear) = ear else {
        return body.scan(bytes, |_| {});
    };
    let count = body.scan(bytes, |data| ear.hear(data))?;
    if body.is_done() {
        ear.whole();
    }
    Ok(count)
}
