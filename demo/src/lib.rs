//! An example application whose faults can be planted, and real clients that use it.
//!
//! [`Backend`] is a small "agent platform": users sign in from several places, each place is a
//! session of its own with its own threads and agent runs. It is sound, unless a [`Fault`] is
//! planted; each fault is one small deviation in `backend/faults.rs`.
//!
//! [`scenario::run`] drives the scenarios S1 to S4 (several sessions of one user, concurrent
//! agents, event isolation, thread isolation) over real sockets, straight against the backend or
//! through a proxy: it is given nothing but a base URL.

mod backend;
mod client;
mod fault;
mod protocol;
pub mod scenario;
mod token;

pub use backend::{Backend, BackendConfig, StoredRun, StoredSession, StoredThread, Tables};
pub use client::{Client, ClientError, Received, SignIn, healthz, sign_in};
pub use fault::{Fault, UnknownFault};
pub use protocol::ids::{
    AgentId, ContextId, MessageId, RequestId, RunId, SessionId, ThreadId, TokenId, UserId,
};
pub use protocol::{ClientMessage, Device};

use std::time::Duration;

/// How long an agent run may take (scenario S2). The fault `deadline-missed` takes a second more.
pub const AGENT_LIMIT: Duration = Duration::from_secs(15);

/// How long establishing a session may take (scenario S1). The fault `slow-establishment` takes a
/// second more.
pub const ESTABLISHING_LIMIT: Duration = Duration::from_secs(10);

/// Read buffer of each WebSocket in bytes: the default of 128 KiB is zero-filled at each read.
const READ_BUFFER: usize = 8 * 1024;
