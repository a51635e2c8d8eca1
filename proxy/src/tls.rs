//! TLS on either leg: certificates from PEM files, HTTP/1.1 as the only protocol.

pub(crate) mod listener;
pub(crate) mod upstream;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConnection, CommonState, ProtocolVersion, ServerConnection};
use thiserror::Error;
use wsaudit_recording::{ClientTls, ServerTls};

/// HTTP/2 is not offered: an upstream that cannot speak WebSocket over it would be hidden behind a
/// proxy that claims to.
const ALPN: &[u8] = b"http/1.1";

/// The listener's certificate.
///
/// The files are looked at every second: where they have changed, handshakes from then on are
/// answered with what they hold now. Files that cannot be used leave what there was.
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
    /// A file cannot be read.
    #[error("cannot read the {what} {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
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
    /// A private key that only a passphrase opens; there is nobody to ask for it.
    #[error(
        "the private key in {path} is encrypted: `openssl pkey -in {path} -out PLAIN` decrypts it"
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
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
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|found| match found[..] {
            [] => Err(pem::Error::NoItemsFound),
            _ => Ok(found),
        });
    found.map_err(|error| unusable(path, "certificate", error))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        if is_encrypted(path) {
            let path = path.to_owned();
            return TlsError::Encrypted { path };
        }
        unusable(path, "private key", error)
    })
}

/// Whether a file holds an encrypted private key: one of PKCS #8 (RFC 7468, section 11), or one with the
/// fields of RFC 1421, section 4.6.1, as OpenSSL wrote it before.
fn is_encrypted(path: &Path) -> bool {
    let pem = std::fs::read(path).unwrap_or_default();
    pem.split(|byte| *byte == b'\n').any(|line| {
        matches!(
            line.trim_ascii(),
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----" | b"Proc-Type: 4,ENCRYPTED"
        )
    })
}

fn unusable(path: &Path, what: &'static str, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    let why = match error {
        pem::Error::Io(source) => return TlsError::Read { path, what, source },
        pem::Error::NoItemsFound => "the file has no such section".to_owned(),
        other => other.to_string(),
    };
    TlsError::Pem { path, what, why }
}

/// What a client's handshake has settled, for the recording.
pub(crate) fn settled(connection: &ServerConnection) -> ClientTls {
    ClientTls {
        version: version(connection),
        sni: connection.server_name().map(str::to_owned),
        alpn: alpn(connection),
    }
}

/// What the handshake with an upstream has settled, for the recording.
pub(crate) fn settled_with_upstream(connection: &ClientConnection) -> ServerTls {
    ServerTls {
        version: version(connection),
        alpn: alpn(connection),
    }
}

fn version(connection: &CommonState) -> String {
    match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    }
}

fn alpn(connection: &CommonState) -> Option<String> {
    let name = connection.alpn_protocol()?;
    Some(String::from_utf8_lossy(name).into_owned())
}
