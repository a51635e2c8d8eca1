//! The example backend: one port for login, health and WebSockets, all state in memory.

mod agents;
mod connection;
mod faults;
mod handshake;
mod http;
mod requests;
mod state;
mod switchboard;
mod tables;
mod threads;

pub use tables::{StoredRun, StoredSession, StoredThread, Tables};

use crate::{AGENT_LIMIT, ESTABLISHING_LIMIT, Fault};
use state::State;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How the backend behaves.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// What it does wrong; nothing by default.
    pub fault: Option<Fault>,
    /// Time between two events of an agent run, on average; 60 ms by default. Each is drawn from
    /// half to one and a half of it.
    pub pace: Duration,
    /// How long a run may take; only the fault `deadline-missed` looks at it, and takes a second
    /// more.
    pub agent_limit: Duration,
    /// How long establishing a session may take; only the fault `slow-establishment` looks at it,
    /// and takes a second more.
    pub establishing_limit: Duration,
    /// How long the server takes over a request, at most; 4 ms by default. Drawn anew for each, so
    /// that what happens at once is answered in ever another order.
    pub longest_delay: Duration,
    /// Where ids and the agents' pauses come from. Two backends with one seed give the same ids.
    pub seed: u64,
}

impl Default for BackendConfig {
    fn default() -> Self {
        Self {
            fault: None,
            pace: Duration::from_millis(60),
            agent_limit: AGENT_LIMIT,
            establishing_limit: ESTABLISHING_LIMIT,
            longest_delay: Duration::from_millis(4),
            seed: 0,
        }
    }
}

/// A running backend on a free port of 127.0.0.1. Stopped by [`Backend::stop`], or when dropped.
#[derive(Debug)]
pub struct Backend {
    addr: SocketAddr,
    tasks: Tasks,
    state: Arc<Mutex<State>>,
}

/// Every task of a backend, and the signal that ends them.
#[derive(Debug, Clone)]
struct Tasks {
    tracker: TaskTracker,
    stopped: CancellationToken,
}

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker
            .spawn(self.stopped.clone().run_until_cancelled_owned(task));
    }
}

/// What all connections of a backend share.
#[derive(Debug, Clone)]
struct Platform {
    state: Arc<Mutex<State>>,
    tasks: Tasks,
}

impl Platform {
    /// Held for a few map operations, never across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend {
    /// Binds and serves. Fails where no port of 127.0.0.1 can be bound.
    pub async fn start(config: BackendConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let tasks = Tasks {
            tracker: TaskTracker::new(),
            stopped: CancellationToken::new(),
        };
        let state = Arc::new(Mutex::new(State::new(config)));
        let platform = Platform {
            state: Arc::clone(&state),
            tasks: tasks.clone(),
        };
        tasks.spawn(accept(listener, platform));
        Ok(Self { addr, tasks, state })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://` and the address: what clients, or a proxy in between, are given.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What its database holds at this moment.
    pub fn tables(&self) -> Tables {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).tables()
    }

    /// Ends every connection and run, and waits until all have ended.
    pub async fn stop(self) {
        self.tasks.stopped.cancel();
        self.tasks.tracker.close();
        self.tasks.tracker.wait().await;
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.tasks.stopped.cancel();
    }
}

async fn accept(listener: TcpListener, platform: Platform) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let tasks = platform.tasks.clone();
                tasks.spawn(http::serve(stream, platform.clone()));
            }
            // Out of descriptors, most likely: a later accept may succeed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
