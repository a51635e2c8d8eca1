//! Plain HTTP and the opening handshake on one port.

use super::{Platform, connection, handshake};
use crate::protocol::Device;
use crate::protocol::ids::{SessionId, UserId};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, server};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use tokio::net::TcpStream;

pub(super) type Reply = Response<Full<Bytes>>;

/// A login body is some 60 bytes; nobody needs more than this many.
const BODY_LIMIT: usize = 4096;

#[derive(Deserialize)]
struct Login {
    user: UserId,
    device: Device,
}

#[derive(Serialize)]
pub(super) struct SignedIn {
    pub(super) session_id: SessionId,
    pub(super) token: String,
}

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
}

/// Serves one TCP connection until it ends or becomes a WebSocket.
pub(super) async fn serve(stream: TcpStream, platform: Platform) {
    // Latency matters more here than full segments; if it cannot be set, it is only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, platform.clone()));
    let serving = server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A client that breaks off or speaks no HTTP ends only its own connection.
    let _ = serving.await;
}

async fn answer(request: Request<Incoming>, platform: Platform) -> Result<Reply, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => json(StatusCode::OK, &serde_json::json!({"status": "ok"})),
        (&Method::POST, "/login") => login(request, &platform).await,
        (&Method::GET, "/ws") => upgrade(request, platform),
        (_, "/healthz" | "/login" | "/ws") => problem(StatusCode::METHOD_NOT_ALLOWED, "method"),
        _ => problem(StatusCode::NOT_FOUND, "not found"),
    })
}

async fn login(request: Request<Incoming>, platform: &Platform) -> Reply {
    let Ok(body) = Limited::new(request.into_body(), BODY_LIMIT)
        .collect()
        .await
    else {
        return problem(
            StatusCode::BAD_REQUEST,
            "the body is incomplete or too long",
        );
    };
    match serde_json::from_slice::<Login>(&body.to_bytes()) {
        Ok(Login { user, device }) => {
            json(StatusCode::OK, &platform.state().sign_in(&user, device))
        }
        Err(_) => problem(StatusCode::BAD_REQUEST, "expected {user, device}"),
    }
}

fn upgrade(mut request: Request<Incoming>, platform: Platform) -> Reply {
    let session = match handshake::admit(&mut platform.state(), request.headers()) {
        Ok(session) => session,
        Err(refused) => return problem(StatusCode::UNAUTHORIZED, refused.reason()),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let Ok(response) = handshake::accept(&request) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "no WebSocket handshake of version 13",
        );
    };
    let tasks = platform.tasks.clone();
    tasks.spawn(async move {
        // An upgrade fails only where the client has gone before the 101 reached it.
        if let Ok(upgraded) = upgrade.await {
            connection::run(TokioIo::new(upgraded), session, platform).await;
        }
    });
    response
}

fn problem(status: StatusCode, error: &str) -> Reply {
    json(status, &Problem { error })
}

fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    let body = serde_json::to_vec(body).expect("bodies are structs of strings");
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    reply
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, json);
    reply
}
