//! The listener, and the life of a proxy from bind to summary.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use wsaudit_recording::{Sender, WriteError, Writer, WriterState};
use wsaudit_tagging::Candidates;

use crate::config::{OnRecorderFailure, ProxyConfig};
use crate::counters::Counters;
use crate::dial::Dialer;
use crate::phase::{Phase, PhaseWatch};
use crate::serve::serve;
use crate::shared::Shared;
use crate::summary::{Summary, WhyEnded};
use crate::tap::Stalled;
use crate::tls::{self, TlsError};

/// How long to wait after the listener could not accept: descriptors come back when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often the recorder is looked after.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// The transparent recording proxy; see [`Proxy::bind`].
#[derive(Debug, Clone, Copy)]
pub struct Proxy;

/// A proxy that listens, and does not accept yet: clients that connect wait.
pub struct Bound {
    listener: TcpListener,
    local_addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    writer: Writer,
}

/// Why a proxy cannot start.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process listens there.
    #[error(
        "{addr} is in use; stop the process that listens there, or choose another port with --listen"
    )]
    InUse {
        /// The address.
        addr: SocketAddr,
    },
    /// The operating system refused.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What it said.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Proxy {
    /// Listens, and prepares to record with `writer`.
    pub async fn bind(config: ProxyConfig, writer: Writer) -> Result<Bound, BindError> {
        let addr = config.listen;
        let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let dialer = Dialer::new(
            config.upstream.clone(),
            config.upstream_ca.as_deref(),
            config.limits.handshake,
        )?;
        let refuse = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { addr },
            _ => BindError::Listen { addr, source },
        };
        let listener = TcpListener::bind(addr).await.map_err(refuse)?;
        let local_addr = listener.local_addr().map_err(refuse)?;
        let shared = Arc::new(Shared {
            dialer,
            sender: writer.sender(),
            counters: Counters::default(),
            stalled: Stalled::default(),
            tags: Arc::new(config.tags.clone()),
            candidates: Mutex::new(Candidates::default()),
            config,
        });
        Ok(Bound {
            listener,
            local_addr,
            tls: acceptor,
            shared,
            writer,
        })
    }
}

impl Bound {
    /// Where it listens, with the port that port 0 became.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves clients until `shutdown` ends, drains, and closes the recording.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Summary {
        let Self {
            listener,
            local_addr,
            tls,
            shared,
            writer,
        } = self;
        let (phase, watch) = PhaseWatch::new();
        let mut connections = JoinSet::new();
        tracing::info!(listen = %local_addr, upstream = %shared.config.upstream, "recording");
        let failed = watch_recorder(shared.sender.clone(), shared.config.on_recorder_failure);
        tokio::pin!(failed);
        tokio::pin!(shutdown);
        let why = loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break WhyEnded::Shutdown,
                error = &mut failed => break WhyEnded::RecorderFailed(error),
                accepted = listener.accept() => match accepted {
                    Ok((socket, client_addr)) => {
                        let shared = Arc::clone(&shared);
                        connections.spawn(serve(shared, tls.clone(), socket, client_addr, watch.clone()));
                    }
                    Err(error) => {
                        tracing::error!(%error, "a client could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(joined) = connections.join_next() => note(joined),
            }
        };
        drop(listener);
        let drain = match why {
            WhyEnded::Shutdown => shared.config.drain,
            WhyEnded::RecorderFailed(_) => Duration::ZERO,
        };
        drain_connections(&phase, &mut connections, drain).await;
        summarize(&shared, writer, why).await
    }
}

/// Ends when the recorder has failed and traffic is to end with it; says loudly when it fails, and
/// when it goes on.
async fn watch_recorder(sender: Sender, policy: OnRecorderFailure) -> WriteError {
    let mut ticks = interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut recording = true;
    loop {
        ticks.tick().await;
        match (sender.state(), policy) {
            (WriterState::Failed(error), OnRecorderFailure::Close) => {
                tracing::error!(%error, "the recorder has failed: traffic ends");
                return error;
            }
            (WriterState::Failed(error), OnRecorderFailure::Continue) => {
                if recording {
                    tracing::error!(%error, "the recorder has failed: traffic goes on unrecorded");
                }
                recording = false;
            }
            (WriterState::Running, _) => {
                if !recording {
                    tracing::warn!("the recorder records again; the recording has a gap");
                }
                recording = true;
            }
            (WriterState::Closed, _) => {}
        }
    }
}

/// A connection's task has ended.
fn note(joined: Result<(), JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "a connection was lost to a fault of the proxy; its record has no end");
    }
}

async fn drain_connections(
    phase: &watch::Sender<Phase>,
    connections: &mut JoinSet<()>,
    deadline: Duration,
) {
    phase.send_replace(Phase::Draining);
    let open = connections.len();
    if open > 0 && deadline > Duration::ZERO {
        tracing::info!(
            connections = open,
            ?deadline,
            "waiting for connections to end"
        );
    }
    let draining = async {
        while let Some(joined) = connections.join_next().await {
            note(joined);
        }
    };
    if timeout(deadline, draining).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections are ended");
        phase.send_replace(Phase::Ending);
        while let Some(joined) = connections.join_next().await {
            note(joined);
        }
    }
}

async fn summarize(shared: &Shared, writer: Writer, why: WhyEnded) -> Summary {
    // Joining the writer's thread blocks for as long as the disk takes.
    let (recording, stats) = match spawn_blocking(move || {
        let before = writer.stats();
        (writer.close(), before)
    })
    .await
    {
        Ok(closed) => closed,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    };
    let stats = recording.as_ref().map_or(stats, |closed| closed.stats);
    let counted = shared.counters.counted();
    let candidates = shared
        .candidates
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Summary {
        connections: counted.connections,
        handshakes: counted.handshakes,
        established: counted.established,
        refused: counted.refused,
        upstream_failures: counted.upstream_failures,
        ignored: counted.ignored,
        opaque: counted.opaque,
        sessions: counted.sessions,
        users: counted.users,
        frames: counted.frames,
        bytes: counted.bytes,
        anomalies: counted.anomalies,
        gaps: counted.gaps + stats.gaps,
        lost_frames: counted.lost_frames + stats.lost_frames,
        candidates: candidates.list(),
        writer: stats,
        recording,
        why,
    }
}
