//! The listener, and the life of a proxy from bind to summary.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use wsaudit_recording::{WriteError, Writer, WriterState};
use wsaudit_tagging::{Candidates, Issued};

use crate::admin;
use crate::admission::{Admission, Admitted, Refusals, Waiting};
use crate::config::ProxyConfig;
use crate::counters::Counters;
use crate::metrics::Live;
use crate::phase::{Phase, PhaseWatch};
use crate::route::{BoundRoute, OpenRoute};
use crate::serve::{serve, turn_away};
use crate::shared::Shared;
use crate::summary::{Summary, WhyEnded};
use crate::tap::{AllHeld, Stalled};
use crate::tls::TlsError;
use crate::tls::listener::ReloadedTls;
use crate::watch::watch_recorder;
use crate::workers::Workers;

/// How long to wait after the listener could not accept: descriptors come back when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The transparent recording proxy; see [`Proxy::bind`].
#[derive(Debug, Clone, Copy)]
pub struct Proxy;

/// A proxy that listens, and does not accept yet: clients that connect wait.
pub struct Bound {
    listeners: Vec<Listening>,
    admin: Option<(TcpListener, SocketAddr)>,
    workers: Workers,
    shared: Arc<Shared>,
    writer: Writer,
}

/// One of a route's sockets.
struct Listening {
    socket: TcpListener,
    addr: SocketAddr,
    route: Arc<OpenRoute>,
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
    /// There is nowhere to listen.
    #[error("no route is configured; a proxy needs a listener and its upstream")]
    NoRoute,
    /// What is served there is for this machine alone, and asks for no password.
    #[error("--admin {addr} is no loopback address; use 127.0.0.1, and let others in by a tunnel")]
    AdminNotLoopback {
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
    /// The operating system gives no thread, or no event loop for it.
    #[error("cannot start the threads that serve connections: {0}")]
    Threads(#[source] io::Error),
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Proxy {
    /// Listens, and prepares to record with `writer`.
    pub async fn bind(config: ProxyConfig, writer: Writer) -> Result<Bound, BindError> {
        if config.routes.is_empty() {
            return Err(BindError::NoRoute);
        }
        let mut listeners = Vec::with_capacity(config.routes.len());
        for route in &config.routes {
            let open = Arc::new(OpenRoute::open(route, config.limits.handshake)?);
            for (socket, addr) in listen_at(&route.listen).await? {
                listeners.push(Listening {
                    socket,
                    addr,
                    route: Arc::clone(&open),
                });
            }
        }
        let admin = match config.admin {
            Some(addr) if !addr.ip().is_loopback() => {
                return Err(BindError::AdminNotLoopback { addr });
            }
            Some(addr) => Some(listen(addr).await?),
            None => None,
        };
        let workers = Workers::start(config.threads).map_err(BindError::Threads)?;
        let shared = Arc::new(Shared {
            sender: writer.sender(),
            counters: Counters::default(),
            stalled: Stalled::default(),
            tags: Arc::new(config.tags.clone()),
            candidates: Mutex::new(Candidates::default()),
            issued: Mutex::new(Issued::default()),
            bodies: AllHeld::default(),
            whereabouts: Mutex::default(),
            config,
        });
        Ok(Bound {
            listeners,
            admin,
            workers,
            shared,
            writer,
        })
    }
}

/// Listens at a route's addresses; see [`crate::Route::listen`].
async fn listen_at(addrs: &[SocketAddr]) -> Result<Vec<(TcpListener, SocketAddr)>, BindError> {
    let mut listeners = Vec::new();
    let mut lacking = Err(BindError::NoRoute);
    for addr in addrs {
        match listen(*addr).await {
            Ok(listener) => listeners.push(listener),
            // Whoever goes there instead meets another process.
            Err(error @ BindError::InUse { .. }) => return Err(error),
            Err(error) => {
                tracing::info!(%error, "passed over");
                lacking = Err(error);
            }
        }
        // A port that is free at one address may be taken at the next.
        if addr.port() == 0 && !listeners.is_empty() {
            break;
        }
    }
    if listeners.is_empty() {
        lacking
    } else {
        Ok(listeners)
    }
}

/// Listens; gives the address with the port that port 0 became.
async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let refuse = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { addr },
        _ => BindError::Listen { addr, source },
    };
    let socket = TcpListener::bind(addr).await.map_err(refuse)?;
    let addr = socket.local_addr().map_err(refuse)?;
    Ok((socket, addr))
}

impl Bound {
    /// Where it listens, and where that leads; in the order of the configuration's routes.
    pub fn routes(&self) -> impl Iterator<Item = BoundRoute<'_>> {
        self.each_route().map(|listeners| {
            let addrs = listeners.iter().map(|listening| listening.addr);
            let route = &listeners[0].route;
            BoundRoute {
                addrs: addrs.collect(),
                scheme: route.scheme(),
                upstream: &route.upstream,
            }
        })
    }

