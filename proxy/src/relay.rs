//! Bytes both ways, as they come, until both sides have ended.

use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use wsaudit_wire::{Direction, Endpoint};

use crate::leg::{Leg, ReadEnd};
use crate::scratch;
use crate::side::{Reading, Side};

/// Sees the bytes that pass, and says when the next ones may be read.
pub(crate) trait Observer {
    /// What was fixed about some bytes when they were read.
    type Stamp;

    /// Ready when more may be read in this direction. [`Refusal`] ends the connection.
    fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<Result<(), Refusal>>;

    /// Bytes were read, and are not written yet: the place for order and time.
    fn stamp(&mut self, direction: Direction, bytes: &[u8]) -> Self::Stamp;

    /// The same bytes, off the critical path.
    fn observe(&mut self, direction: Direction, bytes: &[u8], stamp: Self::Stamp);

    /// Whether what was observed last took long: then the others of this thread get their turn.
    fn needs_a_break(&mut self) -> bool {
        false
    }

    /// Whether bytes are observed, and [`poll_durable`](Self::poll_durable) awaited, before they are
    /// written to the peer.
    fn order(&self) -> Order;

    /// Ready when everything observed in this direction is safe on disk.
    fn poll_durable(
        &mut self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<Result<(), Refusal>>;
}

/// What comes first, the peer or the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Bytes go to the peer at once, and are recorded after.
    PeerFirst,
    /// No byte reaches its peer before it is committed.
    DiskFirst,
}

/// The connection must end, since it cannot be recorded and the configuration wants that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal;

/// How a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelayEnd {
    /// Both sides sent FIN; this one first.
    Fin {
        /// Whose FIN came first.
        first: Endpoint,
    },
    /// A side reset the connection.
    Reset {
        /// Which one.
        by: Endpoint,
    },
    /// The proxy ended it: the observer refused to go on, or the proxy was stopped.
    Stopped,
}

/// One direction of a relay.
#[derive(Debug)]
struct Flow {
    direction: Direction,
    state: State,
    /// Read, and not yet written; empty but after a short write.
    pending: Vec<u8>,
    written: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is pending.
    Reading,
    /// What is pending must be on disk first.
    Committing,
    /// What is pending goes to the peer.
    Writing,
    /// TLS may hold back bytes that were written to it.
    Flushing,
    /// The sender has sent FIN, and the receiver has everything: it gets the FIN too.
    ShuttingDown,
    /// FIN was passed on.
    Ended,
    /// The receiver takes no more bytes: it has reset the connection, which the other direction's
    /// read will show, after what the receiver sent before.
    ReceiverGone,
}

/// How a step of a flow went.
enum Step {
    /// Something moved: another step may follow.
    Moved,
    /// The direction has just ended with FIN.
    Fin,
    /// Reading failed.
    SenderReset,
    /// Writing failed.
    ReceiverReset,
    /// The observer refused.
    Refused,
}

/// Passes on bytes both ways. What the sides hold already comes first.
pub(crate) async fn relay<O: Observer + Send>(
    client: &mut Side,
    server: &mut Side,
    observer: &mut O,
) -> RelayEnd {
    let mut relay = Relay {
        to_server: Flow::new(Direction::ClientToServer),
        to_client: Flow::new(Direction::ServerToClient),
        first_fin: None,
    };
    std::future::poll_fn(|cx| relay.poll(cx, client, server, observer)).await
}

struct Relay {
    to_server: Flow,
    to_client: Flow,
    first_fin: Option<Endpoint>,
}

impl Relay {
    /// One step of each direction in turn, so that a firehose does not starve the other way.
    fn poll<O: Observer>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Side,
        server: &mut Side,
        observer: &mut O,
    ) -> Poll<RelayEnd> {
        loop {
            let to_client = self
                .to_client
                .poll_step(cx, server, &mut client.leg, observer);
            let to_server = self
                .to_server
                .poll_step(cx, client, &mut server.leg, observer);
            if to_client.is_pending() && to_server.is_pending() {
                return Poll::Pending;
            }
            for (direction, step) in [
                (Direction::ServerToClient, to_client),
                (Direction::ClientToServer, to_server),
            ] {
                let Poll::Ready(step) = step else { continue };
                if let Some(end) = self.after(direction, &step) {
                    return Poll::Ready(end);
                }
            }
            if observer.needs_a_break() {
                // Unlike a wake, it lets the runtime look at the sockets first.
                let _ = pin!(tokio::task::yield_now()).poll(cx);
                return Poll::Pending;
            }
        }
    }

    fn after(&mut self, direction: Direction, step: &Step) -> Option<RelayEnd> {
        let opposite = match direction {
            Direction::ClientToServer => self.to_client.state,
            Direction::ServerToClient => self.to_server.state,
        };
        match step {
            Step::SenderReset => Some(RelayEnd::Reset {
                by: direction.sender(),
            }),
            Step::ReceiverReset if opposite == State::Ended => Some(RelayEnd::Reset {
                by: direction.receiver(),
            }),
            Step::Moved | Step::ReceiverReset => None,
            Step::Refused => Some(RelayEnd::Stopped),
            Step::Fin => {
                let first = *self.first_fin.get_or_insert(direction.sender());
                match opposite {
                    State::Ended => Some(RelayEnd::Fin { first }),
                    // The sender of this FIN does not take what the other side sends.
                    State::ReceiverGone => Some(RelayEnd::Reset {
                        by: direction.sender(),
                    }),
                    State::Reading
                    | State::Committing
                    | State::Writing
                    | State::Flushing
                    | State::ShuttingDown => None,
                }
            }
        }
    }
}

