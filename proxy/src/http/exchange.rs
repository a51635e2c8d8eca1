//! One request and its answer, passed on as they are.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use wsaudit_wire::{Endpoint, HeadEnd, ResponseHead};

use super::body::{Framing, NotChunked};
use super::lookout::FirstLine;
use crate::leg::ReadEnd;
use crate::side::{Pump, PumpEnd, RestOfMessage, Side};
use crate::tap::Ear;

/// How many bytes of further requests are read while an answer is awaited. They are read at all only
/// to see the client's FIN or RST behind them.
const READ_AHEAD: usize = 64 * 1024;

/// A request on its way to the server.
#[derive(Debug)]
pub(crate) struct Sending {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Head and body are on their way.
    Pumping(Pump),
    /// The request is complete; the client is watched for its end.
    Sent,
    /// The client has sent FIN, which is being passed on.
    ShuttingDown,
    /// FIN was passed on.
    Ended,
    /// The server takes no more; what it says is still of interest.
    ServerDeaf,
}

/// The connection cannot go on with another exchange.
#[derive(Debug)]
pub(crate) enum Broken {
    /// An endpoint reset the connection.
    Reset(Endpoint),
    /// The server sent FIN where an answer, or the rest of one, was due.
    ServerEnded,
    /// The server's answer is no HTTP.
    NoHttp,
    /// The head of the server's answer does not end within the limit.
    HeadTooLong,
    /// A 101 came, to a request that the proxy has not seen.
    Unasked,
    /// One may have come in what was taken for the answer's body.
    Hidden,
    /// The request's body has no clear end.
    Body(NotChunked),
    /// It cannot be recorded, and the configuration wants that.
    Unrecorded,
}

/// The server's answer: its head is at the front of what the server side holds.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) head_len: usize,
}

impl Sending {
    /// A request whose head, of `head_len` bytes, is at the front of what the client side holds.
    pub(crate) fn new(head_len: usize, framing: Framing, ear: Option<Ear>) -> Self {
        Self {
            state: State::Pumping(Pump::new(head_len, framing).heard_by(ear)),
        }
    }

    /// Whether the whole request was passed on, so that the next one may follow.
    const fn is_sent(&self) -> bool {
        match self.state {
            State::Pumping(_) => false,
            State::Sent | State::ShuttingDown | State::Ended | State::ServerDeaf => true,
        }
    }

    /// Passes the request on, and the client's FIN; fails where the client has reset the connection.
    /// Never ready otherwise: it is polled beside the answer.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Side,
        server: &mut Side,
    ) -> Result<(), Broken> {
        loop {
            let next = match &mut self.state {
                State::Pumping(pump) => match pump.poll(cx, client, &mut server.leg) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(PumpEnd::Whole) => State::Sent,
                    Poll::Ready(PumpEnd::Fin) => State::ShuttingDown,
                    Poll::Ready(PumpEnd::Broken(error)) => return Err(Broken::Body(error)),
                    Poll::Ready(PumpEnd::ReadFailed) => {
                        return Err(Broken::Reset(Endpoint::Client));
                    }
                    Poll::Ready(PumpEnd::Unrecorded) => return Err(Broken::Unrecorded),
                    // An early answer and then a reset is common; the answer may be there to read.
                    Poll::Ready(PumpEnd::WriteFailed) => State::ServerDeaf,
                },
                State::Sent if client.held.len() >= READ_AHEAD => return Ok(()),
                State::Sent => match client.poll_fill(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(ReadEnd::Bytes(_))) => continue,
                    // The requests read ahead are still to be passed on; FIN comes after them.
                    Poll::Ready(Ok(ReadEnd::Fin)) if !client.held.is_empty() => return Ok(()),
                    Poll::Ready(Ok(ReadEnd::Fin)) => State::ShuttingDown,
                    Poll::Ready(Err(_)) => return Err(Broken::Reset(Endpoint::Client)),
                },
                State::ShuttingDown => match server.leg.poll_shutdown(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(())) => State::Ended,
                    Poll::Ready(Err(_)) => State::ServerDeaf,
                },
                State::Ended | State::ServerDeaf => return Ok(()),
            };
            self.state = next;
        }
    }
}

