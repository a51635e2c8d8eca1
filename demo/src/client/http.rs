//! The plain HTTP part of a client: login and health.

use super::ClientError;
use crate::protocol::Device;
use crate::protocol::ids::{SessionId, UserId};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// A session, and what proves that it is this user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The user who signed in.
    pub user: UserId,
    /// From where.
    pub device: Device,
    /// The session this gave.
    pub session_id: SessionId,
    /// The bearer token of the session; without one, none is shown.
    pub token: String,
}

#[derive(Deserialize)]
struct Issued {
    session_id: SessionId,
    token: String,
}

/// `POST /login`: a new session.
pub async fn sign_in(base: &str, user: &UserId, device: Device) -> Result<SignIn, ClientError> {
    let body = serde_json::json!({"user": user, "device": device}).to_string();
    let path = "/login";
    let answer = fetch(base, Method::POST, path, body).await?;
    let Issued { session_id, token } =
        serde_json::from_slice(&answer).map_err(|_| unexpected(path, StatusCode::OK, &answer))?;
    Ok(SignIn {
        user: user.clone(),
        device,
        session_id,
        token,
    })
}

/// `GET /healthz`: whether the server answers.
pub async fn healthz(base: &str) -> Result<(), ClientError> {
    fetch(base, Method::GET, "/healthz", String::new())
        .await
        .map(drop)
}

/// Host and port of a base URL.
pub(super) fn authority(base: &str) -> Result<&str, ClientError> {
    let authority = base
        .strip_prefix("http://")
        .map(|it| it.trim_end_matches('/'));
    match authority {
        Some(it) if !it.is_empty() && !it.contains('/') => Ok(it),
        _ => Err(ClientError::BaseUrl(base.to_owned())),
    }
}

pub(super) async fn dial(authority: &str) -> Result<TcpStream, ClientError> {
    let failed = |source| ClientError::Connection {
        to: authority.to_owned(),
        source,
    };
    let stream = TcpStream::connect(authority).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

/// One request on a connection of its own; anything but 200 is an error.
async fn fetch(
    base: &str,
    method: Method,
    path: &'static str,
    body: String,
) -> Result<Bytes, ClientError> {
    let failed = |source| ClientError::Http { path, source };
    let authority = authority(base)?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| ClientError::BaseUrl(base.to_owned()))?;
    let stream = TokioIo::new(dial(authority).await?);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(failed)?;
    // Ends once `sender` is dropped; what fails in it fails the request too.
    tokio::spawn(connection);
    let (head, body) = sender
        .send_request(request)
        .await
        .map_err(failed)?
        .into_parts();
    let body = body.collect().await.map_err(failed)?.to_bytes();
    if head.status == StatusCode::OK {
        Ok(body)
    } else {
        Err(unexpected(path, head.status, &body))
    }
}

fn unexpected(path: &'static str, status: StatusCode, body: &[u8]) -> ClientError {
    ClientError::Answer {
        path,
        status,
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_a_scheme_and_an_authority() {
        for good in ["http://127.0.0.1:80", "http://127.0.0.1:80/"] {
            assert_eq!(authority(good).ok(), Some("127.0.0.1:80"));
        }
        for bad in ["127.0.0.1:80", "https://h:1", "http://", "http://h/path"] {
            assert!(authority(bad).is_err(), "{bad}");
        }
    }
}
