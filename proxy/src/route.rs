//! A way through the proxy: a listener, and the upstream to which it leads.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio_rustls::TlsAcceptor;

use crate::dial::Dialer;
use crate::edits::Edits;
use crate::tls::listener::ReloadedTls;
use crate::tls::{ListenerTls, TlsError};
use crate::upstream::Upstream;

/// A listener, and the upstream to which it leads.
#[derive(Debug, Clone)]
pub struct Route {
    /// Where clients connect: an address, or those of one name. An address that this machine lacks is
    /// passed over where there is another one. Port 0 takes a free one, at the first of them.
    pub listen: Vec<SocketAddr>,
    /// TLS on the listener; `None` for plain HTTP.
    pub tls: Option<ListenerTls>,
    /// Where the proxy connects.
    pub upstream: Upstream,
    /// How TLS is spoken to an `https` upstream.
    pub upstream_tls: UpstreamTls,
    /// What is changed in the heads of requests.
    pub edits: Edits,
}

/// How TLS is spoken to an upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// What its certificate is held to.
    pub verification: Verification,
    /// What the proxy shows where the upstream asks for a certificate.
    pub client: Option<ClientCertificate>,
}

/// What an upstream's certificate is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It must name the upstream, and be of an authority that browsers trust, or of one in this PEM
    /// file.
    Authorities(Option<PathBuf>),
    /// Nothing: whoever answers is taken for the upstream.
    Off,
}

impl Default for Verification {
    fn default() -> Self {
        Self::Authorities(None)
    }
}

/// A certificate with which the proxy shows an upstream who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// A PEM file: the certificate, then its chain.
    pub cert: PathBuf,
    /// A PEM file: the certificate's private key.
    pub key: PathBuf,
}

impl Route {
    /// A route without TLS on the listener, to an upstream that is verified where it speaks TLS, and is
    /// sent what clients send.
    pub fn new(listen: SocketAddr, upstream: Upstream) -> Self {
        Self {
            listen: vec![listen],
            tls: None,
            upstream,
            upstream_tls: UpstreamTls::default(),
            edits: Edits::default(),
        }
    }
}

/// Where a route is met, and where it leads.
#[derive(Debug, Clone)]
pub struct BoundRoute<'b> {
    /// Where it listens, with the ports that port 0 became: one address or more.
    pub addrs: Vec<SocketAddr>,
    /// What clients speak there: `https` where it has TLS, else `http`.
    pub scheme: &'static str,
    /// Where the proxy connects.
    pub upstream: &'b Upstream,
}

/// A route whose certificates were read.
pub(crate) struct OpenRoute {
    pub(crate) upstream: Upstream,
    pub(crate) dialer: Dialer,
    pub(crate) tls: Option<ReloadedTls>,
    pub(crate) edits: Edits,
}

impl OpenRoute {
    pub(crate) fn open(route: &Route, limit: std::time::Duration) -> Result<Self, TlsError> {
        Ok(Self {
            dialer: Dialer::new(route.upstream.clone(), &route.upstream_tls, limit)?,
            tls: route.tls.clone().map(ReloadedTls::read).transpose()?,
            upstream: route.upstream.clone(),
            edits: route.edits.clone(),
        })
    }

    pub(crate) const fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.tls.as_ref().map(ReloadedTls::acceptor)
    }
}
