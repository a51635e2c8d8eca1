//! `/metrics` and `/healthz`, on a port of their own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use wsaudit_recording::WriterState;

use crate::metrics::{self, Live};
use crate::phase::{Phase, PhaseWatch};
use crate::shared::Shared;

/// Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const TEXT: &str = "text/plain; charset=utf-8";

/// How long a request's head may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves until it is dropped.
pub(crate) async fn serve(socket: TcpListener, shared: Arc<Shared>, phase: PhaseWatch) {
    let mut connections = JoinSet::new();
    loop {
        let client = match socket.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::warn!(%error, "a client of --admin could not be accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let (shared, phase) = (Arc::clone(&shared), phase.clone());
        connections.spawn(async move {
            let answering = service_fn(|request| {
                let answer = answer(&request, &shared, &phase);
                async { Ok::<_, Infallible>(answer) }
            });
            let mut server = http1::Builder::new();
            server
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE);
            // A scraper that breaks off harms nobody.
            let _ = server
                .serve_connection(TokioIo::new(client), answering)
                .await;
        });
    }
}

fn answer(
    request: &Request<Incoming>,
    shared: &Arc<Shared>,
    phase: &PhaseWatch,
) -> Response<String> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "use GET\n".to_owned());
        // RFC 9110, section 15.5.6: it MUST say which methods there are.
        let methods = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, methods);
        return refusal;
    }
    match request.uri().path() {
        "/metrics" => {
            let live = Live::new(Arc::clone(shared));
            text(StatusCode::OK, METRICS_TYPE, metrics::exposition(&live))
        }
        "/healthz" => {
            let (status, what) = health(&shared.recorder(), phase.now());
            text(status, TEXT, what)
        }
        _ => text(
            StatusCode::NOT_FOUND,
            TEXT,
            "there are /metrics and /healthz\n".to_owned(),
        ),
    }
}

/// Whether traffic passes and is recorded.
fn health(recorder: &WriterState, phase: Phase) -> (StatusCode, String) {
    match (phase, recorder) {
        (Phase::Running, WriterState::Running) => (StatusCode::OK, "recording\n".to_owned()),
        (_, WriterState::Failed(error)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not recording: {error}\n"),
        ),
        (Phase::Draining | Phase::Ending, _) | (_, WriterState::Closed) => {
            (StatusCode::SERVICE_UNAVAILABLE, "ending\n".to_owned())
        }
    }
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