impl Flow {
    /// It begins with a flush: what was written of the handshake may wait in TLS.
    const fn new(direction: Direction) -> Self {
        Self {
            direction,
            state: State::Flushing,
            pending: Vec::new(),
            written: 0,
        }
    }

    fn poll_step<O: Observer>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Side,
        to: &mut Leg,
        observer: &mut O,
    ) -> Poll<Step> {
        match self.state {
            State::Reading => {
                if ready!(observer.poll_ready(cx, self.direction)).is_err() {
                    return Poll::Ready(Step::Refused);
                }
                if !from.held.is_empty() {
                    // Taken with its memory, which is not needed from here on.
                    let held = std::mem::take(&mut from.held);
                    return Poll::Ready(self.pass(cx, &held, to, observer));
                }
                if from.reading == Reading::Ended {
                    self.state = State::ShuttingDown;
                    return Poll::Ready(Step::Moved);
                }
                scratch::with(|buffer| match ready!(from.leg.poll_read(cx, buffer)) {
                    Ok(ReadEnd::Bytes(count)) => {
                        Poll::Ready(self.pass(cx, &buffer[..count], to, observer))
                    }
                    Ok(ReadEnd::Fin) => {
                        from.reading = Reading::Ended;
                        self.state = State::ShuttingDown;
                        Poll::Ready(Step::Moved)
                    }
                    Err(_) => Poll::Ready(Step::SenderReset),
                })
            }
            State::Committing => {
                if ready!(observer.poll_durable(cx, self.direction)).is_err() {
                    return Poll::Ready(Step::Refused);
                }
                self.state = State::Writing;
                Poll::Ready(Step::Moved)
            }
            State::Writing => match ready!(to.poll_write(cx, &self.pending[self.written..])) {
                Ok(count) if count > 0 => {
                    self.written += count;
                    if self.written == self.pending.len() {
                        // Its memory goes too: most connections are idle most of the time.
                        self.pending = Vec::new();
                        self.written = 0;
                        self.state = State::Flushing;
                    }
                    Poll::Ready(Step::Moved)
                }
                Ok(_) | Err(_) => Poll::Ready(self.receiver_gone()),
            },
            State::Flushing => match ready!(to.poll_flush(cx)) {
                Ok(()) => {
                    self.state = State::Reading;
                    Poll::Ready(Step::Moved)
                }
                Err(_) => Poll::Ready(self.receiver_gone()),
            },
            State::ShuttingDown => match ready!(to.poll_shutdown(cx)) {
                Ok(()) => {
                    self.state = State::Ended;
                    Poll::Ready(Step::Fin)
                }
                // A peer that has ended both ways cannot be told; its own end is what counts.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    self.state = State::Ended;
                    Poll::Ready(Step::Fin)
                }
                Err(_) => Poll::Ready(self.receiver_gone()),
            },
            State::Ended | State::ReceiverGone => Poll::Pending,
        }
    }

    /// Bytes were read: order and time first, then the peer, then the observer.
    fn pass<O: Observer>(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: &mut Leg,
        observer: &mut O,
    ) -> Step {
        let stamp = observer.stamp(self.direction, bytes);
        match observer.order() {
            Order::DiskFirst => {
                observer.observe(self.direction, bytes, stamp);
                self.pending.extend_from_slice(bytes);
                self.state = State::Committing;
                Step::Moved
            }
            Order::PeerFirst => {
                let step = match to.poll_write(cx, bytes) {
                    Poll::Ready(Ok(count)) if count == bytes.len() => {
                        self.state = State::Flushing;
                        Step::Moved
                    }
                    Poll::Ready(Ok(count)) => {
                        self.spill(&bytes[count..]);
                        Step::Moved
                    }
                    Poll::Pending => {
                        self.spill(bytes);
                        Step::Moved
                    }
                    Poll::Ready(Err(_)) => self.receiver_gone(),
                };
                observer.observe(self.direction, bytes, stamp);
                step
            }
        }
    }

    fn spill(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.state = State::Writing;
    }

    fn receiver_gone(&mut self) -> Step {
        self.pending = Vec::new();
        self.state = State::ReceiverGone;
        Step::ReceiverReset
    }
}
