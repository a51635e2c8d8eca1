//! Who may open a WebSocket, and for which session.

use super::http::Reply;
use super::state::State;
use crate::protocol::ids::SessionId;
use crate::token;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::{Request, http};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

/// Why a handshake was answered with 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    NoToken,
    UnknownToken,
    ForeignSession,
    /// Only where the fault `valid-session-refused` is planted.
    Faulty,
}

impl Refused {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "a bearer token is needed",
            Self::UnknownToken => "the token was not issued here",
            Self::ForeignSession => "X-Session-ID is not the session of the token",
            Self::Faulty => "try again",
        }
    }
}

/// The session a connection speaks for, if its token was issued for that session.
pub(super) fn admit(state: &mut State, headers: &HeaderMap) -> Result<SessionId, Refused> {
    let claimed = text(headers, "x-session-id").map(|id| SessionId(id.to_owned()));
    let sound = holder(state, headers).and_then(|holder| match &claimed {
        Some(claimed) if *claimed == holder => Ok(holder),
        _ => Err(Refused::ForeignSession),
    });
    let claimed = claimed.filter(|claimed| state.knows(claimed));
    state.faults.admission(sound, claimed)
}

/// The session for which the shown token was issued.
fn holder(state: &State, headers: &HeaderMap) -> Result<SessionId, Refused> {
    let bearer = text(headers, AUTHORIZATION.as_str()).and_then(|it| it.strip_prefix("Bearer "));
    let token = bearer.ok_or(Refused::NoToken)?;
    let claims = token::decode(token).ok_or(Refused::UnknownToken)?;
    if state.issued(token, &claims) {
        Ok(claims.sid)
    } else {
        Err(Refused::UnknownToken)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The 101 of RFC 6455 section 4.2.2, if the request is what section 4.2.1 asks for.
pub(super) fn accept<B>(request: &Request<B>) -> Result<Reply, tungstenite::Error> {
    let mut head = http::Request::new(());
    head.method_mut().clone_from(request.method());
    head.uri_mut().clone_from(request.uri());
    *head.version_mut() = request.version();
    head.headers_mut().clone_from(request.headers());
    create_response_with_body(&head, || Full::new(Bytes::new()))
}