/// Reads the final answer's head; interim ones (1xx, but for 101) are passed on at once.
///
/// `limit` is the longest head that is understood, in bytes.
pub(crate) async fn answer(
    sending: &mut Sending,
    client: &mut Side,
    server: &mut Side,
    limit: usize,
) -> Result<Answer, Broken> {
    loop {
        let mut end = HeadEnd::new(limit);
        let head_len = poll_fn(|cx| {
            sending.poll(cx, client, server)?;
            loop {
                match end.find(&server.held) {
                    Ok(Some(length)) => return Poll::Ready(Ok(length)),
                    Ok(None) => {}
                    Err(_) => return Poll::Ready(Err(Broken::HeadTooLong)),
                }
                match server.poll_fill(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(ReadEnd::Bytes(_))) => {}
                    Poll::Ready(Ok(ReadEnd::Fin)) => return Poll::Ready(Err(Broken::ServerEnded)),
                    Poll::Ready(Err(_)) => {
                        return Poll::Ready(Err(Broken::Reset(Endpoint::Server)));
                    }
                }
            }
        })
        .await?;
        let Ok(head) = ResponseHead::parse(&server.held[..head_len]) else {
            return Err(Broken::NoHttp);
        };
        if !matches!(head.status(), 100 | 102..=199) {
            return Ok(Answer { head, head_len });
        }
        let mut interim = Pump::new(head_len, Framing::Length(0));
        pass_answer(sending, client, server, &mut interim).await?;
    }
}

/// What follows an answer that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request.
    NextRequest,
    /// The server's FIN, which was the answer's end.
    ServerEnded,
}

/// Passes the final answer on, and what is left of the request.
pub(crate) async fn finish(
    sending: &mut Sending,
    client: &mut Side,
    server: &mut Side,
    answer: &mut Pump,
) -> Result<After, Broken> {
    let after = pass_answer(sending, client, server, answer).await?;
    if hides_a_switch(client, server) {
        return Err(Broken::Hidden);
    }
    server.look_anew(FirstLine::Switch);
    if after == After::ServerEnded {
        return Ok(after);
    }
    let mut unasked = unasked();
    poll_fn(|cx| match sending.poll(cx, client, server) {
        Err(broken) => Poll::Ready(Err(broken)),
        Ok(()) if sending.is_sent() => Poll::Ready(Ok(())),
        Ok(()) => Poll::Ready(Err(
            match ready!(poll_unasked(&mut unasked, cx, client, server)) {
                Unasked::Switch => Broken::Unasked,
                // The server may end early without having read the whole request.
                Unasked::ServerEnded => Broken::ServerEnded,
                Unasked::Reset(by) => Broken::Reset(by),
            },
        )),
    })
    .await?;
    match sending.state {
        State::ServerDeaf => Err(Broken::Reset(Endpoint::Server)),
        State::Pumping(_) | State::Sent | State::ShuttingDown | State::Ended => Ok(after),
    }
}

/// Passes on the head of a 101. Gives what is left of the request, which the 101 may overtake: that,
/// and everything after it, is still to be passed on.
pub(crate) async fn switch(
    mut sending: Sending,
    client: &mut Side,
    server: &mut Side,
    head_len: usize,
) -> Result<Option<RestOfMessage>, Broken> {
    let mut head = Pump::new(head_len, Framing::Length(0));
    let mut no_body = None;
    poll_fn(|cx| {
        // What is no chunk may be a frame, of a client whose server does not look for chunks.
        if no_body.is_none() {
            match sending.poll(cx, client, server) {
                Err(Broken::Body(why)) => no_body = Some(why),
                Err(broken) => return Poll::Ready(Err(broken)),
                Ok(()) => {}
            }
        }
        Poll::Ready(after(&ready!(head.poll(cx, server, &mut client.leg))))
    })
    .await?;
    match sending.state {
        State::Pumping(pump) => Ok(Some(pump.into_rest(no_body))),
        State::ServerDeaf => Err(Broken::Reset(Endpoint::Server)),
        State::Sent | State::ShuttingDown | State::Ended => Ok(None),
    }
}

