//! The way to the upstream.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, timeout_at};
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
    #[error("upstream {url} did not {what} within {limit:?}")]
    Timeout {
        url: String,
        what: &'static str,
        limit: Duration,
    },
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
        let dialled = self.connect().await;
        match &dialled {
            // Each request would say the same.
            Err(error @ DialError::Certificate { .. }) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "clients get a 502");
                }
            }
            Err(_) => {}
            Ok(_) => self.told.store(false, Ordering::Relaxed),
        }
        dialled
    }

    async fn connect(&self) -> Result<Leg, DialError> {
        let url = || self.upstream.url().to_owned();
        let unreachable = |source| DialError::Connect { url: url(), source };
        let deadline = Instant::now() + self.limit;
        let late = |what| DialError::Timeout {
            url: url(),
            what,
            limit: self.limit,
        };
        let socket = timeout_at(deadline, self.upstream.connect())
            .await
            .map_err(|_| late("accept a connection"))?
            .map_err(unreachable)?;
        leg::prepare(&socket).map_err(unreachable)?;
        let (Security::Tls(name), Some(tls)) = (self.upstream.security(), &self.tls) else {
            return Ok(Leg::Plain(socket));
        };
        let handshake = timeout_at(deadline, tls.connect(name.clone(), socket));
        match handshake
            .await
            .map_err(|_| late("answer a TLS handshake"))?
        {
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_accepts_a_connection_and_then_stays_silent_is_told_apart() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", silent.local_addr().unwrap());
        let tls = UpstreamTls {
            verification: Verification::Off,
            client: None,
        };
        let limit = Duration::from_millis(50);
        let dialer = Dialer::new(url.parse().unwrap(), &tls, limit).unwrap();
        let error = dialer.dial().await.err().unwrap().to_string();
        assert_eq!(
            error,
            format!("upstream {url} did not answer a TLS handshake within 50ms")
        );
    }
}
