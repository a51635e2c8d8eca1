//! The way to the upstream.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::leg::{self, Leg};
use crate::route::{UpstreamTls, Verification};
use crate::tls::TlsError;
use crate::tls::upstream::{advice, connector};
use crate::upstream::{Security, Upstream};

/// Opens legs to one upstream.
pub(crate) struct Dialer {
    upstream: Upstream,
    tls: Option<TlsConnector>,
    limit: Duration,
    /// Whether a refused certificate was told of since the last good one.
    told: AtomicBool,
}

/// Why there is no leg to the upstream.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    #[error("upstream {url} cannot be reached: {source}")]
    Connect { url: String, source: io::Error },
    #[error("upstream {url} did not accept a connection within {limit:?}")]
    Timeout { url: String, limit: Duration },
    #[error(
        "upstream {url} has a certificate that is not accepted ({source}); {advice} (or, where nobody can listen in, --upstream-insecure)"
    )]
    Certificate {
        url: String,
        source: io::Error,
        advice: &'static str,
    },
    #[error("upstream {url} speaks no TLS that can be used: {source}")]
    Tls { url: String, source: io::Error },
}

impl Dialer {
    pub(crate) fn new(
        upstream: Upstream,
        tls: &UpstreamTls,
        limit: Duration,
    ) -> Result<Self, TlsError> {
        let connector = match upstream.security() {
            Security::Plain => None,
            Security::Tls(_) => Some(connector(tls)?),
        };
        if connector.is_some() && tls.verification == Verification::Off {
            tracing::warn!(%upstream, "THE UPSTREAM'S CERTIFICATE IS NOT VERIFIED (--upstream-insecure): \
                whoever answers there gets the clients' credentials");
        }
        Ok(Self {
            upstream,
            tls: connector,
            limit,
            told: AtomicBool::new(false),
        })
    }

    /// Opens a leg, TLS handshake included, within the limit.
    pub(crate) async fn dial(&self) -> Result<Leg, DialError> {
        match timeout(self.limit, self.connect()).await {
            Ok(Err(error @ DialError::Certificate { .. })) => {
                // Each request would say the same.
                if !self.told.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "clients get a 502");
                }
                Err(error)
            }
            Ok(result) => {
                if result.is_ok() {
                    self.told.store(false, Ordering::Relaxed);
                }
                result
            }
            Err(_) => Err(DialError::Timeout {
                url: self.upstream.url().to_owned(),
                limit: self.limit,
            }),
        }
    }

    async fn connect(&self) -> Result<Leg, DialError> {
        let url = || self.upstream.url().to_owned();
        let unreachable = |source| DialError::Connect { url: url(), source };
        let socket = self.upstream.connect().await.map_err(unreachable)?;
        leg::prepare(&socket).map_err(unreachable)?;
        let (Security::Tls(name), Some(tls)) = (self.upstream.security(), &self.tls) else {
            return Ok(Leg::Plain(socket));
        };
        match tls.connect(name.clone(), socket).await {
            Ok(stream) => Ok(Leg::Tls(Box::new(TlsStream::Client(stream)))),
            Err(source) => Err(match advice(&source) {
                Some(advice) => DialError::Certificate {
                    url: url(),
                    source,
                    advice,
                },
                None => DialError::Tls { url: url(), source },
            }),
        }
    }
}
