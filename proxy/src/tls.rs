//! TLS on either leg: certificates from PEM files, HTTP/1.1 as the only protocol.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// HTTP/2 is not offered: an upstream that cannot speak WebSocket over it would be hidden behind a
/// proxy that claims to.
const ALPN: &[u8] = b"http/1.1";

/// The listener's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTls {
    /// A PEM file: the certificate, then its chain.
    pub cert: PathBuf,
    /// A PEM file: the certificate's private key.
    pub key: PathBuf,
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file holds no PEM of the kind it should.
    #[error("{path} holds no {what} in PEM ({why})")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What the parser says.
        why: String,
    },
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("certificate {cert} and key {key} cannot be used: {source}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// A certificate authority that cannot be used.
    #[error("{path} holds a certificate that is no authority: {source}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The provider lacks the protocol versions.
    #[error("TLS cannot be set up: {0}")]
    Versions(#[from] rustls::Error),
}

/// Named here and nowhere installed: with a provider per process, two crates that install one panic.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |why: String| TlsError::Pem {
        path: path.to_owned(),
        what: "certificate",
        why,
    };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem(error.to_string()))?;
    if found.is_empty() {
        return Err(pem("the file has no such section".to_owned()));
    }
    Ok(found)
}

/// What the listener answers a client's TLS handshake with.
pub(crate) fn acceptor(tls: &ListenerTls) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(&tls.cert)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| TlsError::Pem {
        path: tls.key.clone(),
        what: "private key",
        why: error.to_string(),
    })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| TlsError::Pair {
            cert: tls.cert.clone(),
            key: tls.key.clone(),
            source,
        })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What the upstream's certificate is verified with: the roots that browsers trust, and `ca`.
pub(crate) fn connector(ca: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = ca {
        for certificate in certificates(path)? {
            roots
                .add(certificate)
                .map_err(|source| TlsError::Authority {
                    path: path.to_owned(),
                    source,
                })?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Whether a failed TLS handshake failed for what the certificate says, not for the network.
pub(crate) fn is_certificate_error(error: &io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
