//! TLS to an upstream: whose certificates are taken, and which one is shown.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use tokio_rustls::TlsConnector;

use super::{ALPN, TlsError, certificates, private_key, provider};
use crate::route::{ClientCertificate, UpstreamTls, Verification};

pub(crate) fn connector(tls: &UpstreamTls) -> Result<TlsConnector, TlsError> {
    let builder =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match &tls.verification {
        Verification::Authorities(ca) => {
            let mut roots = RootCertStore::empty();
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            if let Some(path) = ca {
                for certificate in certificates(path)? {
                    roots
                        .add(certificate)
                        .map_err(|source| TlsError::Authority {
                            path: path.clone(),
                            source,
                        })?;
                }
            }
            builder.with_root_certificates(roots)
        }
        Verification::Off => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider()))),
    };
    let mut config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { cert, key }) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(|source| TlsError::Pair {
                cert: cert.clone(),
                key: key.clone(),
                source,
            })?,
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Takes whoever answers for the upstream: [`Verification::Off`]. Signatures are checked all the
/// same, so that the peer has the key of the certificate which it shows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What to do about an upstream's certificate that was refused; `None` where the handshake failed for
/// something else.
pub(crate) fn advice(error: &io::Error) -> Option<&'static str> {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = inner else {
        return None;
    };
    Some(match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "write the upstream's URL with a name that is in the certificate"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "renew the upstream's certificate, or set this machine's clock"
        }
        CertificateError::Other(why) if is_authority(why) => {
            "it is marked as an authority's own (CA:TRUE), as a plain `openssl req -x509` makes it, and no server may show \
             such a one, whatever --upstream-ca names: make one with `openssl req -x509 ... -addext \
             basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST`, and name that one with --upstream-ca FILE"
        }
        _ => "name its authority with --upstream-ca FILE",
    })
}

/// Whether a server's certificate was refused for being an authority's. It has no variant of its own in rustls, which hands
/// through what webpki says.
fn is_authority(why: &OtherError) -> bool {
    why.0.to_string() == "CaUsedAsEndEntity"
}