async fn pass_answer(
    sending: &mut Sending,
    client: &mut Side,
    server: &mut Side,
    answer: &mut Pump,
) -> Result<After, Broken> {
    poll_fn(|cx| {
        sending.poll(cx, client, server)?;
        Poll::Ready(after(&ready!(answer.poll(cx, server, &mut client.leg))))
    })
    .await
}

/// What the end of passing an answer on means.
fn after(end: &PumpEnd) -> Result<After, Broken> {
    match end {
        PumpEnd::Whole => Ok(After::NextRequest),
        PumpEnd::Fin => Ok(After::ServerEnded),
        // What is held passes unread from here on, so nothing is lost on the client.
        PumpEnd::Broken(_) => Err(Broken::NoHttp),
        PumpEnd::ReadFailed => Err(Broken::Reset(Endpoint::Server)),
        PumpEnd::WriteFailed => Err(Broken::Reset(Endpoint::Client)),
        PumpEnd::Unrecorded => Err(Broken::Unrecorded),
    }
}

/// Whether a 101 may have passed in what was taken for an answer's body, since a request was in what was
/// taken for a request's.
pub(crate) const fn hides_a_switch(client: &Side, server: &Side) -> bool {
    client.lookout.has_seen() && server.lookout.has_seen()
}

/// What the server says while no answer is due.
enum Unasked {
    /// A 101, to a request that the proxy has not seen.
    Switch,
    ServerEnded,
    Reset(Endpoint),
}

fn unasked() -> Pump {
    Pump::new(0, Framing::UntilEnd)
}

/// Passes on what nobody asked for; many servers say 408 before they end an idle connection.
fn poll_unasked(
    pump: &mut Pump,
    cx: &mut Context<'_>,
    client: &mut Side,
    server: &mut Side,
) -> Poll<Unasked> {
    let polled = pump.poll(cx, server, &mut client.leg);
    if server.lookout.has_seen() {
        return Poll::Ready(Unasked::Switch);
    }
    Poll::Ready(match ready!(polled) {
        // Nobody hears what nobody asked for.
        PumpEnd::Fin | PumpEnd::Whole | PumpEnd::Broken(_) | PumpEnd::Unrecorded => {
            Unasked::ServerEnded
        }
        PumpEnd::ReadFailed => Unasked::Reset(Endpoint::Server),
        PumpEnd::WriteFailed => Unasked::Reset(Endpoint::Client),
    })
}

/// Reads the next request's head, for which the client has `patience` from its first byte on. Bytes that
/// the server sends meanwhile pass.
pub(crate) async fn next_head(
    client: &mut Side,
    mut server: Option<&mut Side>,
    limit: usize,
    patience: Duration,
) -> Result<usize, NoRequest> {
    let mut end = HeadEnd::new(limit);
    let mut unasked = unasked();
    let mut deadline = None;
    poll_fn(|cx| {
        loop {
            match end.find(&client.held) {
                Ok(Some(length)) => return Poll::Ready(Ok(length)),
                Ok(None) => {}
                Err(_) => return Poll::Ready(Err(NoRequest::TooLong)),
            }
            match client.poll_fill(cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(ReadEnd::Bytes(_))) => {}
                Poll::Ready(Ok(ReadEnd::Fin)) => return Poll::Ready(Err(NoRequest::ClientEnded)),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(NoRequest::Reset(Endpoint::Client))),
            }
        }
        if !client.held.is_empty() {
            let deadline = deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
            if deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(NoRequest::TooSlow));
            }
        }
        let Some(server) = server.as_deref_mut() else {
            return Poll::Pending;
        };
        Poll::Ready(Err(
            match ready!(poll_unasked(&mut unasked, cx, client, server)) {
                Unasked::Switch => NoRequest::Unasked,
                Unasked::ServerEnded => NoRequest::ServerEnded,
                Unasked::Reset(by) => NoRequest::Reset(by),
            },
        ))
    })
    .await
}

/// Why there is no further request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRequest {
    /// The client has sent FIN.
    ClientEnded,
    /// The server has sent FIN.
    ServerEnded,
    /// A 101 came, to a request that the proxy has not seen.
    Unasked,
    /// An endpoint reset the connection.
    Reset(Endpoint),
    /// The head does not end within the limit.
    TooLong,
    /// The head does not end within the time.
    TooSlow,
}
