//! The transparent recording proxy.
//!
//! [`Proxy::bind`] listens, [`Bound::run`] serves until it is told to end, and gives a [`Summary`].
//! Each client connection gets an upstream connection of its own, and every byte passes as it came;
//! from the opening handshakes on, a passive reader turns a copy of the bytes into records.
//!
//! The way of a byte: `serve` (one client connection) reads heads and bodies (`http`), opens a
//! leg to the upstream (`dial`) and, after a 101, hands both legs to `relay`, which shows what it
//! passes to an observer: `tap` records, `blind` does not.

mod admin;
mod admission;
mod blind;
mod config;
mod counters;
mod dial;
mod edits;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod leg;
mod metrics;
mod phase;
mod proxy;
mod relay;
mod route;
mod scratch;
mod serve;
mod shared;
mod side;
mod summary;
mod tap;
mod tls;
mod upstream;
mod watch;
mod whereabouts;
mod workers;

pub use config::{Durability, Limits, OnRecorderFailure, ProxyConfig};
pub use edits::{Edits, NoSuchValue, SetHost, SetOrigin};
pub use metrics::{Figures, Live};
pub use proxy::{BindError, Bound, Proxy};
pub use route::{BoundRoute, ClientCertificate, Route, UpstreamTls, Verification};
pub use summary::{BothWays, Summary, UpstreamFailures, WhyEnded};
pub use tls::{ListenerTls, TlsError};
pub use upstream::{Upstream, UpstreamError};
pub use wsaudit_wire::{PathPattern, PathPatternError};