    /// The listeners of each route: one or more.
    fn each_route(&self) -> impl Iterator<Item = &[Listening]> {
        self.listeners
            .chunk_by(|one, next| Arc::ptr_eq(&one.route, &next.route))
    }

    /// Where `/metrics` and `/healthz` are served.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, addr)| *addr)
    }

    /// Its figures, for whoever wants to look while it runs.
    pub fn live(&self) -> Live {
        Live::new(Arc::clone(&self.shared))
    }

    /// Where it listens for its first route.
    pub fn local_addr(&self) -> SocketAddr {
        self.listeners[0].addr
    }

    /// Serves clients until `shutdown` ends, drains, and closes the recording.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Summary {
        let mut followers = JoinSet::new();
        for listeners in self.each_route() {
            followers.extend(listeners[0].route.tls.clone().map(ReloadedTls::follow));
        }
        let Self {
            listeners,
            admin,
            workers,
            shared,
            writer,
        } = self;
        let (phase, watch) = PhaseWatch::new();
        let mut connections = JoinSet::new();
        for Listening { addr, route, .. } in &listeners {
            tracing::info!(listen = %addr, upstream = %route.upstream, "recording");
        }
        // It goes on while connections drain: that is when somebody looks.
        let mut admin_server = JoinSet::new();
        if let Some((socket, addr)) = admin {
            tracing::info!(%addr, "serving /metrics and /healthz");
            admin_server.spawn(admin::serve(socket, Arc::clone(&shared), watch.clone()));
        }
        let mut turn = 0;
        let mut refusals = Refusals::default();
        let mut waiting = Waiting::default();
        let mut admission = Admission::new(shared.config.limits.connections);
        let failed = watch_recorder(&shared);
        tokio::pin!(failed);
        tokio::pin!(shutdown);
        let why = loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break WhyEnded::Shutdown,
                error = &mut failed => break WhyEnded::RecorderFailed(error),
                accepted = accept(&listeners, &mut turn) => match accepted {
                    Ok((socket, client_addr, route)) => {
                        while let Some(joined) = connections.try_join_next() {
                            note(joined);
                        }
                        let shared = Arc::clone(&shared);
                        let watch = watch.clone();
                        match admission.ask(connections.len()) {
                            Admitted::Yes => {
                                workers.spawn(&mut connections, socket, move |socket| {
                                    serve(shared, route, socket, client_addr, watch)
                                });
                            }
                            Admitted::No => {
                                refusals.spawn(turn_away(shared, route, socket, client_addr, watch));
                            }
                        }
                    }
                    Err(error) => {
                        waiting.tell(&error);
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(joined) = connections.join_next() => note(joined),
                Some(joined) = refusals.join_next() => note(joined),
            }
        };
        drop((listeners, followers, refusals));
        let drain = match why {
            WhyEnded::Shutdown => shared.config.drain,
            WhyEnded::RecorderFailed(_) => Duration::ZERO,
        };
        drain_connections(&phase, &mut connections, drain).await;
        drop(admin_server);
        summarize(&shared, writer, why).await
    }
}

/// The next client of any listener; the one after `turn` is asked first, so that none starves.
async fn accept(
    listeners: &[Listening],
    turn: &mut usize,
) -> io::Result<(TcpStream, SocketAddr, Arc<OpenRoute>)> {
    poll_fn(|cx| {
        for offset in 1..=listeners.len() {
            let index = (*turn + offset) % listeners.len();
            let Listening { socket, route, .. } = &listeners[index];
            if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                *turn = index;
                return Poll::Ready(
                    accepted.map(|(socket, addr)| (socket, addr, Arc::clone(route))),
                );
            }
        }
        Poll::Pending
    })
    .await
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
    let gone = match shared.recorder() {
        WriterState::Failed(gone @ WriteError::Gone { .. }) => Some(gone),
        WriterState::Failed(_) | WriterState::Running | WriterState::Closed => None,
    };
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
    let recording = match gone {
        // Sound as it may be, it is not where anybody looks.
        Some(gone) => recording.and(Err(gone)),
        None => recording,
    };
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
        turned_away: counted.turned_away,
        truncated: counted.truncated,
        exchanges: counted.exchanges,
        truncated_bodies: counted.truncated_bodies,
        withheld: counted.withheld,
        withheld_bodies: counted.withheld_bodies,
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
