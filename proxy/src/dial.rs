//! The way to the upstream.

use std::io;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::leg::{self, Leg};
use crate::tls::{self, TlsError};
use crate::upstream::{Security, Upstream};

/// Opens legs to one upstream.
pub(crate) struct Dialer {
    upstream: Upstream,
    tls: Option<TlsConnector>,
    limit: Duration,
}

/// Why there is no leg to the upstream.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    #[error("upstream {url} cannot be reached: {source}")]
    Connect { url: String, source: io::Error },
    #[error("upstream {url} did not accept a connection within {limit:?}")]
    Timeout { url: String, limit: Duration },
    #[error(
        "upstream {url} has a certificate that is not trusted ({source}); name its authority with upstream-ca"
    )]
    Certificate { url: String, source: io::Error },
    #[error("upstream {url} speaks no TLS that can be used: {source}")]
    Tls { url: String, source: io::Error },
}

impl Dialer {
    pub(crate) fn new(
        upstream: Upstream,
        ca: Option<&Path>,
        limit: Duration,
    ) -> Result<Self, TlsError> {
        let tls = match upstream.security() {
            Security::Plain => None,
            Security::Tls(_) => Some(tls::connector(ca)?),
        };
        Ok(Self {
            upstream,
            tls,
            limit,
        })
    }

    /// Opens a leg, TLS handshake included, within the limit.
    pub(crate) async fn dial(&self) -> Result<Leg, DialError> {
        match timeout(self.limit, self.connect()).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Timeout {
                url: self.upstream.url().to_owned(),
                limit: self.limit,
            }),
        }
    }

    async fn connect(&self) -> Result<Leg, DialError> {
        let url = || self.upstream.url().to_owned();
        let unreachable = |source| DialError::Connect { url: url(), source };
        let address = (self.upstream.host(), self.upstream.port());
        let socket = TcpStream::connect(address).await.map_err(unreachable)?;
        leg::prepare(&socket).map_err(unreachable)?;
        let (Security::Tls(name), Some(tls)) = (self.upstream.security(), &self.tls) else {
            return Ok(Leg::Plain(socket));
        };
        match tls.connect(name.clone(), socket).await {
            Ok(stream) => Ok(Leg::Tls(Box::new(TlsStream::Client(stream)))),
            Err(source) if tls::is_certificate_error(&source) => {
                Err(DialError::Certificate { url: url(), source })
            }
            Err(source) => Err(DialError::Tls { url: url(), source }),
        }
    }
}
